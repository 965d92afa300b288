package schema

import "math"

// logicalType returns the logical type that a type's properties declare, or nil where it is unknown or its attributes
// do not fit the type: such properties mean nothing (Avro specification, "Logical Types"; Avro Java, LogicalTypes).
func logicalType(t *Type) *Logical {
	name := prop(t, "logicalType")
	if name == nil || name.Kind != JSONString {
		return nil
	}
	l := &Logical{Name: name.Text}
	valid := false
	switch name.Text {
	case "decimal":
		valid = l.setDecimal(t)
	case "big-decimal":
		valid = t.Kind == Bytes
	case "uuid":
		valid = t.Kind == String || t.Kind == Fixed && t.Size == 16
	case "duration":
		valid = t.Kind == Fixed && t.Size == 12
	case "date", "time-millis":
		valid = t.Kind == Int
	case "time-micros",
		"timestamp-millis", "timestamp-micros", "timestamp-nanos",
		"local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos":
		valid = t.Kind == Long
	}
	if !valid {
		return nil
	}
	return l
}

// setDecimal reads precision and scale and reports whether they are valid for the type.
func (l *Logical) setDecimal(t *Type) bool {
	if t.Kind != Bytes && t.Kind != Fixed {
		return false
	}
	var ok bool
	if l.Precision, ok = int32Prop(t, "precision"); !ok {
		return false
	}
	if prop(t, "scale") != nil {
		if l.Scale, ok = int32Prop(t, "scale"); !ok {
			return false
		}
	}
	most := math.MaxInt32
	if t.Kind == Fixed {
		// The digits that size bytes of two's complement can always hold; Java computes 8*size in 32 bits.
		most = int(math.Floor(math.Log10(2) * float64(int32(8*t.Size)-1)))
	}
	return 0 < l.Precision && l.Precision <= most && 0 <= l.Scale && l.Scale <= l.Precision
}

func int32Prop(t *Type, name string) (int, bool) {
	v := prop(t, name)
	if v == nil {
		return 0, false
	}
	n, ok := v.Int()
	if !ok || n < math.MinInt32 || n > math.MaxInt32 {
		return 0, false
	}
	return int(n), true
}

// prop returns the value of a type's property, or nil.
func prop(t *Type, name string) *Value {
	for i := range t.Props {
		if t.Props[i].Name == name {
			return &t.Props[i].Value
		}
	}
	return nil
}
