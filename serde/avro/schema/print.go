package schema

import "strconv"

// String prints the schema as Avro Java's Schema.toString does and Confluent's registry keeps it: compact JSON, every
// named type defined at its first use and named after that, by its short name inside its own namespace. Types at the
// root of a reference are only named.
func (s *Schema) String() string {
	p := printer{defined: map[string]bool{}}
	for name := range s.known {
		p.defined[name] = true
	}
	p.schema(s.root, "")
	return string(p.out)
}

// Resolved prints the schema like String but with the definitions of all types that it uses, so that it stands alone.
func (s *Schema) Resolved() string {
	p := printer{defined: map[string]bool{}}
	p.schema(s.root, "")
	return string(p.out)
}

// String prints the type like Schema.String prints a schema that has it as its root.
func (t *Type) String() string {
	p := printer{defined: map[string]bool{}}
	p.schema(t, "")
	return string(p.out)
}

// printer prints types in Avro Java's form.
type printer struct {
	out     []byte
	defined map[string]bool
}

func (p *printer) raw(s string)  { p.out = append(p.out, s...) }
func (p *printer) text(s string) { p.out = appendString(p.out, s) }

func (p *printer) member(name, value string) {
	p.raw(`,"` + name + `":`)
	p.text(value)
}

func (p *printer) schema(t *Type, namespace string) {
	switch t.Kind {
	case Record, Enum, Fixed:
		full := t.FullName()
		if p.defined[full] {
			p.text(shortName(full, namespace))
			return
		}
		p.defined[full] = true
		p.named(t, namespace)
	case Array, Map:
		p.raw(`{"type":"` + t.Kind.String() + `","`)
		if t.Kind == Array {
			p.raw(`items":`)
		} else {
			p.raw(`values":`)
		}
		p.schema(t.Items, namespace)
		p.props(t.Props)
		p.raw("}")
	case Union:
		p.raw("[")
		for i, branch := range t.Branches {
			if i > 0 {
				p.raw(",")
			}
			p.schema(branch, namespace)
		}
		p.raw("]")
	case Invalid: // only in messages: a name that is not defined yet
		p.text(t.Name)
	default:
		if len(t.Props) == 0 {
			p.text(t.Kind.String())
			return
		}
		p.raw(`{"type":"` + t.Kind.String() + `"`)
		p.props(t.Props)
		p.raw("}")
	}
}

func (p *printer) named(t *Type, namespace string) {
	p.raw(`{"type":"`)
	if t.IsError {
		p.raw(`error"`)
	} else {
		p.raw(t.Kind.String() + `"`)
	}
	p.member("name", t.Name)
	if t.Namespace != namespace {
		p.member("namespace", t.Namespace) // "" for a type without a namespace inside one that has one
	}
	if t.HasDoc {
		p.member("doc", t.Doc)
	}
	switch t.Kind {
	case Record:
		p.raw(`,"fields":[`)
		for i, f := range t.Fields {
			if i > 0 {
				p.raw(",")
			}
			p.field(f, t.Namespace)
		}
		p.raw("]")
	case Enum:
		p.raw(`,"symbols":`)
		p.list(t.Symbols)
		if t.HasDefault {
			p.member("default", t.Default)
		}
	case Fixed:
		p.raw(`,"size":` + strconv.Itoa(t.Size))
	}
	p.props(t.Props)
	if len(t.Aliases) > 0 {
		aliases := make([]string, len(t.Aliases))
		for i, alias := range t.Aliases {
			aliases[i] = shortName(alias, t.Namespace)
		}
		p.raw(`,"aliases":`)
		p.list(aliases)
	}
	p.raw("}")
}

func (p *printer) field(f *Field, namespace string) {
	p.raw(`{"name":`)
	p.text(f.Name)
	p.raw(`,"type":`)
	p.schema(f.Type, namespace)
	if f.HasDoc {
		p.member("doc", f.Doc)
	}
	if f.HasDefault {
		p.raw(`,"default":`)
		p.out = f.Default.append(p.out)
	}
	if f.Order != Ascending {
		p.member("order", f.Order.String())
	}
	if len(f.Aliases) > 0 {
		p.raw(`,"aliases":`)
		p.list(f.Aliases)
	}
	p.props(f.Props)
	p.raw("}")
}

// String returns the order's name in a schema.
func (o Order) String() string {
	switch o {
	case Descending:
		return "descending"
	case Ignore:
		return "ignore"
	}
	return "ascending"
}

func (p *printer) list(texts []string) {
	p.raw("[")
	for i, text := range texts {
		if i > 0 {
			p.raw(",")
		}
		p.text(text)
	}
	p.raw("]")
}

func (p *printer) props(props []Prop) {
	for i := range props {
		p.raw(",")
		p.text(props[i].Name)
		p.raw(":")
		p.out = props[i].Value.append(p.out)
	}
}
