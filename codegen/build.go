package codegen

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/typelog/typelog/serde/avro/schema"
)

// resolve builds the model of the Go package. It finds everything that can be wrong with the schemas.
func resolve(name string, inputs []*input, l *layout, opts Options) (*goPackage, error) {
	b := &builder{opts: opts, layout: l, defined: map[string]*input{}, pkg: &goPackage{name: name, types: map[string]*named{}, scope: newScope(), aliases: map[string]string{}}}
	if err := b.collect(inputs); err != nil {
		return nil, err
	}
	b.nameTypes()
	for _, n := range b.all {
		b.claimNames(n)
	}
	for _, n := range b.all {
		b.resolveType(n)
	}
	if err := errors.Join(b.errs...); err != nil {
		return nil, err
	}
	if err := b.pkg.breakCycles(); err != nil {
		return nil, err
	}
	if l != nil {
		b.checkImports()
	}
	for _, n := range b.all {
		b.checkDefaults(n)
	}
	b.pkg.keepOwn()
	return b.pkg, errors.Join(b.errs...)
}

// keepOwn leaves the types of other packages out of the files.
func (p *goPackage) keepOwn() {
	for _, f := range p.files {
		f.types = slices.DeleteFunc(f.types, (*named).foreign)
	}
}

type builder struct {
	opts    Options
	layout  *layout
	pkg     *goPackage
	defined map[string]*input // by full name
	all     []*named          // in the order of the inputs
	errs    []error
}

func (b *builder) fail(in *input, pointer, format string, args ...any) {
	b.errs = append(b.errs, &Error{Path: in.Path, Pointer: pointer, Message: fmt.Sprintf(format, args...)})
}

// collect makes a named for every definition of the inputs, each full name once, and for every unnamed root.
func (b *builder) collect(inputs []*input) error {
	names := map[string]*input{}
	for _, in := range inputs {
		file := &goFile{in: in, name: fileName(in.Path)}
		if other := names[strings.ToLower(file.name)]; other != nil {
			return fmt.Errorf("%s and %s would both generate %s; rename one, or generate them into packages of their own",
				other.Path, in.Path, file.name)
		}
		names[strings.ToLower(file.name)] = in
		b.pkg.files = append(b.pkg.files, file)
		for _, t := range in.schema.Definitions() {
			b.define(file, t)
		}
		if root := in.schema.Root(); !isGoType(root) {
			n := &named{avro: root, in: in, root: &ref{}, name: typeNameOf(in.Path),
				origin: fmt.Sprintf("the %s of %s", root.FullName(), in.Path)}
			if root.Kind.Named() {
				n.name = exported(root.Name)
			}
			b.add(file, n)
		}
	}
	return errors.Join(b.errs...)
}

// isGoType reports whether a type becomes a Go type of its own. A fixed with a logical type is one of the runtime's.
func isGoType(t *schema.Type) bool { return t.Kind.Named() && t.Logical == nil }

// define adds a definition to a file, unless another input has defined the same type.
func (b *builder) define(file *goFile, t *schema.Type) {
	in, full := file.in, t.FullName()
	if first := b.defined[full]; first != nil {
		if textOf(first.schema, full) != textOf(in.schema, full) {
			b.fail(in, t.Pointer, "%s is defined differently in %s; one full name is one type", full, first.Path)
		}
		return
	}
	b.defined[full] = in
	if isGoType(t) {
		n := &named{avro: t, in: in, origin: fmt.Sprintf("%s %s (%s)", t.Kind, full, in.Path)}
		b.pkg.types[full] = n
		b.add(file, n)
	}
}

// textOf prints one named type of a schema so that it stands alone.
func textOf(s *schema.Schema, fullName string) string {
	alone, err := schema.Parse(strconv.Quote(fullName), schema.WithReferences(s))
	if err != nil {
		return s.Resolved() // cannot be: the schema has the type
	}
	return alone.Resolved()
}

// describe sets the schema of a type that can be a whole message: every record, and every input's root.
func (b *builder) describe(n *named) {
	isRoot := n.root != nil || n.in.schema.Root() == n.avro
	n.datum = isRoot || n.avro.Kind == schema.Record
	switch {
	case !n.datum:
	case isRoot && len(n.in.needs) == 0:
		n.text, n.verbatim = n.in.Text, true
		n.fingerprint = n.in.schema.Fingerprint64()
	case isRoot:
		n.text, n.fingerprint = n.in.schema.Resolved(), n.in.schema.Fingerprint64()
	default:
		alone, err := schema.Parse(strconv.Quote(n.avro.FullName()), schema.WithReferences(n.in.schema))
		if err != nil {
			b.fail(n.in, n.avro.Pointer, "%v", err)
			return
		}
		n.text, n.fingerprint = alone.Resolved(), alone.Fingerprint64()
	}
}

func (b *builder) add(file *goFile, n *named) {
	if b.layout != nil {
		if n.pkg = b.layout.of(n.avro.Namespace); n.pkg == nil || n.root != nil && n.avro.Namespace == "" {
			b.fail(n.in, n.avro.Pointer, "%s is in no namespace that has a package; give its namespace %q one", n.origin, n.avro.Namespace)
			return
		}
		n.shared = true
		if n.pkg != b.layout.own {
			n.prefix = b.alias(n.pkg.Import) + "."
		}
	}
	file.types = append(file.types, n)
	b.all = append(b.all, n)
}

// nameTypes gives each type its Go name: its short name, with the last part of its namespace before it if another
// type has the same one.
func (b *builder) nameTypes() {
	type name struct {
		pkg   *Package
		short string
	}
	short := map[name]int{}
	for _, n := range b.all {
		if n.root == nil {
			short[name{n.pkg, exported(n.avro.Name)}]++
		}
	}
	for _, n := range b.all {
		if n.root != nil {
			continue
		}
		n.name = exported(n.avro.Name)
		if short[name{n.pkg, n.name}] > 1 && n.avro.Namespace != "" {
			n.name = exported(lastPart(n.avro.Namespace)) + n.name
		}
	}
}

// claimNames takes the package's identifiers that a type brings along.
func (b *builder) claimNames(n *named) {
	claim := func(ident, what string) bool {
		if n.foreign() {
			return true // for the package's own run to say
		}
		err := b.pkg.scope.claim(ident, what+n.origin)
		if err != nil {
			b.fail(n.in, n.avro.Pointer, "%v; rename one, or generate them into packages of their own", err)
		}
		return err == nil
	}
	switch {
	case !claim(n.name, "") || n.root != nil:
	case n.avro.Kind == schema.Record:
		claim("New"+n.name, "the constructor of ")
	case n.avro.Kind == schema.Enum && len(n.avro.Symbols) == 0:
		b.fail(n.in, n.avro.Pointer, "%s has no symbols, and so no values; give it some", n.origin)
	case n.avro.Kind == schema.Enum:
		claim("Parse"+n.name, "the parser of ")
		for _, symbol := range n.avro.Symbols {
			ident := n.name + exportedSymbol(symbol)
			claim(ident, "symbol "+symbol+" of ")
			n.consts = append(n.consts, ident)
		}
	}
}

// reserved are the methods of a generated record: a field of that name gets an underscore.
var reserved = map[string]bool{
	"AppendAvro": true, "DecodeAvro": true, "Validate": true, "AvroSchema": true,
	"AppendAvroJSON": true, "DecodeAvroJSON": true, "ReadAvro": true, "MarshalJSON": true, "UnmarshalJSON": true, "Random": true,
}

// resolveType resolves the fields of a record or the value of an unnamed root.
func (b *builder) resolveType(n *named) {
	b.describe(n)
	if n.root != nil {
		n.root = b.ref(n, n.avro, place{name: n.name + "Value", pointer: n.avro.Pointer, label: "the schema's root"})
		return
	}
	if n.avro.Kind != schema.Record {
		return
	}
	n.fields = make([]*field, 0, len(n.avro.Fields))
	taken := newScope()
	for _, f := range n.avro.Fields {
		name := exported(f.Name)
		if reserved[name] {
			name += "_"
		}
		label := n.avro.FullName() + "." + f.Name
		if err := taken.claim(name, label); err != nil {
			b.fail(n.in, f.Pointer, "%v; rename one", err)
			continue
		}
		wanted, err := b.customOf(f)
		if err != nil {
			b.fail(n.in, f.Pointer, "%s: %v", label, err)
		}
		typ := b.ref(n, f.Type, place{name: n.name + name, pointer: f.Pointer, label: label, custom: wanted})
		n.fields = append(n.fields, &field{avro: f, name: name, typ: typ})
	}
}

// place is where a type is used: for names of unions, and for messages.
type place struct {
	name    string // Go name that a union at this place gets
	pointer string
	label   string
	custom  *custom // the Go type that the field asks for
}

func (p place) in(part string) place {
	return place{name: p.name + part, pointer: p.pointer, label: p.label}
}

// ref resolves one use of a type.
func (b *builder) ref(n *named, t *schema.Type, at place) *ref {
	wanted := at.custom
	if t.Kind != schema.Union || !nullable(t) {
		at.custom = nil // not for what is inside
	}
	r := b.plainRef(n, t, at)
	own, err := b.customOf(t)
	if err != nil {
		b.fail(n.in, at.pointer, "%s: %v", at.label, err)
	}
	if own != nil {
		wanted = own
	}
	if wanted == nil || t.Kind == schema.Union && nullable(t) {
		return r
	}
	return b.customize(n, r, wanted, at)
}

func nullable(t *schema.Type) bool {
	_, ok := t.Nullable()
	return ok
}

// plainRef resolves one use of a type without regard to custom types.
func (b *builder) plainRef(n *named, t *schema.Type, at place) *ref {
	r := &ref{avro: t}
	if t.Logical != nil {
		if r.logical = findLogical(t); r.logical == nil {
			b.fail(n.in, at.pointer, "%s: logical type %s on %s is not generated yet", at.label, t.Logical.Name, t.Kind)
			return r
		}
		r.form = formLogical
		if t.Kind.Named() {
			r.named = b.pkg.types[t.FullName()]
		}
		return r
	}
	switch t.Kind {
	case schema.Null:
		r.form = formNull
	case schema.Boolean:
		r.form = formBoolean
	case schema.Int:
		r.form = formInt
	case schema.Long:
		r.form = formLong
	case schema.Float:
		r.form = formFloat
	case schema.Double:
		r.form = formDouble
	case schema.Bytes:
		r.form = formBytes
	case schema.String:
		r.form = formString
	case schema.Record:
		r.form, r.named = formRecord, b.pkg.types[t.FullName()]
	case schema.Enum:
		r.form, r.named = formEnum, b.pkg.types[t.FullName()]
	case schema.Fixed:
		r.form, r.named = formFixed, b.pkg.types[t.FullName()]
	case schema.Array:
		r.form, r.elem = formArray, b.ref(n, t.Items, at.in("Item"))
	case schema.Map:
		r.form, r.elem = formMap, b.ref(n, t.Items, at.in("Value"))
	case schema.Union:
		b.unionRef(n, r, at)
	default:
		b.fail(n.in, at.pointer, "%s: type %s is not generated yet", at.label, t.Kind)
	}
	return r
}

// unionRef resolves a union: a nullable type is an optional or a slice or map that can be nil, any other a sealed
// interface.
func (b *builder) unionRef(n *named, r *ref, at place) {
	branches := r.avro.Branches
	null := -1
	for i, t := range branches {
		if t.Kind == schema.Null {
			null = i
		}
	}
	if len(branches) == 2 && null >= 0 {
		r.null = null
		r.elem = b.ref(n, branches[1-null], at)
		switch r.elem.form {
		case formBytes, formArray, formMap:
			r.form = formNilable
		case formNull:
			r.form = formOptional
		default:
			if r.form = formOptional; b.opts.Pointers {
				r.form = formPointer
			}
		}
		return
	}
	if len(branches) == 0 {
		b.fail(n.in, at.pointer, "%s: a union without branches has no values; give it some", at.label)
	}
	r.form = formUnion
	r.union = &union{name: at.name, avro: r.avro, origin: at.label}
	b.claimUnion(n, at, at.name, "the union at "+at.label)
	n.unions = append(n.unions, r.union)
	for _, t := range branches {
		r.union.branches = append(r.union.branches, b.branch(n, r.union, t, at))
	}
}

// branch resolves one branch of a union. A named type is its own branch type; others are wrapped.
func (b *builder) branch(n *named, u *union, t *schema.Type, at place) *branch {
	name := exported(t.Kind.String())
	if t.Logical != nil {
		name = exported(strings.ReplaceAll(t.Logical.Name, "-", "_"))
	}
	br := &branch{avro: t, typ: b.ref(n, t, at.in(name))}
	switch {
	case br.typ.form == formNull:
		return br
	case br.typ.named != nil && br.typ.form != formLogical && !br.typ.named.foreign():
		br.name = br.typ.named.name
	case br.typ.named != nil && br.typ.form != formLogical: // Go has no methods for types of other packages
		br.wrapper, br.name = true, u.name+br.typ.named.name
		b.claimUnion(n, at, br.name, "a branch of the union at "+at.label)
	default:
		br.wrapper, br.name = true, u.name+name
		b.claimUnion(n, at, br.name, "a branch of the union at "+at.label)
	}
	return br
}

func (b *builder) claimUnion(n *named, at place, ident, origin string) {
	if n.foreign() {
		return
	}
	if err := b.pkg.scope.claim(ident, origin); err != nil {
		b.fail(n.in, at.pointer, "%v; rename one, or generate them into packages of their own", err)
	}
}

// fileName returns the name of the generated file for an input. The suffix keeps the Go tool from reading a build
// constraint into the input's name (event_linux.avsc, cases_test.avsc).
func fileName(inputPath string) string { return baseName(inputPath) + Suffix }

// typeNameOf returns the Go name of an input's unnamed root.
func typeNameOf(inputPath string) string { return exported(baseName(inputPath)) }

// baseName is an input's name without directory and extension, of letters that a file name may hold everywhere.
func baseName(inputPath string) string {
	base := path.Base(strings.ReplaceAll(inputPath, `\`, "/"))
	base = strings.TrimSuffix(base, path.Ext(base))
	base = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
			return r
		}
		return '_'
	}, base)
	if base == "" || base[0] == '_' {
		return "x" + base // the Go tool does not see files that begin with an underscore or a dot
	}
	return base
}
