package avro

import (
	"bytes"

	"github.com/typelog/typelog/serde/avro/schema"
)

// anyDecoder decodes a datum that was validated before. See Codec for the Go values.
type anyDecoder struct{ Reader }

func (d *anyDecoder) value(n *node) any {
	t := n.typ
	if t.Logical != nil {
		if v, ok := d.logical(t); ok {
			return v
		}
	}
	switch t.Kind {
	case schema.Boolean:
		return d.Boolean()
	case schema.Int:
		return d.Int()
	case schema.Long:
		return d.Long()
	case schema.Float:
		return d.Float()
	case schema.Double:
		return d.Double()
	case schema.Bytes:
		return bytes.Clone(d.Bytes())
	case schema.String:
		return d.String()
	case schema.Fixed:
		b := make([]byte, t.Size)
		d.Fixed(b)
		return b
	case schema.Enum:
		if i := d.Enum(len(t.Symbols)); !d.Failed() {
			return t.Symbols[i]
		}
	case schema.Union:
		if i := d.Union(len(t.Branches)); !d.Failed() {
			return branchValue(n, i, d.value(n.branches[i]))
		}
	case schema.Array:
		return d.array(n)
	case schema.Map:
		return d.mapping(n)
	case schema.Record:
		return d.record(n)
	}
	return nil
}

func (d *anyDecoder) logical(t *schema.Type) (any, bool) {
	switch t.Logical.Name {
	case "date":
		return d.Date(), true
	case "time-millis":
		return d.TimeMillis(), true
	case "time-micros":
		return d.TimeMicros(), true
	case "timestamp-millis", "local-timestamp-millis":
		return d.TimestampMillis(), true
	case "timestamp-micros", "local-timestamp-micros":
		return d.TimestampMicros(), true
	case "timestamp-nanos", "local-timestamp-nanos":
		return d.TimestampNanos(), true
	case "decimal":
		if t.Kind == schema.Fixed {
			return d.DecimalFixed(t.Size, t.Logical.Precision, t.Logical.Scale), true
		}
		return d.Decimal(t.Logical.Precision, t.Logical.Scale), true
	case "big-decimal":
		return d.BigDecimal(), true
	case "duration":
		return d.Duration(), true
	case "uuid":
		if t.Kind == schema.String {
			return d.UUID(), true
		}
		var u UUID
		d.Fixed(u[:])
		return u, true
	}
	return nil, false
}

func (d *anyDecoder) record(n *node) any {
	if n.recursive {
		if !d.Enter() {
			return nil
		}
		defer d.Leave()
	}
	const entry = 64 // bytes that a field takes in a map, about
	if !d.Charge(entry * len(n.typ.Fields)) {
		return nil
	}
	m := make(map[string]any, len(n.typ.Fields))
	for i, f := range n.typ.Fields {
		if m[f.Name] = d.value(n.fields[i].node); d.Failed() {
			d.InField(f.Name)
			return nil
		}
	}
	return m
}

func (d *anyDecoder) array(n *node) any {
	out := []any{}
	var b Block
	for d.NextBlock(&b, n.item.min) {
		out = Grow(&d.Reader, out, b.Len)
		for range b.Len {
			out = append(out, d.value(n.item))
			if d.Failed() {
				d.InIndex(len(out) - 1)
				return nil
			}
		}
	}
	return out
}

func (d *anyDecoder) mapping(n *node) any {
	var out map[string]any
	var b Block
	for d.NextBlock(&b, saturate(1, n.item.min)) {
		out = GrowMap(&d.Reader, out, b.Len)
		for range b.Len {
			key := d.Key()
			if d.Failed() {
				return nil
			}
			if out[key] = d.value(n.item); d.Failed() {
				d.InKey(key)
				return nil
			}
		}
	}
	if out == nil {
		out = map[string]any{}
	}
	return out
}
