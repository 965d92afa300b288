package avro

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/typelog/typelog/serde/avro/schema"
)

// jsonEncoder turns JSON into Avro's binary encoding. It takes Avro's JSON encoding and what people write by hand:
// union values without a tag where exactly one branch fits, times in RFC 3339, decimals as numbers, records that leave
// out fields that have a default.
type jsonEncoder struct {
	trying int // untagged unions around here that try every branch
	budget int // values that may still be looked at meanwhile
}

func wanted(t *schema.Type, v *schema.Value, hint string) error {
	got := "null"
	switch v.Kind {
	case schema.JSONBool, schema.JSONInteger, schema.JSONDecimal:
		got = clipped(v.String())
	case schema.JSONString:
		got = "the string " + clipped(strconv.Quote(v.Text))
	case schema.JSONArray:
		got = "an array"
	case schema.JSONObject:
		got = "an object"
	}
	if hint != "" {
		hint = ": " + hint
	}
	return valueError(fmt.Sprintf("expected %s, got %s%s", describe(t), got, hint))
}

func clipped(s string) string {
	const most = 60
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func (e *jsonEncoder) value(dst []byte, t *schema.Type, v *schema.Value) ([]byte, error) {
	if e.trying > 0 {
		e.budget--
	}
	if e.budget < 0 {
		return dst, &Error{Reason: "too many combinations of union branches to try; tag the values", Offset: -1, Kind: ErrLimit}
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
		return e.integer(dst, t, v)
	case schema.Float, schema.Double:
		return e.float(dst, t, v)
	case schema.String:
		return e.text(dst, t, v)
	case schema.Bytes, schema.Fixed:
		return e.bytes(dst, t, v)
	case schema.Enum:
		if v.Kind != schema.JSONString {
			return dst, wanted(t, v, "")
		}
		if i := symbolIndex(t, v.Text); i >= 0 {
			return AppendInt(dst, int32(i)), nil
		}
		return dst, wanted(t, v, "its symbols are "+clipped(strings.Join(t.Symbols, ", ")))
	case schema.Array:
		return e.array(dst, t, v)
	case schema.Map:
		return e.mapping(dst, t, v)
	case schema.Record:
		return e.record(dst, t, v)
	case schema.Union:
		return e.union(dst, t, v)
	}
	return dst, wanted(t, v, "")
}

func (e *jsonEncoder) integer(dst []byte, t *schema.Type, v *schema.Value) ([]byte, error) {
	if v.Kind == schema.JSONString && t.Logical != nil {
		n, err := parseTime(t, v)
		if err != nil {
			return dst, err
		}
		return AppendLong(dst, n), nil
	}
	n, ok := v.Int()
	if !ok {
		hint := ""
		if v.Kind == schema.JSONDecimal {
			hint = "write a whole number without point and exponent"
		}
		return dst, wanted(t, v, hint)
	}
	if t.Kind == schema.Int && (n < math.MinInt32 || n > math.MaxInt32) {
		return dst, wanted(t, v, "it does not fit 32 bits")
	}
	return AppendLong(dst, n), nil
}

// parseTime reads a date or a timestamp as people write them.
func parseTime(t *schema.Type, v *schema.Value) (int64, error) {
	name := t.Logical.Name
	layout := time.RFC3339Nano
	switch {
	case name == "date":
		layout = time.DateOnly
	case strings.HasPrefix(name, "local-timestamp-"):
		layout = "2006-01-02T15:04:05.999999999"
	case !strings.HasPrefix(name, "timestamp-"):
		return 0, wanted(t, v, "")
	}
	at, err := time.Parse(layout, v.Text)
	if err != nil {
		return 0, wanted(t, v, "write a number, or a time like "+layout)
	}
	var n int64
	switch {
	case name == "date":
		var days int32
		days, err = DateOf(at)
		n = int64(days)
	case strings.HasSuffix(name, "-millis"):
		n, err = TimestampMillisOf(at)
	case strings.HasSuffix(name, "-micros"):
		n, err = TimestampMicrosOf(at)
	default:
		n, err = TimestampNanosOf(at)
	}
	if err != nil {
		return 0, wanted(t, v, pathed(err).Reason)
	}
	return n, nil
}

func (e *jsonEncoder) float(dst []byte, t *schema.Type, v *schema.Value) ([]byte, error) {
	f, ok := v.Float()
	switch {
	case v.Kind == schema.JSONString && v.Text == "NaN":
		f = math.NaN()
	case v.Kind == schema.JSONString && v.Text == "Infinity":
		f = math.Inf(1)
	case v.Kind == schema.JSONString && v.Text == "-Infinity":
		f = math.Inf(-1)
	case !ok:
		return dst, wanted(t, v, "")
	case math.IsInf(f, 0):
		return dst, wanted(t, v, "it is too large")
	}
	if t.Kind == schema.Double {
		return AppendDouble(dst, f), nil
	}
	if ok {
		// From the text, not from the double: rounding twice may go wrong.
		narrow, err := strconv.ParseFloat(v.Text, 32)
		if err != nil {
			return dst, wanted(t, v, "it is too large")
		}
		f = narrow
	}
	return AppendFloat(dst, float32(f)), nil
}

func (e *jsonEncoder) text(dst []byte, t *schema.Type, v *schema.Value) ([]byte, error) {
	if v.Kind != schema.JSONString {
		return dst, wanted(t, v, "")
	}
	if t.Logical != nil && t.Logical.Name == "uuid" {
		if _, err := ParseUUID(v.Text); err != nil {
			return dst, wanted(t, v, "")
		}
	}
	return AppendText(dst, v.Text)
}

func (e *jsonEncoder) bytes(dst []byte, t *schema.Type, v *schema.Value) ([]byte, error) {
	if l := t.Logical; l != nil && l.Name == "decimal" && (v.Kind == schema.JSONInteger || v.Kind == schema.JSONDecimal) {
		d, err := ParseDecimal(v.Text)
		if err == nil && t.Kind == schema.Fixed {
			dst, err = AppendDecimalFixed(dst, d, t.Size, l.Precision, l.Scale)
		} else if err == nil {
			dst, err = AppendDecimal(dst, d, l.Precision, l.Scale)
		}
		if err != nil {
			return dst, wanted(t, v, pathed(err).Reason)
		}
		return dst, nil
	}
	if v.Kind != schema.JSONString {
		return dst, wanted(t, v, "")
	}
	b, ok := latin1(v.Text)
	if !ok {
		return dst, wanted(t, v, "each character stands for a byte and must be one of U+0000 to U+00FF")
	}
	if t.Kind == schema.Bytes {
		return AppendBytes(dst, b), nil
	}
	if len(b) != t.Size {
		return dst, wanted(t, v, fmt.Sprintf("it has %d bytes", len(b)))
	}
	return AppendFixed(dst, b), nil
}

func (e *jsonEncoder) array(dst []byte, t *schema.Type, v *schema.Value) (_ []byte, err error) {
	if v.Kind != schema.JSONArray {
		return dst, wanted(t, v, "")
	}
	if len(v.Items) > 0 {
		dst = AppendBlock(dst, len(v.Items))
	}
	for i := range v.Items {
		if dst, err = e.value(dst, t.Items, &v.Items[i]); err != nil {
			return dst, InIndex(err, i)
		}
	}
	return AppendEnd(dst), nil
}

func (e *jsonEncoder) mapping(dst []byte, t *schema.Type, v *schema.Value) (_ []byte, err error) {
	if v.Kind != schema.JSONObject {
		return dst, wanted(t, v, "")
	}
	if len(v.Members) > 0 {
		dst = AppendBlock(dst, len(v.Members))
	}
	for i := range v.Members {
		m := &v.Members[i]
		if dst, err = AppendText(dst, m.Name); err == nil {
			dst, err = e.value(dst, t.Items, &m.Value)
		}
		if err != nil {
			return dst, InKey(err, m.Name)
		}
	}
	return AppendEnd(dst), nil
}

func (e *jsonEncoder) record(dst []byte, t *schema.Type, v *schema.Value) (_ []byte, err error) {
	if v.Kind != schema.JSONObject {
		return dst, wanted(t, v, "")
	}
	members := make(map[string]*schema.Value, len(v.Members))
	for i := range v.Members {
		members[v.Members[i].Name] = &v.Members[i].Value
	}
	for _, f := range t.Fields {
		value := members[f.Name]
		delete(members, f.Name)
		switch {
		case value != nil:
			dst, err = e.value(dst, f.Type, value)
		case f.HasDefault:
			dst, err = appendDefault(dst, f.Type, &f.Default, DefaultMaxDepth)
		default:
			err = valueError(fmt.Sprintf("expected %s, but the field is missing and has no default", describe(f.Type)))
		}
		if err != nil {
			return dst, InField(err, f.Name)
		}
	}
	for i := range v.Members { // in the order of the text
		if name := v.Members[i].Name; members[name] != nil {
			return dst, InField(valueError(fmt.Sprintf("%s has no such field", describe(t))), clipped(name))
		}
	}
	return dst, nil
}

func (e *jsonEncoder) union(dst []byte, t *schema.Type, v *schema.Value) ([]byte, error) {
	if v.Kind == schema.JSONObject && len(v.Members) == 1 {
		if i := branchNamed(t, v.Members[0].Name); i >= 0 {
			return e.value(AppendInt(dst, int32(i)), t.Branches[i], &v.Members[0].Value)
		}
	}
	if _, nullable := t.Nullable(); !nullable {
		e.trying++
		defer func() { e.trying-- }()
	}
	fits, kept := -1, dst
	var only error // why the only branch that is not null does not fit
	for i, b := range t.Branches {
		if (b.Kind == schema.Null) != (v.Kind == schema.JSONNull) {
			continue
		}
		base := dst
		if fits >= 0 {
			base = dst[:len(dst):len(dst)] // a further try must not overwrite what fitted
		}
		out, err := e.value(AppendInt(base, int32(i)), b, v)
		switch {
		case err == nil && fits >= 0:
			return dst, wanted(t, v, fmt.Sprintf(`both %s and %s fit; tag it, as in {%q: …}`,
				describe(t.Branches[fits]), describe(b), b.FullName()))
		case err == nil:
			fits, kept = i, out
		case pathed(err).Kind == ErrLimit:
			return dst, err
		default:
			only = err
		}
	}
	if fits >= 0 {
		return kept, nil
	}
	if _, nullable := t.Nullable(); only != nil && (nullable || len(t.Branches) == 1) {
		return dst, only
	}
	names := make([]string, len(t.Branches))
	for i, b := range t.Branches {
		names[i] = describe(b)
	}
	return dst, wanted(t, v, "one of "+clipped(strings.Join(names, ", ")))
}

// branchNamed finds the branch that a tag names: by its full name or, if that is unique, its short one.
func branchNamed(t *schema.Type, tag string) int {
	found := -1
	for i, b := range t.Branches {
		switch {
		case b.FullName() == tag:
			return i
		case b.Kind.Named() && b.Name == tag && found >= 0:
			return -1
		case b.Kind.Named() && b.Name == tag:
			found = i
		}
	}
	return found
}
