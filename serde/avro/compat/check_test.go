package compat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/typelog/typelog/serde/avro/compat"
	"github.com/typelog/typelog/serde/avro/schema"
)

func mustParse(t testing.TB, text string) *schema.Schema {
	t.Helper()
	s, err := schema.Parse(text)
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return s
}

func record(name, fields string) string {
	return `{"type":"record","name":"` + name + `","fields":[` + fields + `]}`
}

// show returns the faults as "KIND pointer message" lines.
func show(faults []compat.Incompatibility) string {
	var lines []string
	for _, f := range faults {
		lines = append(lines, fmt.Sprintf("%s %s %s", f.Kind, f.Pointer, f.Message))
	}
	return strings.Join(lines, "\n")
}

func TestPromotions(t *testing.T) {
	promotes := map[string]string{
		"null": "null", "boolean": "boolean", "int": "int", "long": "long int", "float": "float int long",
		"double": "double int long float", "bytes": "bytes string", "string": "string bytes",
	}
	for reader, writers := range promotes {
		for writer := range promotes {
			got := show(compat.Check(mustParse(t, `"`+reader+`"`), mustParse(t, `"`+writer+`"`)))
			want := fmt.Sprintf("TYPE_MISMATCH  reader type: %s not compatible with writer type: %s",
				strings.ToUpper(reader), strings.ToUpper(writer))
			if slices.Contains(strings.Fields(writers), writer) {
				want = ""
			}
			if got != want {
				t.Errorf("%s read as %s: %q, want %q", writer, reader, got, want)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	enum := func(symbols, more string) string {
		return `{"type":"enum","name":"E","symbols":[` + symbols + `]` + more + `}`
	}
	for _, c := range []struct{ name, reader, writer, want string }{
		{"logical types don't count", `{"type":"long","logicalType":"timestamp-micros"}`, `"long"`, ""},
		{"array to map", `{"type":"array","items":"int"}`, `{"type":"map","values":"int"}`,
			"TYPE_MISMATCH  reader type: ARRAY not compatible with writer type: MAP"},
		{"items", `{"type":"array","items":"int"}`, `{"type":"array","items":"long"}`,
			"TYPE_MISMATCH /items reader type: INT not compatible with writer type: LONG"},
		{"values", `{"type":"map","values":"double"}`, `{"type":"map","values":"int"}`, ""},

		{"a namespace more", record("n.R", ""), record("R", ""), ""},
		{"another name", record("n.S", ""), record("n.R", ""), "NAME_MISMATCH /name expected: n.R"},
		{"another name with an alias", `{"type":"record","name":"n.S","aliases":["R"],"fields":[]}`, record("n.R", ""), ""},
		{"an alias in another namespace", `{"type":"record","name":"n.S","aliases":["m.R"],"fields":[]}`, record("n.R", ""),
			"NAME_MISMATCH /name expected: n.R"},
		{"error to record", `{"type":"error","name":"R","fields":[]}`, record("R", ""), ""},

		{"a field more", record("R", `{"name":"a","type":"int"},{"name":"b","type":"int"}`), record("R", `{"name":"a","type":"int"}`),
			"READER_FIELD_MISSING_DEFAULT_VALUE /fields/1 b"},
		{"a field more with a default", record("R", `{"name":"b","type":["null","int"],"default":null}`), record("R", ""), ""},
		{"a field less", record("R", ""), record("R", `{"name":"a","type":"int"}`), ""},
		{"a field renamed", record("R", `{"name":"b","type":"int"}`), record("R", `{"name":"a","type":"int"}`),
			"READER_FIELD_MISSING_DEFAULT_VALUE /fields/0 b"},
		{"a field renamed with an alias", record("R", `{"name":"b","aliases":["a"],"type":"long"}`), record("R", `{"name":"a","type":"int"}`), ""},
		{"a field that is its own alias", record("R", `{"name":"a","aliases":["a"],"type":"int"}`), record("R", `{"name":"a","type":"int"},{"name":"b","type":"int"}`), ""},
		{"an alias of another field", record("R", `{"name":"a","aliases":["b"],"type":"int"}`), record("R", `{"name":"a","type":"int"},{"name":"b","type":"int"}`),
			`AMBIGUOUS_FIELD /fields/0 Reader record field a type:INT pos:0 matches multiple fields in writer record schema ` +
				`{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"int"}]}`},
		{"an enum field with a default symbol but no default", record("R", `{"name":"e","type":`+enum(`"A"`, `,"default":"A"`)+`}`), record("R", ""),
			"TYPE_MISMATCH /fields/0/type reader type: ENUM not compatible with writer type: RECORD"},

		{"symbols less", enum(`"A"`, ""), enum(`"C","A","B"`, ""), "MISSING_ENUM_SYMBOLS /symbols [B, C]"},
		{"symbols less with a default", enum(`"A"`, `,"default":"A"`), enum(`"A","B"`, ""), ""},
		{"symbols more", enum(`"B","A"`, ""), enum(`"A"`, ""), ""},
		{"fixed", `{"type":"fixed","name":"F","size":2}`, `{"type":"fixed","name":"G","size":3}`,
			"NAME_MISMATCH /name expected: G\nFIXED_SIZE_MISMATCH /size expected: 3, found: 2"},

		{"a branch more", `["null","int"]`, `"int"`, ""},
		{"a promoted branch", `["null","long"]`, `["int","null"]`, ""},
		{"branches less", `["int"]`, `["int","null","string"]`,
			"MISSING_UNION_BRANCH /1 reader union lacking writer type: NULL\nMISSING_UNION_BRANCH /2 reader union lacking writer type: STRING"},
		{"no branch", `["null","int"]`, `"string"`, "MISSING_UNION_BRANCH  reader union lacking writer type: STRING"},
		{"a union read as its only branch", `"long"`, `["int"]`, ""},
		{"a union read as one of its branches", `"int"`, `["null","int","string"]`,
			"TYPE_MISMATCH /0 reader type: INT not compatible with writer type: NULL\nTYPE_MISMATCH /2 reader type: INT not compatible with writer type: STRING"},
		{"an empty union", `"int"`, `[]`, ""},

		{"everything at once", record("R", `{"name":"a","type":"int"},{"name":"n","type":`+record("N", `{"name":"x","type":{"type":"map","values":"int"}},{"name":"y","type":"int"}`)+`}`),
			record("S", `{"name":"a","type":"string"},{"name":"n","type":`+record("M", `{"name":"x","type":{"type":"map","values":"null"}}`)+`}`),
			"NAME_MISMATCH /name expected: S\n" +
				"TYPE_MISMATCH /fields/0/type reader type: INT not compatible with writer type: STRING\n" +
				"NAME_MISMATCH /fields/1/type/name expected: M\n" +
				"TYPE_MISMATCH /fields/1/type/fields/0/type/values reader type: INT not compatible with writer type: NULL\n" +
				"READER_FIELD_MISSING_DEFAULT_VALUE /fields/1/type/fields/1 y"},
		{"recursive", record("R", `{"name":"v","type":"long"},{"name":"next","type":["null","R"]}`),
			record("R", `{"name":"v","type":"int"},{"name":"next","type":["null","R"]}`), ""},
		{"recursive with another name", record("S", `{"name":"next","type":["null","S"]}`), record("R", `{"name":"next","type":["null","R"]}`),
			"NAME_MISMATCH /name expected: R"},
		{"recursive with a fault", record("R", `{"name":"next","type":["null","R"]},{"name":"v","type":"int"}`),
			record("R", `{"name":"next","type":["null","R"]},{"name":"v","type":"string"}`),
			"TYPE_MISMATCH /fields/1/type reader type: INT not compatible with writer type: STRING"},
	} {
		faults := compat.Check(mustParse(t, c.reader), mustParse(t, c.writer))
		if got := show(faults); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		for _, f := range faults {
			if f.Mend == "" {
				t.Errorf("%s: no suggestion how to mend %s", c.name, f.Kind)
			}
		}
	}
}

func TestMend(t *testing.T) {
	faults := compat.Check(mustParse(t, record("n.R", `{"name":"f2","type":"int"}`)), mustParse(t, record("n.S", "")))
	want := []string{"keep the name n.S, or add it to the aliases of n.R", "add a default to field f2"}
	for i, f := range faults {
		if f.Mend != want[i] {
			t.Errorf("%s: %q, want %q", f.Kind, f.Mend, want[i])
		}
	}
}

func TestVerbose(t *testing.T) {
	faults := compat.Check(
		mustParse(t, record("R", `{"name":"a","type":"int"},{"name":"e","type":{"type":"enum","name":"E","symbols":["A"]}},{"name":"f","type":{"type":"fixed","name":"F","size":1}},{"name":"u","type":["int"]},{"name":"m","type":"int"}`)),
		mustParse(t, record("S", `{"name":"a","type":"null"},{"name":"e","type":{"type":"enum","name":"E","symbols":["B"]}},{"name":"f","type":{"type":"fixed","name":"F","size":2}},{"name":"u","type":"null"}`)))
	want := []string{
		`{errorType:'NAME_MISMATCH', description:'The name of the schema has changed (path '/name')', additionalInfo:'expected: S'}`,
		`{errorType:'TYPE_MISMATCH', description:'The type (path '/fields/0/type') of a field in the new schema does not match with the old schema', additionalInfo:'reader type: INT not compatible with writer type: NULL'}`,
		`{errorType:'MISSING_ENUM_SYMBOLS', description:'The new schema is missing enum symbols '[B]' at path '/fields/1/type/symbols' in the old schema', additionalInfo:'[B]'}`,
		`{errorType:'FIXED_SIZE_MISMATCH', description:'The size of FIXED type field at path '/fields/2/type/size' in the new schema does not match with the old schema', additionalInfo:'expected: 2, found: 1'}`,
		`{errorType:'MISSING_UNION_BRANCH', description:'The new schema is missing a type inside a union field at path '/fields/3/type' in the old schema', additionalInfo:'reader union lacking writer type: NULL'}`,
		`{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field 'm' at path '/fields/4' in the new schema has no default value and is missing in the old schema', additionalInfo:'m'}`,
	}
	if len(faults) != len(want) {
		t.Fatalf("%d faults, want %d: %s", len(faults), len(want), show(faults))
	}
	for i, f := range faults {
		if got := f.Verbose("new", "old"); got != want[i] {
			t.Errorf("got  %s\nwant %s", got, want[i])
		}
	}
	root := compat.Check(mustParse(t, `"int"`), mustParse(t, `"null"`))[0].Verbose("old", "new")
	if !strings.Contains(root, "(path '/') of a field in the old schema does not match with the new schema") {
		t.Errorf("at the root: %s", root)
	}
}

// Comparisons whose cost or result doubles at each level, or goes round cycles of different lengths, are bounded.
func TestHostileSchemas(t *testing.T) {
	doubling := func(leaf string) *schema.Schema {
		var b strings.Builder
		b.WriteString("[" + record("R0", `{"name":"x","type":"`+leaf+`"}`))
		for i := 1; i < 200; i++ {
			b.WriteString("," + record(fmt.Sprintf("R%d", i), fmt.Sprintf(`{"name":"a","type":"R%d"},{"name":"b","type":"R%d"}`, i-1, i-1)))
		}
		return mustParse(t, record("Top", `{"name":"u","type":`+b.String()+`]},{"name":"t","type":"R199"}`))
	}
	faults := compat.Check(doubling("int"), doubling("string"))
	if len(faults) != 1000 || faults[len(faults)-1].Kind != compat.TypeMismatch {
		t.Errorf("%d faults, want the first 1000 of 2^199", len(faults))
	}

	cycle := func(n int) *schema.Schema {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `{"type":"record","name":"n%d.R","fields":[{"name":"a","type":`, i)
		}
		return mustParse(t, b.String()+`"n0.R"`+strings.Repeat("}]}", n))
	}
	if faults := compat.Check(cycle(29), cycle(31)); len(faults) > 0 {
		t.Errorf("cycles: %s", show(faults))
	}
	if faults := compat.Check(cycle(293), cycle(307)); len(faults) != 1 || faults[0].Kind != compat.TooComplex {
		t.Errorf("long cycles: %s", show(faults))
	}

	union := func(n int, prefix string) *schema.Schema {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(record(fmt.Sprintf("%s%d", prefix, i), fmt.Sprintf(`{"name":"x","type":["null","%s%d"]}`, prefix, i*7%n)))
		}
		return mustParse(t, "["+b.String()+"]")
	}
	if faults := compat.Check(union(500, "A"), union(500, "A")); len(faults) > 0 {
		t.Errorf("a wide union against itself: %s", show(faults))
	}
	if faults := compat.Check(union(3000, "A"), union(3000, "B")); len(faults) != 1 || faults[0].Kind != compat.TooComplex {
		t.Errorf("very wide unions: %d faults", len(faults))
	}
}

// FuzzCheck: Check never panics, a schema can read what it wrote itself, and every fault is complete.
func FuzzCheck(f *testing.F) {
	f.Add(`"int"`, `["null","int"]`)
	f.Add(record("R", `{"name":"a","type":["null","R"],"aliases":["b"]},{"name":"b","type":"int"}`), record("R", `{"name":"b","type":"R"}`))
	f.Add(`{"type":"enum","name":"E","symbols":["A"],"default":"A"}`, `{"type":"enum","name":"n.E","symbols":["A","B"]}`)
	f.Add(`[{"type":"fixed","name":"F","size":1},{"type":"map","values":"F"}]`, `{"type":"array","items":"bytes"}`)
	f.Fuzz(func(t *testing.T, reader, writer string) {
		r, err := schema.Parse(reader)
		if err != nil {
			return
		}
		for _, s := range []*schema.Schema{r, mustParse(t, reader)} {
			if faults := compat.Check(r, s); len(faults) > 0 {
				t.Fatalf("%s cannot read itself: %s", reader, show(faults))
			}
		}
		if w, err := schema.Parse(writer); err == nil {
			for _, fault := range compat.Check(r, w) {
				if fault.Kind == 0 || fault.Message == "" || fault.Mend == "" {
					t.Fatalf("%s as %s: incomplete fault %+v", writer, reader, fault)
				}
			}
		}
	})
}
