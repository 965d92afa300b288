package avro

import (
	"sync"

	"github.com/typelog/typelog/serde/avro/schema"
)

// Resolution is a plan, compiled once for a pair of schemas, that projects data written with the one onto the other
// (Avro specification, "Schema Resolution"). It is immutable and safe for concurrent use; keep one for each writer's
// schema id.
type Resolution struct {
	same bool // the writer's bytes are the reader's bytes
	root *step

	pool       sync.Pool // *[]byte, where readers project to
	projectors sync.Pool // *projector
	asides     sync.Pool // *aside
}

// Resolve compiles the plan by which data written with the writer's schema is read with the reader's: promotions, defaults
// for fields that the writer does not have, aliases of fields and types, fields in another order, added and removed,
// the default of an enum for symbols that the reader does not know, unions on either side.
//
// Logical types: coarser units of time become finer ones and decimals get larger scales exactly; the reverse, and logical
// types that mean different things, are refused.
//
// An error is an *Error of kind ErrSchema whose path is the field's. A branch of the writer's union or a symbol of its
// enum that the reader has no place for is an error only where a datum has it; that one is of kind ErrMalformed.
func Resolve(writer, reader *schema.Schema) (*Resolution, error) {
	if writer == nil || reader == nil || writer.Root() == nil || reader.Root() == nil {
		return nil, &Error{Reason: "no schema", Offset: -1, Kind: ErrSchema}
	}
	p := planner{
		writer: newCompiler(writer.Root()),
		reader: newCompiler(reader.Root()),
		steps:  map[typePair]*step{},
		faults: map[typePair]*Error{},
	}
	root, err := p.step(writer.Root(), reader.Root())
	if err != nil {
		return nil, err
	}
	p.markCopies()
	for _, s := range p.steps {
		if !s.alike {
			s.place = s.findInner()
		}
	}
	for _, s := range p.steps {
		s.chooseWays()
	}
	return &Resolution{root: root, same: root.copies && writer.Canonical() == reader.Canonical()}, nil
}

// Same reports whether the writer's bytes are the reader's bytes as they are.
func (r *Resolution) Same() bool { return r.same }

// Append projects src, exactly one datum of the writer's schema, and appends the same datum in the reader's schema to
// dst, under the default limits. On an error (an *Error; its offset is in src) it returns dst as it was. It keeps neither
// slice; they must not overlap.
func (r *Resolution) Append(dst, src []byte) ([]byte, error) {
	return r.append(dst, src, Limits{})
}

func (r *Resolution) append(dst, src []byte, limits Limits) ([]byte, error) {
	if r.root == nil {
		return dst, &Error{Reason: "a Resolution must come from Resolve", Offset: -1, Kind: ErrSchema}
	}
	p, _ := r.projectors.Get().(*projector)
	if p == nil {
		p = new(projector)
	}
	*p = projector{
		walker: walker{buf: src, depth: limits.maxDepth(), zeroItems: limits.maxZeroItems()},
		out:    dst,
		// Defaults make the output larger than the input, as often as the input has items.
		most:     saturate(len(dst), limits.maxAlloc(len(src))),
		outItems: limits.maxZeroItems(),
		places:   p.places[:0],
	}
	end := p.finish(p.project(r.root, 0))
	out, err := p.out, p.err
	p.buf, p.out, p.err = nil, nil, nil
	r.projectors.Put(p)
	if end < 0 {
		return dst, err
	}
	return out, nil
}

// check walks src as the writer's datum without projecting it, for plans that change nothing.
func (r *Resolution) check(src []byte, limits Limits) *Error {
	w := walker{buf: src, depth: limits.maxDepth(), zeroItems: limits.maxZeroItems()}
	w.finish(w.walk(r.root.w, 0))
	return w.err
}
