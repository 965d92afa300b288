package schema

import "math"

// DefaultFits reports whether a JSON value is a valid default of a type by Avro Java's rules: text for strings, bytes,
// enums and fixed whatever it says, integers within range for int and long, any number for float and double, any
// branch of a union; a record's missing fields must have defaults of their own.
func DefaultFits(t *Type, v Value) bool {
	checks := newDefaultChecks(0)
	checks.unchecked = true
	return checks.fits(t, &v) == fits
}

// verdict is what a check of a default found.
type verdict uint8

const (
	misfits    verdict = iota
	fits               // valid
	incomplete         // it depends on a record whose fields are not known yet
	tooCostly          // the budget is used up
)

// defaultChecks checks the defaults of one schema, within a budget: a default is tried against every branch of a union,
// and on hostile input that would be too much.
type defaultChecks struct {
	budget    int
	building  map[*Type]bool // records whose fields are not complete
	unchecked bool           // fields' own defaults have not been checked before and must be followed
	known     map[recordCheck]verdict
	following map[*Field]bool
}

// recordCheck is one record type tried on one value.
type recordCheck struct {
	record *Type
	value  *Value
}

func newDefaultChecks(textLen int) *defaultChecks {
	return &defaultChecks{
		budget:    1<<20 + 4*textLen,
		building:  map[*Type]bool{},
		known:     map[recordCheck]verdict{},
		following: map[*Field]bool{},
	}
}

func (c *defaultChecks) fits(t *Type, v *Value) verdict {
	if c.budget--; c.budget < 0 {
		return tooCostly
	}
	switch t.Kind {
	case Invalid: // not defined yet; to Avro a record without fields
		return ifTrue(v.Kind == JSONObject)
	case Null:
		return ifTrue(v.Kind == JSONNull)
	case Boolean:
		return ifTrue(v.Kind == JSONBool)
	case Int:
		n, ok := v.Int()
		return ifTrue(ok && math.MinInt32 <= n && n <= math.MaxInt32)
	case Long:
		_, ok := v.Int()
		return ifTrue(ok)
	case Float, Double:
		return ifTrue(v.Kind == JSONInteger || v.Kind == JSONDecimal)
	case Bytes, String, Enum, Fixed:
		return ifTrue(v.Kind == JSONString)
	case Array:
		if v.Kind != JSONArray {
			return misfits
		}
		for i := range v.Items {
			if result := c.fits(t.Items, &v.Items[i]); result != fits {
				return result
			}
		}
		return fits
	case Map:
		if v.Kind != JSONObject {
			return misfits
		}
		for i := range v.Members {
			if result := c.fits(t.Items, &v.Members[i].Value); result != fits {
				return result
			}
		}
		return fits
	case Union:
		for _, branch := range t.Branches {
			if result := c.fits(branch, v); result != misfits {
				return result
			}
		}
		return misfits
	case Record:
		return c.record(t, v)
	}
	return misfits
}

func ifTrue(ok bool) verdict {
	if ok {
		return fits
	}
	return misfits
}

func (c *defaultChecks) record(t *Type, v *Value) verdict {
	if v.Kind != JSONObject {
		return misfits
	}
	if c.building[t] {
		return incomplete
	}
	key := recordCheck{t, v}
	if result, ok := c.known[key]; ok {
		return result
	}
	result := c.fields(t, v)
	c.known[key] = result
	return result
}

func (c *defaultChecks) fields(t *Type, v *Value) verdict {
	members := make(map[string]*Value, len(v.Members))
	for i := range v.Members {
		members[v.Members[i].Name] = &v.Members[i].Value
	}
	for _, f := range t.Fields {
		value := members[f.Name]
		if value == nil {
			if result := c.own(f); result != fits {
				return result
			}
			continue
		}
		if result := c.fits(f.Type, value); result != fits {
			return result
		}
	}
	return fits
}

// own judges a field's own default, for a record's default that leaves the field out.
func (c *defaultChecks) own(f *Field) verdict {
	if !f.HasDefault {
		return misfits
	}
	if !c.unchecked {
		return fits // it was checked when its record was complete
	}
	if c.following[f] {
		return misfits // it would fill itself in without end
	}
	c.following[f] = true
	result := c.fits(f.Type, &f.Default)
	delete(c.following, f)
	return result
}
