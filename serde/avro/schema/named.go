package schema

import (
	"fmt"
	"math"
	"strings"
)

// parseName sets a named type's name, namespace and doc, and checks the name.
func (p *parser) parseName(t *Type, v *Value, namespace string) error {
	if own := v.Get("namespace"); own != nil && own.Kind == JSONString {
		namespace = own.Text
	}
	name := v.Get("name")
	if name == nil || name.Kind != JSONString {
		return faultAt(t.Pointer, "No name in schema: %s", clip(v.String()))
	}
	t.Name, t.Namespace = splitName(name.Text, namespace)
	if reason := p.nameFault(t.Name); reason != "" {
		return faultAt(t.Pointer+"/name", "%s", reason)
	}
	if t.Namespace == "" && primitive(t.Name) != Invalid {
		return faultAt(t.Pointer+"/name", "Schemas may not be named after primitives: %s", t.Name)
	}
	t.Doc, t.HasDoc = optionalText(v, "doc")
	p.defined = append(p.defined, t)
	return nil
}

// close ends the definition of a named type: from here on its name is known.
func (p *parser) close(t *Type, v *Value) error {
	p.setProps(t, v, t.Kind == Enum)
	if err := p.setAliases(t, v); err != nil {
		return err
	}
	if !p.lenient {
		for part := range strings.SplitSeq(t.Namespace, ".") {
			if reason := p.nameFault(part); reason != "" && t.Namespace != "" {
				return faultAt(t.Pointer, "Namespace part %q is invalid: %s", part, reason)
			}
		}
	}
	if t.Kind == Record {
		if err := p.checkCopiedProps(t); err != nil {
			return err
		}
	}
	full := t.FullName()
	first := p.lookup(full)
	if first == nil {
		p.fresh[full] = t
		p.complete = append(p.complete, t)
		return nil
	}
	if !equalTypes(first, t) {
		return faultAt(t.Pointer, "Can't redefine: %s", full)
	}
	return nil
}

// settle makes a repeated definition stand for the first one.
func (p *parser) settle(t *Type, at **Type) {
	if first := p.lookup(t.FullName()); first != t {
		*at = first
	}
}

func (p *parser) parseRecord(v *Value, namespace, pointer string, at **Type) error {
	t := &Type{Kind: Record, Pointer: pointer, IsError: v.Get("type").Text == "error"}
	*at = t
	if err := p.parseName(t, v, namespace); err != nil {
		return err
	}
	fields := v.Get("fields")
	if fields == nil || fields.Kind != JSONArray {
		return faultAt(pointer, "Record has no fields: %s", clip(v.String()))
	}
	t.Fields = make([]*Field, 0, len(fields.Items))
	seen := make(map[string]*Field, len(fields.Items))
	for i := range fields.Items {
		f := &Field{Pos: i}
		if err := p.parseField(f, &fields.Items[i], t.Namespace, fmt.Sprintf("%s/fields/%d", pointer, i)); err != nil {
			return err
		}
		if first := seen[f.Name]; first != nil {
			return faultAt(f.Pointer+"/name", "Duplicate field %s in record %s: %s and %s.",
				f.Name, t.FullName(), describe(f), describe(first))
		}
		seen[f.Name] = f
		t.Fields = append(t.Fields, f)
	}
	if err := p.close(t, v); err != nil {
		return err
	}
	p.settle(t, at)
	return nil
}

// describe names a field as Avro Java does in messages.
func describe(f *Field) string {
	kind := f.Type.Kind
	if kind == Invalid {
		kind = Record
	}
	return fmt.Sprintf("%s type:%s pos:%d", f.Name, strings.ToUpper(kind.String()), f.Pos)
}

func (p *parser) parseField(f *Field, v *Value, namespace, pointer string) error {
	name := v.Get("name")
	if name == nil || name.Kind != JSONString {
		return faultAt(pointer, "No field name: %s", clip(v.String()))
	}
	declared := v.Get("type")
	if declared == nil {
		return faultAt(pointer, "No field type: %s", clip(v.String()))
	}
	typePointer := pointer + "/type"
	f.Pointer = typePointer[:len(pointer)] // shares memory
	f.Name = name.Text
	f.Doc, f.HasDoc = optionalText(v, "doc")
	p.count++
	if err := p.parseType(declared, namespace, typePointer, &f.Type); err != nil {
		return err
	}
	if order := v.Get("order"); order != nil {
		var ok bool
		if f.Order, ok = parseOrder(order); !ok {
			if order.Kind != JSONString {
				return faultAt(pointer+"/order", `the order must be "ascending", "descending" or "ignore"`)
			}
			return faultAt(pointer+"/order", "No enum constant org.apache.avro.Schema.Field.Order.%s", strings.ToUpper(order.Text))
		}
	}
	if err := p.parseDefault(f, v); err != nil {
		return err
	}
	f.Props = otherMembers(v, isFieldAttribute)
	aliases, err := parseAliases(v, pointer)
	f.Aliases = aliases
	return err
}

func parseOrder(v *Value) (Order, bool) {
	if v.Kind == JSONString {
		switch strings.ToUpper(v.Text) {
		case "ASCENDING":
			return Ascending, true
		case "DESCENDING":
			return Descending, true
		case "IGNORE":
			return Ignore, true
		}
	}
	return Ascending, false
}

// parseDefault sets a field's default and checks it, and the field's name, against what is known of its type so far.
func (p *parser) parseDefault(f *Field, v *Value) error {
	if d := v.Get("default"); d != nil {
		f.Default, f.HasDefault = *d, true
	}
	if f.HasDefault && f.Default.Kind == JSONString && (f.Type.Kind == Float || f.Type.Kind == Double) {
		number, ok := javaDouble(f.Default.Text)
		if !ok {
			return faultAt(f.Pointer+"/default", "For input string: %q", clip(f.Default.Text))
		}
		f.Default = Value{Kind: JSONDecimal, Text: javaFloat(number, 64)}
	}
	if reason := p.nameFault(f.Name); reason != "" {
		return faultAt(f.Pointer+"/name", "%s", reason)
	}
	if !f.HasDefault || p.lenient {
		return nil
	}
	return p.checkDefault(f)
}

func (p *parser) checkDefault(f *Field) error {
	switch p.checks.fits(f.Type, &f.Default) {
	case fits:
		return nil
	case tooCostly:
		return faultAt(f.Pointer+"/default", "The default of field %s is too costly to check", f.Name)
	case incomplete:
		return faultAt(f.Pointer+"/default", "The default of field %s needs a record that is not complete yet", f.Name)
	}
	return faultAt(f.Pointer+"/default", "Invalid default for field %s: %s not a %s",
		f.Name, clip(f.Default.String()), clip(f.Type.String()))
}

func (p *parser) parseEnum(v *Value, namespace, pointer string, at **Type) error {
	t := &Type{Kind: Enum, Pointer: pointer}
	*at = t
	if err := p.parseName(t, v, namespace); err != nil {
		return err
	}
	symbols := v.Get("symbols")
	if symbols == nil || symbols.Kind != JSONArray {
		return faultAt(pointer, "Enum has no symbols: %s", clip(v.String()))
	}
	t.Symbols = make([]string, 0, len(symbols.Items))
	seen := make(map[string]bool, len(symbols.Items))
	for i := range symbols.Items {
		symbol, where := &symbols.Items[i], fmt.Sprintf("%s/symbols/%d", pointer, i)
		if symbol.Kind != JSONString {
			return faultAt(where, "Null name")
		}
		if reason := p.nameFault(symbol.Text); reason != "" {
			return faultAt(where, "%s", reason)
		}
		if seen[symbol.Text] {
			return faultAt(where, "Duplicate enum symbol: %s", symbol.Text)
		}
		seen[symbol.Text] = true
		t.Symbols = append(t.Symbols, symbol.Text)
	}
	t.Default, t.HasDefault = optionalText(v, "default")
	if t.HasDefault && !seen[t.Default] {
		return faultAt(pointer+"/default", "The Enum Default: %s is not in the enum symbol set: [%s]",
			t.Default, clip(strings.Join(t.Symbols, ", ")))
	}
	if err := p.close(t, v); err != nil {
		return err
	}
	p.settle(t, at)
	return nil
}

func (p *parser) parseFixed(v *Value, namespace, pointer string, at **Type) error {
	t := &Type{Kind: Fixed, Pointer: pointer}
	*at = t
	if err := p.parseName(t, v, namespace); err != nil {
		return err
	}
	size := v.Get("size")
	if size == nil {
		return faultAt(pointer, "Invalid or no size: %s", clip(v.String()))
	}
	n, ok := size.Int()
	if !ok || n < math.MinInt32 || n > math.MaxInt32 {
		return faultAt(pointer+"/size", "Invalid or no size: %s", clip(v.String()))
	}
	if n < 0 {
		return faultAt(pointer+"/size", "Malformed data. Length is negative: %d", n)
	}
	if n > math.MaxInt32-8 {
		return faultAt(pointer+"/size", "Cannot read arrays longer than %d bytes in Java 8", math.MaxInt32-8)
	}
	t.Size = int(n)
	if err := p.close(t, v); err != nil {
		return err
	}
	p.settle(t, at)
	return nil
}
