package schema

import "strconv"

// ReprintPlain prints the schema with what decides its encoding and nothing else: type, name, fields, symbols, items,
// values, size, and logicalType, precision and scale where they are valid. Names are full, references are inlined, an
// error is a record. Generic codecs that trip over defaults, docs or properties are given this text.
func (s *Schema) ReprintPlain() string {
	p := plain{defined: map[*Type]bool{}}
	p.schema(s.root)
	return string(p.out)
}

type plain struct {
	out     []byte
	defined map[*Type]bool
}

func (p *plain) raw(s string)  { p.out = append(p.out, s...) }
func (p *plain) text(s string) { p.out = appendString(p.out, s) }

func (p *plain) schema(t *Type) {
	switch t.Kind {
	case Union:
		p.raw("[")
		for i, branch := range t.Branches {
			if i > 0 {
				p.raw(",")
			}
			p.schema(branch)
		}
		p.raw("]")
	case Array:
		p.raw(`{"type":"array","items":`)
		p.schema(t.Items)
		p.raw("}")
	case Map:
		p.raw(`{"type":"map","values":`)
		p.schema(t.Items)
		p.raw("}")
	case Record, Enum, Fixed:
		p.named(t)
	default:
		if t.Logical == nil {
			p.text(t.Kind.String())
			return
		}
		p.raw(`{"type":"` + t.Kind.String() + `"`)
		p.logical(t)
		p.raw("}")
	}
}

func (p *plain) named(t *Type) {
	if p.defined[t] {
		p.text(t.FullName())
		return
	}
	p.defined[t] = true
	p.raw(`{"type":"` + t.Kind.String() + `","name":`)
	p.text(t.Name)
	p.raw(`,"namespace":`)
	p.text(t.Namespace)
	switch t.Kind {
	case Record:
		p.raw(`,"fields":[`)
		for i, f := range t.Fields {
			if i > 0 {
				p.raw(",")
			}
			p.raw(`{"name":`)
			p.text(f.Name)
			p.raw(`,"type":`)
			p.schema(f.Type)
			p.raw("}")
		}
		p.raw("]")
	case Enum:
		p.raw(`,"symbols":[`)
		for i, symbol := range t.Symbols {
			if i > 0 {
				p.raw(",")
			}
			p.text(symbol)
		}
		p.raw("]")
	case Fixed:
		p.raw(`,"size":` + strconv.Itoa(t.Size))
	}
	if t.Logical != nil {
		p.logical(t)
	}
	p.raw("}")
}

func (p *plain) logical(t *Type) {
	p.raw(`,"logicalType":`)
	p.text(t.Logical.Name)
	if t.Logical.Name == "decimal" {
		p.raw(`,"precision":` + strconv.Itoa(t.Logical.Precision) + `,"scale":` + strconv.Itoa(t.Logical.Scale))
	}
}
