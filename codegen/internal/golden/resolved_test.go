package golden_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/schema"
)

// Data of random older and newer schemas is read in place as it is read from its projection, and what the one refuses the
// other refuses.
func TestResolvedInPlace(t *testing.T) {
	forEach(t, func(t *testing.T, d avro.Datum, reader *schema.Schema) {
		random := source{seeded(t), 1}
		plans := 0
		for range 60 {
			text := mutate(t, random.Rand, reader.Resolved())
			writer, err := schema.Parse(text)
			if err != nil {
				continue // a type is used that went away with the field that defined it
			}
			plan, err := avro.Resolve(writer, reader)
			if err != nil {
				continue
			}
			plans++
			reused := fresh(d)
			for range 10 {
				data := random.datum(nil, writer.Root(), 0)
				if random.IntN(4) == 0 && len(data) > 0 {
					data[random.IntN(len(data))] ^= byte(1 << random.IntN(8))
				}
				compareWays(t, text, plan, data, fresh(d), reused, random.IntN(2) == 0)
			}
		}
		if plans == 0 {
			t.Error("no schema could be resolved")
		}
	})
}

func compareWays(t *testing.T, writer string, plan *avro.Resolution, data []byte, projected, inPlace avro.Datum, alias bool) {
	t.Helper()
	projection, err := plan.Append(nil, data)
	if err == nil {
		err = projected.DecodeAvro(projection, avro.DecodeOptions{})
	}
	got := inPlace.DecodeAvro(data, avro.DecodeOptions{Writer: plan, AliasInput: alias})
	if (err == nil) != (got == nil) {
		t.Fatalf("writer %s\n%x\nprojected: %v\nin place: %v", writer, data, err, got)
	}
	var a, b *avro.Error
	if errors.As(err, &a) && errors.As(got, &b) {
		// How many items may be in the bytes that are left is judged by what they take in either schema.
		if a.Path != b.Path && !strings.Contains(a.Reason+b.Reason, "a block claims") {
			t.Fatalf("writer %s\n%x\nprojected: %v\nin place: %v", writer, data, err, got)
		}
		return
	}
	want, err := projected.AppendAvro(nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := inPlace.AppendAvro(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, want) && printed(t, inPlace, again) != printed(t, projected, want) {
		t.Fatalf("writer %s\n%x\nprojected: %+v\nin place: %+v", writer, data, projected, inPlace)
	}
}

// printed prints a datum with the entries of its maps in order.
func printed(t *testing.T, d avro.Datum, data []byte) string {
	text, _ := d.AvroSchema()
	codec, err := avro.LazyCodec(text)()
	if err != nil {
		t.Fatal(err)
	}
	v, err := codec.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(v)
}

// mutate returns a schema's text with fields added, taken away, shuffled and narrowed in random records.
func mutate(t *testing.T, r *rand.Rand, text string) string {
	var root any
	if err := json.Unmarshal([]byte(text), &root); err != nil {
		t.Fatal(err)
	}
	m := mutation{Rand: r}
	out, err := json.Marshal(m.change(root))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

type mutation struct {
	*rand.Rand
	added int
}

func (m *mutation) change(v any) any {
	switch v := v.(type) {
	case string:
		narrower := map[string]string{"long": "int", "double": "float", "string": "bytes", "float": "int"}
		if to, ok := narrower[v]; ok && m.IntN(6) == 0 {
			return to
		}
	case []any:
		for i := range v {
			if _, named := v[i].(string); !named { // a narrower branch could come twice
				v[i] = m.change(v[i])
			}
		}
	case map[string]any:
		for _, key := range []string{"items", "values"} {
			if inner, ok := v[key]; ok {
				v[key] = m.change(inner)
			}
		}
		if fields, ok := v["fields"].([]any); ok {
			v["fields"] = m.fields(fields)
		}
	}
	return v
}

func (m *mutation) fields(fields []any) []any {
	var out []any
	for _, f := range fields {
		f := f.(map[string]any)
		_, hasDefault := f["default"]
		if hasDefault && m.IntN(4) == 0 {
			continue
		}
		delete(f, "default") // it may not fit the changed type
		f["type"] = m.change(f["type"])
		if m.IntN(4) == 0 {
			types := []any{"string", "long", map[string]any{"type": "array", "items": "string"}, []any{"null", "double"}}
			m.added++
			out = append(out, map[string]any{"name": fmt.Sprint("added_", m.added), "type": types[m.IntN(len(types))]})
		}
		out = append(out, f)
	}
	if m.IntN(3) == 0 {
		m.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	}
	return out
}

// FuzzResolvedInPlace: whatever the bytes, and whichever the writer's schema, reading in place and reading the projection
// agree.
func FuzzResolvedInPlace(f *testing.F) {
	for i := range uint64(len(kinds())) {
		f.Add(i, i, []byte{2, 4, 'a', 'b', 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0, 0})
	}
	f.Fuzz(func(t *testing.T, kind, seed uint64, data []byte) {
		d := kinds()[kind%uint64(len(kinds()))]
		text, _ := d.AvroSchema()
		reader, err := schema.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(seed, kind))
		changed := mutate(t, r, reader.Resolved())
		writer, err := schema.Parse(changed)
		if err != nil {
			return
		}
		plan, err := avro.Resolve(writer, reader)
		if err != nil {
			return
		}
		compareWays(t, changed, plan, data, fresh(d), fresh(d), seed%2 == 0)
		// Bytes that are a datum but for a part that the fuzzer chose.
		whole := source{r, 1}.datum(nil, writer.Root(), 0)
		if len(whole) > 0 && len(data) > 0 {
			at := r.IntN(len(whole))
			compareWays(t, changed, plan, append(whole[:at:at], append(data[:min(len(data), 3)], whole[at:]...)...), fresh(d), fresh(d), seed%2 == 0)
		}
	})
}
