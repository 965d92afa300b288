package avro

import (
	"math"

	"github.com/typelog/typelog/serde/avro/schema"
)

// op says how a node's bytes are walked.
type op uint8

const (
	opNothing op = iota // takes no bytes: null, and records and fixed that hold nothing else
	opBoolean
	opInt
	opLong
	opBlob // bytes
	opString
	opSkip // size bytes: float, double, fixed
	opEnum
	opNullable // a union of two, one of them null
	opUnion
	opArray
	opMap
	opRecord
	opDecimal      // bytes
	opDecimalFixed // size bytes
	opBigDecimal
	opUUID // string
	opTimeMillis
	opTimeMicros
)

// node is one type of a schema, compiled for walking its bytes. Nodes form the same graph as the types and are immutable
// once compiled.
type node struct {
	op        op
	recursive bool // a record that can contain itself
	nullAt    byte // opNullable: the byte that stands for null
	typ       *schema.Type
	size      int // opSkip, opDecimalFixed: bytes; opEnum, opUnion: how many there are
	precision int // opDecimal*: digits
	min       int // the least number of bytes that a value takes, maybe less where a type contains itself
	item      *node
	branches  []*node
	fields    []fieldNode
}

type fieldNode struct {
	node *node
	name string
}

// compiler turns types into nodes, each once.
type compiler struct {
	nodes     map[*schema.Type]*node
	recursive map[*schema.Type]bool
	sizes     map[*schema.Type]span
}

// compileNodes compiles the type and all below it.
func compileNodes(t *schema.Type) *node {
	c := compiler{
		nodes:     map[*schema.Type]*node{},
		recursive: recursiveRecords(t),
		sizes:     map[*schema.Type]span{},
	}
	return c.node(t)
}

func (c *compiler) node(t *schema.Type) *node {
	if n := c.nodes[t]; n != nil {
		return n
	}
	size := c.span(t)
	n := &node{typ: t, min: size.min}
	c.nodes[t] = n
	switch t.Kind {
	case schema.Boolean:
		n.op = opBoolean
	case schema.Int:
		n.op = opInt
	case schema.Long:
		n.op = opLong
	case schema.Float:
		n.op, n.size = opSkip, 4
	case schema.Double:
		n.op, n.size = opSkip, 8
	case schema.Fixed:
		n.op, n.size = opSkip, t.Size
	case schema.Bytes:
		n.op = opBlob
	case schema.String:
		n.op = opString
	case schema.Enum:
		n.op, n.size = opEnum, len(t.Symbols)
	case schema.Array:
		n.op, n.item = opArray, c.node(t.Items)
	case schema.Map:
		n.op, n.item = opMap, c.node(t.Items)
	case schema.Union:
		c.union(n, t)
	case schema.Record:
		n.op, n.recursive = opRecord, c.recursive[t]
		n.fields = make([]fieldNode, len(t.Fields))
		for i, f := range t.Fields {
			n.fields[i] = fieldNode{c.node(f.Type), f.Name}
		}
	}
	if t.Logical != nil {
		logical(n, t)
	}
	if size.max == 0 {
		n.op = opNothing
	}
	return n
}

func (c *compiler) union(n *node, t *schema.Type) {
	n.op, n.size = opUnion, len(t.Branches)
	n.branches = make([]*node, len(t.Branches))
	for i, b := range t.Branches {
		n.branches[i] = c.node(b)
	}
	if other, ok := t.Nullable(); ok {
		n.op, n.item = opNullable, c.node(other)
		if t.Branches[1].Kind == schema.Null {
			n.nullAt = 2
		}
	}
}

// logical narrows a node to what its logical type allows: what a typed decoder could not represent is malformed.
func logical(n *node, t *schema.Type) {
	switch t.Logical.Name {
	case "decimal":
		n.precision = t.Logical.Precision
		n.op = opDecimal
		if t.Kind == schema.Fixed {
			n.op = opDecimalFixed
		}
	case "big-decimal":
		n.op = opBigDecimal
	case "uuid":
		if t.Kind == schema.String {
			n.op = opUUID
		}
	case "time-millis":
		n.op = opTimeMillis
	case "time-micros":
		n.op = opTimeMicros
	}
}

// span is the range of how many bytes a type's values take. max is math.MaxInt where there is no bound.
type span struct{ min, max int }

func (s span) plus(o span) span {
	return span{saturate(s.min, o.min), saturate(s.max, o.max)}
}

func saturate(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}

// span computes a type's span. Inside itself, a type counts as anything from nothing to endless.
func (c *compiler) span(t *schema.Type) span {
	if s, ok := c.sizes[t]; ok {
		return s
	}
	if t.Kind.Named() {
		c.sizes[t] = span{0, math.MaxInt}
	}
	s := span{1, math.MaxInt}
	switch t.Kind {
	case schema.Null:
		s = span{}
	case schema.Boolean:
		s = span{1, 1}
	case schema.Float:
		s = span{4, 4}
	case schema.Double:
		s = span{8, 8}
	case schema.Fixed:
		s = span{t.Size, t.Size}
	case schema.Record:
		s = span{}
		for _, f := range t.Fields {
			s = s.plus(c.span(f.Type))
		}
	case schema.Union:
		s.min = math.MaxInt
		for _, b := range t.Branches {
			s.min = min(s.min, saturate(1, c.span(b).min))
		}
		if len(t.Branches) == 0 {
			s.min = 1
		}
	}
	c.sizes[t] = s
	return s
}

// recursiveRecords returns the records below t that can contain themselves: those on a cycle of the graph of types
// (Tarjan's strongly connected components).
func recursiveRecords(t *schema.Type) map[*schema.Type]bool {
	f := cycleFinder{index: map[*schema.Type]int{}, low: map[*schema.Type]int{}, on: map[*schema.Type]bool{},
		found: map[*schema.Type]bool{}}
	f.visit(t)
	return f.found
}

type cycleFinder struct {
	index, low map[*schema.Type]int
	on         map[*schema.Type]bool // on the stack
	stack      []*schema.Type
	found      map[*schema.Type]bool
}

func (f *cycleFinder) visit(t *schema.Type) {
	f.index[t] = len(f.index)
	f.low[t] = f.index[t]
	f.stack = append(f.stack, t)
	f.on[t] = true
	self := false
	eachBelow(t, func(below *schema.Type) {
		if _, seen := f.index[below]; !seen {
			f.visit(below)
			f.low[t] = min(f.low[t], f.low[below])
		} else if f.on[below] {
			f.low[t] = min(f.low[t], f.index[below])
			self = self || below == t
		}
	})
	if f.low[t] != f.index[t] {
		return
	}
	at := len(f.stack) - 1
	for f.stack[at] != t {
		at--
	}
	for _, member := range f.stack[at:] {
		f.on[member] = false
		if member.Kind == schema.Record && (self || len(f.stack)-at > 1) {
			f.found[member] = true
		}
	}
	f.stack = f.stack[:at]
}

func eachBelow(t *schema.Type, visit func(*schema.Type)) {
	switch t.Kind {
	case schema.Array, schema.Map:
		visit(t.Items)
	case schema.Union:
		for _, b := range t.Branches {
			visit(b)
		}
	case schema.Record:
		for _, f := range t.Fields {
			visit(f.Type)
		}
	}
}
