package codegen

import (
	"strconv"
	"strings"
)

// goCase returns the Go type of a branch as a type switch names it. Records are held by pointer, all else by value.
func (b *branch) goCase() string {
	if b.byPointer() {
		return "*" + b.name
	}
	return b.name
}

// byPointer reports whether the branch is a pointer to a record.
func (b *branch) byPointer() bool { return b.typ.form == formRecord && !b.wrapper }

// value returns the expression for what a branch holds, given one for the branch.
func (b *branch) value(expr string) string {
	if b.wrapper {
		return expr + ".Value"
	}
	return expr
}

// cases lists the Go types of the branches.
func (u *union) cases() string {
	var names []string
	for _, b := range u.branches {
		if b.name == "" {
			names = append(names, "nil")
		} else {
			names = append(names, b.goCase())
		}
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

func noBranch(u *union) string {
	return "avro.Invalid(" + strconv.Quote("the value must be "+u.cases()) + ")"
}

func nilBranch(b *branch) string {
	return "avro.Invalid(" + strconv.Quote("the "+b.goCase()+" is nil") + ")"
}

// union prints a union's interface and the types of its branches.
func (p *printer) union(u *union) {
	marker := "is" + u.name
	p.line()
	p.comment(u.name + " is the union of " + u.origin + ": " + u.cases() + ".")
	p.line("type ", u.name, " interface{ ", marker, "() }")
	for _, b := range u.branches {
		if b.wrapper {
			p.line()
			p.comment(b.name + " is the branch " + b.avro.FullName() + " of " + u.name + ".")
			p.line("type ", b.name, " struct{ Value ", goType(b.typ), " }")
		}
	}
	p.line()
	for _, b := range u.branches {
		if b.name != "" {
			p.line("func (", b.goCase(), ") ", marker, "() {}")
		}
	}
}
