package diff

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/typelog/typelog/serde/avro/compat"
	"github.com/typelog/typelog/serde/avro/schema"
)

func mustParse(t *testing.T, text string) *schema.Schema {
	t.Helper()
	s, err := schema.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

func record(fields string) string {
	return `{"type":"record","name":"Invoice","namespace":"shop","fields":[` + fields + `]}`
}

// TestKinds: one difference each, with its place and what it does to either side.
func TestKinds(t *testing.T) {
	const id = `{"name":"id","type":"long"}`
	enum := func(symbols, more string) string {
		return `{"type":"enum","name":"State","symbols":[` + symbols + `]` + more + `}`
	}
	for _, c := range []struct {
		before, after    string
		kind             Kind
		name, from, to   string
		readers, writers bool
	}{
		{record(id), record(id + `,{"name":"a","type":"int","default":1}`), FieldAdded, "shop.Invoice.a", "-", "/fields/1", true, true},
		{record(id), record(id + `,{"name":"a","type":"int"}`), FieldAdded, "shop.Invoice.a", "-", "/fields/1", false, true},
		{record(id + `,{"name":"a","type":"int"}`), record(id), FieldRemoved, "shop.Invoice.a", "/fields/1", "-", true, false},
		{record(id), record(`{"name":"key","type":"long","aliases":["id"]}`), FieldRenamed, "shop.Invoice.key", "/fields/0", "/fields/0", true, false},
		{record(id), record(`{"name":"id","type":"double"}`), TypeWidened, "shop.Invoice.id", "/fields/0/type", "/fields/0/type", true, false},
		{record(id), record(`{"name":"id","type":"int"}`), TypeNarrowed, "shop.Invoice.id", "/fields/0/type", "/fields/0/type", false, true},
		{record(id), record(`{"name":"id","type":"boolean"}`), TypeChanged, "shop.Invoice.id", "/fields/0/type", "/fields/0/type", false, false},
		{record(id), record(`{"name":"id","type":["null","long"]}`), TypeWidened, "shop.Invoice.id", "/fields/0/type", "/fields/0/type", true, false},
		{`"string"`, `"bytes"`, TypeChanged, "bytes", "", "", true, true},
		{enum(`"A"`, ""), enum(`"A","B"`, ""), SymbolAdded, "State", "-", "/symbols", true, false},
		{enum(`"A","B"`, ""), enum(`"A"`, ""), SymbolRemoved, "State", "/symbols", "-", false, true},
		{enum(`"A","B"`, `,"default":"A"`), enum(`"A"`, `,"default":"A"`), SymbolRemoved, "State", "/symbols", "-", true, true},
		{enum(`"A","B"`, ""), enum(`"B","A"`, ""), SymbolsMoved, "State", "/symbols", "/symbols", true, true},
		{`["null","int"]`, `["null","int","string"]`, BranchAdded, "union", "-", "/2", true, false},
		{`["null","int","string"]`, `["null","int"]`, BranchRemoved, "union", "/2", "-", false, true},
		{`["null","int"]`, `["int","null"]`, BranchesMoved, "union", "", "", true, true},
		{`{"type":"fixed","name":"F","size":4}`, `{"type":"fixed","name":"F","size":5}`, SizeChanged, "F", "/size", "/size", false, false},
		{`{"type":"fixed","name":"F","size":4}`, `{"type":"fixed","name":"G","size":4}`, NameChanged, "G", "/name", "/name", false, false},
		{record(`{"name":"a","type":"int"}`), record(`{"name":"a","type":"int","default":1}`), DefaultAdded, "shop.Invoice.a", "/fields/0/default", "/fields/0/default", true, true},
		{record(`{"name":"a","type":"int","default":2}`), record(`{"name":"a","type":"int","default":1}`), DefaultChanged, "shop.Invoice.a", "/fields/0/default", "/fields/0/default", true, true},
		{record(`{"name":"a","type":"int","default":2}`), record(`{"name":"a","type":"int"}`), DefaultRemoved, "shop.Invoice.a", "/fields/0/default", "/fields/0/default", true, true},
		{record(`{"name":"a","type":"int"}`), record(`{"name":"a","type":"int","doc":"x"}`), DocChanged, "shop.Invoice.a", "/fields/0/doc", "/fields/0/doc", true, true},
		{record(`{"name":"a","type":"int"}`), record(`{"name":"a","type":"int","order":"ignore"}`), OrderChanged, "shop.Invoice.a", "/fields/0/order", "/fields/0/order", true, true},
		{record(`{"name":"a","type":"int"}`), record(`{"name":"a","type":"int","pii":true}`), PropertyChanged, "shop.Invoice.a", "/fields/0/pii", "/fields/0/pii", true, true},
		{record(`{"name":"a","type":"int"}`), record(`{"name":"a","type":"int","aliases":["b"]}`), AliasesChanged, "shop.Invoice.a", "/fields/0/aliases", "/fields/0/aliases", true, true},
		{`{"type":"long","logicalType":"timestamp-millis"}`, `{"type":"long","logicalType":"timestamp-micros"}`, LogicalChanged, "long", "/logicalType", "/logicalType", true, false},
		{`{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`, `{"type":"bytes","logicalType":"decimal","precision":8,"scale":1}`, LogicalChanged, "bytes", "/logicalType", "/logicalType", false, true},
		{record(`{"name":"a","type":"int"},{"name":"b","type":"int"}`), record(`{"name":"b","type":"int"},{"name":"a","type":"int"}`), FieldsMoved, "shop.Invoice", "/fields", "/fields", true, true},
	} {
		found := Compare(mustParse(t, c.before), mustParse(t, c.after))
		if len(found) != 1 {
			t.Errorf("%s\n%s\n%d differences: %+v", c.before, c.after, len(found), found)
			continue
		}
		d := found[0]
		if d.Kind != c.kind || d.Name != c.name || at(d.From) != c.from || at(d.To) != c.to || d.Readers.OK != c.readers ||
			d.Writers.OK != c.writers || d.Readers.Text == "" || d.Writers.Text == "" {
			t.Errorf("%s\n%s\n%s %s from %s to %s readers %+v writers %+v", c.before, c.after, d.Kind, d.Name, at(d.From), at(d.To),
				d.Readers, d.Writers)
		}
	}
}

func at(pointer *string) string {
	if pointer == nil {
		return "-"
	}
	return *pointer
}

// TestAgreesWithTheCheck: a side is in trouble in some difference exactly if the registry's check says so, and equal
// schemas have no differences. Logical types are left out: the check does not look at them.
func TestAgreesWithTheCheck(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	broken := 0
	for range 3000 {
		a, b := mustParse(t, random(r)), mustParse(t, random(r))
		if same := Compare(a, a); len(same) > 0 {
			t.Fatalf("%s\ndiffers from itself: %+v", a, same)
		}
		readers, writers := true, true
		for _, d := range Compare(a, b) {
			readers, writers = readers && d.Readers.OK, writers && d.Writers.OK
			if d.Kind == Incompatible {
				t.Fatalf("%s\n%s\nnot explained: %+v", a, b, d)
			}
		}
		if readers != (len(compat.Check(b, a)) == 0) || writers != (len(compat.Check(a, b)) == 0) {
			t.Fatalf("%s\n%s\nreaders %t, writers %t: %+v", a, b, readers, writers, Compare(a, b))
		}
		if !readers {
			broken++
		}
	}
	if broken < 300 || broken > 2900 {
		t.Errorf("%d of 3000 pairs broke readers: the pairs say little", broken)
	}
}

// random is a schema from a small set, so that two of them are related.
func random(r *rand.Rand) string {
	names := 0
	var kind func(depth int) string
	kind = func(depth int) string {
		switch n := r.IntN(11); {
		case n < 5 || depth == 0:
			return []string{`"int"`, `"long"`, `"string"`, `"double"`, `"boolean"`}[r.IntN(5)]
		case n < 6:
			return `{"type":"array","items":` + kind(depth-1) + `}`
		case n < 7:
			return `{"type":"map","values":` + kind(depth-1) + `}`
		case n < 8:
			names++
			return `{"type":"enum","name":"E` + number(names) + `","symbols":[` + []string{`"A"`, `"A","B"`, `"B"`}[r.IntN(3)] + `]}`
		case n < 9:
			names++
			return `{"type":"fixed","name":"F` + number(names) + `","size":` + number(1+r.IntN(2)) + `}`
		case n < 10:
			return []string{`["null","int"]`, `["null","long"]`, `["int","string"]`, `["string","null"]`}[r.IntN(4)]
		}
		names++
		name := `"R` + number(names) + `"`
		var fields []string
		for _, f := range []string{"a", "b", "c"} {
			if r.IntN(3) > 0 {
				line := `{"name":"` + f + `","type":` + kind(depth-1)
				if r.IntN(4) == 0 {
					line = `{"name":"` + f + `","type":"int","default":` + number(r.IntN(2))
				}
				fields = append(fields, line+"}")
			}
		}
		return `{"type":"record","name":` + name + `,"fields":[` + strings.Join(fields, ",") + `]}`
	}
	return kind(3)
}

// TestHostile: large schemas that share nothing are compared in bounded time and space.
func TestHostile(t *testing.T) {
	many := func(prefix string, n int, of func(string) string) string {
		list := make([]string, n)
		for i := range list {
			list[i] = of(prefix + number(i))
		}
		return strings.Join(list, ",")
	}
	symbol := func(s string) string { return `"` + s + `"` }
	field := func(s string) string { return `{"name":"` + s + `","type":"int"}` }
	for _, pair := range [][2]string{
		{`{"type":"enum","name":"E","symbols":[` + many("a", 20000, symbol) + `]}`, `{"type":"enum","name":"E","symbols":[` + many("b", 20000, symbol) + `]}`},
		{record(many("a", 10000, field)), record(many("b", 10000, field))},
	} {
		started := time.Now()
		found := Compare(mustParse(t, pair[0]), mustParse(t, pair[1]))
		if len(found) == 0 || len(found) > 2*maxDifferences {
			t.Errorf("%d differences", len(found))
		}
		if took := time.Since(started); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
	}
}
