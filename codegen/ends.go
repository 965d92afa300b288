package codegen

import (
	"fmt"
	"slices"
	"strings"
)

// checkEnds finds records of which no value could end: every value of such a record contains one of it, without null,
// array or map between. A union ends if one of its branches does.
func checkEnds(records []*named) error {
	w := endWalk{ends: map[*named]bool{}}
	for more := true; more; { // until no further record is known to end
		more = false
		for _, n := range records {
			if !w.ends[n] && !slices.ContainsFunc(n.fields, func(f *field) bool { return !w.refEnds(f.typ) }) {
				w.ends[n], more = true, true
			}
		}
	}
	for _, n := range records {
		if !w.ends[n] {
			return w.fault(n)
		}
	}
	return nil
}

// endWalk knows the records of which some value ends.
type endWalk struct{ ends map[*named]bool }

func (w *endWalk) refEnds(r *ref) bool {
	switch r.form {
	case formRecord:
		return w.ends[r.named]
	case formUnion:
		return slices.ContainsFunc(r.union.branches, func(b *branch) bool { return w.refEnds(b.typ) })
	}
	return true
}

// next returns the first field of n that does not end, and the first record in it that does not.
func (w *endWalk) next(n *named) (*field, *named) {
	f := n.fields[slices.IndexFunc(n.fields, func(f *field) bool { return !w.refEnds(f.typ) })]
	r := f.typ
	for r.form == formUnion {
		r = r.union.branches[0].typ // none ends
	}
	return f, r.named
}

// fault names the cycle that n leads into.
func (w *endWalk) fault(n *named) error {
	var path []hop
	for !slices.ContainsFunc(path, func(h hop) bool { return h.from == n }) {
		f, next := w.next(n)
		path = append(path, hop{n, f})
		n = next
	}
	path = path[slices.IndexFunc(path, func(h hop) bool { return h.from == n }):]
	var names []string
	for _, h := range path {
		names = append(names, h.from.avro.FullName()+"."+h.field.avro.Name)
	}
	last := path[len(path)-1].field
	return &Error{Path: n.in.Path, Pointer: last.avro.Pointer, Message: fmt.Sprintf(
		"%s contains itself without null, array or map between (%s -> %s), so no value of it could end; make one of these fields nullable",
		n.avro.FullName(), strings.Join(names, " -> "), n.avro.FullName())}
}
