package codegen

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/typelog/typelog/serde/avro/schema"
)

// logical is a logical type in Go: its type, and the functions of the runtime that convert it.
type logical struct {
	name string
	kind schema.Kind

	goType string
	path   string // import path of the Go type's package, if it is not the runtime

	// of converts the Go value to the number that is encoded, or fails. appendTo appends the value itself instead; it
	// fails where check is set. params are arguments that both and read take, filled in from the schema.
	of       string
	appendTo string
	check    string
	read     string
	params   []param

	cuts  bool // the Go value may be finer than the schema's unit
	least int  // the least number of bytes that a value takes
}

// param is an argument that a type's schema gives to the runtime's functions.
type param uint8

const (
	size param = iota
	precision
	scale
)

// findLogical returns the Go form of a type's logical type, or nil if it has none yet.
func findLogical(t *schema.Type) *logical {
	for i := range logicals {
		if l := &logicals[i]; l.name == t.Logical.Name && l.kind == t.Kind {
			return l
		}
	}
	return nil
}

var logicals = [...]logical{
	{name: "date", kind: schema.Int, goType: "time.Time", path: "time", of: "DateOf", read: "Date", least: 1},
	{name: "time-millis", kind: schema.Int, goType: "time.Duration", path: "time", of: "TimeMillisOf", read: "TimeMillis", cuts: true, least: 1},
	{name: "time-micros", kind: schema.Long, goType: "time.Duration", path: "time", of: "TimeMicrosOf", read: "TimeMicros", cuts: true, least: 1},
	{name: "timestamp-millis", kind: schema.Long, goType: "time.Time", path: "time", of: "TimestampMillisOf", read: "TimestampMillis", cuts: true, least: 1},
	{name: "timestamp-micros", kind: schema.Long, goType: "time.Time", path: "time", of: "TimestampMicrosOf", read: "TimestampMicros", cuts: true, least: 1},
	{name: "timestamp-nanos", kind: schema.Long, goType: "time.Time", path: "time", of: "TimestampNanosOf", read: "TimestampNanos", cuts: true, least: 1},
	{name: "local-timestamp-millis", kind: schema.Long, goType: "time.Time", path: "time", of: "LocalTimestampMillisOf", read: "TimestampMillis", cuts: true, least: 1},
	{name: "local-timestamp-micros", kind: schema.Long, goType: "time.Time", path: "time", of: "LocalTimestampMicrosOf", read: "TimestampMicros", cuts: true, least: 1},
	{name: "local-timestamp-nanos", kind: schema.Long, goType: "time.Time", path: "time", of: "LocalTimestampNanosOf", read: "TimestampNanos", cuts: true, least: 1},
	{name: "decimal", kind: schema.Bytes, goType: "avro.Decimal", appendTo: "AppendDecimal", check: "Fit", read: "Decimal",
		params: []param{precision, scale}, least: 2},
	{name: "decimal", kind: schema.Fixed, goType: "avro.Decimal", appendTo: "AppendDecimalFixed", check: "Fit", read: "DecimalFixed",
		params: []param{size, precision, scale}},
	{name: "big-decimal", kind: schema.Bytes, goType: "avro.Decimal", appendTo: "AppendBigDecimal", read: "BigDecimal", least: 1},
	{name: "uuid", kind: schema.String, goType: "avro.UUID", appendTo: "AppendUUID", read: "UUID", least: 37},
	{name: "uuid", kind: schema.Fixed, goType: "avro.UUID"}, // its bytes, as any fixed
	{name: "duration", kind: schema.Fixed, goType: "avro.Duration", appendTo: "AppendDuration", read: "Duration"},
}

// arguments returns the params as Go arguments after others, each with a comma before it.
func (l *logical) arguments(t *schema.Type, which ...param) string {
	var b strings.Builder
	for _, p := range which {
		switch p {
		case size:
			fmt.Fprint(&b, ", ", t.Size)
		case precision:
			fmt.Fprint(&b, ", ", t.Logical.Precision)
		case scale:
			fmt.Fprint(&b, ", ", t.Logical.Scale)
		}
	}
	return b.String()
}

// literal returns the Go expression for a default, or "" if it is Go's zero value (which no time is).
func (l *logical) literal(r *ref, v schema.Value) (string, error) {
	switch l.name {
	case "date":
		i, err := integerOf(v, 32)
		return fmt.Sprintf("avro.DateTime(%d)", i), err
	case "time-millis", "time-micros":
		bits, unit := 32, "time.Millisecond"
		day := int64(86_400_000)
		if l.name == "time-micros" {
			bits, unit, day = 64, "time.Microsecond", 86_400_000_000
		}
		i, err := integerOf(v, bits)
		if err == nil && (i < 0 || i >= day) {
			err = fmt.Errorf("%d is no time of day", i)
		}
		return fmt.Sprintf("%d * %s", i, unit), err
	case "timestamp-millis", "local-timestamp-millis":
		i, err := integerOf(v, 64)
		return fmt.Sprintf("time.UnixMilli(%d).UTC()", i), err
	case "timestamp-micros", "local-timestamp-micros":
		i, err := integerOf(v, 64)
		return fmt.Sprintf("time.UnixMicro(%d).UTC()", i), err
	case "timestamp-nanos", "local-timestamp-nanos":
		i, err := integerOf(v, 64)
		return fmt.Sprintf("time.Unix(0, %d).UTC()", i), err
	case "decimal":
		return decimalLiteral(r.avro, v)
	case "big-decimal":
		return bigDecimalLiteral(v)
	case "uuid":
		return uuidLiteral(r.avro, v)
	case "duration":
		data, err := bytesOf(v)
		if err != nil || len(data) != 12 {
			return "", errors.Join(err, fmt.Errorf("%s is no duration: it takes 12 bytes", describeValue(v)))
		}
		u := binary.LittleEndian.Uint32
		return fmt.Sprintf("avro.Duration{Months: %d, Days: %d, Millis: %d}", u(data), u(data[4:]), u(data[8:])), nil
	}
	return "", fmt.Errorf("a default of logical type %s is not generated yet", l.name)
}

// decimalLiteral returns a decimal's default, which is written as the bytes of its unscaled value.
func decimalLiteral(t *schema.Type, v schema.Value) (string, error) {
	data, err := bytesOf(v)
	if err != nil {
		return "", err
	}
	if len(data) == 0 || t.Kind == schema.Fixed && len(data) != t.Size {
		return "", fmt.Errorf("%d bytes are no decimal here", len(data))
	}
	unscaled := twosComplement(data)
	if digits := len(new(big.Int).Abs(unscaled).String()); digits > t.Logical.Precision {
		return "", fmt.Errorf("%d digits for a decimal of %d", digits, t.Logical.Precision)
	}
	return decimalExpr(unscaled, t.Logical.Scale), nil
}

// decimalExpr returns the Go expression for a decimal.
func decimalExpr(unscaled *big.Int, scale int) string {
	if unscaled.IsInt64() {
		return fmt.Sprintf("avro.NewDecimal(%s, %d)", unscaled, scale)
	}
	digits := new(big.Int).Abs(unscaled).String()
	if missing := scale + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	if scale > 0 {
		digits = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	if unscaled.Sign() < 0 {
		digits = "-" + digits
	}
	return fmt.Sprintf("avro.MustDecimal(%q)", digits)
}

// twosComplement returns the integer that big-endian bytes, at least one, hold.
func twosComplement(data []byte) *big.Int {
	v := new(big.Int).SetBytes(data)
	if data[0] >= 0x80 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(data))))
	}
	return v
}

// bigDecimalLiteral returns a big-decimal's default, which is written as its content: the unscaled value as bytes, and the
// scale.
func bigDecimalLiteral(v schema.Value) (string, error) {
	data, err := bytesOf(v)
	if err != nil {
		return "", err
	}
	bad := fmt.Errorf("%s is no big-decimal: its bytes are a length, the unscaled value and the scale", describeValue(v))
	n, used := binary.Varint(data) // zigzag, as Avro's longs
	if used <= 0 || n < 1 || n > int64(len(data)-used) {
		return "", bad
	}
	scale, last := binary.Varint(data[used+int(n):])
	if last <= 0 || used+int(n)+last != len(data) || scale < 0 || scale > maxScale {
		return "", bad
	}
	return decimalExpr(twosComplement(data[used:used+int(n)]), int(scale)), nil
}

// maxScale is the largest scale that the runtime takes.
const maxScale = 1 << 14

// uuidLiteral returns a uuid's default: its 16 bytes, or its text.
func uuidLiteral(t *schema.Type, v schema.Value) (string, error) {
	var data []byte
	var err error
	if t.Kind == schema.Fixed {
		data, err = bytesOf(v)
	} else if data, err = hex.DecodeString(strings.ReplaceAll(v.Text, "-", "")); err != nil || len(v.Text) != 36 {
		err = fmt.Errorf("%s is no UUID", describeValue(v))
	}
	if err == nil && len(data) != 16 {
		err = fmt.Errorf("%s is no UUID", describeValue(v))
	}
	return "avro.UUID{" + byteList(data) + "}", err
}
