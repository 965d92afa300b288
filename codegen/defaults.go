package codegen

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/typelog/typelog/serde/avro/schema"
)

// checkDefaults finds the defaults of a record's fields that Go cannot hold.
func (b *builder) checkDefaults(n *named) {
	for _, f := range n.fields {
		if !f.avro.HasDefault {
			continue
		}
		if _, err := f.literal(); err != nil {
			b.fail(n.in, f.avro.Pointer, "%s.%s: default: %v", n.avro.FullName(), f.avro.Name, err)
		}
	}
}

// maxLiteral bounds the Go source of one default: defaults of records that hold each other's defaults can double at
// every level.
const maxLiteral = 1 << 20

// literal returns the Go expression for the field's default, or "" if it is Go's zero value. It is computed once.
func (f *field) literal() (string, error) {
	switch f.state {
	case open:
		return "", errors.New("the default holds itself through the defaults of its fields, without end")
	case unseen:
		f.state = open
		f.expr, f.fault = literal(f.typ, f.avro.Default)
		if f.fault == nil && len(f.expr) > maxLiteral {
			f.expr, f.fault = "", fmt.Errorf("the default takes more than %d bytes of Go", maxLiteral)
		}
		f.state = done
	}
	return f.expr, f.fault
}

// literal returns the Go expression for a JSON default of type r, or "" if it is Go's zero value.
func literal(r *ref, v schema.Value) (string, error) {
	switch r.form {
	case formNull:
		return "", expect(v, schema.JSONNull)
	case formBoolean:
		if v.Kind == schema.JSONBool && v.Bool {
			return "true", nil
		}
		return "", expect(v, schema.JSONBool)
	case formInt:
		return integerLiteral(v, 32)
	case formLong:
		return integerLiteral(v, 64)
	case formFloat:
		return floatLiteral(v, 32)
	case formDouble:
		return floatLiteral(v, 64)
	case formString:
		if v.Text == "" {
			return "", expect(v, schema.JSONString)
		}
		return strconv.Quote(v.Text), expect(v, schema.JSONString)
	case formBytes:
		data, err := bytesOf(v)
		if err != nil || len(data) == 0 {
			return "", err
		}
		return "[]byte(" + strconv.Quote(string(data)) + ")", nil
	case formFixed:
		return fixedLiteral(r.named, v)
	case formEnum:
		i := slices.Index(r.avro.Symbols, v.Text)
		if v.Kind != schema.JSONString || i < 0 {
			return "", fmt.Errorf("%s is no symbol of %s", describeValue(v), r.avro.FullName())
		}
		return r.named.prefix + r.named.consts[i], nil
	case formRecord:
		return recordLiteral(r.named, v)
	case formArray:
		return arrayLiteral(r, v)
	case formMap:
		return mapLiteral(r, v)
	case formOptional, formNilable, formPointer:
		return nullableLiteral(r, v)
	case formUnion:
		return unionLiteral(r.union, v)
	case formCustom:
		return customLiteral(r, v)
	case formLogical:
		return r.logical.literal(r, v)
	}
	return "", fmt.Errorf("%s cannot have a default", r.avro.FullName())
}

func expect(v schema.Value, kind schema.ValueKind) error {
	if v.Kind != kind {
		return fmt.Errorf("%s does not fit the type", describeValue(v))
	}
	return nil
}

func describeValue(v schema.Value) string {
	switch v.Kind {
	case schema.JSONNull:
		return "null"
	case schema.JSONBool:
		return strconv.FormatBool(v.Bool)
	case schema.JSONString:
		return strconv.Quote(v.Text)
	case schema.JSONArray:
		return "an array"
	case schema.JSONObject:
		return "an object"
	}
	return v.Text
}

func integerLiteral(v schema.Value, bits int) (string, error) {
	i, err := integerOf(v, bits)
	if err != nil || i == 0 {
		return "", err
	}
	return strconv.FormatInt(i, 10), nil
}

// integerOf returns an integer default. Avro Java takes 1.0 for an integer too, where it is one.
func integerOf(v schema.Value, bits int) (int64, error) {
	if v.Kind == schema.JSONDecimal {
		f, err := strconv.ParseFloat(v.Text, 64)
		if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
			return 0, fmt.Errorf("%s is no integer", v.Text)
		}
		v = schema.Value{Kind: schema.JSONInteger, Text: strconv.FormatInt(int64(f), 10)}
	}
	if v.Kind != schema.JSONInteger {
		return 0, expect(v, schema.JSONInteger)
	}
	i, err := strconv.ParseInt(v.Text, 10, bits)
	if err != nil {
		return 0, fmt.Errorf("%s does not fit %d bits", v.Text, bits)
	}
	return i, nil
}

func floatLiteral(v schema.Value, bits int) (string, error) {
	if v.Kind != schema.JSONDecimal && v.Kind != schema.JSONInteger {
		return "", expect(v, schema.JSONDecimal)
	}
	f, err := strconv.ParseFloat(v.Text, bits)
	if err != nil {
		return "", fmt.Errorf("%s does not fit a float of %d bits", v.Text, bits)
	}
	switch {
	case f == 0 && !math.Signbit(f):
		return "", nil
	case f == 0:
		return fmt.Sprintf("float%d(avro.NegativeZero())", bits), nil
	case math.IsNaN(f) || math.IsInf(f, 0): // the text was "NaN", "Infinity" or "-Infinity", as Avro's JSON has them
		return fmt.Sprintf("float%d(avro.NotFinite(%q))", bits, v.Text), nil
	}
	return strconv.FormatFloat(f, 'g', -1, bits), nil
}

// bytesOf returns the bytes of a default of type bytes or fixed: each character of the string is one byte.
func bytesOf(v schema.Value) ([]byte, error) {
	if v.Kind != schema.JSONString {
		return nil, expect(v, schema.JSONString)
	}
	var out []byte
	for _, r := range v.Text {
		if r > 0xff {
			return nil, fmt.Errorf("%q is no byte: a default of bytes is written with the characters U+0000 to U+00FF", r)
		}
		out = append(out, byte(r))
	}
	return out, nil
}

func fixedLiteral(n *named, v schema.Value) (string, error) {
	data, err := bytesOf(v)
	if err != nil {
		return "", err
	}
	if len(data) != n.avro.Size {
		return "", fmt.Errorf("%d bytes for a fixed of %d", len(data), n.avro.Size)
	}
	return n.qualified() + "{" + byteList(data) + "}", nil
}

func byteList(data []byte) string {
	parts := make([]string, len(data))
	for i, c := range data {
		parts[i] = fmt.Sprintf("0x%02x", c)
	}
	return strings.Join(parts, ", ")
}

// recordLiteral returns a record's default: its members, and its fields' own defaults for those that it leaves out.
func recordLiteral(n *named, v schema.Value) (string, error) {
	if err := expect(v, schema.JSONObject); err != nil {
		return "", err
	}
	given := map[string]schema.Value{}
	for _, m := range v.Members {
		given[m.Name] = m.Value
	}
	var parts []string
	for _, f := range n.fields {
		var expr string
		var err error
		if value, ok := given[f.avro.Name]; ok {
			expr, err = literal(f.typ, value)
		} else if f.avro.HasDefault {
			expr, err = f.literal()
		} else {
			err = errors.New("no value and no default")
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", f.avro.Name, err)
		}
		if expr != "" {
			parts = append(parts, f.name+": "+expr)
		}
	}
	return composite(n.qualified(), parts), nil
}

// composite returns a composite literal, or "" if it would be empty.
func composite(typ string, parts []string) string {
	if len(parts) == 0 {
		return ""
	}
	return typ + "{" + strings.Join(parts, ", ") + "}"
}

func arrayLiteral(r *ref, v schema.Value) (string, error) {
	if err := expect(v, schema.JSONArray); err != nil {
		return "", err
	}
	var parts []string
	for _, item := range v.Items {
		expr, err := orZero(r.elem, item)
		if err != nil {
			return "", err
		}
		parts = append(parts, expr)
	}
	return composite(goType(r), parts), nil
}

func mapLiteral(r *ref, v schema.Value) (string, error) {
	if err := expect(v, schema.JSONObject); err != nil {
		return "", err
	}
	last := map[string]schema.Value{}
	var order []string
	for _, m := range v.Members {
		if _, ok := last[m.Name]; !ok {
			order = append(order, m.Name)
		}
		last[m.Name] = m.Value
	}
	var parts []string
	for _, name := range order {
		expr, err := orZero(r.elem, last[name])
		if err != nil {
			return "", err
		}
		parts = append(parts, strconv.Quote(name)+": "+expr)
	}
	return composite(goType(r), parts), nil
}

// orZero is literal where an expression is needed even for the zero value.
func orZero(r *ref, v schema.Value) (string, error) {
	expr, err := literal(r, v)
	if expr != "" || err != nil {
		return expr, err
	}
	return zeroOf(r), nil
}

// zeroOf returns an expression for Go's zero value of a type.
func zeroOf(r *ref) string {
	switch r.form {
	case formBoolean:
		return "false"
	case formInt, formLong, formFloat, formDouble, formEnum:
		return goType(r) + "(0)"
	case formString:
		return `""`
	case formBytes, formArray, formMap, formNilable, formPointer, formUnion:
		return "nil"
	}
	if r.form == formCustom {
		return "*new(" + goType(r) + ")"
	}
	return goType(r) + "{}"
}

// nullableLiteral returns the default of a nullable type: null, or a value of its other branch.
func nullableLiteral(r *ref, v schema.Value) (string, error) {
	if v.Kind == schema.JSONNull {
		return "", nil
	}
	expr, err := literal(r.elem, v)
	if err != nil {
		return "", err
	}
	switch {
	case expr == "" && (r.form == formOptional || r.form == formPointer && r.elem.form != formRecord):
		expr = zeroOf(r.elem)
	case r.form != formOptional && expr == "":
		expr = goType(r.elem) + "{}" // empty is not null
	}
	switch r.form {
	case formOptional:
		return "avro.Some[" + goType(r.elem) + "](" + expr + ")", nil
	case formPointer:
		if r.elem.form == formRecord {
			return "&" + expr, nil
		}
		return "avro.Ptr[" + goType(r.elem) + "](" + expr + ")", nil
	}
	return expr, nil
}

// customLiteral returns the default of a custom type: the converted default of the type in whose place it stands.
func customLiteral(r *ref, v schema.Value) (string, error) {
	expr, err := literal(r.elem, v)
	switch {
	case err != nil:
		return "", err
	case r.custom.text && v.Text == "":
		return "", nil
	case r.custom.text:
		return "", errors.New("a default for a type that is read from its text is not generated; set it in your code")
	case expr == "":
		return "", nil
	}
	return r.custom.name + "(" + expr + ")", nil
}

// unionLiteral returns a union's default: a value of the first branch that it fits (Avro 1.12).
func unionLiteral(u *union, v schema.Value) (string, error) {
	for _, b := range u.branches {
		if b.name == "" {
			if v.Kind == schema.JSONNull {
				return "", nil
			}
			continue
		}
		expr, err := orZero(b.typ, v)
		if err != nil {
			continue
		}
		switch {
		case b.byPointer():
			return "&" + expr, nil
		case b.wrapper:
			return b.name + "{Value: " + expr + "}", nil
		}
		return expr, nil
	}
	return "", fmt.Errorf("%s fits no branch of the union", describeValue(v))
}
