package avro

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/hamba/avro/v2"

	"github.com/typelog/typelog/serde/avro/schema"
)

// hamba/avro is the second opinion: another implementation must read what is written here, and the other way round.

// hambaSchema parses the plain reprint of a schema with a cache of its own.
func hambaSchema(t testing.TB, s *schema.Schema) avro.Schema {
	t.Helper()
	h, err := avro.ParseWithCache(s.ReprintPlain(), "", &avro.SchemaCache{})
	if err != nil {
		t.Fatalf("hamba refuses %s: %v", s.ReprintPlain(), err)
	}
	return h
}

// fromHamba turns what hamba decodes into what Codec decodes.
func fromHamba(t *schema.Type, v any) any {
	switch t.Kind {
	case schema.Int:
		return int32(v.(int))
	case schema.Fixed:
		array := reflect.ValueOf(v)
		b := make([]byte, array.Len())
		reflect.Copy(reflect.ValueOf(b), array)
		return b
	case schema.Array:
		out := []any{}
		for _, item := range v.([]any) {
			out = append(out, fromHamba(t.Items, item))
		}
		return out
	case schema.Map:
		out := map[string]any{}
		m, _ := v.(map[string]any) // nil if empty
		for key, item := range m {
			out[key] = fromHamba(t.Items, item)
		}
		return out
	case schema.Record:
		out := map[string]any{}
		m, _ := v.(map[string]any)
		for _, f := range t.Fields {
			out[f.Name] = fromHamba(f.Type, m[f.Name])
		}
		return out
	case schema.Union:
		if v == nil {
			return nil
		}
		i := hambaBranch(t, v)
		if m, ok := v.(map[string]any); ok {
			v = m[t.Branches[i].FullName()]
		}
		v = fromHamba(t.Branches[i], v)
		if _, nullable := t.Nullable(); nullable || len(t.Branches) == 1 {
			return v
		}
		return Branch{t.Branches[i].FullName(), v}
	}
	return v
}

// hambaBranch finds the branch of a value: hamba tags all values of a union that holds more than primitives, else none.
func hambaBranch(t *schema.Type, v any) int {
	for i, b := range t.Branches {
		if m, ok := v.(map[string]any); ok {
			if _, ok := m[b.FullName()]; ok {
				return i
			}
			continue
		}
		name := map[schema.Kind]string{schema.String: "string", schema.Long: "int64", schema.Double: "float64"}[b.Kind]
		if fmt.Sprintf("%T", v) == name {
			return i
		}
	}
	panic(fmt.Sprintf("no branch for %T", v))
}

// hambaTakes leaves out schemas that hamba's generic decoder cannot handle: null outside of unions.
func hambaTakes(t *schema.Type) bool {
	takes := t.Kind != schema.Null
	t.Walk(func(t *schema.Type) bool {
		switch t.Kind {
		case schema.Array, schema.Map:
			takes = takes && t.Items.Kind != schema.Null
		case schema.Record:
			for _, f := range t.Fields {
				takes = takes && f.Type.Kind != schema.Null
			}
		case schema.Union:
			takes = takes && (len(t.Branches) > 1 || t.Branches[0].Kind != schema.Null)
		}
		return true
	})
	return takes
}

func hasEmptyRecord(t *schema.Type) (found bool) {
	t.Walk(func(t *schema.Type) bool {
		found = found || t.Kind == schema.Record && len(t.Fields) == 0
		return true
	})
	return found
}

func TestHambaReadsTheSame(t *testing.T) {
	r := seeded(t)
	compared, rewritten := 0, 0
	for range 800 {
		maker := schemaMaker{r: r, plain: true}
		c := codec(t, maker.any(3))
		if !hambaTakes(c.root.typ) {
			continue
		}
		h := hambaSchema(t, c.schema)
		data := appendRandom(r, nil, c.root.typ, 6)
		ours, err := c.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		var theirs any
		if err := avro.Unmarshal(h, data, &theirs); err != nil {
			t.Fatalf("%s\n%x: hamba: %v", c.schema.Text(), data, err)
		}
		if got := fromHamba(c.root.typ, theirs); !reflect.DeepEqual(got, ours) {
			t.Fatalf("%s\n%x\nhamba reads %v\nwe read     %v", c.schema.Text(), data, got, ours)
		}
		compared++
		written, err := avro.Marshal(h, theirs)
		var reread any
		if hasEmptyRecord(c.root.typ) || err != nil || avro.Unmarshal(h, written, &reread) != nil || !reflect.DeepEqual(reread, theirs) {
			continue // its encoder does not take all that its decoder gives: a record without fields becomes a stray byte
		}
		rewritten++
		if again, err := c.Decode(written); err != nil || !reflect.DeepEqual(again, ours) {
			t.Fatalf("%s\nhamba wrote %x: %v, %v", c.schema.Text(), written, again, err)
		}
	}
	if compared < 400 || rewritten < 100 {
		t.Errorf("only %d data were compared one way, %d the other", compared, rewritten)
	}
}

// TestHambasFaults: what hamba accepts, grows on or mixes up must not happen here. Each entry is data that a careless
// decoder takes.
func TestHambasFaults(t *testing.T) {
	tests := []struct {
		name, schema string
		data         []byte
	}{
		{"a truncated string", rec("R", field("a", `"string"`), field("b", `"int"`)), []byte{0x08, 'a'}},
		{"nothing where a record should be", rec("R", field("a", `"double"`)), nil},
		{"bytes after the datum", `"int"`, []byte{2, 2}},
		{"an array of 2^62 nulls", `{"type":"array","items":"null"}`, AppendLong(nil, 1<<62)},
		{"a block of -2^63 items", `{"type":"array","items":"int"}`, append(AppendLong(nil, -1<<63), 0)},
		{"a negative length", `"bytes"`, []byte{0x01}},
		{"a block that lies about its size", `{"type":"array","items":"int"}`, []byte{0x01, 0x40, 0x02, 0x00}},
		{"a chain of a million records", `{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}`, append(bytes.Repeat([]byte{2}, 1<<20), 0)},
		{"an int of 33 bits", `"int"`, AppendLong(nil, 1<<33)},
	}
	for _, tt := range tests {
		c := codec(t, tt.schema)
		if v, err := c.Decode(tt.data); err == nil {
			t.Errorf("%s is decoded to %v", tt.name, v)
		}
		if text, err := c.ToJSON(tt.data); err == nil {
			t.Errorf("%s is printed as %s", tt.name, text)
		}
	}
}

// TestVersionsOfOneName: two schemas with one full name live side by side, made in either order and concurrently.
func TestVersionsOfOneName(t *testing.T) {
	texts := []string{rec("n.R", field("a", `"int"`)), rec("n.R", field("a", `"string"`), field("b", `"long"`, `"default":5`))}
	inputs, outputs := []string{`{"a":1}`, `{"a":"x"}`}, []string{`{"a":1}`, `{"a":"x","b":5}`}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			which := i % 2
			c := codec(t, texts[which])
			data, err := c.FromJSON(nil, []byte(inputs[which]))
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := c.ToJSON(data); err != nil || string(got) != outputs[which] {
				t.Errorf("%s, %v", got, err)
			}
		})
	}
	wg.Wait()
}

func BenchmarkCodecAgainstHamba(b *testing.B) {
	c := codec(b, strings.ReplaceAll(orderSchema, "\n", ""))
	h, data := hambaSchema(b, c.schema), order()
	b.Run("typelog", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Decode(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("hamba", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v any
			if err := avro.Unmarshal(h, data, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
