package avro

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/typelog/typelog/serde/avro/schema"
)

func resolve(t testing.TB, writer, reader string) (w, r *Codec, plan *Resolution, err error) {
	t.Helper()
	w, r = codec(t, writer), codec(t, reader)
	plan, err = Resolve(w.Schema(), r.Schema())
	return w, r, plan, err
}

func rec(name string, fields ...string) string {
	return `{"type":"record","name":"` + name + `","fields":[` + strings.Join(fields, ",") + `]}`
}

func field(name, typ string, more ...string) string {
	return `{"name":"` + name + `","type":` + typ + strings.Join(append([]string{""}, more...), ",") + `}`
}

func TestResolveValues(t *testing.T) {
	const millis, micros, nanos = `{"type":"long","logicalType":"timestamp-millis"}`, `{"type":"long","logicalType":"timestamp-micros"}`,
		`{"type":"long","logicalType":"timestamp-nanos"}`
	dec := func(precision, scale int) string {
		return fmt.Sprintf(`{"type":"bytes","logicalType":"decimal","precision":%d,"scale":%d}`, precision, scale)
	}
	enum := func(more string, symbols ...string) string {
		return `{"type":"enum","name":"E","symbols":["` + strings.Join(symbols, `","`) + `"]` + more + `}`
	}
	list := func(more ...string) string { return rec("L", append(more, field("next", `["null","L"]`))...) }
	tests := []struct{ name, writer, reader, in, out string }{
		{"same", `"int"`, `"int"`, `5`, `5`},
		{"int to long", `"int"`, `"long"`, `-5`, `-5`},
		{"int to float", `"int"`, `"float"`, `16777216`, `16777216.0`},
		{"long to double", `"long"`, `"double"`, `-7`, `-7.0`},
		{"float to double", `"float"`, `"double"`, `0.5`, `0.5`},
		{"string to bytes", `"string"`, `"bytes"`, `"é"`, `"Ã©"`},
		{"bytes to string", `"bytes"`, `"string"`, `"Ã©"`, `"é"`},
		{"field added", rec("R", field("a", `"int"`)), rec("R", field("n", `"string"`, `"default":"x"`), field("a", `"int"`), field("z", `["null","int"]`, `"default":null`)),
			`{"a":1}`, `{"n":"x","a":1,"z":null}`},
		{"field removed", rec("R", field("a", `"int"`), field("b", `"string"`), field("c", `"int"`)), rec("R", field("a", `"int"`), field("c", `"int"`)),
			`{"a":1,"b":"x","c":2}`, `{"a":1,"c":2}`},
		{"fields reordered", rec("R", field("a", `"int"`), field("b", `"string"`), field("c", `"int"`)),
			rec("R", field("c", `"long"`), field("d", `"int"`, `"default":9`), field("b", `"string"`), field("a", `"int"`)),
			`{"a":1,"b":"x","c":2}`, `{"c":2,"d":9,"b":"x","a":1}`},
		{"reordered inside reordered", rec("R", field("a", rec("S", field("x", `"int"`), field("y", `"string"`))), field("b", `{"type":"array","items":"S"}`)),
			rec("R", field("b", `{"type":"array","items":`+rec("S", field("y", `"string"`), field("x", `"int"`))+`}`), field("a", `"S"`)),
			`{"a":{"x":1,"y":"p"},"b":[{"x":2,"y":"q"},{"x":3,"y":"r"}]}`, `{"b":[{"y":"q","x":2},{"y":"r","x":3}],"a":{"y":"p","x":1}}`},
		{"field alias", rec("R", field("old", `"int"`)), rec("R", field("new", `"long"`, `"aliases":["older","old"]`)), `{"old":3}`, `{"new":3}`},
		{"type alias", rec("a.Old", field("x", `"int"`)), `{"type":"record","name":"b.New","aliases":["a.Old"],"fields":[{"name":"x","type":"int"}]}`, `{"x":3}`, `{"x":3}`},
		{"namespaces differ", rec("a.R", field("x", `"int"`)), rec("b.R", field("x", `"int"`)), `{"x":3}`, `{"x":3}`},
		{"enum reordered", enum("", "A", "B", "C"), enum("", "C", "B", "A"), `"A"`, `"A"`},
		{"enum default", enum("", "A", "B"), enum(`,"default":"X"`, "X", "A"), `"B"`, `"X"`},
		{"array items", `{"type":"array","items":"int"}`, `{"type":"array","items":"double"}`, `[1,2]`, `[1.0,2.0]`},
		{"map values", `{"type":"map","values":"int"}`, `{"type":"map","values":["null","long"]}`, `{"a":1}`, `{"a":{"long":1}}`},
		{"into a union", `"int"`, `["null","string","long"]`, `5`, `{"long":5}`},
		{"into a union, alike first", `"long"`, `["double","long"]`, `5`, `{"long":5}`},
		{"out of a union", `["null","int"]`, `"long"`, `{"int":5}`, `5`},
		{"union to union", `["null","int","string"]`, `["string","null","long"]`, `{"int":5}`, `{"long":5}`},
		{"union grows", `["null","int"]`, `["null","int","string"]`, `{"int":5}`, `{"int":5}`},
		{"union of records by name", `["null",` + rec("A", field("x", `"int"`)) + `,` + rec("B", field("x", `"int"`)) + `]`,
			`[` + rec("B", field("x", `"int"`)) + `,` + rec("A", field("x", `"int"`), field("y", `"int"`, `"default":1`)) + `,"null"]`,
			`{"A":{"x":7}}`, `{"A":{"x":7,"y":1}}`},
		{"recursive", list(field("v", `"int"`)), list(field("v", `"long"`), field("w", `"string"`, `"default":"-"`)),
			`{"v":1,"next":{"L":{"v":2,"next":null}}}`, `{"v":1,"w":"-","next":{"L":{"v":2,"w":"-","next":null}}}`},
		{"millis to micros", millis, micros, `-5`, `-5000`},
		{"millis to nanos", millis, nanos, `5`, `5000000`},
		{"time-millis to time-micros", `{"type":"int","logicalType":"time-millis"}`, `{"type":"long","logicalType":"time-micros"}`, `86399999`, `86399999000`},
		{"annotation comes", `"long"`, micros, `5`, `5`},
		{"annotation goes", micros, `"long"`, `5`, `5`},
		{"larger scale", dec(4, 2), dec(7, 4), `-12.34`, "\"\\u000eýÞ\xc3\xb8\""},
		{"default record", rec("R"), rec("R", field("s", rec("S", field("a", `"int"`), field("b", `"int"`, `"default":2`)), `"default":{"a":1}`)), `{}`, `{"s":{"a":1,"b":2}}`},
	}
	for _, tt := range tests {
		w, r, plan, err := resolve(t, tt.writer, tt.reader)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		src, err := w.FromJSON(nil, []byte(tt.in))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		out, err := plan.Append([]byte("before"), src)
		if err != nil || !bytes.HasPrefix(out, []byte("before")) {
			t.Errorf("%s: %q, %v", tt.name, out, err)
			continue
		}
		if tt.name == "larger scale" {
			if v, err := r.Decode(out[6:]); err != nil || fmt.Sprint(v) != "-12.3400" {
				t.Errorf("%s: %v, %v", tt.name, v, err)
			}
			continue
		}
		if got, err := r.ToJSON(out[6:]); err != nil || string(got) != tt.out {
			t.Errorf("%s: got %s, %v, want %s", tt.name, got, err, tt.out)
		}
		for i := range src {
			if _, err := plan.Append(nil, src[:i]); err == nil {
				t.Errorf("%s: a datum cut at %d is projected", tt.name, i)
			}
		}
		if _, err := plan.Append(nil, append(src, 0)); err == nil {
			t.Errorf("%s: a datum with a byte more is projected", tt.name)
		}
	}
}

func TestResolveRefusals(t *testing.T) {
	tests := []struct{ writer, reader, path, reason string }{
		{`"long"`, `"int"`, "", `long cannot be read as int: there is no promotion`},
		{`"string"`, `"int"`, "", `no promotion`},
		{rec("R", field("a", `"int"`)), rec("R", field("a", `"int"`), field("b", `"int"`)), "b", `no such field, and it has no default (reader's schema, at "/fields/1")`},
		{rec("R", field("a", `{"type":"array","items":`+rec("S", field("x", `"long"`))+`}`)), rec("R", field("a", `{"type":"array","items":`+rec("S", field("x", `"int"`))+`}`)),
			"a[].x", "long cannot be read as int"},
		{rec("A"), rec("B"), "", "the names differ"},
		{`{"type":"fixed","name":"F","size":2}`, `{"type":"fixed","name":"F","size":3}`, "", "the sizes differ"},
		{`{"type":"enum","name":"E","symbols":["A"]}`, `{"type":"enum","name":"E","symbols":["B"]}`, "", "no symbol in common"},
		{`"string"`, `["null","int"]`, "", "no branch takes it"},
		{`["null","string"]`, `"int"`, "", "null cannot be read as int"},
		{`{"type":"long","logicalType":"timestamp-micros"}`, `{"type":"long","logicalType":"timestamp-millis"}`, "", "coarser"},
		{`{"type":"long","logicalType":"timestamp-micros"}`, `{"type":"long","logicalType":"local-timestamp-micros"}`, "", "mean different things"},
		{`{"type":"int","logicalType":"date"}`, `{"type":"long","logicalType":"timestamp-millis"}`, "", "mean different things"},
		{`{"type":"bytes","logicalType":"decimal","precision":6,"scale":3}`, `{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}`, "", "scale is smaller"},
		{`{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}`, `{"type":"bytes","logicalType":"decimal","precision":6,"scale":3}`, "", "no room for 4 digits"},
		{rec("R"), rec("R", field("f", `{"type":"fixed","name":"F","size":2}`, `"default":"abc"`)), "f", `the default "abc" is no fixed F of 2 bytes`},
		{rec("R"), rec("R", field("d", `{"type":"string","logicalType":"uuid"}`, `"default":"x"`)), "d", `the string is no UUID`},
	}
	for _, tt := range tests {
		_, _, _, err := resolve(t, tt.writer, tt.reader)
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, ErrSchema) || e.Path != tt.path || !strings.Contains(e.Reason, tt.reason) {
			t.Errorf("%s -> %s: got %v, want %q at %q", tt.writer, tt.reader, err, tt.reason, tt.path)
		}
	}
}

// TestResolveFaultsInData: what the reader has no place for is refused where a datum has it, with the path.
func TestResolveFaultsInData(t *testing.T) {
	tests := []struct{ writer, reader, in, path, reason string }{
		{rec("R", field("e", `{"type":"enum","name":"E","symbols":["A","B"]}`)), rec("R", field("e", `{"type":"enum","name":"E","symbols":["B"]}`)), `{"e":"A"}`, "e", "has no symbol A"},
		{rec("R", field("u", `{"type":"array","items":["null","int"]}`)), rec("R", field("u", `{"type":"array","items":"int"}`)), `{"u":[{"int":1},null]}`, "u[1]", "null cannot be read as int"},
		{rec("R", field("m", `{"type":"map","values":"bytes"}`)), rec("R", field("m", `{"type":"map","values":"string"}`)), `{"m":{"k":"ÿ"}}`, `m["k"]`, "not valid UTF-8"},
		{`{"type":"long","logicalType":"timestamp-millis"}`, `{"type":"long","logicalType":"timestamp-nanos"}`, `9000000000000000`, "", "does not fit"},
		{`"string"`, `{"type":"string","logicalType":"uuid"}`, `"x"`, "", "no UUID"},
	}
	for _, tt := range tests {
		w, _, plan, err := resolve(t, tt.writer, tt.reader)
		if err != nil {
			t.Errorf("%s: %v", tt.writer, err)
			continue
		}
		src := must(w.FromJSON(nil, []byte(tt.in)))
		out, err := plan.Append([]byte("keep"), src)
		var e *Error
		if !errors.As(err, &e) || e.Path != tt.path || !strings.Contains(e.Reason, tt.reason) || string(out) != "keep" {
			t.Errorf("%s: got %q, %v, want %q at %q", tt.writer, out, err, tt.reason, tt.path)
		}
	}
}

// TestResolveBoundsDefaults: a large default in the reader's schema must not turn few bytes into many.
func TestResolveBoundsDefaults(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	_, _, plan, err := resolve(t, `{"type":"array","items":`+rec("R", field("a", `"int"`))+`}`,
		`{"type":"array","items":`+rec("R", field("a", `"int"`), field("b", `"string"`, `"default":"`+big+`"`))+`}`)
	if err != nil {
		t.Fatal(err)
	}
	src := append(AppendBlock(nil, 10_000), make([]byte, 10_001)...)
	if _, err := plan.append(nil, src, Limits{MaxAlloc: 8 << 20}); !errors.Is(err, ErrLimit) {
		t.Errorf("got %v", err)
	}
}

func TestSameSchemaNeedsNoPlan(t *testing.T) {
	_, _, plan, err := resolve(t, orderSchema, orderSchema)
	if err != nil || !plan.Same() {
		t.Errorf("same schema: %v, %v", plan, err)
	}
	if out, err := plan.Append(nil, order()); err != nil || !bytes.Equal(out, order()) {
		t.Errorf("%x, %v", out, err)
	}
	withDoc := strings.Replace(orderSchema, `"name":"id"`, `"doc":"an id","name":"id"`, 1)
	if _, _, plan, err = resolve(t, orderSchema, withDoc); err != nil || !plan.Same() {
		t.Errorf("a doc was added: %v, %v", plan, err)
	}
	_, _, plan, err = resolve(t, `{"type":"long","logicalType":"timestamp-millis"}`, `{"type":"long","logicalType":"timestamp-micros"}`)
	if err != nil || plan.Same() {
		t.Errorf("another unit is not the same: %v, %v", plan, err)
	}
}

// evolve returns a schema text that a reader might have for data of the type, with random changes.
func evolve(r *rand.Rand, t *schema.Type, seen map[*schema.Type]bool) string {
	name := func() string { return `"name":"` + t.FullName() + `"` }
	if t.Kind.Named() {
		if seen[t] {
			return `"` + t.FullName() + `"`
		}
		seen[t] = true
	}
	wrap := func(s string) string {
		if r.IntN(6) == 0 {
			return `["null",` + s + `]`
		}
		return s
	}
	switch t.Kind {
	case schema.Int:
		return wrap([]string{`"int"`, `"long"`, `"double"`, `{"type":"int","logicalType":"time-millis"}`}[r.IntN(4)])
	case schema.Long:
		return wrap([]string{`"long"`, `"float"`, `{"type":"long","logicalType":"timestamp-nanos"}`}[r.IntN(3)])
	case schema.String, schema.Bytes:
		return wrap([]string{`"string"`, `"bytes"`, `{"type":"string","logicalType":"uuid"}`, `{"type":"bytes","logicalType":"decimal","precision":35,"scale":5}`}[r.IntN(4)])
	case schema.Array:
		return wrap(`{"type":"array","items":` + evolve(r, t.Items, seen) + `}`)
	case schema.Map:
		return wrap(`{"type":"map","values":` + evolve(r, t.Items, seen) + `}`)
	case schema.Fixed:
		return wrap(fmt.Sprintf(`{"type":"fixed",%s,"size":%d}`, name(), t.Size))
	case schema.Enum:
		symbols := append([]string{"Z"}, t.Symbols...)
		r.Shuffle(len(symbols), func(i, j int) { symbols[i], symbols[j] = symbols[j], symbols[i] })
		return `{"type":"enum",` + name() + `,"symbols":["` + strings.Join(symbols, `","`) + `"],"default":"Z"}`
	case schema.Union:
		var branches []string
		for _, b := range t.Branches {
			if b.Kind == schema.Long {
				branches = append(branches, `"long"`)
			} else if b.Kind == schema.Record || b.Kind == schema.Array {
				branches = append(branches, strings.TrimSuffix(strings.TrimPrefix(evolve(r, b, seen), `["null",`), `]`))
			} else {
				branches = append(branches, `"`+b.Kind.String()+`"`)
			}
		}
		if r.IntN(3) == 0 {
			branches = append(branches, `"boolean"`)
		}
		return "[" + strings.Join(branches, ",") + "]"
	case schema.Record:
		var fields []string
		for _, f := range t.Fields {
			fields = append(fields, field(f.Name, evolve(r, f.Type, seen)))
		}
		if r.IntN(3) == 0 {
			r.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
		}
		if len(fields) > 0 && r.IntN(4) == 0 {
			fields = fields[1:]
		}
		if r.IntN(3) == 0 {
			fields = append(fields, field("added", `"string"`, `"default":"d"`))
		}
		return `{"type":"record",` + name() + `,"fields":[` + strings.Join(fields, ",") + `]}`
	}
	return wrap(`"` + t.Kind.String() + `"`)
}

// TestResolveGivesValidData: whatever a plan lets pass is a valid datum of the reader's schema.
func TestResolveGivesValidData(t *testing.T) {
	r := seeded(t)
	resolved, projected := 0, 0
	for range 4000 {
		w, err := schema.Parse(randomSchema(r))
		if err != nil {
			t.Fatal(err)
		}
		text := evolve(r, w.Root(), map[*schema.Type]bool{})
		reader, err := schema.Parse(text)
		if err != nil {
			continue // the definition of a type was dropped, or a union holds one kind twice
		}
		plan, err := Resolve(w, reader)
		if err != nil {
			if !errors.Is(err, ErrSchema) {
				t.Fatalf("%s\n%s: %v", w.Text(), text, err)
			}
			continue
		}
		resolved++
		check, _ := NewValidator(reader)
		for range 3 {
			src := appendRandom(r, nil, w.Root(), 6)
			out, err := plan.Append(nil, src)
			if err != nil {
				continue
			}
			projected++
			if err := check.Validate(out); err != nil {
				t.Fatalf("%s\n%s\n%x -> %x: %v", w.Text(), text, src, out, err)
			}
		}
	}
	if resolved < 500 || projected < 1000 {
		t.Errorf("only %d pairs resolved and %d data projected: the test looks at too little", resolved, projected)
	}
}

// TestReaderProjects: a Reader with a Writer sees the reader's schema.
func TestReaderProjects(t *testing.T) {
	w, _, plan, err := resolve(t, rec("R", field("a", `"int"`), field("s", `"string"`)), rec("R", field("s", `"string"`), field("a", `"long"`), field("n", `"string"`, `"default":"new"`)))
	if err != nil {
		t.Fatal(err)
	}
	src := must(w.FromJSON(nil, []byte(`{"a":7,"s":"x"}`)))
	for _, alias := range []bool{false, true} {
		rd := NewReader(src, DecodeOptions{Writer: plan, AliasInput: alias})
		s, a, n := rd.String(), rd.Long(), rd.String()
		if err := rd.Finish(); err != nil || s != "x" || a != 7 || n != "new" {
			t.Errorf("got %q %d %q, %v", s, a, n, err)
		}
		// The pooled buffer is used again by the next one; the strings must not change.
		other := NewReader(must(w.FromJSON(nil, []byte(`{"a":8,"s":"yyyy"}`))), DecodeOptions{Writer: plan})
		_ = other.String()
		_, _ = other.Long(), other.String()
		if err := other.Finish(); err != nil || s != "x" || n != "new" {
			t.Errorf("strings changed to %q %q, %v", s, n, err)
		}
	}
	rd := NewReader(src[:2], DecodeOptions{Writer: plan})
	if rd.String() != "" || !rd.Failed() {
		t.Error("a cut datum is read")
	}
	rd.InField("s") // generated code adds where it was; the projection knew better
	var e *Error
	if err := rd.Finish(); !errors.As(err, &e) || e.Path != "s" || e.Offset != 1 {
		t.Errorf("got %v", err)
	}
}

// TestResolveLongChains: schemas with many types nested by name are compiled in little time, changed or not.
func TestResolveLongChains(t *testing.T) {
	chain := func(last string) *schema.Schema {
		var b strings.Builder
		const n = 200
		for i := range n {
			fmt.Fprintf(&b, `{"type":"record","name":"R%d","fields":[{"name":"more","type":["null","R0"]},{"name":"next","type":`, i)
		}
		b.WriteString(last + strings.Repeat("}]}", n))
		return mustParse(t, b.String())
	}
	for _, last := range []string{`"int"`, `"long"`} {
		plan, err := Resolve(chain(`"int"`), chain(last))
		if err != nil || plan.Same() != (last == `"int"`) {
			t.Errorf("%s: %v, %v", last, plan, err)
		}
		src := append(make([]byte, 200), 10)
		if out, err := plan.Append(nil, src); err != nil || !bytes.Equal(out, src) {
			t.Errorf("%s: %x, %v", last, out, err)
		}
	}
}
