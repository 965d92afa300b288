package avro

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/typelog/typelog/serde/avro/schema"
)

// anyEncoder encodes Go values. See Codec for which.
type anyEncoder struct {
	trying int // untagged unions around here that try every branch
	budget int // values that may still be looked at meanwhile
	depth  int // levels left: a Go value may contain itself
}

func unwanted(t *schema.Type, v any, hint string) error {
	got := "nil"
	switch v := v.(type) {
	case nil:
	case bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64, string, json.Number,
		time.Time, time.Duration, Decimal, UUID, Duration:
		got = clipped(fmt.Sprintf("the %T %v", v, v))
	default:
		got = fmt.Sprintf("a %T", v)
	}
	if hint != "" {
		hint = ": " + hint
	}
	return valueError(fmt.Sprintf("expected %s, got %s%s", describe(t), got, hint))
}

func (e *anyEncoder) value(dst []byte, t *schema.Type, v any) ([]byte, error) {
	if e.trying > 0 {
		e.budget--
	}
	if e.budget < 0 {
		return dst, &Error{Reason: "too many combinations of union branches to try; use Branch", Offset: -1, Kind: ErrLimit}
	}
	if t.Logical != nil {
		if out, done, err := appendLogical(dst, t, v); done {
			return out, err
		}
	}
	switch t.Kind {
	case schema.Null:
		if v == nil {
			return dst, nil
		}
	case schema.Boolean:
		if b, ok := v.(bool); ok {
			return AppendBoolean(dst, b), nil
		}
	case schema.Int, schema.Long:
		n, ok := wholeNumber(v)
		if ok && (t.Kind == schema.Long || n >= math.MinInt32 && n <= math.MaxInt32) {
			return AppendLong(dst, n), nil
		}
	case schema.Float, schema.Double:
		return appendNumber(dst, t, v)
	case schema.String:
		if s, ok := v.(string); ok {
			return AppendText(dst, s)
		}
	case schema.Bytes, schema.Fixed:
		return appendBlob(dst, t, v)
	case schema.Enum:
		s, ok := v.(string)
		if i := symbolIndex(t, s); ok && i >= 0 {
			return AppendInt(dst, int32(i)), nil
		}
		return dst, unwanted(t, v, "its symbols are "+clipped(strings.Join(t.Symbols, ", ")))
	default:
		if e.depth--; e.depth < 0 {
			return dst, &Error{Reason: "the value is nested too deeply", Offset: -1, Kind: ErrLimit}
		}
		out, err := e.parts(dst, t, v)
		e.depth++
		return out, err
	}
	return dst, unwanted(t, v, "")
}

func (e *anyEncoder) parts(dst []byte, t *schema.Type, v any) (_ []byte, err error) {
	if t.Kind == schema.Union {
		return e.union(dst, t, v)
	}
	if t.Kind == schema.Array {
		items, ok := v.([]any)
		if !ok {
			if items, ok = anySlice(v); !ok {
				return dst, unwanted(t, v, "")
			}
		}
		if len(items) > 0 {
			dst = AppendBlock(dst, len(items))
		}
		for i, item := range items {
			if dst, err = e.value(dst, t.Items, item); err != nil {
				return dst, InIndex(err, i)
			}
		}
		return AppendEnd(dst), nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		return dst, unwanted(t, v, "")
	}
	if t.Kind == schema.Record {
		return e.record(dst, t, m)
	}
	if len(m) > 0 {
		dst = AppendBlock(dst, len(m))
	}
	for _, key := range sortedKeys(m) {
		if dst, err = AppendText(dst, key); err == nil {
			dst, err = e.value(dst, t.Items, m[key])
		}
		if err != nil {
			return dst, InKey(err, key)
		}
	}
	return AppendEnd(dst), nil
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// anySlice returns the elements of any slice but []byte.
func anySlice(v any) ([]any, bool) {
	s := reflect.ValueOf(v)
	if s.Kind() != reflect.Slice || s.Type().Elem().Kind() == reflect.Uint8 {
		return nil, false
	}
	items := make([]any, s.Len())
	for i := range items {
		items[i] = s.Index(i).Interface()
	}
	return items, true
}

func (e *anyEncoder) record(dst []byte, t *schema.Type, m map[string]any) (_ []byte, err error) {
	known := 0
	for _, f := range t.Fields {
		v, ok := m[f.Name]
		switch {
		case ok:
			known++
			dst, err = e.value(dst, f.Type, v)
		case f.HasDefault:
			dst, err = appendDefault(dst, f.Type, &f.Default, DefaultMaxDepth)
		default:
			err = valueError(fmt.Sprintf("expected %s, but the field is missing and has no default", describe(f.Type)))
		}
		if err != nil {
			return dst, InField(err, f.Name)
		}
	}
	if known < len(m) {
		for _, key := range sortedKeys(m) {
			if t.Field(key) == nil {
				return dst, InField(valueError(fmt.Sprintf("%s has no such field", describe(t))), clipped(key))
			}
		}
	}
	return dst, nil
}

func (e *anyEncoder) union(dst []byte, t *schema.Type, v any) ([]byte, error) {
	if b, ok := v.(Branch); ok {
		i := branchNamed(t, b.Name)
		if i < 0 {
			return dst, unwanted(t, v, fmt.Sprintf("it has no branch %.60q", b.Name))
		}
		return e.value(AppendInt(dst, int32(i)), t.Branches[i], b.Value)
	}
	if m, ok := v.(map[string]any); ok && len(m) == 1 {
		for tag, inner := range m {
			if i := branchNamed(t, tag); i >= 0 {
				return e.value(AppendInt(dst, int32(i)), t.Branches[i], inner)
			}
		}
	}
	if _, nullable := t.Nullable(); !nullable {
		e.trying++
		defer func() { e.trying-- }()
	}
	fits, kept := -1, dst
	var only error
	for i, b := range t.Branches {
		if (b.Kind == schema.Null) != (v == nil) {
			continue
		}
		base := dst
		if fits >= 0 {
			base = dst[:len(dst):len(dst)] // a further try must not overwrite what fitted
		}
		out, err := e.value(AppendInt(base, int32(i)), b, v)
		switch {
		case err == nil && fits >= 0:
			return dst, unwanted(t, v, fmt.Sprintf("both %s and %s fit; use Branch", describe(t.Branches[fits]), describe(b)))
		case err == nil:
			fits, kept = i, out
		case pathed(err).Kind == ErrLimit:
			return dst, err
		default:
			only = err
		}
	}
	if _, nullable := t.Nullable(); fits < 0 && only != nil && (nullable || len(t.Branches) == 1) {
		return dst, only
	}
	if fits < 0 {
		return dst, unwanted(t, v, "no branch fits")
	}
	return kept, nil
}

// wholeNumber returns the value of any integer that fits 64 bits.
func wholeNumber(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case int8:
		return int64(v), true
	case int16:
		return int64(v), true
	case int32:
		return int64(v), true
	case int64:
		return v, true
	case uint8:
		return int64(v), true
	case uint16:
		return int64(v), true
	case uint32:
		return int64(v), true
	case uint:
		return int64(v), uint64(v) <= math.MaxInt64
	case uint64:
		return int64(v), v <= math.MaxInt64
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	}
	return 0, false
}

// appendNumber appends a float or double. A double becomes the nearest float; an integer must be exact.
func appendNumber(dst []byte, t *schema.Type, v any) ([]byte, error) {
	var f float64
	switch v := v.(type) {
	case float32:
		f = float64(v)
	case float64:
		f = v
	case json.Number:
		n, err := v.Float64()
		if err != nil {
			return dst, unwanted(t, v, "")
		}
		f = n
	default:
		n, ok := wholeNumber(v)
		exact := int64(1) << 53
		if t.Kind == schema.Float {
			exact = 1 << 24
		}
		if !ok || n > exact || n < -exact {
			return dst, unwanted(t, v, "")
		}
		f = float64(n)
	}
	if t.Kind == schema.Double {
		return AppendDouble(dst, f), nil
	}
	if math.IsInf(float64(float32(f)), 0) && !math.IsInf(f, 0) {
		return dst, unwanted(t, v, "it is too large")
	}
	return AppendFloat(dst, float32(f)), nil
}

func appendBlob(dst []byte, t *schema.Type, v any) ([]byte, error) {
	b, ok := v.([]byte)
	if !ok {
		return dst, unwanted(t, v, "")
	}
	if t.Kind == schema.Bytes {
		return AppendBytes(dst, b), nil
	}
	if len(b) != t.Size {
		return dst, unwanted(t, v, fmt.Sprintf("it has %d bytes", len(b)))
	}
	return AppendFixed(dst, b), nil
}

// appendLogical appends the Go value of a logical type. done is false if v is not one, but maybe what it is made of.
func appendLogical(dst []byte, t *schema.Type, v any) (out []byte, done bool, err error) {
	name := t.Logical.Name
	var n int64
	switch v := v.(type) {
	case time.Time:
		n, done, err = timeNumber(name, v)
	case time.Duration:
		done = strings.HasPrefix(name, "time-")
		if name == "time-micros" {
			n, err = TimeMicrosOf(v)
		} else if done {
			var ms int32
			ms, err = TimeMillisOf(v)
			n = int64(ms)
		}
		if !done { // a plain number would lose the unit
			return dst, true, unwanted(t, v, "")
		}
	case Decimal:
		return appendAnyDecimal(dst, t, v)
	case UUID:
		if name != "uuid" {
			return dst, false, nil
		}
		if t.Kind == schema.String {
			return AppendUUID(dst, v), true, nil
		}
		return AppendFixed(dst, v[:]), true, nil
	case Duration:
		if name == "duration" {
			return AppendDuration(dst, v), true, nil
		}
	}
	if !done || err != nil {
		return dst, done, err
	}
	return AppendLong(dst, n), true, nil
}

func timeNumber(name string, v time.Time) (n int64, done bool, err error) {
	switch name {
	case "date":
		var days int32
		days, err = DateOf(v)
		n = int64(days)
	case "timestamp-millis":
		n, err = TimestampMillisOf(v)
	case "timestamp-micros":
		n, err = TimestampMicrosOf(v)
	case "timestamp-nanos":
		n, err = TimestampNanosOf(v)
	case "local-timestamp-millis":
		n, err = LocalTimestampMillisOf(v)
	case "local-timestamp-micros":
		n, err = LocalTimestampMicrosOf(v)
	case "local-timestamp-nanos":
		n, err = LocalTimestampNanosOf(v)
	default:
		return 0, false, nil
	}
	return n, true, err
}

func appendAnyDecimal(dst []byte, t *schema.Type, d Decimal) (out []byte, done bool, err error) {
	l := t.Logical
	switch {
	case l.Name == "big-decimal":
		return AppendBigDecimal(dst, d), true, nil
	case l.Name != "decimal":
		return dst, false, nil
	case t.Kind == schema.Fixed:
		out, err = AppendDecimalFixed(dst, d, t.Size, l.Precision, l.Scale)
	default:
		out, err = AppendDecimal(dst, d, l.Precision, l.Scale)
	}
	return out, true, err
}
