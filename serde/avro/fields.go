package avro

import (
	"math"
	"slices"
)

// Generated code reads the bytes of another writer's schema in place: it asks before each field of a record where that
// field's bytes are. Fields that are encoded alike are read from the writer's bytes; those that the reader's schema does
// not have are skipped; all others (promoted, or with a default) are projected one at a time, and read from there. So a
// resolved decode costs what the differences cost, and no second pass over the rest.

// Fields is the reader's place in a record. Generated code keeps one on the stack for each record:
//
//	f := r.Fields()
//	if !f.Next(r) {
//		return
//	}
//	x.ID = r.Long()
//	…
//	f.End(r)
//
// Where the bytes were written with the type's own schema, its methods do nothing.
type Fields struct {
	step  *step
	alike int // so many of the next fields are read where they are
	next  int // the next move, after those
	base  int // of a stepReordered: where its places begin

	// The writer's bytes while a projected value or a default is read.
	away     bool
	owned    bool
	skipUTF8 bool
	pos      int
	buf      []byte
}

// aside is what a Reader needs where a plan is more than fields that are left out, added or read as they are.
type aside struct {
	projector projector
	places    []int // a stack: where the fields of the reordered records around here begin, and the record's end
}

// Begin is Reset for generated code that asks Fields before each field of every record: with opts.Writer it reads the
// writer's bytes in place where it can.
func (r *Reader) Begin(src []byte, opts DecodeOptions) {
	w := opts.Writer
	if w == nil || w.same || w.root == nil || w.root.inner() == nil && !w.root.alike {
		r.Reset(src, opts)
		return
	}
	opts.Writer = nil
	r.Reset(src, opts)
	if w.root.alike {
		return
	}
	r.step, r.pool = w.root.inner(), &w.asides
	r.skipItems = r.zeroItems
}

// besides returns r's aside, at the first call from the pool.
func (r *Reader) besides() *aside {
	if r.aside == nil {
		if r.aside, _ = r.pool.Get().(*aside); r.aside == nil {
			r.aside = new(aside)
		}
		r.aside.places = r.aside.places[:0]
	}
	return r.aside
}

// Fields begins a record.
func (r *Reader) Fields() Fields {
	if r.step == nil {
		return Fields{alike: math.MaxInt}
	}
	return r.fields()
}

func (r *Reader) fields() Fields {
	f := Fields{step: r.step}
	if f.step.kind == stepReordered {
		a := r.besides()
		f.base = len(a.places)
		pos, fields := r.pos, f.step.w.fields
		for i := range fields {
			a.places = append(a.places, pos)
			if pos = r.skip(fields[i].node, pos); pos < 0 {
				r.in(fields[i].name)
				break
			}
		}
		a.places = append(a.places, pos)
	}
	return f
}

// Next goes to the record's next field, in the order of the reader's schema. It returns false if the reader failed on
// the way there; the fault has its path within the record then.
func (f *Fields) Next(r *Reader) bool {
	if f.alike > 0 {
		f.alike--
		return true
	}
	return f.nextMove(r)
}

func (f *Fields) nextMove(r *Reader) bool {
	if f.away {
		f.resume(r)
	}
	m := &f.step.moves[f.next]
	for m.way == wayDrop && r.err == nil {
		f.drop(r)
		m = &f.step.moves[f.next]
	}
	if r.err != nil {
		return false
	}
	f.next++
	if f.step.kind == stepReordered && m.node != nil {
		r.pos = r.aside.places[f.base+m.from]
	}
	switch m.way {
	case wayAlike:
		r.step = nil
		f.alike = m.following
		f.next += m.following
		return true
	case wayDefault:
		f.divert(r, m.bytes)
	case wayChecked:
		r.step = nil
		if r.skip(m.node, r.pos) < 0 {
			r.in(m.name)
		}
	case wayInside:
		r.step = m.step.inner()
	default:
		if f.projectValue(r, m.step); r.err != nil {
			r.in(m.name)
		}
	}
	return r.err == nil
}

// End leaves the record. What the reader's schema does not have at its end is skipped.
func (f *Fields) End(r *Reader) {
	if f.step != nil {
		f.end(r)
	}
}

func (f *Fields) end(r *Reader) {
	if f.away {
		f.resume(r)
	}
	if r.err != nil {
		return
	}
	if f.step.kind == stepReordered {
		r.pos = r.aside.places[len(r.aside.places)-1]
		r.aside.places = r.aside.places[:f.base]
	} else {
		for f.next < len(f.step.moves) && r.err == nil {
			f.drop(r)
		}
	}
	r.step = f.step
}

// drop skips a field that the reader's schema does not have.
func (f *Fields) drop(r *Reader) {
	m := &f.step.moves[f.next]
	f.next++
	if end := r.skip(m.node, r.pos); end >= 0 {
		r.pos = end
		return
	}
	r.in(m.name)
}

// way says how generated code reads the field that a move makes.
type way uint8

const (
	wayProject way = iota // projected, and read from there
	wayAlike              // where it is
	wayChecked            // where it is, if the writer's type allows it, too
	wayInside             // where it is, by the plan of the records in it
	wayDefault            // from the default
	wayDrop               // not at all: the reader's schema does not have it
)

// choose returns a move's way.
func (m *move) choose() way {
	switch {
	case m.node == nil:
		return wayDefault
	case m.step == nil:
		return wayDrop
	case m.step.alike:
		return wayAlike
	case m.step.copies:
		return wayChecked
	case m.step.inner() != nil:
		return wayInside
	}
	return wayProject
}

// skip walks a value of the writer's and returns its end, or -1 with the fault set.
func (r *Reader) skip(n *node, pos int) int {
	if r.err != nil {
		return -1
	}
	if end := r.skipShort(n, pos); end >= 0 {
		return end
	}
	w := walker{buf: r.buf, depth: r.depth, zeroItems: r.skipItems}
	end := w.walk(n, pos)
	r.skipItems = w.zeroItems
	if end < 0 {
		r.err, r.buf, r.pos = w.err, nil, 0
	}
	return end
}

// skipShort is skip for the most frequent types and lengths; -1 for all else, and for what is faulty.
func (r *Reader) skipShort(n *node, pos int) int {
	if pos < len(r.buf) {
		switch b := r.buf[pos]; {
		case n.op == opInt && b < 0x80, n.op == opNullable && b == n.nullAt:
			return pos + 1
		case n.op == opString && b&0x81 == 0:
			if end := pos + 1 + int(b>>1); end <= len(r.buf) && validText(r.buf[pos+1:end]) {
				return end
			}
		}
	}
	return -1
}

// projectValue projects the value that comes next and has r read it from there.
func (f *Fields) projectValue(r *Reader, s *step) {
	p := &r.besides().projector
	*p = projector{
		walker:   walker{buf: r.buf, depth: r.depth, zeroItems: r.skipItems},
		out:      p.out[:0],
		most:     r.alloc,
		outItems: r.zeroItems,
		places:   p.places[:0],
	}
	end := p.project(s, r.pos)
	r.skipItems, p.buf = p.zeroItems, nil
	if end < 0 {
		r.err, r.buf, r.pos = p.err, nil, 0
		return
	}
	r.pos = end
	f.divert(r, p.out)
}

// divert makes r read one value from other bytes, which must not become part of it.
func (f *Fields) divert(r *Reader, value []byte) {
	if !r.Charge(len(value)) {
		return
	}
	f.away, f.buf, f.pos, f.owned, f.skipUTF8 = true, r.buf, r.pos, r.owned, r.skipUTF8
	r.buf, r.pos, r.owned, r.skipUTF8, r.derived, r.step = value, 0, false, true, true, nil
}

// resume goes back to the writer's bytes after a value from elsewhere.
func (f *Fields) resume(r *Reader) {
	if r.err != nil {
		return
	}
	if r.pos != len(r.buf) { // the plan and the generated code disagree: a mistake here, not in the bytes
		r.fail(ErrMalformed, r.pos, "the projected value was not read to its end")
		return
	}
	r.buf, r.pos, r.owned, r.skipUTF8, r.derived = f.buf, f.pos, f.owned, f.skipUTF8, false
	f.away, f.buf = false, nil
}

// release gives r's aside back.
func (r *Reader) release() {
	if cap(r.aside.projector.out) > maxPooled {
		r.aside.projector.out = nil
	}
	r.pool.Put(r.aside)
	r.aside = nil
}

// chooseWays says of a record's moves how generated code reads them.
func (s *step) chooseWays() {
	for i := range slices.Backward(s.moves) {
		m := &s.moves[i]
		m.way = m.choose()
		if next := i + 1; s.kind == stepRecord && next < len(s.moves) && s.moves[next].way == wayAlike {
			m.following = s.moves[next].following + 1
		}
	}
}

// inner returns the record that a value of s is or holds (in arrays, in maps, in a union with null) if that record can be
// read in place, and nil otherwise. All else around it is encoded alike.
func (s *step) inner() *step { return s.place }

// findInner computes inner.
func (s *step) findInner() *step {
	switch s.kind {
	case stepRecord:
		return s
	case stepReordered:
		taken := map[int]bool{}
		for i := range s.moves {
			if m := &s.moves[i]; m.node != nil && taken[m.from] {
				return nil // one field of the writer's becomes two
			} else if m.node != nil {
				taken[m.from] = true
			}
		}
		return s
	case stepArray, stepMap:
		if in := s.item.findInner(); in != nil && in.w.min > 0 && !s.item.alike {
			return in
		}
	case stepBranches:
		if s.w.op != opNullable || s.r.op != opNullable || s.w.nullAt != s.r.nullAt {
			return nil
		}
		i := 1 - int(s.w.nullAt/2)
		if b := s.branches[i]; b.kind == stepIntoUnion && b.index == i && !b.item.alike {
			return b.item.findInner()
		}
	}
	return nil
}
