package record

import (
	"bytes"
	"fmt"
	"testing"
)

// TestLevelsAreTaken: every level that the configs allow can be read back, and the highest compress better than the lowest.
func TestLevelsAreTaken(t *testing.T) {
	c := NewCodecs(0)
	var b Builder
	for i := range 3000 {
		b.Add(KV(int64(i), fmt.Append(nil, i%97), bytes.Repeat(fmt.Append(nil, i*i%1009, " of "), 1+i%7)))
	}
	plain := b.Build()
	want := described(t, c, plain)
	for to, levels := range map[Compression][]int{
		Gzip: {DefaultLevel, -1, 1, 6, 9}, LZ4: {DefaultLevel, 1, 9, 17}, Zstd: {DefaultLevel, -131072, 1, 3, 22}, Snappy: {DefaultLevel, 5}, None: {DefaultLevel},
	} {
		for _, level := range levels {
			out, err := c.RepackLevel(plain, to, level)
			if err != nil {
				t.Fatalf("%s %d: %v", to, level, err)
			}
			if out.Attributes().Compression() != to || described(t, c, out) != want {
				t.Errorf("%s %d cannot be read back", to, level)
			}
		}
	}
	for to, ends := range map[Compression][2]int{Gzip: {1, 9}, LZ4: {0, 17}, Zstd: {-5, 22}} {
		low, err1 := c.RepackLevel(plain, to, ends[0])
		high, err2 := c.RepackLevel(plain, to, ends[1])
		if err1 != nil || err2 != nil || len(high) >= len(low) {
			t.Errorf("%s: %d bytes at %d, %d at %d; %v, %v", to, len(low), ends[0], len(high), ends[1], err1, err2)
		}
	}
}
