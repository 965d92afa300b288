package schema_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/typelog/typelog/serde/avro/schema"
)

// Hostile texts are refused, or read in bounded time: each of these would take minutes, gigabytes or the whole stack
// without its limit.
func TestLimits(t *testing.T) {
	record := func(name, fields string) string {
		return `{"type":"record","name":"` + name + `","fields":[` + fields + `]}`
	}
	chain := func(n int, next func(i int) int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `{"type":"record","name":"R%d","fields":[{"name":"a","type":["null","R%d"]}]},`, i, next(i))
		}
		return "[" + b.String() + record(fmt.Sprintf("R%d", n), "") + "]"
	}
	wide := ""
	for i := range 300 {
		wide += fmt.Sprintf(`{"type":"record","name":"R%d","fields":[{"name":"a","type":`, i)
	}
	var fields strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&fields, `{"name":"f%d","type":"int"},`, i)
	}
	for _, c := range []struct{ name, text, reason string }{
		{"long", `"` + strings.Repeat("x", schema.MaxText) + `"`, "bytes, more than"},
		{"deep JSON", strings.Repeat("[", 1_000_000), "nested more than"},
		{"deep JSON in a property", `{"type":"int","x":` + strings.Repeat(`{"a":`, 1_000), "nested more than"},
		{"deep types", strings.Repeat(`{"type":"array","items":`, 1_001) + `"int"` + strings.Repeat("}", 1_001), "nested more than"},
		{"deep by uses before definitions", chain(15_000, func(i int) int { return i + 1 }), "nested more than"},
		{"many types", "[" + strings.Repeat(`{"type":"array","items":"int"},`, 60_000) + `"int"]`, "types and fields"},
		{"deep and wide", wide + record("Z", strings.TrimSuffix(fields.String(), ",")) + strings.Repeat("}]}", 300), "too deeply for its size"},
		{"many values", field(`{"type":"array","items":"int"}`, "["+strings.Repeat("0,", 1<<20)+"0]"), "values"},
		{"many decimals", field(`{"type":"array","items":"double"}`, "["+strings.Repeat("5e-310,", 20_000)+"0]"), "decimal numbers"},
		{"long number", `{"type":"int","x":` + strings.Repeat("1", 1_001) + `}`, "longer than"},
	} {
		_, err := schema.Parse(c.text)
		if err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %.200v, want it to say %q", c.name, err, c.reason)
		}
		if err != nil && len(err.Error()) > 10_000 {
			t.Errorf("%s: the message has %d bytes", c.name, len(err.Error()))
		}
	}
	mustParse(t, strings.Repeat(`{"type":"array","items":`, 999)+`"int"`+strings.Repeat("}", 999))
	mustParse(t, chain(10_000, func(i int) int { return max(i-1, 0) }))
}

// A default is tried against every branch of every union on its way, and records fill themselves from their fields'
// defaults: both double at each level.
func TestCostlyDefaults(t *testing.T) {
	var b strings.Builder
	b.WriteString(`[{"type":"record","name":"R0","fields":[{"name":"x","type":"int","default":1}]}`)
	for i := 1; i < 60; i++ {
		fmt.Fprintf(&b, `,{"type":"record","name":"R%d","fields":[{"name":"a","type":"R%d","default":{}},{"name":"b","type":"R%d","default":{}}]}`, i, i-1, i-1)
	}
	s := mustParse(t, b.String()+"]")
	if !schema.DefaultFits(s.Root().Branches[59], schema.Value{Kind: schema.JSONObject}) {
		t.Error("{} is no default of a record whose fields all have one")
	}

	const branches, depth = 12, 60
	b.Reset()
	b.WriteString(`{"type":"record","name":"Top","fields":[{"name":"all","type":[`)
	for i := range branches {
		fmt.Fprintf(&b, `{"type":"record","name":"B%d","fields":[{"name":"x","type":["int"`, i)
		for j := range branches {
			fmt.Fprintf(&b, `,"B%d"`, j)
		}
		b.WriteString(`]},{"name":"y","type":"int"}]},`)
	}
	b.WriteString(`"int"]},{"name":"d","type":"B0","default":` + strings.Repeat(`{"y":1,"x":`, depth) + `"no"` + strings.Repeat("}", depth) + `}]}`)
	if _, err := schema.Parse(b.String()); err == nil || !strings.Contains(err.Error(), "Invalid default") {
		t.Errorf("got %.200v, want an invalid default", err)
	}
}
