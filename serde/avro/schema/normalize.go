package schema

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Normalized prints the schema as Confluent's registry does with normalize=true: properties and aliases sorted,
// a valid logical type first among the properties, an empty doc of a type left out, an error made a record, and
// defaults rewritten for their types (1 for a double becomes 1.0, a float's default is rounded to float precision).
//
// It takes the same way as the registry, a text that is parsed again, because that shows: a type without a
// namespace inside one that has one moves into it.
func (s *Schema) Normalized() string {
	for _, keepNull := range [...]bool{false, true} {
		n := normalizer{keepNull: keepNull}
		n.printer.defined = map[string]bool{}
		for name := range s.known {
			n.defined[name] = true
		}
		n.schema(s.root)
		opts := []Option{WithReferences(s.references...)}
		if s.lenient {
			opts = append(opts, Lenient())
		}
		if again, err := Parse(string(n.out), opts...); err == nil {
			return again.String()
		}
	}
	return s.String() // where the registry fails: nothing that can be said in normal form
}

// normalizer prints the text that is parsed again.
type normalizer struct {
	printer
	keepNull bool // say that a type has no namespace, which the registry forgets
}

func (n *normalizer) schema(t *Type) {
	switch t.Kind {
	case Record, Enum, Fixed:
		full := t.FullName()
		if n.defined[full] {
			n.text(full)
			return
		}
		n.defined[full] = true
		n.named(t)
	case Array, Map:
		n.raw(`{"type":"` + t.Kind.String() + `","`)
		if t.Kind == Array {
			n.raw(`items":`)
		} else {
			n.raw(`values":`)
		}
		n.schema(t.Items)
		n.props(t)
		n.raw("}")
	case Union:
		n.raw("[")
		for i, branch := range t.Branches {
			if i > 0 {
				n.raw(",")
			}
			n.schema(branch)
		}
		n.raw("]")
	default:
		n.raw(`{"type":"` + t.Kind.String() + `"`)
		n.props(t)
		n.raw("}")
	}
}

func (n *normalizer) named(t *Type) {
	n.raw(`{"type":"` + t.Kind.String() + `"`)
	n.member("name", t.FullName())
	if n.keepNull && t.Namespace == "" {
		n.member("namespace", "")
	}
	switch t.Kind {
	case Record:
		n.raw(`,"fields":[`)
		for i, f := range t.Fields {
			if i > 0 {
				n.raw(",")
			}
			n.field(f)
		}
		n.raw("]")
	case Enum:
		n.raw(`,"symbols":`)
		n.list(t.Symbols)
		if t.HasDefault {
			n.member("default", t.Default)
		}
	case Fixed:
		n.raw(`,"size":`)
		n.raw(strconv.Itoa(t.Size))
	}
	if t.Doc != "" {
		n.member("doc", t.Doc)
	}
	if len(t.Aliases) > 0 {
		aliases := slices.Clone(t.Aliases)
		for i, alias := range aliases {
			if t.Namespace != "" && !strings.Contains(alias, ".") {
				aliases[i] = "." + alias // how Avro Java writes an alias without a namespace, and sorts it
			}
		}
		n.aliases(aliases)
	}
	n.props(t)
	n.raw("}")
}

func (n *normalizer) aliases(aliases []string) {
	slices.SortFunc(aliases, compareJava)
	n.raw(`,"aliases":`)
	n.list(aliases)
}

func (n *normalizer) field(f *Field) {
	n.raw(`{"name":`)
	n.text(f.Name)
	n.raw(`,"type":`)
	n.schema(f.Type)
	n.member("order", f.Order.String())
	if f.HasDoc {
		n.member("doc", f.Doc)
	}
	if len(f.Aliases) > 0 {
		n.aliases(slices.Clone(f.Aliases))
	}
	if f.HasDefault {
		value := normalDefault(f.Type, &f.Default)
		n.raw(`,"default":`)
		n.out = value.append(n.out)
	}
	n.sorted(f.Props)
	n.raw("}")
}

// props prints a type's properties: those of its logical type, if valid, and then all, sorted. Read again, the first
// place and the last value of each counts.
func (n *normalizer) props(t *Type) {
	if t.Logical != nil {
		n.member("logicalType", t.Logical.Name)
		if t.Logical.Name == "decimal" {
			n.raw(`,"precision":` + strconv.Itoa(t.Logical.Precision))
			if t.Logical.Scale != 0 {
				n.raw(`,"scale":` + strconv.Itoa(t.Logical.Scale))
			}
		}
	}
	n.sorted(t.Props)
}

func (n *normalizer) sorted(props []Prop) {
	props = slices.Clone(props)
	slices.SortFunc(props, func(a, b Prop) int { return compareJava(a.Name, b.Name) })
	for _, prop := range props {
		n.raw(",")
		n.text(prop.Name)
		n.raw(":")
		value := sortedValue(&prop.Value)
		n.out = value.append(n.out)
	}
}

// sortedValue returns a value with the members of its objects sorted.
func sortedValue(v *Value) Value {
	switch v.Kind {
	case JSONArray:
		items := make([]Value, len(v.Items))
		for i := range v.Items {
			items[i] = sortedValue(&v.Items[i])
		}
		return Value{Kind: JSONArray, Items: items}
	case JSONObject:
		return sortedObject(v, func(string) *Type { return nil })
	}
	return *v
}

func sortedObject(v *Value, typeOf func(member string) *Type) Value {
	members := make([]Member, len(v.Members))
	for i := range v.Members {
		m := &v.Members[i]
		members[i].Name = m.Name
		if t := typeOf(m.Name); t != nil {
			members[i].Value = normalDefault(t, &m.Value)
		} else {
			members[i].Value = sortedValue(&m.Value)
		}
	}
	slices.SortFunc(members, func(a, b Member) int { return compareJava(a.Name, b.Name) })
	return Value{Kind: JSONObject, Members: members}
}

// normalDefault rewrites a default for its type as Avro Java's conversion to objects and back does.
func normalDefault(t *Type, v *Value) Value {
	if v.Kind == JSONNull {
		return *v
	}
	switch t.Kind {
	case Union:
		for _, branch := range t.Branches {
			if branch.Kind != Null && converts(branch, v) {
				return normalDefault(branch, v)
			}
		}
		return sortedValue(v)
	case Float:
		if f, ok := v.Float(); ok {
			return Value{Kind: JSONDecimal, Text: javaFloat(float64(float32(f)), 32)}
		}
	case Double:
		if f, ok := v.Float(); ok {
			return Value{Kind: JSONDecimal, Text: javaFloat(f, 64)}
		}
	case Bytes, Fixed:
		if v.Kind == JSONString {
			return Value{Kind: JSONString, Text: latin1(v.Text)}
		}
	case Array:
		if v.Kind == JSONArray {
			items := make([]Value, len(v.Items))
			for i := range v.Items {
				items[i] = normalDefault(t.Items, &v.Items[i])
			}
			return Value{Kind: JSONArray, Items: items}
		}
	case Map:
		if v.Kind == JSONObject {
			return sortedObject(v, func(string) *Type { return t.Items })
		}
	case Record:
		if v.Kind == JSONObject {
			types := make(map[string]*Type, len(t.Fields))
			for _, f := range t.Fields {
				types[f.Name] = f.Type
			}
			return sortedObject(v, func(member string) *Type { return types[member] })
		}
	}
	return sortedValue(v)
}

// converts reports whether Avro Java takes a union's default for one of this branch.
func converts(t *Type, v *Value) bool {
	switch t.Kind {
	case Boolean:
		return v.Kind == JSONBool
	case Int, Long:
		return v.Kind == JSONInteger
	case Float, Double:
		return v.Kind == JSONInteger || v.Kind == JSONDecimal
	case String, Bytes, Enum, Fixed:
		return v.Kind == JSONString
	case Array:
		return v.Kind == JSONArray
	case Map, Record:
		return v.Kind == JSONObject
	}
	return false
}

// latin1 replaces what has no place in bytes, characters above 255, as Java's ISO 8859-1 encoder does.
func latin1(s string) string {
	return strings.Map(func(c rune) rune {
		if c > 0xff {
			return '?'
		}
		return c
	}, s)
}

// compareJava orders strings as Java does, by UTF-16 code units: only characters beyond U+FFFF sort differently from
// Go's order.
func compareJava(a, b string) int {
	if c := cmp.Compare(a, b); c == 0 || isBasic(a) && isBasic(b) {
		return c
	}
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

func isBasic(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c > 0xffff }) < 0
}
