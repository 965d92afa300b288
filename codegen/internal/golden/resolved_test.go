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
	for range 200 { // the order of a map's entries is not fixed
		again, err := inPlace.AppendAvro(nil)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(again, want) {
			return
		}
	}
	t.Fatalf("writer %s\n%x\nprojected: %+v\nin place: %+v", writer, data, projected, inPlace)
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
