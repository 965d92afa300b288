package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/schema"
)

// aCase is a schema and values of it in Avro's JSON.
type aCase struct {
	name, schema string
	values       []string
}

const everything = `{"type":"record","name":"Everything","namespace":"typelog.interop","fields":[
	{"name":"nothing","type":"null"},
	{"name":"yes","type":"boolean"},
	{"name":"small","type":"int"},
	{"name":"large","type":"long"},
	{"name":"single","type":"float"},
	{"name":"real","type":"double"},
	{"name":"blob","type":"bytes"},
	{"name":"text","type":"string"},
	{"name":"digest","type":{"type":"fixed","name":"Digest","size":4}},
	{"name":"suit","type":{"type":"enum","name":"Suit","symbols":["CLUBS","HEARTS","SPADES"]}},
	{"name":"numbers","type":{"type":"array","items":"long"}},
	{"name":"counts","type":{"type":"map","values":"int"}},
	{"name":"maybe","type":["null","string"]},
	{"name":"other","type":["string","null"]},
	{"name":"choice","type":["null","long","string",{"type":"array","items":"Suit"},{"type":"record","name":"Point","fields":[
		{"name":"x","type":"int"},{"name":"y","type":"int"}]},"Digest"]},
	{"name":"path","type":{"type":"array","items":"Point"}}]}`

var everythingValues = []string{
	`{"nothing":null,"yes":true,"small":-7,"large":9007199254740991,"single":0.5,"real":-1e-300,"blob":"\u0000\u00ff~","text":"héllo 漢字 🙂",
		"digest":"abcd","suit":"SPADES","numbers":[1,-1,64,-65,8192],"counts":{"a":1,"é":-2},"maybe":{"string":""},"other":null,
		"choice":{"typelog.interop.Point":{"x":1,"y":-1}},"path":[{"x":0,"y":0},{"x":2147483647,"y":-2147483648}]}`,
	`{"nothing":null,"yes":false,"small":0,"large":0,"single":0,"real":0,"blob":"","text":"","digest":"\u0000\u0001\u00fe\u00ff","suit":"CLUBS",
		"numbers":[],"counts":{},"maybe":null,"other":{"string":"x"},"choice":{"array":["HEARTS"]},"path":[]}`,
	`{"nothing":null,"yes":false,"small":1,"large":1,"single":1,"real":1,"blob":"","text":"","digest":"0000","suit":"HEARTS",
		"numbers":[],"counts":{},"maybe":null,"other":null,"choice":{"typelog.interop.Digest":"wxyz"},"path":[]}`,
	`{"nothing":null,"yes":false,"small":1,"large":1,"single":1,"real":1,"blob":"","text":"","digest":"0000","suit":"HEARTS",
		"numbers":[],"counts":{},"maybe":null,"other":null,"choice":{"long":-5},"path":[]}`,
}

// cases has every type, as a root and inside others, and every logical type. The values of logical types are such as every
// language's own types can hold.
func cases() []aCase {
	return []aCase{
		{"null", `"null"`, []string{`null`}},
		{"boolean", `"boolean"`, []string{`true`, `false`}},
		{"int", `"int"`, []string{`0`, `-1`, `63`, `64`, `-64`, `-65`, `2147483647`, `-2147483648`}},
		{"long", `"long"`, []string{`0`, `-1`, `8191`, `8192`, `9223372036854775807`, `-9223372036854775808`}},
		{"float", `"float"`, []string{`0`, `-1.5`, `3.4028234663852886e+38`, `1.401298464324817e-45`}},
		{"double", `"double"`, []string{`0`, `-1.5`, `1.7976931348623157e+308`, `5e-324`}},
		{"doubles that are no numbers", `{"type":"array","items":"double"}`, []string{`["Infinity","-Infinity","NaN"]`}},
		{"bytes", `"bytes"`, []string{`""`, `"\u0000\u007f\u0080\u00ff"`}},
		{"string", `"string"`, []string{`""`, `"a\u0000é漢🙂"`}},
		{"fixed", `{"type":"fixed","name":"F","namespace":"n","size":3}`, []string{`"\u0000\u0080\u00ff"`}},
		{"enum", `{"type":"enum","name":"E","symbols":["A","B","C"]}`, []string{`"A"`, `"C"`}},
		{"array", `{"type":"array","items":{"type":"array","items":"string"}}`, []string{`[]`, `[[],["a"],["b","c"]]`}},
		{"map", `{"type":"map","values":{"type":"map","values":"long"}}`, []string{`{}`, `{"a":{},"b":{"c":1,"":2}}`}},
		{"union", `["null","boolean","long","string",{"type":"map","values":"int"}]`,
			[]string{`null`, `{"boolean":true}`, `{"long":5}`, `{"string":"s"}`, `{"map":{"a":1}}`}},
		{"union of records", `[{"type":"record","name":"A","namespace":"n","fields":[{"name":"a","type":"int"}]},{"type":"record","name":"B","namespace":"n","fields":[{"name":"b","type":"string"}]}]`,
			[]string{`{"n.A":{"a":1}}`, `{"n.B":{"b":"x"}}`}},
		{"record", everything, everythingValues},
		{"empty record", `{"type":"record","name":"Empty","fields":[]}`, []string{`{}`}},
		{"error", `{"type":"error","name":"Bad","fields":[{"name":"code","type":"int"},{"name":"cause","type":["null","Bad"]}]}`,
			[]string{`{"code":1,"cause":{"Bad":{"code":2,"cause":null}}}`}},
		{"list", `{"type":"record","name":"List","namespace":"n","fields":[{"name":"value","type":"long"},{"name":"next","type":["null","List"]}]}`,
			[]string{`{"value":1,"next":{"n.List":{"value":2,"next":{"n.List":{"value":3,"next":null}}}}}`}},
		{"tree", `{"type":"record","name":"Tree","fields":[{"name":"children","type":{"type":"map","values":"Tree"}},{"name":"leaves","type":{"type":"array","items":["null","Tree"]}}]}`,
			[]string{`{"children":{"a":{"children":{},"leaves":[null]}},"leaves":[{"Tree":{"children":{},"leaves":[]}}]}`}},
		{"date", `{"type":"int","logicalType":"date"}`, []string{`0`, `19000`, `-365`}},
		{"time-millis", `{"type":"int","logicalType":"time-millis"}`, []string{`0`, `86399999`}},
		{"time-micros", `{"type":"long","logicalType":"time-micros"}`, []string{`0`, `86399999999`}},
		{"timestamp-millis", `{"type":"long","logicalType":"timestamp-millis"}`, []string{`0`, `1700000000123`, `-1`}},
		{"timestamp-micros", `{"type":"long","logicalType":"timestamp-micros"}`, []string{`0`, `1700000000123456`, `-1`}},
		{"timestamp-nanos", `{"type":"long","logicalType":"timestamp-nanos"}`, []string{`0`, `1700000000123456789`}},
		{"timestamp-nanos before 1970", `{"type":"long","logicalType":"timestamp-nanos"}`, []string{`-1`, `-1700000000123456789`}},
		{"local-timestamp-millis", `{"type":"long","logicalType":"local-timestamp-millis"}`, []string{`0`, `1700000000123`, `-1`}},
		{"local-timestamp-micros", `{"type":"long","logicalType":"local-timestamp-micros"}`, []string{`0`, `1700000000123456`, `-1`}},
		{"local-timestamp-nanos", `{"type":"long","logicalType":"local-timestamp-nanos"}`, []string{`0`, `1700000000123456789`}},
		{"local-timestamp-nanos before 1970", `{"type":"long","logicalType":"local-timestamp-nanos"}`, []string{`-1`, `-1700000000123456789`}},
		{"decimal of bytes", `{"type":"bytes","logicalType":"decimal","precision":20,"scale":3}`,
			[]string{`"\u0000"`, `"\u007f"`, `"\u0080"`, `"\u0000\u0080"`, `"\u0005k\u00c7^-c\u000f\u00ff"`, `"\u00ff\u007f"`}},
		{"decimal of fixed", `{"type":"fixed","name":"D","size":9,"logicalType":"decimal","precision":20,"scale":3}`,
			[]string{`"\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0001"`, `"\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u0080"`}},
		{"uuid", `{"type":"string","logicalType":"uuid"}`, []string{`"00112233-4455-6677-8899-aabbccddeeff"`}},
		{"uuid of fixed", `{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}`,
			[]string{`"\u0000\u0011\"3DUfw\u0088\u0099\u00aa\u00bb\u00cc\u00dd\u00ee\u00ff"`}},
		{"duration", `{"type":"fixed","name":"P","size":12,"logicalType":"duration"}`, []string{`"\u0001\u0000\u0000\u0000\u0002\u0000\u0000\u0000\u0003\u0000\u0000\u0000"`}},
		{"big-decimal", `{"type":"bytes","logicalType":"big-decimal"}`, []string{`"\u0004\u0004\u00d2\u0004"`}},
		{"logical types in a union", `{"type":"record","name":"Event","fields":[
			{"name":"at","type":["null",{"type":"long","logicalType":"timestamp-micros"}]},
			{"name":"price","type":["null",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}]},
			{"name":"id","type":{"type":"string","logicalType":"uuid"}},
			{"name":"days","type":{"type":"array","items":{"type":"int","logicalType":"date"}}}]}`,
			[]string{`{"at":{"long":1700000000123456},"price":{"bytes":"\u0004\u00d2"},"id":"00112233-4455-6677-8899-aabbccddeeff","days":[1,2]}`,
				`{"at":null,"price":null,"id":"ffffffff-ffff-ffff-ffff-ffffffffffff","days":[]}`}},
	}
}

// encoded is a case with its codec and our encodings.
type encoded struct {
	aCase
	codec *avro.Codec
	data  [][]byte
}

func (c aCase) encode() (*encoded, error) {
	s, err := schema.Parse(c.schema)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	e := &encoded{aCase: c}
	if e.codec, err = avro.NewCodec(s); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	for _, v := range c.values {
		datum, err := e.codec.FromJSON(nil, []byte(v))
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", c.name, v, err)
		}
		e.data = append(e.data, datum)
	}
	return e, nil
}

// Random data of the same on every run, so that what a library does wrong can be looked at.
const (
	randomSeed  = 7
	randomCount = 25
)

// addRandom adds random data, except where a language's own types could not hold them.
func (e *encoded) addRandom() {
	if strings.Contains(e.schema, "logicalType") {
		return
	}
	r := rand.New(rand.NewPCG(randomSeed, 0))
	for range randomCount {
		e.data = append(e.data, e.codec.AppendRandom(nil, r))
	}
}

// equal compares two encodings by their values, because the order of maps' entries means nothing.
func (e *encoded) equal(ours, theirs []byte) error {
	a, err := e.codec.Decode(ours)
	if err != nil {
		return err
	}
	b, err := e.codec.Decode(theirs)
	if err != nil {
		return fmt.Errorf("what it wrote, %x, does not decode: %w", theirs, err)
	}
	if fmt.Sprint(a) != fmt.Sprint(b) { // which prints maps sorted, and NaN as equal to itself
		return fmt.Errorf("it wrote %x, which is %v; want %v (%x)", theirs, b, a, ours)
	}
	return nil
}
