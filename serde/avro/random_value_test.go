package avro

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// Random values are valid, end, and come in every shape.
func TestAppendRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for _, text := range []string{
		`["null","int","string"]`,
		`{"type":"map","values":{"type":"array","items":"float"}}`,
		`{"type":"record","name":"N","fields":[{"name":"v","type":"long"},{"name":"l","type":["N","null"]},{"name":"r","type":["N","null"]}]}`,
		`{"type":"record","name":"E","fields":[{"name":"e","type":[{"type":"record","name":"Add","fields":[{"name":"a","type":"E"},{"name":"b","type":"E"}]},"double"]}]}`,
		`{"type":"fixed","name":"D","size":3,"logicalType":"decimal","precision":6,"scale":2}`,
		`{"type":"fixed","name":"D","size":40,"logicalType":"decimal","precision":60,"scale":2}`,
		`{"type":"bytes","logicalType":"decimal","precision":30}`,
		`{"type":"fixed","name":"D","size":12,"logicalType":"duration"}`,
		`{"type":"bytes","logicalType":"big-decimal"}`,
		`{"type":"string","logicalType":"uuid"}`,
		`{"type":"long","logicalType":"timestamp-nanos"}`,
		`{"type":"long","logicalType":"time-micros"}`,
		`{"type":"int","logicalType":"date"}`,
	} {
		c := codec(t, text)
		different := false
		var first []byte
		for range 50 {
			data := c.AppendRandom([]byte("keep"), r)
			if err := c.Validate(data[4:]); err != nil || string(data[:4]) != "keep" {
				t.Fatalf("%s: %x: %v", text, data, err)
			}
			if len(data) > 1<<20 {
				t.Fatalf("%s: %d bytes", text, len(data))
			}
			different = different || first != nil && !bytes.Equal(data, first)
			first = data
		}
		if !different {
			t.Errorf("%s: always the same value", text)
		}
	}
}
