package config

import "testing"

// TestNearest: a slip of the pen is understood, the beginning of a name is, and another word is not.
func TestNearest(t *testing.T) {
	names := []string{"retention.ms", "retention.bytes", "num.partitions", "compression.type", "cleanup.policy"}
	for wrote, want := range map[string]string{
		"retention.sm": "retention.ms", "num.partition": "num.partitions", "compresion.tpye": "compression.type",
		"retention": "retention.ms", "num.": "num.partitions", "num": "", "x": "", "": "", "frobnicate.everything": "", "ms": "",
	} {
		if got := nearest(names, wrote); got != want {
			t.Errorf("%q: %q, want %q", wrote, got, want)
		}
	}
}
