package avro

import (
	"fmt"

	"github.com/typelog/typelog/serde/avro/schema"
)

// Codec handles data of a schema that is known only at run time: as Go values, and as Avro's JSON. It is immutable and
// safe for concurrent use.
//
// A datum is decoded to these Go values, and encoded from them:
//
//	null                   nil
//	boolean                bool
//	int, long              int32, int64
//	float, double          float32, float64
//	bytes, fixed           []byte
//	string, enum           string
//	array                  []any
//	map, record            map[string]any
//	union                  nil for null; the bare value if there is only one other branch; otherwise a Branch
//	date, *timestamp-*     time.Time
//	time-*                 time.Duration
//	decimal, big-decimal   Decimal
//	uuid                   UUID
//	duration               Duration
//
// Append takes more: any integer type where the value fits, json.Number, a union's bare value where exactly one branch
// fits it, or map[string]any{"branch": value}; of a logical type also what it is made of. A record may leave out fields
// that have a default.
type Codec struct {
	schema *schema.Schema
	root   *node
}

// Branch is a value of a union with more than one branch that is not null. Name is the branch's full name, or its kind
// ("string", "array") if the type has none.
type Branch struct {
	Name  string
	Value any
}

// NewCodec compiles a codec.
func NewCodec(s *schema.Schema) (*Codec, error) {
	v, err := NewValidator(s)
	if err != nil {
		return nil, err
	}
	return &Codec{schema: s, root: v.root}, nil
}

// Schema returns the schema that the codec was made for.
func (c *Codec) Schema() *schema.Schema { return c.schema }

// Validate does what Validator.Validate does.
func (c *Codec) Validate(src []byte) error { return (&Validator{c.root}).Validate(src) }

// Decode returns the Go value of src, exactly one datum. Errors are *Errors with path and offset. The value shares no
// memory with src.
func (c *Codec) Decode(src []byte) (any, error) {
	if err := c.Validate(src); err != nil {
		return nil, err
	}
	d := anyDecoder{NewReader(src, DecodeOptions{SkipUTF8: true})}
	v := d.value(c.root)
	if err := d.Finish(); err != nil {
		return nil, err
	}
	return v, nil
}

// Append appends the encoding of v to dst. On an error, an *Error with the path and what was expected there, it returns
// dst as it was. Maps are written in the order of their keys.
func (c *Codec) Append(dst []byte, v any) ([]byte, error) {
	e := anyEncoder{budget: encodeBudget, depth: DefaultMaxDepth}
	out, err := e.value(dst, c.root.typ, v)
	return c.checked(dst, out, err)
}

// ToJSON returns src, exactly one datum, in Avro's JSON encoding on one line. Logical types print as what they are made of.
func (c *Codec) ToJSON(src []byte) ([]byte, error) { return c.AppendJSON(nil, src) }

// AppendJSON does what ToJSON does and appends the JSON to dst.
func (c *Codec) AppendJSON(dst, src []byte) ([]byte, error) {
	if err := c.Validate(src); err != nil {
		return dst, err
	}
	j := jsonWriter{walker: walker{buf: src, depth: DefaultMaxDepth, zeroItems: DefaultMaxZeroItems}, out: dst}
	j.value(c.root, 0)
	return j.out, nil
}

// FromJSON appends the encoding of one JSON value to dst. It takes Avro's JSON encoding and, for people, more: a union's
// value without its tag where exactly one branch fits, RFC 3339 text for timestamps, numbers for decimals, records
// without the fields that have defaults. A member that the record does not have is an error. On an error, an *Error with
// the path and what was expected there, it returns dst as it was.
func (c *Codec) FromJSON(dst, text []byte) ([]byte, error) {
	v, err := parseJSON(text)
	if err != nil {
		return dst, err
	}
	e := jsonEncoder{budget: encodeBudget + 16*len(text)}
	out, err := e.value(dst, c.root.typ, &v)
	return c.checked(dst, out, err)
}

// encodeBudget is how many values an encoder looks at while it tries the branches of untagged unions.
const encodeBudget = 1 << 18

// checked returns out if what was appended to dst is a valid datum: nothing leaves here that the contract would refuse.
func (c *Codec) checked(dst, out []byte, err error) ([]byte, error) {
	if err != nil {
		return dst, err
	}
	if err := c.Validate(out[len(dst):]); err != nil {
		fault := pathed(err)
		return dst, &Error{Path: fault.Path, Reason: "the value cannot be encoded: " + fault.Reason, Offset: -1, Kind: ErrValue}
	}
	return out, nil
}

// branchValue returns the Go value of a union's branch.
func branchValue(n *node, i int, v any) any {
	if n.op == opNullable || len(n.branches) == 1 {
		return v
	}
	if n.branches[i].typ.Kind == schema.Null {
		return nil
	}
	return Branch{Name: n.branches[i].typ.FullName(), Value: v}
}

// String returns the name and the value.
func (b Branch) String() string { return fmt.Sprintf("%s: %v", b.Name, b.Value) }
