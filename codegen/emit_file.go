package codegen

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/typelog/typelog/serde/avro/schema"
)

// emitFile prints one file of the package.
func emitFile(pkg *goPackage, f *goFile) ([]byte, error) {
	p := newPrinter()
	p.line("// Generated code and the runtime in use belong together: this does not compile with one that is too old or too new.")
	p.line("const _ = avro.GeneratedV1")
	for _, n := range f.types {
		p.useTypes(pkg, n)
		switch {
		case n.root != nil:
			p.root(n)
		case n.avro.Kind == schema.Record:
			p.record(n)
		case n.avro.Kind == schema.Enum:
			p.enum(n)
		case n.avro.Kind == schema.Fixed:
			p.fixed(n)
		}
	}
	return p.source(pkg.name)
}

// useTypes imports the packages of the Go types that a type's declaration names.
func (p *printer) useTypes(pkg *goPackage, n *named) {
	var walk func(r *ref)
	walk = func(r *ref) {
		switch {
		case r.form == formLogical && r.logical.path != "":
			p.use(r.logical.path)
		case r.form == formCustom:
			if r.custom.path != "" {
				p.useAs(r.custom.path, pkg.aliases[r.custom.path])
			}
			walk(r.elem)
		case r.named != nil && r.named.foreign():
			used := r.named.pkg
			if p.useAs(used.Import, pkg.aliases[used.Import]); used.Name != path.Base(used.Import) {
				p.imports[used.Import] = pkg.aliases[used.Import]
			}
		case r.elem != nil:
			walk(r.elem)
		case r.union != nil:
			for _, b := range r.union.branches {
				walk(b.typ)
			}
		}
	}
	if n.root != nil {
		walk(n.root)
	}
	for _, f := range n.fields {
		walk(f.typ)
	}
}

// doc writes a type's comment: what it is in Avro, and the schema's own words.
func (p *printer) doc(n *named) {
	p.line()
	if n.root != nil {
		p.comment(n.name + " is a value of the " + n.avro.Kind.String() + " schema in " + path.Base(n.in.Path) + ".")
		return
	}
	kind := n.avro.Kind.String()
	article := "the"
	if n.avro.IsError {
		kind = "error"
	}
	p.comment(n.name + " is " + article + " Avro " + kind + " " + n.avro.FullName() + ".")
	if strings.TrimSpace(n.avro.Doc) != "" {
		p.line("//")
		p.comment(n.avro.Doc)
	}
	if i := slices.Index(n.avro.Symbols, n.avro.Default); n.avro.HasDefault && i >= 0 {
		p.line("//")
		p.comment("A symbol of a newer schema is read as " + n.consts[i] + ".")
	}
}

// record prints a record: struct, constructor, methods.
func (p *printer) record(n *named) {
	p.doc(n)
	p.line("type ", n.name, " struct {")
	for i, f := range n.fields {
		if i > 0 && f.avro.Doc != "" {
			p.line()
		}
		p.comment(f.avro.Doc)
		if f.pointer {
			p.comment("Nil is null. A pointer, because " + f.avro.Name + " closes a cycle of records.")
		}
		p.line(f.name, " ", goType(f.typ), " ", tag(f))
	}
	p.line("}")
	p.constructor(n)
	p.datum(n)
	p.recordCodec(n)
	for _, u := range n.unions {
		p.union(u)
	}
}

// tag returns a field's tag: in JSON it has the name that it has in the schema, and nulls are left out.
func tag(f *field) string {
	switch f.typ.form {
	case formOptional, formNilable, formPointer:
		return "`json:\"" + f.avro.Name + ",omitzero\"`"
	}
	return "`json:\"" + f.avro.Name + "\"`"
}

// constructor prints NewX, which sets the schema's defaults.
func (p *printer) constructor(n *named) {
	p.line()
	p.comment("New" + n.name + " returns a value that holds the schema's defaults, and Go's zero values elsewhere.")
	p.line("func New", n.name, "() *", n.name, " {")
	p.line("return &", n.name, "{")
	for _, f := range n.fields {
		if expr := initial(f); expr != "" {
			p.line(f.name, ": ", expr, ",")
		}
	}
	p.line("}")
	p.line("}")
}

// initial returns what a constructor sets a field to: its default, or a record that holds its own fields' defaults. It
// returns "" if that is Go's zero value.
func initial(f *field) string {
	switch {
	case f.avro.HasDefault:
		expr, _ := f.literal() // resolve has seen that it has one
		return expr
	case f.typ.form == formRecord && hasPreset(f.typ.named):
		return "*" + f.typ.named.prefix + "New" + f.typ.named.name + "()"
	}
	return ""
}

// hasPreset reports whether a record's constructor sets anything.
func hasPreset(n *named) bool {
	if n.preset == 0 {
		n.preset = -1
		if slices.ContainsFunc(n.fields, func(f *field) bool { return initial(f) != "" }) {
			n.preset = 1
		}
	}
	return n.preset > 0
}

// quote returns a Go string literal: a raw one where the text allows it, because people read schemas. A raw one shows
// nothing but what it holds.
func quote(text string) string {
	raw := strings.Contains(text, "\n") || len(text) >= 60
	for _, r := range text {
		if r == '`' || r != '\n' && r != '\t' && !strconv.IsPrint(r) {
			raw = false
		}
	}
	if !raw {
		return strconv.Quote(text)
	}
	return "`" + text + "`"
}
