// Package diff says how two versions of an Avro schema differ, part by part, and what each difference means for those who
// read and for those who write. It is pure: the registry finds the versions, the HTTP edge prints the answer. What breaks
// is decided by package compat alone, so a difference never contradicts the registry's compatibility check.
package diff

import (
	"slices"
	"strings"

	"github.com/typelog/typelog/serde/avro/compat"
	"github.com/typelog/typelog/serde/avro/schema"
)

// Kind says what is different.
type Kind string

// The kinds.
const (
	FieldAdded      Kind = "FIELD_ADDED"
	FieldRemoved    Kind = "FIELD_REMOVED"
	FieldRenamed    Kind = "FIELD_RENAMED" // the new name has the old one as an alias
	FieldsMoved     Kind = "FIELDS_MOVED"
	TypeWidened     Kind = "TYPE_WIDENED" // new readers read old data, but not the other way round
	TypeNarrowed    Kind = "TYPE_NARROWED"
	TypeChanged     Kind = "TYPE_CHANGED"
	NameChanged     Kind = "NAME_CHANGED"
	SymbolAdded     Kind = "SYMBOL_ADDED"
	SymbolRemoved   Kind = "SYMBOL_REMOVED"
	SymbolsMoved    Kind = "SYMBOLS_MOVED"
	BranchAdded     Kind = "BRANCH_ADDED"
	BranchRemoved   Kind = "BRANCH_REMOVED"
	BranchesMoved   Kind = "BRANCHES_MOVED"
	SizeChanged     Kind = "SIZE_CHANGED"
	DefaultAdded    Kind = "DEFAULT_ADDED"
	DefaultRemoved  Kind = "DEFAULT_REMOVED"
	DefaultChanged  Kind = "DEFAULT_CHANGED"
	LogicalChanged  Kind = "LOGICAL_TYPE_CHANGED"
	AliasesChanged  Kind = "ALIASES_CHANGED"
	DocChanged      Kind = "DOC_CHANGED"
	OrderChanged    Kind = "SORT_ORDER_CHANGED"
	PropertyChanged Kind = "PROPERTY_CHANGED"
	// Incompatible is a fault that no single difference explains, such as a field that fits two others by its aliases.
	Incompatible Kind = "INCOMPATIBLE"
)

// Effect is what a difference does to one side.
type Effect struct {
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}

// Difference is one part that differs. A pointer is a JSON pointer into the old and new schema, as if every use of a named
// type had its definition; it is missing on the side that does not have the part.
type Difference struct {
	Kind   Kind    `json:"kind"`
	Name   string  `json:"name"` // of the record, field or type concerned, such as shop.Invoice.total
	From   *string `json:"fromPointer,omitempty"`
	To     *string `json:"toPointer,omitempty"`
	Before string  `json:"before,omitempty"`
	After  string  `json:"after,omitempty"`
	// Readers: what happens to consumers that move to the new version while older data is still there.
	Readers Effect `json:"readers"`
	// Writers: what happens when producers move to the new version while consumers still have the old one.
	Writers Effect `json:"writers"`
}

// maxDifferences bounds an answer; further differences are left out.
const maxDifferences = 1000

// Compare lists the differences in the order of the new schema, what was removed after what is still there.
func Compare(before, after *schema.Schema) []Difference {
	w := walk{seen: map[[2]*schema.Type]bool{}}
	w.types(before.Root(), after.Root(), place{})
	w.blame(compat.Check(after, before), true)
	w.blame(compat.Check(before, after), false)
	for i := range w.found {
		w.found[i].word()
	}
	return w.found
}

// place is where the walk is, in both schemas.
type place struct {
	from, to string
	name     string
}

func (p place) member(name string) place {
	return place{p.from + "/" + name, p.to + "/" + name, p.name}
}

// walk goes through two schemas side by side. Each pair of types is visited once.
type walk struct {
	found []Difference
	seen  map[[2]*schema.Type]bool
}

func (w *walk) add(kind Kind, at place, before, after string) {
	if len(w.found) >= maxDifferences {
		return
	}
	d := Difference{Kind: kind, Name: at.name, From: &at.from, To: &at.to, Before: before, After: after}
	d.Readers.OK, d.Writers.OK = true, true
	switch kind {
	case FieldAdded, SymbolAdded, BranchAdded:
		d.From = nil
	case FieldRemoved, SymbolRemoved, BranchRemoved:
		d.To = nil
	}
	w.found = append(w.found, d)
}

func (w *walk) types(o, n *schema.Type, at place) {
	if w.seen[[2]*schema.Type{o, n}] {
		return
	}
	w.seen[[2]*schema.Type{o, n}] = true
	if at.name == "" || n.Kind.Named() {
		at.name = n.FullName()
	}
	if o.Kind != n.Kind {
		w.kinds(o, n, at)
		return
	}
	w.logical(o, n, at)
	w.props(o.Props, n.Props, at)
	switch n.Kind {
	case schema.Record:
		w.named(o, n, at)
		w.fields(o, n, at)
	case schema.Enum:
		w.named(o, n, at)
		w.symbols(o, n, at)
	case schema.Fixed:
		w.named(o, n, at)
		if o.Size != n.Size {
			w.add(SizeChanged, at.member("size"), number(o.Size), number(n.Size))
		}
	case schema.Array:
		w.types(o.Items, n.Items, at.member("items"))
	case schema.Map:
		w.types(o.Items, n.Items, at.member("values"))
	case schema.Union:
		w.branches(o, n, at)
	}
}

// kinds notes a type that became another; which way it still works is compat's to say.
func (w *walk) kinds(o, n *schema.Type, at place) {
	w.add(TypeChanged, at, text(o), text(n))
}

func (w *walk) named(o, n *schema.Type, at place) {
	if o.FullName() != n.FullName() {
		w.add(NameChanged, at.member("name"), o.FullName(), n.FullName())
	}
	w.doc(o.HasDoc, n.HasDoc, o.Doc, n.Doc, at)
	w.aliases(o.Aliases, n.Aliases, at)
}

func (w *walk) doc(hadDoc, hasDoc bool, o, n string, at place) {
	if hadDoc != hasDoc || o != n {
		w.add(DocChanged, at.member("doc"), short(o), short(n))
	}
}

func (w *walk) aliases(o, n []string, at place) {
	if !sameSet(o, n) {
		w.add(AliasesChanged, at.member("aliases"), short(strings.Join(o, ", ")), short(strings.Join(n, ", ")))
	}
}

func (w *walk) logical(o, n *schema.Type, at place) {
	if before, after := logicalText(o.Logical), logicalText(n.Logical); before != after {
		at := at.member("logicalType")
		known := len(w.found)
		if w.add(LogicalChanged, at, before, after); len(w.found) == known {
			return
		}
		if reason := narrows(o, n); reason != "" {
			w.found[len(w.found)-1].Readers = Effect{Text: reason}
		}
		if reason := narrows(n, o); reason != "" {
			w.found[len(w.found)-1].Writers = Effect{Text: reason}
		}
	}
}

func (w *walk) props(o, n []schema.Prop, at place) {
	old, now := values(o), values(n)
	for _, p := range slices.Concat(n, o) {
		before, had := old[p.Name]
		after, has := now[p.Name]
		if had != has || before != after {
			w.add(PropertyChanged, at.member(escape(p.Name)), short(before), short(after))
		}
		delete(old, p.Name)
		delete(now, p.Name) // told once
	}
}

// values are the attributes that are not part of a logical type.
func values(props []schema.Prop) map[string]string {
	out := map[string]string{}
	for _, p := range props {
		if !slices.Contains(logicalAttributes[:], p.Name) {
			out[p.Name] = p.Value.String()
		}
	}
	return out
}

func (w *walk) symbols(o, n *schema.Type, at place) {
	list := at.member("symbols")
	had, has, same := set(o.Symbols), set(n.Symbols), true
	for _, s := range n.Symbols {
		if !had[s] {
			w.add(SymbolAdded, list, "", s)
			same = false
		}
	}
	for _, s := range o.Symbols {
		if !has[s] {
			w.add(SymbolRemoved, list, s, "")
			same = false
		}
	}
	if same && !slices.Equal(o.Symbols, n.Symbols) {
		w.add(SymbolsMoved, list, short(strings.Join(o.Symbols, ", ")), short(strings.Join(n.Symbols, ", ")))
	}
	w.defaults(o.HasDefault, n.HasDefault, o.Default, n.Default, at)
}

func (w *walk) defaults(had, has bool, o, n string, at place) {
	at = at.member("default")
	switch {
	case !had && has:
		w.add(DefaultAdded, at, "", short(n))
	case had && !has:
		w.add(DefaultRemoved, at, short(o), "")
	case o != n:
		w.add(DefaultChanged, at, short(o), short(n))
	}
}

func (w *walk) branches(o, n *schema.Type, at place) {
	step := func(from, to int) place {
		return place{at.from + "/" + number(from), at.to + "/" + number(to), at.name}
	}
	var added, removed []int
	moved, last := false, -1
	old, now := byName(o.Branches), byName(n.Branches)
	for i, b := range n.Branches {
		j, ok := old[b.FullName()]
		if !ok {
			added = append(added, i)
			continue
		}
		moved, last = moved || j < last, j
		w.types(o.Branches[j], b, step(j, i))
	}
	for j, b := range o.Branches {
		if _, ok := now[b.FullName()]; !ok {
			removed = append(removed, j)
		}
	}
	if len(added) == 1 && len(removed) == 1 && o.Branches[removed[0]].Kind == n.Branches[added[0]].Kind {
		w.types(o.Branches[removed[0]], n.Branches[added[0]], step(removed[0], added[0])) // under another name
		return
	}
	for _, i := range added {
		w.add(BranchAdded, step(0, i), "", text(n.Branches[i]))
	}
	for _, j := range removed {
		w.add(BranchRemoved, step(j, 0), text(o.Branches[j]), "")
	}
	if moved {
		w.add(BranchesMoved, at, text(o), text(n))
	}
}

// byName are the indices of branches by their full names, which a union has once each.
func byName(branches []*schema.Type) map[string]int {
	out := make(map[string]int, len(branches))
	for i, b := range branches {
		out[b.FullName()] = i
	}
	return out
}
