package avro

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/typelog/typelog/serde/avro/schema"
)

func codec(t testing.TB, text string) *Codec {
	t.Helper()
	c, err := NewCodec(mustParse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestJSONBothWays holds Avro's JSON encoding: what is printed and what is read back.
func TestJSONBothWays(t *testing.T) {
	tests := []struct{ schema, json string }{
		{`"null"`, `null`},
		{`"boolean"`, `true`},
		{`"int"`, `-2147483648`},
		{`"long"`, `9223372036854775807`},
		{`"float"`, `1.5`},
		{`"float"`, `0.1`},
		{`"double"`, `1e+300`},
		{`"double"`, `12.0`},
		{`"double"`, `"NaN"`},
		{`"double"`, `"-Infinity"`},
		{`"bytes"`, `"\u0000ÿ\"\\\n\u0085"`},
		{`"string"`, `"漢字 🙂 \"\\\n\u0001</é>"`},
		{`{"type":"fixed","name":"F","size":2}`, `"é~"`},
		{`{"type":"enum","name":"E","symbols":["A","B"]}`, `"B"`},
		{`{"type":"array","items":"int"}`, `[1,2,3]`},
		{`{"type":"array","items":"null"}`, `[null,null]`},
		{`{"type":"map","values":"int"}`, `{"a":1,"":2}`},
		{`["null","string"]`, `null`},
		{`["null","string"]`, `{"string":"x"}`},
		{`["null",{"type":"record","name":"n.R","fields":[{"name":"a","type":"int"}]}]`, `{"n.R":{"a":1}}`},
		{`["int",{"type":"array","items":"int"},{"type":"map","values":"int"}]`, `{"array":[1]}`},
		{`{"type":"record","name":"R","fields":[{"name":"e","type":{"type":"record","name":"E","fields":[]}},{"name":"n","type":"null"}]}`,
			`{"e":{},"n":null}`},
		{`{"type":"record","name":"L","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","L"]}]}`,
			`{"v":1,"next":{"L":{"v":2,"next":null}}}`},
		{`{"type":"long","logicalType":"timestamp-micros"}`, `1700000000000000`},
		{`{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}`, `"\u0004Ò"`},
	}
	for _, tt := range tests {
		c := codec(t, tt.schema)
		data, err := c.FromJSON([]byte("before"), []byte(" "+tt.json+"\n"))
		if err != nil {
			t.Errorf("%s %s: %v", tt.schema, tt.json, err)
			continue
		}
		if !bytes.HasPrefix(data, []byte("before")) {
			t.Errorf("%s: overwrote dst", tt.schema)
		}
		got, err := c.ToJSON(data[len("before"):])
		if err != nil || string(got) != tt.json {
			t.Errorf("%s %s: got %s, %v", tt.schema, tt.json, got, err)
		}
		if !json.Valid(got) {
			t.Errorf("%s: invalid JSON %s", tt.schema, got)
		}
	}
}

// TestJSONByHand holds what people may write beyond Avro's JSON encoding.
func TestJSONByHand(t *testing.T) {
	tests := []struct{ schema, in, out string }{
		{`["null","string"]`, `"x"`, `{"string":"x"}`},
		{`["null","long","string"]`, `5`, `{"long":5}`},
		{`["null",{"type":"record","name":"n.R","fields":[{"name":"a","type":["null","int"]}]}]`, `{"R":{"a":1}}`, `{"n.R":{"a":{"int":1}}}`},
		{`["null",{"type":"record","name":"n.R","fields":[{"name":"a","type":["null","int"]}]}]`, `{"a":1}`, `{"n.R":{"a":{"int":1}}}`},
		{`["null",{"type":"map","values":"int"}]`, `{"map":{"x":1}}`, `{"map":{"x":1}}`},
		{`["null",{"type":"map","values":"int"}]`, `{"maps":1}`, `{"map":{"maps":1}}`},
		{`{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":7},{"name":"b","type":["null","string"],"default":null},
			{"name":"c","type":{"type":"array","items":"string"},"default":["x"]}]}`, `{}`, `{"a":7,"b":null,"c":["x"]}`},
		{`{"type":"long","logicalType":"timestamp-millis"}`, `"2024-01-02T03:04:05.678+01:00"`, `1704161045678`},
		{`{"type":"long","logicalType":"timestamp-micros"}`, `"1969-12-31T23:59:59.999999Z"`, `-1`},
		{`{"type":"long","logicalType":"local-timestamp-micros"}`, `"1970-01-01T00:00:01"`, `1000000`},
		{`{"type":"int","logicalType":"date"}`, `"1970-01-03"`, `2`},
		{`{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}`, `12.5`, `"\u0004â"`},
		{`"double"`, `3`, `3.0`},
	}
	for _, tt := range tests {
		c := codec(t, tt.schema)
		data, err := c.FromJSON(nil, []byte(tt.in))
		if err != nil {
			t.Errorf("%s %s: %v", tt.schema, tt.in, err)
			continue
		}
		if got, err := c.ToJSON(data); err != nil || string(got) != tt.out {
			t.Errorf("%s %s: got %s, %v, want %s", tt.schema, tt.in, got, err, tt.out)
		}
	}
}

func TestJSONRefusals(t *testing.T) {
	const rec = `{"type":"record","name":"R","fields":[{"name":"xs","type":{"type":"array","items":{"type":"record","name":"X",
		"fields":[{"name":"id","type":"int"}]}}},{"name":"m","type":{"type":"map","values":["null","string"]},"default":{}}]}`
	tests := []struct{ schema, in, fault string }{
		{`"int"`, `2147483648`, `expected int, got 2147483648: it does not fit 32 bits`},
		{`"long"`, `9223372036854775808`, `expected long, got 9223372036854775808`},
		{`"long"`, `1.0`, `without point`},
		{`"int"`, `"1"`, `expected int, got the string "1"`},
		{`"float"`, `1e39`, `too large`},
		{`"double"`, `1e999`, `too large`},
		{`"bytes"`, `"Ā"`, `U+0000 to U+00FF`},
		{`{"type":"fixed","name":"F","size":2}`, `"abc"`, `expected fixed F of 2 bytes, got the string "abc": it has 3 bytes`},
		{`{"type":"enum","name":"E","symbols":["A","B"]}`, `"C"`, `its symbols are A, B`},
		{rec, `{"xs":[{"id":1},{"id":"x"}]}`, `xs[1].id: expected int, got the string "x"`},
		{rec, `{"xs":[{}]}`, `xs[0].id: expected int, but the field is missing and has no default`},
		{rec, `{"xs":[{"id":1,"idd":2}]}`, `xs[0].idd: record X has no such field`},
		{rec, `{"xs":[],"m":{"a b":1}}`, `m["a b"]: expected string, got 1`},
		{rec, `{"xs":[],"xs":[]}`, `the member "xs" comes twice`},
		{rec, `{"xs":[]`, `invalid JSON: it ends too early`},
		{rec, `{"xs":[]} 1`, `something follows the value`},
		{`["int","long"]`, `5`, `both int and long fit; tag it`},
		{`["null","int","string"]`, `true`, `one of null, int, string`},
		{`"string"`, `"\ud800x"`, `surrogate`},
		{`"string"`, "\"\xff\"", `not valid UTF-8`},
		{`{"type":"long","logicalType":"timestamp-nanos"}`, `"2263-01-02T03:04:05Z"`, `cannot hold the year 2263`},
		{`{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}`, `1.234`, `more than 2 digits`},
		{`{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}`, `123`, `more than 4 digits`},
		{`{"type":"string","logicalType":"uuid"}`, `"x"`, `expected string (uuid)`},
		{`{"type":"array","items":"null"}`, `[` + strings.Repeat("null,", 70000) + `null]`, `take no bytes`},
	}
	for _, tt := range tests {
		dst := []byte("keep")
		out, err := codec(t, tt.schema).FromJSON(dst, []byte(tt.in))
		if err == nil || !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%s %.80s: got %v, want %q", tt.schema, tt.in, err, tt.fault)
		}
		if string(out) != "keep" {
			t.Errorf("%s: dst became %q", tt.schema, out)
		}
	}
	deep := strings.Repeat(`{"L":{"next":`, 20000)
	_, err := codec(t, `{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}`).FromJSON(nil, []byte(deep))
	if !errors.Is(err, ErrLimit) {
		t.Errorf("deep JSON: %.100v", err)
	}
}

// TestUntaggedUnionsStayCheap: nested unions whose branches all fit for long must not take exponential time.
func TestUntaggedUnionsStayCheap(t *testing.T) {
	c := codec(t, `{"type":"record","name":"A","fields":[{"name":"x","type":["null","A",{"type":"record","name":"B","fields":[{"name":"x","type":["null","A","B"]}]}]}]}`)
	text := strings.Repeat(`{"x":`, 200) + "1" + strings.Repeat("}", 200)
	start := time.Now()
	if _, err := c.FromJSON(nil, []byte(text)); err == nil {
		t.Error("accepted")
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	list := codec(t, `{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}`)
	if _, err := list.FromJSON(nil, []byte(strings.Repeat(`{"next":`, 300)+"null"+strings.Repeat("}", 300))); err != nil {
		t.Errorf("an untagged list of 300: %v", err)
	}
}

func TestDecodeToGoValues(t *testing.T) {
	c := codec(t, `{"type":"record","name":"R","fields":[
		{"name":"i","type":"int"},{"name":"l","type":"long"},{"name":"b","type":"bytes"},
		{"name":"o","type":["null","string"]},{"name":"u","type":["null","int","string"]},
		{"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},
		{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":40,"scale":2}},
		{"name":"id","type":{"type":"string","logicalType":"uuid"}},
		{"name":"m","type":{"type":"map","values":"float"}}]}`)
	huge, _ := new(big.Int).SetString("-1234567890123456789012345678", 10)
	want := map[string]any{
		"i": int32(-5), "l": int64(math.MaxInt64), "b": []byte{0, 255}, "o": "x", "u": Branch{"int", int32(3)},
		"at": time.UnixMicro(1_700_000_000_123_456).UTC(), "d": NewBigDecimal(huge, 2),
		"id": UUID{1, 2, 3}, "m": map[string]any{"k": float32(1.5)},
	}
	data, err := c.Append(nil, want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Decode(data)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v\nwant %v", got, err, want)
	}
}

func TestAppendRefusals(t *testing.T) {
	tests := []struct {
		schema string
		v      any
		fault  string
	}{
		{`"int"`, int64(1) << 40, "expected int, got the int64 1099511627776"},
		{`"long"`, uint64(1) << 63, "expected long"},
		{`"long"`, 1.5, "expected long, got the float64 1.5"},
		{`"string"`, "\xff", "not valid UTF-8"},
		{`"double"`, int64(1)<<53 + 1, "expected double"},
		{`{"type":"fixed","name":"F","size":2}`, []byte("abc"), "it has 3 bytes"},
		{`{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":"int"}}]}`, map[string]any{"a": []any{1, "x"}}, "a[1]: expected int, got the string x"},
		{`{"type":"record","name":"R","fields":[]}`, map[string]any{"a": 1}, "a: record R has no such field"},
		{`["int","long"]`, 1, "both int and long fit"},
		{`["int","string"]`, Branch{"bytes", nil}, `no branch "bytes"`},
		{`{"type":"long","logicalType":"timestamp-nanos"}`, time.Time{}, "cannot hold the year 1"},
		{`{"type":"bytes","logicalType":"decimal","precision":4,"scale":1}`, NewDecimal(123, 2), "more than 1 digits after the point"},
		{`{"type":"int","logicalType":"time-millis"}`, 86_400_000, "between 0 and 24 hours"},
	}
	for _, tt := range tests {
		if out, err := codec(t, tt.schema).Append([]byte("keep"), tt.v); err == nil || !strings.Contains(err.Error(), tt.fault) || string(out) != "keep" {
			t.Errorf("%s: got %q, %v, want %q", tt.schema, out, err, tt.fault)
		}
	}
	loop := map[string]any{}
	loop["next"] = loop
	if _, err := codec(t, `{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}`).Append(nil, loop); !errors.Is(err, ErrLimit) {
		t.Errorf("a value that contains itself: %.80v", err)
	}
}

// TestCodecRoundTrips: data of random schemas survives JSON and Go values.
func TestCodecRoundTrips(t *testing.T) {
	r := seeded(t)
	for range 1500 {
		text := randomSchema(r)
		c := codec(t, text)
		data := appendRandom(r, nil, c.root.typ, 6)
		roundTrip(t, c, data)
		if t.Failed() {
			t.Fatalf("%s\n%x", text, data)
		}
	}
}

// roundTrip checks that valid data survives JSON and Go values.
func roundTrip(t *testing.T, c *Codec, data []byte) {
	t.Helper()
	text, err := c.ToJSON(data)
	if err != nil {
		t.Fatalf("to JSON: %v", err)
	}
	v, err := c.Decode(data)
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	again, err := c.Append(nil, v)
	if err != nil {
		t.Fatalf("append %v: %v", v, err)
	}
	if !hasMap(c.root.typ) {
		fromJSON, err := c.FromJSON(nil, text)
		same := bytes.Equal(fromJSON, again)
		if !same && bytes.Contains(text, []byte(`"NaN"`)) { // JSON has one NaN, floats have many
			second, _ := c.ToJSON(fromJSON)
			same = bytes.Equal(second, text)
		}
		if err != nil || !same {
			t.Fatalf("from JSON %s: %x, %v\nfrom values %x", text, fromJSON, err, again)
		}
	}
	second, err := c.Decode(again)
	if err != nil {
		t.Fatal(err)
	}
	if third, err := c.Append(nil, second); err != nil || !bytes.Equal(third, again) {
		t.Fatalf("%x\n%x: %v", again, third, err)
	}
}

// hasMap reports whether a map is in it: its keys may come twice and in any order.
func hasMap(t *schema.Type) (found bool) {
	t.Walk(func(t *schema.Type) bool {
		found = found || t.Kind == schema.Map
		return true
	})
	return found
}

// TestLargeValuesNeedNoTags: the bound on tries is none on size.
func TestLargeValuesNeedNoTags(t *testing.T) {
	c := codec(t, `{"type":"array","items":["null","int"]}`)
	items := make([]any, encodeBudget+10)
	for i := range items {
		items[i] = i
	}
	data, err := c.Append(nil, items)
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.ToJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.FromJSON(nil, text); err != nil || !bytes.Equal(again, data) {
		t.Errorf("%d bytes became %d, %v", len(data), len(again), err)
	}
}
