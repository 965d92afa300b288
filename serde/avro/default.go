package avro

import (
	"fmt"
	"math"

	"github.com/typelog/typelog/serde/avro/schema"
)

// Defaults: a field's default is JSON in the schema (Avro specification, "Complex Types", fields) and bytes in a datum.

// AppendDefault appends the default of a field, encoded as the field's type. It returns an *Error if the field has none
// or if the default is no value of the type, which Avro's parser lets pass for a fixed's length and an enum's symbol.
func AppendDefault(dst []byte, f *schema.Field) ([]byte, error) {
	if !f.HasDefault {
		return dst, InField(&Error{Reason: "the field has no default", Offset: -1, Kind: ErrSchema}, f.Name)
	}
	out, err := appendDefault(dst, f.Type, &f.Default, DefaultMaxDepth)
	if err != nil {
		return dst, InField(err, f.Name)
	}
	return out, nil
}

func badDefault(t *schema.Type, v *schema.Value) error {
	return &Error{Reason: fmt.Sprintf("the default %.60v is no %s", v, describe(t)), Offset: -1, Kind: ErrSchema}
}

func appendDefault(dst []byte, t *schema.Type, v *schema.Value, depth int) ([]byte, error) {
	if depth == 0 {
		return dst, &Error{Reason: "the default never ends", Offset: -1, Kind: ErrSchema}
	}
	switch t.Kind {
	case schema.Null:
		if v.Kind == schema.JSONNull {
			return dst, nil
		}
	case schema.Boolean:
		if v.Kind == schema.JSONBool {
			return AppendBoolean(dst, v.Bool), nil
		}
	case schema.Int, schema.Long:
		n, ok := v.Int()
		if ok && (t.Kind == schema.Long || n >= math.MinInt32 && n <= math.MaxInt32) {
			return AppendLong(dst, n), nil
		}
	case schema.Float:
		if f, ok := v.Float(); ok {
			return AppendFloat(dst, float32(f)), nil
		}
	case schema.Double:
		if f, ok := v.Float(); ok {
			return AppendDouble(dst, f), nil
		}
	case schema.String:
		if v.Kind == schema.JSONString {
			return AppendText(dst, v.Text)
		}
	case schema.Bytes, schema.Fixed:
		if b, ok := latin1(v.Text); ok && v.Kind == schema.JSONString {
			if t.Kind == schema.Bytes {
				return AppendBytes(dst, b), nil
			}
			if len(b) == t.Size {
				return AppendFixed(dst, b), nil
			}
		}
	case schema.Enum:
		if i := symbolIndex(t, v.Text); i >= 0 && v.Kind == schema.JSONString {
			return AppendInt(dst, int32(i)), nil
		}
	case schema.Union:
		for i, b := range t.Branches {
			if out, err := appendDefault(AppendInt(dst, int32(i)), b, v, depth-1); err == nil {
				return out, nil
			}
		}
	default:
		return appendDefaultParts(dst, t, v, depth-1)
	}
	return dst, badDefault(t, v)
}

func appendDefaultParts(dst []byte, t *schema.Type, v *schema.Value, depth int) (_ []byte, err error) {
	switch {
	case t.Kind == schema.Array && v.Kind == schema.JSONArray:
		if len(v.Items) > 0 {
			dst = AppendBlock(dst, len(v.Items))
		}
		for i := range v.Items {
			if dst, err = appendDefault(dst, t.Items, &v.Items[i], depth); err != nil {
				return dst, InIndex(err, i)
			}
		}
		return AppendEnd(dst), nil
	case t.Kind == schema.Map && v.Kind == schema.JSONObject:
		if len(v.Members) > 0 {
			dst = AppendBlock(dst, len(v.Members))
		}
		for i := range v.Members {
			m := &v.Members[i]
			if dst, err = AppendText(dst, m.Name); err == nil {
				dst, err = appendDefault(dst, t.Items, &m.Value, depth)
			}
			if err != nil {
				return dst, InKey(err, m.Name)
			}
		}
		return AppendEnd(dst), nil
	case t.Kind == schema.Record && v.Kind == schema.JSONObject:
		for _, f := range t.Fields {
			value := v.Get(f.Name)
			if value == nil && f.HasDefault {
				value = &f.Default
			}
			if value == nil {
				return dst, InField(&Error{Reason: "the default leaves this field out, and it has none of its own", Offset: -1, Kind: ErrSchema}, f.Name)
			}
			if dst, err = appendDefault(dst, f.Type, value, depth); err != nil {
				return dst, InField(err, f.Name)
			}
		}
		return dst, nil
	}
	return dst, badDefault(t, v)
}

// latin1 returns the bytes that a string's code points stand for, and false if one is beyond 255.
func latin1(s string) ([]byte, bool) {
	b := make([]byte, 0, len(s))
	for _, c := range s {
		if c > 0xff {
			return nil, false
		}
		b = append(b, byte(c))
	}
	return b, true
}

func symbolIndex(t *schema.Type, symbol string) int {
	for i, s := range t.Symbols {
		if s == symbol {
			return i
		}
	}
	return -1
}

// describe names a type for people: int, fixed test.MD5 of 16 bytes, timestamp-micros.
func describe(t *schema.Type) string {
	name := t.Kind.String()
	switch {
	case t.Kind == schema.Fixed:
		name = fmt.Sprintf("fixed %s of %d bytes", t.FullName(), t.Size)
	case t.Kind.Named():
		name += " " + t.FullName()
	}
	if l := t.Logical; l != nil {
		if l.Name == "decimal" {
			return fmt.Sprintf("%s (decimal of %d digits, scale %d)", name, l.Precision, l.Scale)
		}
		return fmt.Sprintf("%s (%s)", name, l.Name)
	}
	return name
}
