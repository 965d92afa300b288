package avro

import (
	"fmt"

	"github.com/typelog/typelog/serde/avro/schema"
)

// stepKind says what a step of a plan does with a value of the writer's type.
type stepKind uint8

const (
	stepCopy    stepKind = iota // the reader's bytes are the same
	stepChecked                 // the same, but the reader's type allows less
	stepFloat                   // int or long to float
	stepDouble                  // int, long or float to double
	stepScale                   // a time in larger units: times factor
	stepDecimal                 // a decimal with a smaller scale
	stepEnum
	stepBranches  // the writer's type is a union
	stepIntoUnion // the reader's type is a union
	stepArray
	stepMap
	stepRecord    // the reader's fields come in the writer's order
	stepReordered // they do not
	stepFault     // values of this type cannot be read
)

// step is one node of a plan: how values of one writer's type become values of one reader's type. Steps form a graph as
// the types do and are immutable once compiled.
type step struct {
	kind   stepKind
	copies bool  // no change at all: walk the writer's node, copy the bytes
	alike  bool  // copies, and either type refuses what the other refuses: the reader's walks it as well
	place  *step // see inner; nil for one that is alike
	w, r   *node

	factor   int64   // stepScale
	symbols  []int32 // stepEnum: the reader's index for each of the writer's; -1 if it has none
	index    int     // stepIntoUnion: the reader's branch
	item     *step   // of arrays, maps; the inner step of stepIntoUnion
	branches []*step
	moves    []move // of records
	fault    string // stepFault
}

// move is one step of a record. In a stepRecord the moves are in the order of the bytes and contain the fields to drop; in
// a stepReordered they are the reader's fields, and from is the position of the writer's field.
type move struct {
	name  string
	step  *step  // nil for a dropped field or a default
	node  *node  // the writer's type; nil for a default
	bytes []byte // a default, encoded
	from  int

	way       way // see Fields
	following int // of a stepRecord: how many fields after this one are read as they are, without a gap
}

// typePair is a writer's type read as a reader's type.
type typePair struct{ w, r *schema.Type }

// planner compiles a plan.
type planner struct {
	writer, reader compiler
	steps          map[typePair]*step
	faults         map[typePair]*Error
}

func newCompiler(t *schema.Type) compiler {
	return compiler{nodes: map[*schema.Type]*node{}, recursive: recursiveRecords(t), sizes: map[*schema.Type]span{}}
}

// step returns the step for a pair, compiling it at its first use. An error is a *Error whose path is the field's.
func (p *planner) step(w, r *schema.Type) (*step, error) {
	pair := typePair{w, r}
	if s := p.steps[pair]; s != nil {
		if fault := p.faults[pair]; fault != nil {
			clone := *fault
			return s, &clone
		}
		return s, nil
	}
	s := &step{w: p.writer.node(w), r: p.reader.node(r)}
	p.steps[pair] = s
	if err := p.fill(s, w, r); err != nil {
		fault := *pathed(err)
		p.faults[pair] = &fault
		// Steps of a recursive type that were compiled meanwhile may point here.
		*s = step{kind: stepFault, w: s.w, r: s.r, fault: fault.Reason}
		clone := fault
		return s, &clone
	}
	return s, nil
}

func (p *planner) fill(s *step, w, r *schema.Type) error {
	switch {
	case w.Kind == schema.Union:
		return p.fromUnion(s, w, r)
	case r.Kind == schema.Union:
		return p.intoUnion(s, w, r)
	}
	if done, err := logicalStep(s, w, r); done || err != nil {
		return err
	}
	if w.Kind != r.Kind {
		return promote(s, w, r)
	}
	if r.Kind.Named() && !namesMatch(w, r) {
		return mismatch(w, r, "the names differ and no alias joins them")
	}
	switch r.Kind {
	case schema.Fixed:
		if w.Size != r.Size {
			return mismatch(w, r, "the sizes differ")
		}
	case schema.Enum:
		return enumStep(s, w, r)
	case schema.Array, schema.Map:
		s.kind = stepArray
		if r.Kind == schema.Map {
			s.kind = stepMap
		}
		item, err := p.step(w.Items, r.Items)
		s.item = item
		if err != nil {
			return pathed(err).prepend("[]")
		}
		return nil
	case schema.Record:
		return p.record(s, w, r)
	}
	s.kind = stepCopy
	if needsCheck(w, r) {
		s.kind = stepChecked
	}
	return nil
}

// needsCheck reports whether the reader's type allows less than the writer's although they are encoded alike.
func needsCheck(w, r *schema.Type) bool {
	if w.Kind == schema.Bytes && r.Kind == schema.String {
		return true
	}
	if r.Logical == nil {
		return false
	}
	switch r.Logical.Name {
	case "uuid":
		return r.Kind == schema.String && (w.Logical == nil || w.Logical.Name != "uuid")
	case "decimal", "big-decimal", "time-millis", "time-micros":
		return w.Logical == nil || w.Logical.Name != r.Logical.Name
	}
	return false
}

func mismatch(w, r *schema.Type, why string) error {
	return &Error{Reason: fmt.Sprintf("%s cannot be read as %s: %s (reader's schema, at %q)", describe(w), describe(r), why, r.Pointer),
		Offset: -1, Kind: ErrSchema}
}

// namesMatch applies the specification's rule: the unqualified names are equal, or the writer's full name is an alias.
func namesMatch(w, r *schema.Type) bool {
	if w.Name == r.Name {
		return true
	}
	for _, alias := range r.Aliases {
		if alias == w.FullName() {
			return true
		}
	}
	return false
}

// promote is for types of different kinds (Avro specification, "Schema Resolution").
func promote(s *step, w, r *schema.Type) error {
	number := w.Kind == schema.Int || w.Kind == schema.Long
	switch {
	case w.Kind == schema.Int && r.Kind == schema.Long, w.Kind == schema.String && r.Kind == schema.Bytes,
		w.Kind == schema.Bytes && r.Kind == schema.String:
		s.kind = stepCopy
		if needsCheck(w, r) {
			s.kind = stepChecked
		}
	case number && r.Kind == schema.Float:
		s.kind = stepFloat
	case (number || w.Kind == schema.Float) && r.Kind == schema.Double:
		s.kind = stepDouble
	default:
		return mismatch(w, r, "there is no promotion between them")
	}
	return nil
}

func enumStep(s *step, w, r *schema.Type) error {
	other := -1
	if r.HasDefault {
		other = symbolIndex(r, r.Default)
	}
	s.kind = stepEnum
	s.symbols = make([]int32, len(w.Symbols))
	some := len(w.Symbols) == 0
	for i, symbol := range w.Symbols {
		at := symbolIndex(r, symbol)
		if at < 0 {
			at = other
		}
		s.symbols[i] = int32(at)
		some = some || at >= 0
	}
	if !some {
		return mismatch(w, r, "they have no symbol in common")
	}
	return nil
}

// fromUnion resolves each branch of the writer's. A branch that cannot be read fails when a value has it.
func (p *planner) fromUnion(s *step, w, r *schema.Type) error {
	s.kind = stepBranches
	s.branches = make([]*step, len(w.Branches))
	var first error
	some := len(w.Branches) == 0 // no datum can be of an empty union
	for i, b := range w.Branches {
		branch, err := p.step(b, r)
		if err == nil {
			some = true
		} else if first == nil {
			first = err
		}
		s.branches[i] = branch
	}
	if !some {
		return first
	}
	return nil
}

// intoUnion picks the reader's branch for a type that is no union: the first that is alike, else the first that the
// type can be promoted to.
func (p *planner) intoUnion(s *step, w, r *schema.Type) error {
	for _, alike := range []bool{true, false} {
		for i, b := range r.Branches {
			if alike != isAlike(w, b) {
				continue
			}
			if item, err := p.step(w, b); err == nil {
				s.kind, s.index, s.item = stepIntoUnion, i, item
				return nil
			}
		}
	}
	for _, b := range r.Branches { // say why the one that is alike does not do
		if isAlike(w, b) {
			_, err := p.step(w, b)
			return err
		}
	}
	return mismatch(w, r, "no branch takes it")
}

// isAlike reports whether a branch of the reader's union is the natural one for a writer's type.
func isAlike(w, r *schema.Type) bool {
	if w.Kind != r.Kind {
		return false
	}
	if !w.Kind.Named() || w.FullName() == r.FullName() {
		return true
	}
	for _, alias := range r.Aliases {
		if alias == w.FullName() {
			return true
		}
	}
	return false
}

func (p *planner) record(s *step, w, r *schema.Type) error {
	from := make([]int, len(r.Fields))
	taken := make([]bool, len(w.Fields))
	ordered, last := true, -1
	for i, f := range r.Fields {
		from[i] = writerField(w, f)
		if from[i] < 0 {
			continue
		}
		ordered = ordered && from[i] > last
		last = from[i]
		taken[from[i]] = true
	}
	s.kind = stepRecord
	if !ordered {
		s.kind = stepReordered
	}
	next := 0 // the writer's next field
	for i, f := range r.Fields {
		for ; ordered && from[i] >= 0 && next < from[i]; next++ {
			s.moves = append(s.moves, move{name: w.Fields[next].Name, node: p.writer.node(w.Fields[next].Type)})
		}
		m, err := p.field(w, f, from[i])
		if err != nil {
			return InField(err, f.Name)
		}
		s.moves = append(s.moves, m)
		if ordered && from[i] >= 0 {
			next = from[i] + 1
		}
	}
	for ; ordered && next < len(w.Fields); next++ {
		s.moves = append(s.moves, move{name: w.Fields[next].Name, node: p.writer.node(w.Fields[next].Type)})
	}
	return nil
}

// field returns the move that makes a field of the reader's.
func (p *planner) field(w *schema.Type, f *schema.Field, from int) (move, error) {
	m := move{name: f.Name, from: from}
	if from >= 0 {
		inner, err := p.step(w.Fields[from].Type, f.Type)
		m.step, m.node = inner, p.writer.node(w.Fields[from].Type)
		return m, err
	}
	if !f.HasDefault {
		return m, &Error{Reason: fmt.Sprintf("the writer's %s has no such field, and it has no default (reader's schema, at %q)",
			describe(w), f.Pointer), Offset: -1, Kind: ErrSchema}
	}
	var err error
	if m.bytes, err = appendDefault([]byte{}, f.Type, &f.Default, DefaultMaxDepth); err != nil {
		return m, err
	}
	check := walker{buf: m.bytes, depth: DefaultMaxDepth, zeroItems: DefaultMaxZeroItems}
	if check.walk(p.reader.node(f.Type), 0) < 0 {
		return m, &Error{Path: check.err.Path, Reason: "the default is not usable: " + check.err.Reason, Offset: -1, Kind: ErrSchema}
	}
	return m, nil
}

// writerField finds the writer's field for a reader's by name, then by alias.
func writerField(w *schema.Type, f *schema.Field) int {
	if at := w.Field(f.Name); at != nil {
		return at.Pos
	}
	for _, alias := range f.Aliases {
		if at := w.Field(alias); at != nil {
			return at.Pos
		}
	}
	return -1
}

// markCopies finds the steps that change nothing, and among them those whose types refuse the same.
func (p *planner) markCopies() {
	around := map[*step][]*step{}
	for _, s := range p.steps {
		s.eachInner(func(inner *step) { around[inner] = append(around[inner], s) })
	}
	p.mark(around, (*step).unchanged, func(s *step) *bool { return &s.copies })
	p.mark(around, (*step).sameRules, func(s *step) *bool { return &s.alike })
}

// mark sets a flag of the steps that it holds for with all that is inside. It starts from all being so, so that it can
// hold for recursive types, too, and takes the flag from those that it does not hold for and from all around them.
func (p *planner) mark(around map[*step][]*step, holds func(*step) bool, flag func(*step) *bool) {
	var not []*step
	for _, s := range p.steps {
		*flag(s) = true
		if !holds(s) {
			not = append(not, s)
		}
	}
	for len(not) > 0 {
		s := not[len(not)-1]
		not = not[:len(not)-1]
		if *flag(s) {
			*flag(s) = false
			not = append(not, around[s]...)
		}
	}
}

// sameRules reports whether a step copies and the reader's type refuses what the writer's refuses, as far as it is not
// for the steps inside to say: an int that is read as a long must still fit 32 bits.
func (s *step) sameRules() bool {
	return s.copies && s.w.op == s.r.op && s.w.size == s.r.size && s.w.precision == s.r.precision
}

// eachInner calls visit for the steps of which s is made.
func (s *step) eachInner(visit func(*step)) {
	switch s.kind {
	case stepArray, stepMap, stepIntoUnion:
		visit(s.item)
	case stepBranches:
		for _, b := range s.branches {
			if b.kind == stepIntoUnion {
				visit(b.item)
			}
		}
	case stepRecord:
		for i := range s.moves {
			if inner := s.moves[i].step; inner != nil {
				visit(inner)
			}
		}
	}
}

// unchanged reports whether s changes nothing as long as its inner steps do not.
func (s *step) unchanged() bool {
	switch s.kind {
	case stepCopy:
		return true
	case stepEnum:
		for i, at := range s.symbols {
			if int(at) != i {
				return false
			}
		}
		return true
	case stepArray, stepMap:
		return (s.r.item.min > 0) == (s.w.item.min > 0)
	case stepBranches:
		for i, b := range s.branches {
			if b.kind != stepIntoUnion || b.index != i {
				return false
			}
		}
		return true
	case stepRecord:
		for i := range s.moves {
			if s.moves[i].step == nil {
				return false
			}
		}
		return true
	}
	return false
}
