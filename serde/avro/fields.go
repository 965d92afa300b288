package avro

import "math"

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
}

// aside is what a Reader needs while it follows a plan.
type aside struct {
	projector projector
	zeroItems int   // items without bytes that projections may still read
	places    []int // a stack: where the fields of the reordered records around here begin, and the record's end

	// The writer's bytes while a projected value or a default is read.
	active   bool
	buf      []byte
	pos      int
	owned    bool
	skipUTF8 bool
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
	if r.aside, _ = r.pool.Get().(*aside); r.aside == nil {
		r.aside = new(aside)
	}
	a := r.aside
	a.zeroItems, a.places, a.active = opts.Limits.maxZeroItems(), a.places[:0], false
}

// Fields begins a record.
func (r *Reader) Fields() Fields {
	if r.step == nil {
		return Fields{alike: math.MaxInt}
	}
	return r.fields()
}

func (r *Reader) fields() Fields {
	f := Fields{step: r.step, base: len(r.aside.places)}
	if f.step.kind == stepReordered {
		pos, fields := r.pos, f.step.w.fields
		for i := range fields {
			r.aside.places = append(r.aside.places, pos)
			if pos = r.skip(fields[i].node, pos); pos < 0 {
				r.in(fields[i].name)
				break
			}
		}
		r.aside.places = append(r.aside.places, pos)
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
	if r.aside.active {
		r.resume()
	}
	for f.step.kind == stepRecord && f.step.moves[f.next].dropped() && r.err == nil {
		f.drop(r)
	}
	if r.err != nil {
		return false
	}
	m := &f.step.moves[f.next]
	f.next++
	if f.step.kind == stepReordered && m.node != nil {
		r.pos = r.aside.places[f.base+m.from]
	}
	switch {
	case m.node == nil:
		r.divert(m.bytes)
	case m.step.alike:
		r.step = nil
		f.alike = m.following
		f.next += m.following
	case m.step.copies: // in place too, if the writer's type allows it
		r.step = nil
		if r.skip(m.node, r.pos) < 0 {
			r.in(m.name)
		}
	case m.step.inner() != nil:
		r.step = m.step.inner()
	default:
		if r.projectValue(m.step); r.err != nil {
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
	if r.aside.active {
		r.resume()
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

func (m *move) dropped() bool { return m.step == nil && m.node != nil }

// skip walks a value of the writer's and returns its end, or -1 with the fault set.
func (r *Reader) skip(n *node, pos int) int {
	if r.err != nil {
		return -1
	}
	w := walker{buf: r.buf, depth: r.depth, zeroItems: r.aside.zeroItems}
	end := w.walk(n, pos)
	r.aside.zeroItems = w.zeroItems
	if end < 0 {
		r.err, r.buf, r.pos = w.err, nil, 0
	}
	return end
}

// projectValue projects the value that comes next and reads it from there.
func (r *Reader) projectValue(s *step) {
	a := r.aside
	p := &a.projector
	*p = projector{
		walker:   walker{buf: r.buf, depth: r.depth, zeroItems: a.zeroItems},
		out:      p.out[:0],
		most:     r.alloc,
		outItems: r.zeroItems,
		places:   p.places[:0],
	}
	end := p.project(s, r.pos)
	a.zeroItems, p.buf = p.zeroItems, nil
	if end < 0 {
		r.err, r.buf, r.pos = p.err, nil, 0
		return
	}
	r.pos = end
	r.divert(p.out)
}

// divert makes r read one value from other bytes, which must not become part of it.
func (r *Reader) divert(value []byte) {
	if !r.Charge(len(value)) {
		return
	}
	a := r.aside
	a.active, a.buf, a.pos, a.owned, a.skipUTF8 = true, r.buf, r.pos, r.owned, r.skipUTF8
	r.buf, r.pos, r.owned, r.skipUTF8, r.derived, r.step = value, 0, false, true, true, nil
}

// resume goes back to the writer's bytes after a value from elsewhere.
func (r *Reader) resume() {
	a := r.aside
	if r.err != nil {
		return
	}
	if r.pos != len(r.buf) { // the plan and the generated code disagree: a mistake here, not in the bytes
		r.fail(ErrMalformed, r.pos, "the projected value was not read to its end")
		return
	}
	r.buf, r.pos, r.owned, r.skipUTF8, r.derived = a.buf, a.pos, a.owned, a.skipUTF8, false
	a.active, a.buf = false, nil
}

// release gives r's aside back.
func (r *Reader) release() {
	a := r.aside
	a.active, a.buf = false, nil
	if cap(a.projector.out) > maxPooled {
		a.projector.out = nil
	}
	r.pool.Put(a)
	r.aside, r.step = nil, nil
}

// countFollowing computes following of a record's moves.
func (s *step) countFollowing() {
	if s.kind != stepRecord {
		return
	}
	for i := len(s.moves) - 2; i >= 0; i-- {
		if next := &s.moves[i+1]; next.step != nil && next.step.alike {
			s.moves[i].following = next.following + 1
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
