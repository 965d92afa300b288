package schema_test

import (
	"testing"

	"github.com/typelog/typelog/serde/avro/schema"
)

// What Confluent's registry keeps of a text, and what with normalize=true where that differs.
func TestStringAndNormalized(t *testing.T) {
	for _, c := range []struct{ text, printed, normalized string }{
		{`{"type":"int"}`, `"int"`, ""},
		{" [ {\"type\":\"int\"} /* or */ ,\n\"null\"] ", `["int","null"]`, ""},
		{`{"type":"string","x":1}`, `{"type":"string","x":1}`, ""},
		{`{"x":{"b":1,"a":[{"d":1,"c":2}]},"type":"string"}`, `{"type":"string","x":{"b":1,"a":[{"d":1,"c":2}]}}`,
			`{"type":"string","x":{"a":[{"c":2,"d":1}],"b":1}}`},
		{`{"values":{"items":"int","type":"array"},"type":"map"}`, `{"type":"map","values":{"type":"array","items":"int"}}`, ""},
		{`{"type":"record","name":"n.R","doc":"","fields":[]}`, `{"type":"record","name":"R","namespace":"n","doc":"","fields":[]}`,
			`{"type":"record","name":"R","namespace":"n","fields":[]}`},
		{`{"type":"error","name":"R","doc":1,"aliases":[],"fields":[]}`, `{"type":"error","name":"R","fields":[]}`,
			`{"type":"record","name":"R","fields":[]}`},
		{`{"type":"enum","name":"E","default":"A","zz":1,"aa":2,"aliases":["n.Y","X"],"symbols":["B","A"]}`,
			`{"type":"enum","name":"E","symbols":["B","A"],"default":"A","zz":1,"aa":2,"aliases":["n.Y","X"]}`,
			`{"type":"enum","name":"E","symbols":["B","A"],"default":"A","aa":2,"zz":1,"aliases":["X","n.Y"]}`},
		{`{"type":"enum","name":"E","symbols":[],"default":null}`, `{"type":"enum","name":"E","symbols":[]}`, ""},
		{`{"type":"fixed","size":2,"name":"F","default":"kept"}`, `{"type":"fixed","name":"F","size":2,"default":"kept"}`, ""},
		{`{"type":"record","name":"R","fields":[{"p":1,"aliases":["b","a"],"order":"IGNORE","default":1,"doc":"","type":"int","name":"x"}]}`,
			`{"type":"record","name":"R","fields":[{"name":"x","type":"int","doc":"","default":1,"order":"ignore","aliases":["b","a"],"p":1}]}`,
			`{"type":"record","name":"R","fields":[{"name":"x","type":"int","doc":"","default":1,"order":"ignore","aliases":["a","b"],"p":1}]}`},
		{`{"type":"record","name":"R","name":"S","fields":[],"doc":"a","doc":"b"}`, `{"type":"record","name":"S","doc":"b","fields":[]}`, ""},
		{`{"type":"bytes","scale":2,"precision":4,"logicalType":"decimal"}`, `{"type":"bytes","scale":2,"precision":4,"logicalType":"decimal"}`,
			`{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}`},

		// names
		{`{"type":"record","name":"a.R","fields":[{"name":"x","type":{"type":"record","name":"N","namespace":"a","fields":[]}},{"name":"y","type":"a.N"},{"name":"z","type":["null","R"]}]}`,
			`{"type":"record","name":"R","namespace":"a","fields":[{"name":"x","type":{"type":"record","name":"N","fields":[]}},{"name":"y","type":"N"},{"name":"z","type":["null","R"]}]}`, ""},
		{`{"type":"record","name":"a.R","fields":[{"name":"x","type":{"type":"record","name":"N","namespace":"","fields":[]}}]}`,
			`{"type":"record","name":"R","namespace":"a","fields":[{"name":"x","type":{"type":"record","name":"N","namespace":"","fields":[]}}]}`,
			`{"type":"record","name":"R","namespace":"a","fields":[{"name":"x","type":{"type":"record","name":"N","fields":[]}}]}`},
		{`{"type":"record","name":"a.R","fields":[{"name":"x","type":{"type":"fixed","name":"long","size":1}},{"name":"y","type":"a.long"}]}`,
			`{"type":"record","name":"R","namespace":"a","fields":[{"name":"x","type":{"type":"fixed","name":"long","size":1}},{"name":"y","type":"a.long"}]}`, ""},
		{`{"type":"record","name":"R","namespace":"n","aliases":["n.A","B",".C","m.D"],"fields":[]}`,
			`{"type":"record","name":"R","namespace":"n","fields":[],"aliases":["A","B","C","m.D"]}`,
			`{"type":"record","name":"R","namespace":"n","fields":[],"aliases":["C","m.D","A","B"]}`},

		// values
		{field(`"double"`, `1`), field(`"double"`, `1`), field(`"double"`, `1.0`)},
		{field(`"double"`, `1e5`), field(`"double"`, `100000.0`), ""},
		{field(`"double"`, `1e400`), field(`"double"`, `"Infinity"`), ""},
		{field(`"double"`, `"-1"`), field(`"double"`, `-1.0`), ""},
		{field(`"float"`, `123456789.123`), field(`"float"`, `1.23456789123E8`), field(`"float"`, `1.23456792E8`)},
		{field(`"float"`, `1e-45`), field(`"float"`, `1.0E-45`), field(`"float"`, `1.4E-45`)},
		{field(`["float","int"]`, `5`), field(`["float","int"]`, `5`), field(`["float","int"]`, `5.0`)},
		{field(`"int"`, `-0`), field(`"int"`, `0`), ""},
		{field(`"string"`, `"\u00e9\/\u001f\t\"\\ \uD83D\uDE00 \u2028"`), field(`"string"`, "\"é/\\u001F\\t\\\"\\\\ 😀 \u2028\""), ""},
		{field(`"bytes"`, `"\u0100\u00ff"`), field(`"bytes"`, `"Āÿ"`), field(`"bytes"`, `"?ÿ"`)},
		{field(`{"type":"map","values":"long"}`, `{"z":1,"a":2}`), field(`{"type":"map","values":"long"}`, `{"z":1,"a":2}`),
			field(`{"type":"map","values":"long"}`, `{"a":2,"z":1}`)},
	} {
		s := mustParse(t, c.text)
		if got := s.String(); got != c.printed {
			t.Errorf("%s\nprinted %s\nwant    %s", c.text, got, c.printed)
		}
		if c.normalized == "" {
			c.normalized = c.printed
		}
		if got := s.Normalized(); got != c.normalized {
			t.Errorf("%s\nnormalized %s\nwant       %s", c.text, got, c.normalized)
		}
		if s.Text() != c.text {
			t.Errorf("the text became %s", s.Text())
		}
	}
}

// Java's own notation of numbers, as Java 17 prints them.
func TestNumbers(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"0.0", "0.0"}, {"-0.0", "-0.0"}, {"1.50", "1.5"}, {"0.001", "0.001"}, {"0.0009", "9.0E-4"},
		{"9999999.0", "9999999.0"}, {"1e7", "1.0E7"}, {"123456789.5", "1.234567895E8"}, {"1e16", "1.0E16"},
		{"1e21", "1.0E21"}, {"1e-7", "1.0E-7"}, {"3.4028235e38", "3.4028235E38"}, {"4.9e-324", "4.9E-324"},
		{"2.2250738585072014e-308", "2.2250738585072014E-308"}, {"1.7976931348623157E308", "1.7976931348623157E308"},
		{"2e-3", "0.002"}, {"2e23", "1.9999999999999998E23"}, {"1e-400", "0.0"},
		{"2305843009213693951.0", "2.305843009213694E18"}, // a power of two
		{"12345678901234567890", "12345678901234567890"}, {"-7", "-7"},
	} {
		s := mustParse(t, `{"type":"string","x":`+c.text+`}`)
		if got := s.Root().Prop("x").String(); got != c.want {
			t.Errorf("%s printed as %s, want %s", c.text, got, c.want)
		}
	}
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct {
		text, canonical string
		fingerprint     uint64
	}{
		{`{"type":"int","logicalType":"date"}`, `"int"`, 8247732601305521295},
		{`"null"`, `"null"`, 7195948357588979594},
		{`{"fields":[], "type":"error", "name":"foo", "namespace":"x.y", "doc":"d"}`, `{"name":"x.y.foo","type":"record","fields":[]}`, 5916914534497305771},
		{`{"type":"record","name":"a.R","aliases":["Q"],"fields":[{"name":"x","doc":"d","type":["null","R"],"default":null},
			{"name":"e","type":{"type":"enum","name":"E","symbols":["A"],"default":"A"}},{"name":"f","type":{"type":"fixed","name":"F","size":3}},
			{"name":"m","type":{"type":"map","values":{"type":"array","items":"E"}}}]}`,
			`{"name":"a.R","type":"record","fields":[{"name":"x","type":["null","a.R"]},{"name":"e","type":{"name":"a.E","type":"enum","symbols":["A"]}},` +
				`{"name":"f","type":{"name":"a.F","type":"fixed","size":3}},{"name":"m","type":{"type":"map","values":{"type":"array","items":"a.E"}}}]}`, 0},
	} {
		s := mustParse(t, c.text)
		if got := s.Canonical(); got != c.canonical {
			t.Errorf("%s\ncanonical %s\nwant      %s", c.text, got, c.canonical)
		}
		if got := s.Fingerprint64(); c.fingerprint != 0 && got != c.fingerprint {
			t.Errorf("%s: fingerprint %d, want %d", c.text, got, c.fingerprint)
		}
	}
}

func TestReprintPlain(t *testing.T) {
	address := mustParse(t, `{"type":"record","name":"Address","namespace":"n","fields":[{"name":"street","type":"string"}]}`)
	s := mustParse(t, `{"type":"error","name":"n.R","doc":"d","aliases":["Q"],"p":1,"fields":[
		{"name":"a","type":"Address","doc":"d","order":"ignore"},
		{"name":"b","type":{"type":"bytes","logicalType":"decimal","precision":4,"x":1},"default":"a"},
		{"name":"c","type":{"type":"long","logicalType":"date"}},
		{"name":"d","type":["null",{"type":"map","values":"Address","p":1},{"type":"long","logicalType":"timestamp-micros"}]},
		{"name":"e","type":{"type":"enum","name":"E","symbols":["A"],"default":"A"}},
		{"name":"f","type":{"type":"array","items":{"type":"fixed","name":"F","size":16,"logicalType":"uuid"}}}]}`,
		schema.WithReferences(address))
	want := `{"type":"record","name":"R","namespace":"n","fields":[` +
		`{"name":"a","type":{"type":"record","name":"Address","namespace":"n","fields":[{"name":"street","type":"string"}]}},` +
		`{"name":"b","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":0}},` +
		`{"name":"c","type":"long"},` +
		`{"name":"d","type":["null",{"type":"map","values":"n.Address"},{"type":"long","logicalType":"timestamp-micros"}]},` +
		`{"name":"e","type":{"type":"enum","name":"E","namespace":"n","symbols":["A"]}},` +
		`{"name":"f","type":{"type":"array","items":{"type":"fixed","name":"F","namespace":"n","size":16,"logicalType":"uuid"}}}]}`
	if got := s.ReprintPlain(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if again := mustParse(t, want); again.Canonical() != s.Canonical() {
		t.Errorf("the reprint means another schema: %s", again.Canonical())
	}
}

func TestReferences(t *testing.T) {
	address := mustParse(t, `{"type":"record","name":"com.acme.Address","fields":[{"name":"kind","type":{"type":"enum","name":"Kind","symbols":["HOME"]}}]}`)
	person := mustParse(t, `{"type":"record","name":"com.acme.Person","fields":[{"name":"home","type":"com.acme.Address"},{"name":"boss","type":["null","Person"]}]}`,
		schema.WithReferences(address))
	if got, want := person.String(), `{"type":"record","name":"Person","namespace":"com.acme","fields":[{"name":"home","type":"Address"},{"name":"boss","type":["null","Person"]}]}`; got != want {
		t.Errorf("with a reference\n got %s\nwant %s", got, want)
	}
	if got := person.Normalized(); got != person.String() {
		t.Errorf("normalized with a reference: %s", got)
	}
	resolved := `{"type":"record","name":"Person","namespace":"com.acme","fields":[{"name":"home","type":` +
		`{"type":"record","name":"Address","fields":[{"name":"kind","type":{"type":"enum","name":"Kind","symbols":["HOME"]}}]}},{"name":"boss","type":["null","Person"]}]}`
	if got := person.Resolved(); got != resolved {
		t.Errorf("resolved\n got %s\nwant %s", got, resolved)
	}
	if alone := mustParse(t, resolved); alone.Canonical() != person.Canonical() || alone.Fingerprint64() != person.Fingerprint64() {
		t.Error("the canonical form depends on how the schema came together")
	}
	if len(person.Definitions()) != 1 || person.Named("com.acme.Kind") == nil || person.Root().Fields[0].Type != address.Root() {
		t.Error("the reference's types are not the reference's")
	}

	// A reference brings its own references, whose roots are only named; other types of theirs are printed in full.
	company := mustParse(t, `{"type":"record","name":"com.acme.Company","fields":[{"name":"p","type":"Person"},{"name":"a","type":"Address"},{"name":"k","type":"Kind"}]}`,
		schema.WithReferences(person))
	want := `{"type":"record","name":"Company","namespace":"com.acme","fields":[{"name":"p","type":"Person"},{"name":"a","type":"Address"},{"name":"k","type":{"type":"enum","name":"Kind","symbols":["HOME"]}}]}`
	if got := company.String(); got != want {
		t.Errorf("with a reference's reference\n got %s\nwant %s", got, want)
	}

	// The same text without the reference, an equal and an unequal definition of what is referenced, two that differ.
	if _, err := schema.Parse(person.Text()); err == nil {
		t.Error("accepted without its reference")
	}
	inline := mustParse(t, resolved, schema.WithReferences(address))
	if inline.String() != person.String() || inline.Root().Fields[0].Type != address.Root() {
		t.Errorf("an equal definition does not stand for the reference's: %s", inline)
	}
	other := mustParse(t, `{"type":"record","name":"com.acme.Address","fields":[]}`)
	if _, err := schema.Parse(resolved, schema.WithReferences(other)); err == nil {
		t.Error("an unequal definition of a referenced type was accepted")
	}
	if _, err := schema.Parse(`"int"`, schema.WithReferences(address, other)); err == nil {
		t.Error("references that contradict each other were accepted")
	}
}
