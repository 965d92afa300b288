package schema

import (
	"strings"
	"unicode"
)

// qualify returns the full name that a name has within a namespace.
func qualify(name, namespace string) string {
	if namespace != "" && !strings.Contains(name, ".") {
		return namespace + "." + name
	}
	return name
}

// splitName splits the name of a definition, which may bring its own namespace, into name and namespace.
func splitName(name, namespace string) (string, string) {
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		return name[dot+1:], name[:dot]
	}
	return name, namespace
}

// shortName returns how a full name is written inside a namespace: without it where it is the same, except for names
// that would then be taken for a type of the specification (Avro Java's Name.getQualified).
func shortName(full, namespace string) string {
	name, own := splitName(full, "")
	if own == "" || own != namespace || reservedName(name) {
		return full
	}
	return name
}

func reservedName(name string) bool {
	switch name {
	case "record", "enum", "array", "map", "union", "fixed":
		return true
	}
	return primitive(name) != Invalid
}

// nameFault says what is wrong with a name of a type, field or symbol or a part of a namespace, or nothing.
func (p *parser) nameFault(name string) string {
	if name == "" {
		return "Empty name"
	}
	for i, c := range name {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
		digit := '0' <= c && c <= '9'
		if p.lenient && c > unicode.MaxASCII && c < 0x10000 {
			letter, digit = unicode.IsLetter(c), unicode.IsDigit(c)
		}
		switch {
		case letter || digit && i > 0:
		case i == 0:
			return "Illegal initial character: " + clip(name)
		default:
			return "Illegal character in: " + clip(name)
		}
	}
	return ""
}

// optionalText returns a member that is text; one that is not counts as absent.
func optionalText(v *Value, member string) (string, bool) {
	if text := v.Get(member); text != nil && text.Kind == JSONString {
		return text.Text, true
	}
	return "", false
}

// parseAliases returns the aliases attribute without repetitions.
func parseAliases(v *Value, pointer string) ([]string, error) {
	list := v.Get("aliases")
	if list == nil {
		return nil, nil
	}
	if list.Kind != JSONArray {
		return nil, faultAt(pointer+"/aliases", "aliases not an array: %s", clip(v.String()))
	}
	var aliases []string
	seen := make(map[string]bool, len(list.Items))
	for i := range list.Items {
		alias := &list.Items[i]
		if alias.Kind != JSONString {
			return nil, faultAt(pointer+"/aliases", "alias not a string: %s", clip(alias.String()))
		}
		if !seen[alias.Text] {
			seen[alias.Text] = true
			aliases = append(aliases, alias.Text)
		}
	}
	return aliases, nil
}

// setAliases sets a named type's aliases as full names.
func (p *parser) setAliases(t *Type, v *Value) error {
	aliases, err := parseAliases(v, t.Pointer)
	if err != nil {
		return err
	}
	seen := make(map[string]bool, len(aliases))
	for _, alias := range aliases {
		name, namespace := splitName(alias, t.Namespace)
		if reason := p.nameFault(name); reason != "" && !p.lenient {
			return faultAt(t.Pointer+"/aliases", "%s", reason)
		}
		full := name
		if namespace != "" {
			full = namespace + "." + name
		}
		if !seen[full] {
			seen[full] = true
			t.Aliases = append(t.Aliases, full)
		}
	}
	return nil
}

// isTypeAttribute names the attributes of a type that are no properties, whatever its kind.
func isTypeAttribute(name string) bool {
	switch name {
	case "doc", "fields", "items", "name", "namespace", "size", "symbols", "values", "type", "aliases":
		return true
	}
	return false
}

// isFieldAttribute names the attributes of a field that are no properties.
func isFieldAttribute(name string) bool {
	switch name {
	case "default", "doc", "name", "order", "type", "aliases":
		return true
	}
	return false
}

// otherMembers returns the members of an object that are no attributes of the specification.
func otherMembers(v *Value, isAttribute func(string) bool) []Prop {
	var props []Prop
	for _, m := range v.Members {
		if !isAttribute(m.Name) {
			props = append(props, Prop(m))
		}
	}
	return props
}

// setProps sets a type's properties and its logical type. An enum's default is an attribute, another type's is a
// property.
func (p *parser) setProps(t *Type, v *Value, isEnum bool) {
	t.Props = otherMembers(v, func(name string) bool {
		return isTypeAttribute(name) || isEnum && name == "default"
	})
	t.Logical = logicalType(t)
}

// checkCopiedProps refuses properties of records, arrays and maps that hold an integer of more than 64 bits: Avro
// Java copies these types' properties once, and has no type for such a number.
func (p *parser) checkCopiedProps(t *Type) error {
	for i := range t.Props {
		if hasBigInteger(&t.Props[i].Value) {
			return faultAt(t.Pointer+"/"+escapePointer(t.Props[i].Name), "an integer in a property must fit 64 bits")
		}
	}
	return nil
}

func hasBigInteger(v *Value) bool {
	if v.Kind == JSONInteger {
		_, ok := v.Int()
		return !ok
	}
	for i := range v.Items {
		if hasBigInteger(&v.Items[i]) {
			return true
		}
	}
	for i := range v.Members {
		if hasBigInteger(&v.Members[i].Value) {
			return true
		}
	}
	return false
}
