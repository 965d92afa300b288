package registry_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/typelog/typelog/registry"
	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/schema"
)

// change is a type that a writer has and what a reader made of it: compatible in the eyes of the registry.
type change struct {
	writer, reader string
	// written makes a value of the writer's, and what the reader must make of it.
	value func() (written, read any)
	// refused: no plan may be compiled, for one of the two reasons.
	refused bool
}

// changes makes random ones.
type changes struct {
	*rand.Rand
	named int
}

func (c *changes) leaf() change {
	n := int64(c.IntN(1000))
	text := fmt.Sprintf("t%d", n)
	at := time.UnixMilli(1_700_000_000_000 + n).UTC()
	same := func(t string, v any) change {
		return change{t, t, func() (any, any) { return v, v }, false}
	}
	to := func(w, r string, written, read any) change {
		return change{w, r, func() (any, any) { return written, read }, false}
	}
	refused := func(w, r string, written any) change {
		return change{w, r, func() (any, any) { return written, nil }, true}
	}
	stamp := func(unit string) string { return `{"type":"long","logicalType":"timestamp-` + unit + `"}` }
	decimal := func(precision, scale int) string {
		return fmt.Sprintf(`{"type":"bytes","logicalType":"decimal","precision":%d,"scale":%d}`, precision, scale)
	}
	switch c.IntN(22) {
	case 0:
		return to(`"int"`, `"long"`, int32(n), n)
	case 1:
		return to(`"int"`, `"double"`, int32(n), float64(n))
	case 2:
		return to(`"long"`, `"float"`, n, float32(n))
	case 3:
		return to(`"string"`, `"bytes"`, text, []byte(text))
	case 4:
		return to(`"bytes"`, `"string"`, []byte(text), text)
	case 5:
		return to(stamp("millis"), stamp("micros"), at, at)
	case 6:
		return to(stamp("micros"), stamp("nanos"), at, at)
	case 7:
		return to(decimal(8, 2), decimal(12, 4), avro.NewDecimal(n, 2), avro.NewDecimal(100*n, 4))
	case 8:
		return to(stamp("millis"), `"long"`, at, at.UnixMilli())
	case 9:
		if c.IntN(4) == 0 {
			return refused(stamp("micros"), stamp("millis"), at)
		}
	case 10:
		if c.IntN(4) == 0 {
			return refused(decimal(8, 3), decimal(8, 2), avro.NewDecimal(n, 3))
		}
	case 11:
		if c.IntN(4) == 0 {
			return refused(`{"type":"int","logicalType":"date"}`, `{"type":"int","logicalType":"time-millis"}`, at.Truncate(24*time.Hour))
		}
	case 12:
		c.named++
		name := fmt.Sprintf(`"type":"enum","name":"E%d"`, c.named)
		return to(`{`+name+`,"symbols":["A","B"]}`, `{`+name+`,"symbols":["C","B"],"default":"C"}`, "A", "C")
	case 13:
		c.named++
		return to(fmt.Sprintf(`{"type":"fixed","name":"F%d","size":2}`, c.named),
			fmt.Sprintf(`{"type":"fixed","name":"G%d","aliases":["F%[1]d"],"size":2}`, c.named), []byte{1, 2}, []byte{1, 2})
	case 14:
		return to(`"int"`, `["null","int"]`, int32(n), int32(n))
	case 15:
		return to(`["null","string"]`, `["string","null","int"]`, text, avro.Branch{Name: "string", Value: text})
	case 16:
		return to(`["null","int"]`, `["null","long"]`, nil, nil)
	case 17:
		return same(`"boolean"`, n%2 == 0)
	case 18:
		return same(`"null"`, nil)
	}
	return same(`"string"`, text)
}

func (c *changes) any(depth int) change {
	if depth == 0 || c.IntN(3) == 0 {
		return c.leaf()
	}
	switch c.IntN(4) {
	case 0:
		item := c.any(depth - 1)
		return change{`{"type":"array","items":` + item.writer + `}`, `{"type":"array","items":` + item.reader + `}`, func() (any, any) {
			w, r := item.value()
			return []any{w, w}, []any{r, r}
		}, item.refused}
	case 1:
		item := c.any(depth - 1)
		return change{`{"type":"map","values":` + item.writer + `}`, `{"type":"map","values":` + item.reader + `}`, func() (any, any) {
			w, r := item.value()
			return map[string]any{"k": w}, map[string]any{"k": r}
		}, item.refused}
	}
	return c.record(depth)
}

func (c *changes) record(depth int) change {
	c.named++
	name := fmt.Sprintf("R%d", c.named)
	var writer, reader []string
	written, read := []func(map[string]any){}, []func(map[string]any){}
	refused := false
	for i := range c.IntN(4) {
		f := c.any(depth - 1)
		was, is := fmt.Sprintf("f%d", i), fmt.Sprintf("f%d", i)
		writer = append(writer, `{"name":"`+was+`","type":`+f.writer+`}`)
		written = append(written, func(m map[string]any) { m[was], _ = f.value() })
		switch c.IntN(5) {
		case 0: // removed
			continue
		case 1:
			is = "g" + is
			reader = append(reader, `{"name":"`+is+`","aliases":["`+was+`"],"type":`+f.reader+`}`)
		default:
			reader = append(reader, `{"name":"`+is+`","type":`+f.reader+`}`)
		}
		refused = refused || f.refused
		read = append(read, func(m map[string]any) { _, m[is] = f.value() })
	}
	switch c.IntN(6) {
	case 0:
		reader = append(reader, `{"name":"added","type":"double","default":2}`)
		read = append(read, func(m map[string]any) { m["added"] = 2.0 })
	case 1:
		reader = append(reader, `{"name":"added","type":{"type":"array","items":"int"},"default":[1,2]}`)
		read = append(read, func(m map[string]any) { m["added"] = []any{int32(1), int32(2)} })
	case 2:
		if c.IntN(3) == 0 { // defaults that Avro lets pass and that are no value
			c.named++
			reader = append(reader, []string{
				fmt.Sprintf(`{"name":"added","type":{"type":"enum","name":"E%d","symbols":["A"]},"default":"B"}`, c.named),
				fmt.Sprintf(`{"name":"added","type":{"type":"fixed","name":"F%d","size":3},"default":"x"}`, c.named),
			}[c.IntN(2)])
			refused = true
		}
	}
	c.Shuffle(len(reader), func(i, j int) { reader[i], reader[j] = reader[j], reader[i] })
	fill := func(parts []func(map[string]any)) map[string]any {
		m := map[string]any{}
		for _, part := range parts {
			part(m)
		}
		return m
	}
	return change{`{"type":"record","name":"` + name + `","fields":[` + strings.Join(writer, ",") + `]}`,
		`{"type":"record","name":"` + name + `","fields":[` + strings.Join(reader, ",") + `]}`,
		func() (any, any) { return fill(written), fill(read) }, refused}
}

// TestWhatIsAcceptedCanBeRead: what BACKWARD lets pass, the runtime resolves to the right value, or refuses when its plan
// is compiled, for a default that its type cannot hold or a logical type without an exact conversion. Then, and only
// then, a registration with explain=true is warned.
func TestWhatIsAcceptedCanBeRead(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := open(t, t.TempDir())
	c := changes{Rand: rand.New(rand.NewPCG(seed, 5))}
	resolved, refused := 0, 0
	for i := range 600 {
		pair := c.any(3)
		subject := fmt.Sprintf("s%d", i)
		if _, err := r.Register(t.Context(), registry.Registration{Subject: subject, ID: registry.NoID,
			Source: registry.Source{Text: pair.writer}}); err != nil {
			t.Fatalf("%s: %v", pair.writer, err)
		}
		answer, err := r.CheckCompatible(registry.Registration{Subject: subject, ID: registry.NoID,
			Source: registry.Source{Text: pair.reader}}, 0, true)
		if err != nil || !answer.Compatible {
			t.Fatalf("writer %s\nreader %s\nis refused: %v %v", pair.writer, pair.reader, err, answer.Messages)
		}
		w, rd := parse(t, pair.writer), parse(t, pair.reader)
		plan, err := avro.Resolve(w, rd)
		if (err != nil) != pair.refused || (len(answer.Warnings) > 0) != pair.refused {
			t.Fatalf("writer %s\nreader %s\nto be refused %t: %v, warnings %+v", pair.writer, pair.reader, pair.refused, err, answer.Warnings)
		}
		if pair.refused {
			for _, warning := range answer.Warnings {
				if warning.Pointer == "" && strings.HasPrefix(pair.reader, `{"type":"record"`) || warning.Mend == "" {
					t.Fatalf("writer %s\nreader %s\nwarning without a place: %+v", pair.writer, pair.reader, warning)
				}
			}
			refused++
			continue
		}
		resolved++
		written, want := pair.value()
		data, err := codec(t, w).Append(nil, written)
		if err != nil {
			t.Fatalf("%s\n%v: %v", pair.writer, written, err)
		}
		projected, err := plan.Append(nil, data)
		if err != nil {
			t.Fatalf("writer %s\nreader %s\n%v: %v", pair.writer, pair.reader, written, err)
		}
		got, err := codec(t, rd).Decode(projected)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("writer %s\nreader %s\n%v was read as\n%#v, not\n%#v: %v", pair.writer, pair.reader, written, got, want, err)
		}
	}
	if resolved < 200 || refused < 20 {
		t.Errorf("only %d resolved and %d refused: the pairs say little", resolved, refused)
	}
}

func parse(t *testing.T, text string) *schema.Schema {
	t.Helper()
	s, err := schema.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

func codec(t *testing.T, s *schema.Schema) *avro.Codec {
	t.Helper()
	c, err := avro.NewCodec(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return c
}
