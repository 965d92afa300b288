package schema

import (
	"fmt"
	"unicode/utf8"
)

// ParseError says why a text is no schema.
type ParseError struct {
	Pointer string // JSON pointer (RFC 6901) of the fault in the text, "" for the whole
	Reason  string // what is wrong, where Avro Java would refuse too in its words
}

// Error returns the reason and, unless it is the root, the pointer.
func (e *ParseError) Error() string {
	if e.Pointer == "" {
		return e.Reason
	}
	return e.Reason + " (at " + e.Pointer + ")"
}

func faultAt(pointer, format string, args ...any) error {
	return &ParseError{Pointer: pointer, Reason: fmt.Sprintf(format, args...)}
}

// Option changes how Parse reads a text.
type Option func(*parser)

// WithReferences lets the text use the named types of other schemas, those that they took from their own references
// included. Types of the same name must be equal, as if all had been parsed together.
func WithReferences(references ...*Schema) Option {
	return func(p *parser) { p.references = append(p.references, references...) }
}

// Lenient accepts what a registry takes on import and must be able to read back: defaults are not checked against
// their types, names may have letters of any script, and namespaces and aliases may be anything.
func Lenient() Option {
	return func(p *parser) { p.lenient = true }
}

// Parse reads the schema that text holds as JSON. It accepts and refuses what Avro Java 1.12.1 does with its strict
// name validation, with these exceptions: what exceeds this package's limits, text that is not valid UTF-8 and half
// surrogates are refused. An error is a *ParseError.
//
// A name may be used before its definition, as in Avro 1.12. A default is not: where it needs to look into a record,
// the record must be complete by then.
func Parse(text string, opts ...Option) (*Schema, error) {
	p := &parser{
		reader: reader{text: text},
		old:    map[string]*Type{},
		fresh:  map[string]*Type{},
		known:  map[string]bool{},
	}
	for _, opt := range opts {
		opt(p)
	}
	if len(text) > MaxText {
		return nil, faultAt("", "the schema has %d bytes, more than %d", len(text), MaxText)
	}
	if !utf8.ValidString(text) {
		return nil, faultAt("", "the schema is not valid UTF-8")
	}
	if err := p.adopt(); err != nil {
		return nil, err
	}
	document, err := p.reader.document()
	if err != nil {
		return nil, err
	}
	p.checks = newDefaultChecks(len(text))
	s := &Schema{text: text, references: p.references, known: p.known, lenient: p.lenient}
	if err := p.parseType(&document, "", "", &s.root); err != nil {
		return nil, err
	}
	if err := p.resolve(s); err != nil {
		return nil, err
	}
	for _, t := range p.defined {
		if p.fresh[t.FullName()] == t {
			s.order = append(s.order, t)
		}
	}
	return s, nil
}

// parser holds what is known while one text is parsed.
type parser struct {
	reader     reader
	references []*Schema
	lenient    bool

	old      map[string]*Type // named types of the references, by full name
	fresh    map[string]*Type // those of this text that are complete
	known    map[string]bool  // full names of the references' roots: printed as names
	defined  []*Type          // this text's named types, in the order in which their definitions begin
	complete []*Type          // the same in the order in which they end
	open     []openReference  // uses of names that were not defined yet
	checks   *defaultChecks
	count    int // types and fields
	pointers int // bytes of all pointers
}

// openReference is a use of a name that was not known at that point. Until the end of the text, a placeholder of kind
// Invalid stands at its place.
type openReference struct {
	at      **Type
	name    string
	pointer string
}

// adopt takes over the named types of the references.
func (p *parser) adopt() error {
	for _, ref := range p.references {
		for name := range ref.known {
			p.known[name] = true
		}
		if ref.root.Kind.Named() {
			p.known[ref.root.FullName()] = true
		}
		for _, t := range ref.all {
			name := t.FullName()
			if first := p.old[name]; first == nil {
				p.old[name] = t
			} else if !equalTypes(first, t) {
				return faultAt("", "Can't redefine: %s", name)
			}
		}
	}
	return nil
}

// grow counts a type or field and its pointer against the limits.
func (p *parser) grow(pointer string) error {
	p.count++
	p.pointers += len(pointer)
	if p.count > MaxTypes {
		return faultAt(clip(pointer), "the schema has more than %d types and fields", MaxTypes)
	}
	if p.pointers > maxPointer {
		return faultAt(clip(pointer), "the schema is nested too deeply for its size")
	}
	return nil
}

// parseType parses the type that v declares or names, within a namespace, and sets *at.
func (p *parser) parseType(v *Value, namespace, pointer string, at **Type) error {
	if err := p.grow(pointer); err != nil {
		return err
	}
	switch v.Kind {
	case JSONString:
		return p.find(v.Text, namespace, pointer, at)
	case JSONArray:
		return p.parseUnion(v, namespace, pointer, at)
	case JSONObject:
	default:
		return faultAt(pointer, "Schema not yet supported: %s", v)
	}
	name := v.Get("type")
	if name == nil || name.Kind != JSONString {
		return faultAt(pointer, "No type: %s", clip(v.String()))
	}
	switch name.Text {
	case "record", "error":
		return p.parseRecord(v, namespace, pointer, at)
	case "enum":
		return p.parseEnum(v, namespace, pointer, at)
	case "fixed":
		return p.parseFixed(v, namespace, pointer, at)
	case "array":
		return p.parseContainer(v, Array, "items", "Array has no items type: %s", namespace, pointer, at)
	case "map":
		return p.parseContainer(v, Map, "values", "Map has no values type: %s", namespace, pointer, at)
	}
	if kind := primitive(name.Text); kind != Invalid {
		t := &Type{Kind: kind, Pointer: pointer}
		p.setProps(t, v, false)
		*at = t
		return nil
	}
	return p.find(name.Text, namespace, pointer, at) // the object's other attributes are ignored, as in Avro 1.12.1
}

// primitive returns the kind of a primitive type's name, or Invalid.
func primitive(name string) Kind {
	switch name {
	case "null":
		return Null
	case "boolean":
		return Boolean
	case "int":
		return Int
	case "long":
		return Long
	case "float":
		return Float
	case "double":
		return Double
	case "bytes":
		return Bytes
	case "string":
		return String
	}
	return Invalid
}

// find sets *at to the type with this name. A name without a dot is sought in the namespace first, then in none.
func (p *parser) find(name, namespace, pointer string, at **Type) error {
	if kind := primitive(name); kind != Invalid {
		*at = &Type{Kind: kind, Pointer: pointer}
		return nil
	}
	full := qualify(name, namespace)
	for _, candidate := range [...]string{full, name} {
		if t := p.lookup(candidate); t != nil {
			*at = t
			return nil
		}
	}
	*at = &Type{Kind: Invalid, Name: full, Pointer: pointer}
	p.open = append(p.open, openReference{at, full, pointer})
	return nil
}

func (p *parser) lookup(full string) *Type {
	if t := p.old[full]; t != nil {
		return t
	}
	return p.fresh[full]
}

func (p *parser) parseUnion(v *Value, namespace, pointer string, at **Type) error {
	t := &Type{Kind: Union, Pointer: pointer, Branches: make([]*Type, len(v.Items))}
	*at = t
	for i := range v.Items {
		branch := fmt.Sprintf("%s/%d", pointer, i)
		if err := p.parseType(&v.Items[i], namespace, branch, &t.Branches[i]); err != nil {
			return err
		}
	}
	return checkBranches(t, v)
}

// checkBranches refuses unions in unions and two branches of the same name; of those that are not resolved yet
// nothing is known.
func checkBranches(t *Type, v *Value) error {
	seen := make(map[string]bool, len(t.Branches))
	for i, branch := range t.Branches {
		switch name := branch.FullName(); {
		case branch.Kind == Invalid:
		case branch.Kind == Union:
			return faultAt(fmt.Sprintf("%s/%d", t.Pointer, i), "Nested union: %s", clip(v.String()))
		case seen[name]:
			return faultAt(fmt.Sprintf("%s/%d", t.Pointer, i), "Duplicate in union:%s", name)
		default:
			seen[name] = true
		}
	}
	return nil
}

func (p *parser) parseContainer(v *Value, kind Kind, member, missing, namespace, pointer string, at **Type) error {
	items := v.Get(member)
	if items == nil {
		return faultAt(pointer, missing, clip(v.String()))
	}
	t := &Type{Kind: kind, Pointer: pointer}
	*at = t
	if err := p.parseType(items, namespace, pointer+"/"+member, &t.Items); err != nil {
		return err
	}
	p.setProps(t, v, false)
	return p.checkCopiedProps(t)
}
