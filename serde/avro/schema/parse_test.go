package schema_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/typelog/typelog/serde/avro/schema"
)

func mustParse(t *testing.T, text string, opts ...schema.Option) *schema.Schema {
	t.Helper()
	s, err := schema.Parse(text, opts...)
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return s
}

// field returns the text of a record R with one field x of this type and, unless it is empty, default.
func field(typ, value string) string {
	if value != "" {
		value = `,"default":` + value
	}
	return `{"type":"record","name":"R","fields":[{"name":"x","type":` + typ + value + `}]}`
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ text, pointer, reason string }{
		// JSON
		{``, "", "the schema is empty"},
		{` /* nothing */ `, "", "the schema is empty"},
		{`int`, "", "unrecognized token int"},
		{`"int" "int"`, "", `dangling content after end of schema: "int"`},
		{`"int" // a comment`, "", "dangling content"},
		{`{`, "", "unexpected end"},
		{`{type:"int"}`, "", "expected a double quote"},
		{`{"type":"int",}`, "", "line 1, column 15"},
		{`["int",]`, "/1", `unexpected "]"`},
		{"{\n \"type\": \"a\x01\"}", "/type", "line 2, column 12"},
		{`{"type":"int","x":01}`, "/x", "must not begin with a zero"},
		{`{"type":"int","x":1.}`, "/x", "decimal point"},
		{`{"type":"int","x":+1}`, "/x", `unexpected "+"`},
		{`{"type":"int","x":NaN}`, "/x", "unrecognized token NaN"},
		{`{"type":"int","x":"\x"}`, "/x", "unrecognized escape"},
		{`{"type":"int","x":"\ud83d"}`, "/x", "half of a surrogate pair"},
		{`{"type":"int","x":"\udc00\ud83d"}`, "/x", "half of a surrogate pair"},
		{`{"type":"int","a/b":{"~":tru}}`, "/a~1b/~0", "unrecognized token tru"},
		{`{"type" /* ` + "\x02" + ` */ :"int"}`, "", "control character"},
		{`{"type":"int" /* }`, "", "not closed"},
		{"\"\xff\"", "", "UTF-8"},

		// types
		{`1`, "", "Schema not yet supported: 1"},
		{`null`, "", "Schema not yet supported: null"},
		{`{}`, "", "No type: {}"},
		{`{"type":1}`, "", `No type: {"type":1}`},
		{`{"type":{"type":"int"}}`, "", `No type: {"type":{"type":"int"}}`},
		{`{"type":["int","null"]}`, "", "No type"},
		{`"nope"`, "", "Undefined schema: nope"},
		{`{"type":"union"}`, "", "Undefined schema: union"},
		{`{"type":"array","items":"nope"}`, "/items", "Undefined schema: nope"},
		{`{"type":"array"}`, "", `Array has no items type: {"type":"array"}`},
		{`{"type":"map"}`, "", `Map has no values type: {"type":"map"}`},
		{`{"type":"map","values":1}`, "/values", "Schema not yet supported: 1"},
		{`["int",["null"]]`, "/1", "Nested union"},
		{`["int",{"type":"int"}]`, "/1", "Duplicate in union:int"},
		{`[{"type":"map","values":"int"},{"type":"map","values":"long"}]`, "/1", "Duplicate in union:map"},
		{`{"type":"record","name":"R","fields":[{"name":"x","type":["R","R"]}]}`, "/fields/0/type/1", "Duplicate in union:R"},

		// names
		{`{"type":"record","fields":[]}`, "", "No name in schema"},
		{`{"type":"record","name":"","fields":[]}`, "/name", "Empty name"},
		{`{"type":"record","name":"R.","fields":[]}`, "/name", "Empty name"},
		{`{"type":"record","name":"1R","fields":[]}`, "/name", "Illegal initial character: 1R"},
		{`{"type":"record","name":"R-x","fields":[]}`, "/name", "Illegal character in: R-x"},
		{`{"type":"record","name":"한","fields":[]}`, "/name", "Illegal initial character: 한"},
		{`{"type":"record","name":"int","fields":[]}`, "/name", "Schemas may not be named after primitives: int"},
		{`{"type":"record","name":"a.b-c.R","fields":[]}`, "", `Namespace part "b-c" is invalid: Illegal character in: b-c`},
		{`{"type":"record","name":"R","aliases":["1a"],"fields":[]}`, "/aliases", "Illegal initial character: 1a"},
		{`{"type":"record","name":"R","aliases":"a","fields":[]}`, "/aliases", "aliases not an array"},

		// records
		{`{"type":"record","name":"R"}`, "", "Record has no fields"},
		{`{"type":"record","name":"R","fields":[1]}`, "/fields/0", "No field name: 1"},
		{`{"type":"record","name":"R","fields":[{"name":"x"}]}`, "/fields/0", `No field type: {"name":"x"}`},
		{`{"type":"record","name":"R","fields":[{"name":"1x","type":"int"}]}`, "/fields/0/name", "Illegal initial character: 1x"},
		{`{"type":"record","name":"R","fields":[{"name":"x","type":"int"},{"name":"x","type":"long"}]}`, "/fields/1/name",
			"Duplicate field x in record R: x type:LONG pos:1 and x type:INT pos:0."},
		{`{"type":"record","name":"R","fields":[{"name":"x","type":"int","order":"up"}]}`, "/fields/0/order", "Order.UP"},
		{`{"type":"record","name":"R","fields":[{"name":"x","type":"int","aliases":[1]}]}`, "/fields/0/aliases", "alias not a string: 1"},
		{`{"type":"record","name":"R","fields":[],"p":[12345678901234567890]}`, "/p", "64 bits"},

		// enums and fixed
		{`{"type":"enum","name":"E"}`, "", "Enum has no symbols"},
		{`{"type":"enum","name":"E","symbols":[1]}`, "/symbols/0", "Null name"},
		{`{"type":"enum","name":"E","symbols":["A","A"]}`, "/symbols/1", "Duplicate enum symbol: A"},
		{`{"type":"enum","name":"E","symbols":["A-B"]}`, "/symbols/0", "Illegal character in: A-B"},
		{`{"type":"enum","name":"E","symbols":["A"],"default":"B"}`, "/default", "The Enum Default: B is not in the enum symbol set: [A]"},
		{`{"type":"fixed","name":"F"}`, "", "Invalid or no size"},
		{`{"type":"fixed","name":"F","size":4.0}`, "/size", "Invalid or no size"},
		{`{"type":"fixed","name":"F","size":-1}`, "/size", "Length is negative: -1"},
		{`{"type":"fixed","name":"F","size":2147483640}`, "/size", "Cannot read arrays longer than"},

		// names that are defined twice, too late or elsewhere
		{`[{"type":"enum","name":"E","symbols":[]},{"type":"fixed","name":"E","size":1}]`, "/1", "Can't redefine: E"},
		{`[{"type":"record","name":"R","fields":[]},"R"]`, "/1", "Duplicate in union:R"},
		{`{"type":"record","name":"R","fields":[{"name":"x","type":{"type":"record","name":"a.N","fields":[{"name":"r","type":"R"}]}}]}`,
			"/fields/0/type/fields/0/type", "Undefined schema: a.R"},
	} {
		_, err := schema.Parse(c.text)
		var fault *schema.ParseError
		if !errors.As(err, &fault) {
			t.Errorf("Parse(%s) = %v, want a *ParseError", c.text, err)
			continue
		}
		if fault.Pointer != c.pointer || !strings.Contains(fault.Reason, c.reason) {
			t.Errorf("Parse(%s):\n got %q at %q\nwant %q at %q", c.text, fault.Reason, fault.Pointer, c.reason, c.pointer)
		}
	}
}

func TestDefaults(t *testing.T) {
	inner := `{"type":"record","name":"N","fields":[{"name":"a","type":"int"},{"name":"b","type":"string","default":"q"}]}`
	for _, c := range []struct {
		typ, value string
		fits       bool
	}{
		{`"null"`, `null`, true}, {`"null"`, `0`, false}, {`"null"`, `"null"`, false},
		{`"boolean"`, `true`, true}, {`"boolean"`, `0`, false},
		{`"int"`, `2147483647`, true}, {`"int"`, `2147483648`, false}, {`"int"`, `-2147483648`, true},
		{`"int"`, `1.0`, false}, {`"int"`, `1e3`, false}, {`"int"`, `"1"`, false}, {`"int"`, `null`, false}, {`"int"`, `-0`, true},
		{`"long"`, `9223372036854775807`, true}, {`"long"`, `9223372036854775808`, false},
		{`"float"`, `1`, true}, {`"float"`, `1e400`, true}, {`"float"`, `"NaN"`, true}, {`"float"`, `" 1.5f "`, true}, {`"float"`, `"x"`, false},
		{`"double"`, `"Infinity"`, true}, {`"double"`, `"1_0"`, false}, {`"double"`, `"inf"`, false}, {`"double"`, `true`, false},
		{`"bytes"`, `"한"`, true}, {`"bytes"`, `[]`, false}, {`"string"`, `1`, false},
		{`{"type":"enum","name":"E","symbols":["A"]}`, `"B"`, true}, {`{"type":"enum","name":"E","symbols":["A"]}`, `0`, false},
		{`{"type":"fixed","name":"F","size":4}`, `"a"`, true},
		{`{"type":"array","items":"int"}`, `[1,2]`, true}, {`{"type":"array","items":"int"}`, `[1,null]`, false}, {`{"type":"array","items":"int"}`, `{}`, false},
		{`{"type":"array","items":"float"}`, `["NaN"]`, false},
		{`{"type":"map","values":"int"}`, `{"a":1}`, true}, {`{"type":"map","values":"int"}`, `{"a":"b"}`, false},
		{`["null","int"]`, `null`, true}, {`["null","int"]`, `1`, true}, {`["null","int"]`, `"x"`, false}, {`["null","float"]`, `"NaN"`, false},
		{inner, `{"a":1}`, true}, {inner, `{"b":"x"}`, false}, {inner, `{"a":"x"}`, false}, {inner, `[]`, false}, {inner, `{"a":1,"other":2}`, true},
		{`["null","R"]`, `null`, true}, {`{"type":"map","values":"R"}`, `{}`, true},
		{`"R"`, `{}`, false}, {`"R"`, `null`, false}, // a record cannot be its own default
	} {
		text := field(c.typ, c.value)
		s, err := schema.Parse(text)
		if (err == nil) != c.fits {
			t.Errorf("Parse(%s): %v, want accepted: %v", text, err, c.fits)
			continue
		}
		if err != nil {
			if fault := err.(*schema.ParseError); fault.Pointer != "/fields/0/default" {
				t.Errorf("Parse(%s): fault at %s, want it at the default", text, fault.Pointer)
			}
			if _, err := schema.Parse(text, schema.Lenient()); err != nil && !strings.Contains(err.Error(), "For input string") {
				t.Errorf("lenient Parse(%s): %v", text, err)
			}
			continue
		}
		f := s.Root().Fields[0]
		if !schema.DefaultFits(f.Type, f.Default) {
			t.Errorf("DefaultFits disagrees with Parse(%s)", text)
		}
	}
}

// A default may rely on a record that the text defines later only for what is complete then.
func TestDefaultOfRecordDefinedLater(t *testing.T) {
	later := `[{"type":"record","name":"A","fields":[{"name":"b","type":"B","default":%}]},
		{"type":"record","name":"B","fields":[{"name":"n","type":"int"}]}]`
	mustParse(t, strings.Replace(later, "%", `{"n":1}`, 1))
	for _, value := range []string{`{}`, `{"n":"x"}`, `null`} {
		if _, err := schema.Parse(strings.Replace(later, "%", value, 1)); err == nil {
			t.Errorf("the default %s was accepted", value)
		}
	}
}

func TestNames(t *testing.T) {
	s := mustParse(t, `{"type":"record","name":"R","namespace":"a","aliases":["Old","b.Older",".Oldest"],"fields":[
		{"name":"n","type":{"type":"enum","name":"E","symbols":["X"]}},
		{"name":"o","type":{"type":"fixed","name":"b.F","size":2}},
		{"name":"p","type":{"type":"record","name":"N","namespace":"","fields":[]}},
		{"name":"q","type":["null","E","b.F","N","R"]},
		{"name":"later","type":{"type":"array","items":"Z"}},
		{"name":"z","type":{"type":"record","name":"Z","fields":[]}},
		{"name":"again","type":{"type":"enum","name":"E","symbols":["X"],"doc":"the same"}}]}`)
	root := s.Root()
	if got := strings.Join(root.Aliases, " "); got != "a.Old b.Older Oldest" {
		t.Errorf("aliases %q", got)
	}
	var names []string
	for _, d := range s.Definitions() {
		names = append(names, d.FullName()+"@"+d.Pointer)
	}
	want := "a.R@ a.E@/fields/0/type b.F@/fields/1/type N@/fields/2/type a.Z@/fields/5/type"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("definitions\n got %s\nwant %s", got, want)
	}
	union := root.Field("q").Type
	for i, name := range []string{"null", "a.E", "b.F", "N", "a.R"} {
		if got := union.Branches[i].FullName(); got != name {
			t.Errorf("branch %d is %s, want %s", i, got, name)
		}
	}
	if union.Branches[4] != root || s.Named("a.R") != root {
		t.Error("the record's use of itself is another type")
	}
	if root.Field("later").Type.Items != root.Field("z").Type {
		t.Error("a use before the definition is another type")
	}
	if root.Field("again").Type != root.Field("n").Type {
		t.Error("a repeated definition is another type")
	}
}

func TestLogicalTypes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"type":"int","logicalType":"date"}`, "date"},
		{`{"type":"long","logicalType":"date"}`, ""},
		{`{"type":"int","logicalType":"time-millis"}`, "time-millis"},
		{`{"type":"long","logicalType":"time-micros"}`, "time-micros"},
		{`{"type":"long","logicalType":"timestamp-nanos"}`, "timestamp-nanos"},
		{`{"type":"long","logicalType":"local-timestamp-millis"}`, "local-timestamp-millis"},
		{`{"type":"string","logicalType":"uuid"}`, "uuid"},
		{`{"type":"bytes","logicalType":"uuid"}`, ""},
		{`{"type":"fixed","name":"F","size":16,"logicalType":"uuid"}`, "uuid"},
		{`{"type":"fixed","name":"F","size":15,"logicalType":"uuid"}`, ""},
		{`{"type":"fixed","name":"F","size":12,"logicalType":"duration"}`, "duration"},
		{`{"type":"bytes","logicalType":"big-decimal"}`, "big-decimal"},
		{`{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}`, "decimal"},
		{`{"type":"bytes","logicalType":"decimal","precision":4}`, "decimal"},
		{`{"type":"bytes","logicalType":"decimal","precision":4,"scale":5}`, ""},
		{`{"type":"bytes","logicalType":"decimal","precision":4.0}`, ""},
		{`{"type":"bytes","logicalType":"decimal","precision":0}`, ""},
		{`{"type":"bytes","logicalType":"decimal"}`, ""},
		{`{"type":"fixed","name":"F","size":2,"logicalType":"decimal","precision":4}`, "decimal"},
		{`{"type":"fixed","name":"F","size":2,"logicalType":"decimal","precision":5}`, ""},
		{`{"type":"string","logicalType":"decimal","precision":4}`, ""},
		{`{"type":"string","logicalType":"custom"}`, ""},
		{`{"type":"string","logicalType":1}`, ""},
	} {
		got := ""
		if l := mustParse(t, c.text).Root().Logical; l != nil {
			got = l.Name
		}
		if got != c.want {
			t.Errorf("%s: logical type %q, want %q", c.text, got, c.want)
		}
	}
}

func TestLenient(t *testing.T) {
	for _, text := range []string{
		field(`"int"`, `"s"`),
		`{"type":"record","name":"한글","namespace":"a-b.1","aliases":["?"],"fields":[{"name":"é","type":"int"}]}`,
	} {
		if _, err := schema.Parse(text); err == nil {
			t.Errorf("Parse(%s) accepted it", text)
		}
		s := mustParse(t, text, schema.Lenient())
		if got := s.String(); got != text && !strings.Contains(got, `"aliases":["?"]`) {
			t.Errorf("printed as %s, want %s", got, text)
		}
	}
	if _, err := schema.Parse(`{"type":"record","name":"a b","fields":[]}`, schema.Lenient()); err == nil {
		t.Error("a name with a space was accepted")
	}
}
