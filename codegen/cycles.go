package codegen

import "slices"

// breakCycles turns nullable fields into pointers where a record would otherwise hold itself by value, which Go
// cannot lay out. Records are walked depth first in the order in which the inputs define them; the field that comes
// back to a record that is still being walked becomes the pointer, so the choice depends on nothing but the schemas.
// If that field is not nullable, the last nullable one on the way there becomes it; there is one, because checkEnds
// refused records of which no value could end.
func (p *goPackage) breakCycles() error {
	records := p.records()
	if err := checkEnds(records); err != nil {
		return err
	}
	for again := true; again; {
		w := &cycleWalk{state: map[*named]walkState{}}
		again = slices.ContainsFunc(records, w.visit)
	}
	p.markDeep(records)
	return nil
}

type walkState uint8

const (
	unseen walkState = iota
	open
	done
)

// hop is one step of a walk: a record's field that holds the next record by value.
type hop struct {
	from  *named
	field *field
}

type cycleWalk struct {
	state map[*named]walkState
	path  []hop
}

// visit walks n. It reports whether it made a field further up the path a pointer, so that the walk must start over.
func (w *cycleWalk) visit(n *named) (restart bool) {
	switch w.state[n] {
	case done, open:
		return false
	}
	w.state[n] = open
	for _, f := range n.fields {
		next := byValue(f.typ)
		if next == nil {
			continue
		}
		w.path = append(w.path, hop{n, f})
		if w.state[next] == open {
			if f.typ.form != formOptional {
				w.breakEarlier(next)
				return true
			}
			f.makePointer()
		} else if w.visit(next) {
			return true
		}
		w.path = w.path[:len(w.path)-1]
	}
	w.state[n] = done
	return false
}

// breakEarlier makes the last nullable field of the cycle that ends the path and began at start a pointer.
func (w *cycleWalk) breakEarlier(start *named) {
	first := slices.IndexFunc(w.path, func(h hop) bool { return h.from == start })
	for _, h := range slices.Backward(w.path[first:]) {
		if h.field.typ.form == formOptional {
			h.field.makePointer()
			return
		}
	}
}

// byValue returns the record that a field of this type holds inside itself, or nil.
func byValue(r *ref) *named {
	switch r.form {
	case formRecord:
		return r.named
	case formOptional:
		return byValue(r.elem)
	}
	return nil
}

func (f *field) makePointer() {
	f.pointer = true
	f.typ = &ref{form: formPointer, avro: f.typ.avro, elem: f.typ.elem, null: f.typ.null}
}

// records returns the package's records in the order in which the inputs define them.
func (p *goPackage) records() []*named {
	var out []*named
	for _, file := range p.files {
		for _, n := range file.types {
			if n.fields != nil {
				out = append(out, n)
			}
		}
	}
	return out
}

// markDeep marks the records that can contain themselves by any way, through null, arrays, maps and unions too, and
// those that can contain such ones. Decoders and encoders count how deep they are in them.
func (p *goPackage) markDeep(records []*named) {
	for _, n := range records {
		n.deep = reaches(n, func(other *named) bool { return other == n })
	}
	isDeep := func(other *named) bool { return other.deep }
	for _, file := range p.files {
		for _, n := range file.types {
			n.tracks = n.deep || reaches(n, isDeep)
		}
	}
}

// reaches reports whether a value of n can contain a record that is wanted.
func reaches(n *named, wanted func(*named) bool) bool {
	seen := map[*named]bool{}
	var inType func(r *ref) bool
	inRecord := func(n *named) bool {
		for _, f := range n.fields {
			if inType(f.typ) {
				return true
			}
		}
		return n.root != nil && inType(n.root)
	}
	inType = func(r *ref) bool {
		switch r.form {
		case formRecord:
			if wanted(r.named) {
				return true
			}
			if seen[r.named] {
				return false
			}
			seen[r.named] = true
			return inRecord(r.named)
		case formArray, formMap, formOptional, formNilable, formPointer:
			return inType(r.elem)
		case formUnion:
			for _, b := range r.union.branches {
				if inType(b.typ) {
					return true
				}
			}
		}
		return false
	}
	return inRecord(n)
}
