package codegen

import (
	"slices"
	"strconv"
)

// element is one part of the path to a value, as a call that prepends it to an error's path.
type element struct {
	call string // InField, InIndex or InKey
	arg  string // Go expression
}

// trail is the path from a record to a value inside it, outermost first.
type trail []element

func (t trail) field(name string) trail { return t.with("InField", strconv.Quote(name)) }
func (t trail) index(expr string) trail { return t.with("InIndex", expr) }
func (t trail) key(expr string) trail   { return t.with("InKey", expr) }

func (t trail) with(call, arg string) trail { return append(slices.Clone(t), element{call, arg}) }

// wrap returns the expression that puts the trail before err's path.
func (t trail) wrap(err string) string {
	for _, e := range slices.Backward(t) {
		err = "avro." + e.call + "(" + err + ", " + e.arg + ")"
	}
	return err
}

// bail prints the statement that leaves a decoder if the reader failed, with the trail before the fault's path.
func (p *printer) bail(t trail) {
	p.line("if r.Failed() {")
	for _, e := range slices.Backward(t) {
		p.line("r.", e.call, "(", e.arg, ")")
	}
	p.line("return")
	p.line("}")
}
