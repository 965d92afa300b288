package schema

// equalTypes reports whether two types are equal to Avro Java: names, fields with order and default, symbols, sizes
// and properties count, docs and aliases don't. Only an equal type may be defined a second time.
func equalTypes(a, b *Type) bool {
	return (&equality{seen: map[[2]*Type]bool{}}).types(a, b)
}

// equality remembers the pairs that it is comparing or has compared, because types may be recursive.
type equality struct{ seen map[[2]*Type]bool }

func (e *equality) types(a, b *Type) bool {
	if a == b {
		return true
	}
	if a.Kind != b.Kind || a.Kind == Invalid || a.Name != b.Name || a.Namespace != b.Namespace || a.Size != b.Size {
		return false
	}
	pair := [2]*Type{a, b}
	if e.seen[pair] {
		return true
	}
	e.seen[pair] = true
	if len(a.Fields) != len(b.Fields) || len(a.Symbols) != len(b.Symbols) || len(a.Branches) != len(b.Branches) {
		return false
	}
	if !equalProps(a.Props, b.Props) {
		return false
	}
	for i := range a.Symbols {
		if a.Symbols[i] != b.Symbols[i] {
			return false
		}
	}
	for i := range a.Branches {
		if !e.types(a.Branches[i], b.Branches[i]) {
			return false
		}
	}
	for i := range a.Fields {
		if !e.fields(a.Fields[i], b.Fields[i]) {
			return false
		}
	}
	return a.Items == nil || e.types(a.Items, b.Items)
}

func (e *equality) fields(a, b *Field) bool {
	return a.Name == b.Name && a.Order == b.Order && a.HasDefault == b.HasDefault &&
		a.Default.equal(&b.Default) && equalProps(a.Props, b.Props) && e.types(a.Type, b.Type)
}

func equalProps(a, b []Prop) bool {
	left, right := Value{Kind: JSONObject}, Value{Kind: JSONObject}
	for _, p := range a {
		left.Members = append(left.Members, Member(p))
	}
	for _, p := range b {
		right.Members = append(right.Members, Member(p))
	}
	return left.equal(&right)
}
