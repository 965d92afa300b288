package diff

import (
	"slices"
	"strings"

	"github.com/typelog/typelog/serde/avro/schema"
)

// fields compares the fields of two records. A field of the new one is that of the old with its name, or else with one of
// its aliases.
func (w *walk) fields(o, n *schema.Type, at place) {
	old := make(map[string]*schema.Field, len(o.Fields))
	for _, f := range o.Fields {
		old[f.Name] = f
	}
	taken := map[*schema.Field]bool{}
	moved, last := false, -1
	pairs := make([]*schema.Field, len(n.Fields))
	for i, f := range n.Fields {
		if was := old[f.Name]; was != nil {
			pairs[i], taken[was] = was, true
		}
	}
	for i, f := range n.Fields {
		for _, alias := range f.Aliases {
			if was := old[alias]; pairs[i] == nil && was != nil && !taken[was] {
				pairs[i], taken[was] = was, true
			}
		}
	}
	for i, f := range n.Fields {
		here := place{to: at.to + "/fields/" + number(i), from: at.from + "/fields", name: at.name + "." + f.Name}
		was := pairs[i]
		if was == nil {
			w.add(FieldAdded, here, "", describe(f))
			continue
		}
		moved, last = moved || was.Pos < last, was.Pos
		here.from = at.from + "/fields/" + number(was.Pos)
		w.field(was, f, here)
	}
	for _, f := range o.Fields {
		if !taken[f] {
			w.add(FieldRemoved, place{from: at.from + "/fields/" + number(f.Pos), name: at.name + "." + f.Name}, describe(f), "")
		}
	}
	if moved {
		w.add(FieldsMoved, at.member("fields"), fieldNames(o), fieldNames(n))
	}
}

func (w *walk) field(o, n *schema.Field, at place) {
	if o.Name != n.Name {
		w.add(FieldRenamed, at, o.Name, n.Name)
	}
	w.types(o.Type, n.Type, at.member("type"))
	var before, after string
	if o.HasDefault {
		before = o.Default.String()
	}
	if n.HasDefault {
		after = n.Default.String()
	}
	w.defaults(o.HasDefault, n.HasDefault, before, after, at)
	w.doc(o.HasDoc, n.HasDoc, o.Doc, n.Doc, at)
	if before := o.Aliases; o.Name == n.Name || !sameSet(append(slices.Clone(before), o.Name), n.Aliases) {
		w.aliases(before, n.Aliases, at)
	}
	if o.Order != n.Order {
		w.add(OrderChanged, at.member("order"), o.Order.String(), n.Order.String())
	}
	w.props(o.Props, n.Props, at)
}

// describe is a field in one line.
func describe(f *schema.Field) string {
	line := f.Name + ": " + text(f.Type)
	if f.HasDefault {
		line += " = " + short(f.Default.String())
	}
	return line
}

func fieldNames(t *schema.Type) string {
	names := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		names[i] = f.Name
	}
	return short(strings.Join(names, ", "))
}

func set(list []string) map[string]bool {
	out := make(map[string]bool, len(list))
	for _, s := range list {
		out[s] = true
	}
	return out
}

func sameSet(a, b []string) bool {
	x, y := set(a), set(b)
	for s := range x {
		if !y[s] {
			return false
		}
	}
	return len(x) == len(y)
}
