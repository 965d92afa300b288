package avro

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/typelog/typelog/serde/avro/schema"
)

// fuzzSchemas cover every kind and every way to nest.
var fuzzSchemas = []string{
	orderSchema,
	`{"type":"record","name":"L","fields":[{"name":"v","type":"long"},{"name":"next","type":["null","L"]},{"name":"all","type":{"type":"array","items":"L"}}]}`,
	`{"type":"array","items":{"type":"array","items":"null"}}`,
	`{"type":"map","values":{"type":"map","values":{"type":"fixed","name":"F","size":3}}}`,
	`["null","boolean","int","long","float","double","bytes","string",{"type":"enum","name":"E","symbols":["A","B"]}]`,
	`{"type":"record","name":"T","fields":[
		{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":20,"scale":2}},
		{"name":"f","type":{"type":"fixed","name":"D","size":9,"logicalType":"decimal","precision":20,"scale":2}},
		{"name":"b","type":{"type":"bytes","logicalType":"big-decimal"}},
		{"name":"u","type":["null",{"type":"string","logicalType":"uuid"}]},
		{"name":"m","type":{"type":"int","logicalType":"time-millis"}},
		{"name":"n","type":{"type":"long","logicalType":"time-micros"}},
		{"name":"t","type":{"type":"long","logicalType":"timestamp-nanos"}},
		{"name":"p","type":{"type":"fixed","name":"P","size":12,"logicalType":"duration"}}]}`,
	`{"type":"record","name":"Empty","fields":[{"name":"n","type":"null"},{"name":"es","type":{"type":"array","items":{"type":"record","name":"E","fields":[]}}}]}`,
}

func addSeeds(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for i, text := range fuzzSchemas {
		t := mustParse(f, text).Root()
		for range 3 {
			f.Add(byte(i), appendRandom(r, nil, t, 5))
		}
	}
	f.Add(byte(2), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00})
	f.Add(byte(1), bytes.Repeat([]byte{2, 2}, 600))
}

// readDatum reads with the Reader alone, without validating first, as generated code does.
func readDatum(n *node, data []byte) (any, error) {
	d := anyDecoder{NewReader(data, DecodeOptions{})}
	v := d.value(n)
	return v, d.Finish()
}

// agree checks that the Validator and the Reader say the same of any bytes.
func agree(t *testing.T, c *Codec, data []byte) (valid bool) {
	t.Helper()
	verdict := c.Validate(data)
	_, err := readDatum(c.root, data)
	if (verdict == nil) != (err == nil) {
		t.Fatalf("%s\n%x: the validator says %v, the reader %v", c.schema.Text(), data, verdict, err)
	}
	var a, b *Error
	if errors.As(verdict, &a) && errors.As(err, &b) && (a.Path != b.Path || a.Offset != b.Offset) {
		t.Fatalf("%s\n%x: the validator says %v, the reader %v", c.schema.Text(), data, verdict, err)
	}
	return verdict == nil
}

func FuzzValidator(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		c := codec(t, fuzzSchemas[int(which)%len(fuzzSchemas)])
		if err := c.Validate(data); err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(data) {
				t.Fatalf("%x: %v", data, err)
			}
			return
		}
		roundTrip(t, c, data)
		if len(data) > 0 && c.Validate(data[:len(data)-1]) == nil {
			t.Fatalf("%x passes without its last byte", data)
		}
	})
}

func FuzzReader(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		agree(t, codec(t, fuzzSchemas[int(which)%len(fuzzSchemas)]), data)
	})
}

func FuzzResolve(f *testing.F) {
	for i := range fuzzSchemas {
		f.Add(uint64(i), byte(i), []byte{2, 2, 0, 0, 4, 2, 2, 0})
	}
	f.Fuzz(func(t *testing.T, seed uint64, which byte, data []byte) {
		w := mustParse(t, fuzzSchemas[int(which)%len(fuzzSchemas)])
		r := rand.New(rand.NewPCG(seed, 0))
		reader, err := schema.Parse(evolve(r, w.Root(), map[*schema.Type]bool{}))
		if err != nil {
			return
		}
		plan, err := Resolve(w, reader)
		if err != nil {
			return
		}
		writes, reads := &Validator{compileNodes(w.Root())}, &Validator{compileNodes(reader.Root())}
		for _, src := range [][]byte{data, appendRandom(r, nil, w.Root(), 5)} {
			out, err := plan.Append(nil, src)
			if err != nil {
				continue
			}
			if err := writes.Validate(src); err != nil {
				t.Fatalf("%s\n%x was projected: %v", w.Text(), src, err)
			}
			if err := reads.Validate(out); err != nil {
				t.Fatalf("%s\n%s\n%x -> %x: %v", w.Text(), reader.Text(), src, out, err)
			}
		}
	})
}

func FuzzFromJSON(f *testing.F) {
	for i, text := range fuzzSchemas {
		c := codec(f, text)
		data := appendRandom(rand.New(rand.NewPCG(3, 4)), nil, c.root.typ, 4)
		f.Add(byte(i), must(c.ToJSON(data)))
	}
	f.Fuzz(func(t *testing.T, which byte, text []byte) {
		c := codec(t, fuzzSchemas[int(which)%len(fuzzSchemas)])
		data, err := c.FromJSON(nil, text)
		if err != nil {
			return
		}
		printed, err := c.ToJSON(data)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if again, err := c.FromJSON(nil, printed); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%s -> %x -> %s -> %x, %v", text, data, printed, again, err)
		}
	})
}

// TestReaderAgreesWithValidator: on damaged data of random schemas, both find the same fault.
func TestReaderAgreesWithValidator(t *testing.T) {
	r := seeded(t)
	for range 1500 {
		c := codec(t, randomSchema(r))
		data := appendRandom(r, nil, c.root.typ, 6)
		agree(t, c, data)
		for range 5 {
			bad := bytes.Clone(data)
			for range 1 + r.IntN(3) {
				if len(bad) > 0 {
					bad[r.IntN(len(bad))] = byte(r.Uint32())
				}
			}
			agree(t, c, bad)
		}
	}
}
