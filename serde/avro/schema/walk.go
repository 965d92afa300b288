package schema

// Walk calls visit for this type and all types below it, depth first in the order of the text, each named type once:
// recursive types end. Where visit returns false, the types below are left out.
func (t *Type) Walk(visit func(*Type) bool) {
	walk(t, visit, map[*Type]bool{})
}

func walk(t *Type, visit func(*Type) bool, seen map[*Type]bool) {
	if t.Kind.Named() {
		if seen[t] {
			return
		}
		seen[t] = true
	}
	if !visit(t) {
		return
	}
	switch t.Kind {
	case Array, Map:
		walk(t.Items, visit, seen)
	case Union:
		for _, branch := range t.Branches {
			walk(branch, visit, seen)
		}
	case Record:
		for _, f := range t.Fields {
			walk(f.Type, visit, seen)
		}
	}
}

// Field returns the field of a record with this name, or nil. Aliases are not considered.
func (t *Type) Field(name string) *Field {
	for _, f := range t.Fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Prop returns a further attribute's value, or nil.
func (t *Type) Prop(name string) *Value { return prop(t, name) }

// Prop returns a further attribute's value, or nil.
func (f *Field) Prop(name string) *Value {
	for i := range f.Props {
		if f.Props[i].Name == name {
			return &f.Props[i].Value
		}
	}
	return nil
}

// Nullable returns the other branch of a union of null and one more type, in either order.
func (t *Type) Nullable() (*Type, bool) {
	if t.Kind == Union && len(t.Branches) == 2 {
		switch {
		case t.Branches[0].Kind == Null:
			return t.Branches[1], true
		case t.Branches[1].Kind == Null:
			return t.Branches[0], true
		}
	}
	return nil, false
}
