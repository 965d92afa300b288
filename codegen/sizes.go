package codegen

// leastSize returns the least number of bytes that a value of a type takes: it bounds how many items a block of an
// array can hold. A record that is being measured further up counts as nothing.
func leastSize(r *ref, within map[*named]bool) int {
	switch r.form {
	case formNull:
		return 0
	case formFloat:
		return 4
	case formDouble:
		return 8
	case formFixed:
		return r.avro.Size
	case formRecord:
		return leastRecord(r.named, within)
	case formOptional, formNilable, formPointer:
		return 1
	case formCustom:
		return leastSize(r.elem, within)
	case formUnion:
		least := -1
		for _, b := range r.union.branches {
			if n := leastSize(b.typ, within); least < 0 || n < least {
				least = n
			}
		}
		return 1 + max(least, 0)
	case formLogical:
		if r.named == nil && r.logical.least == 0 || r.logical.least == 0 {
			return r.avro.Size // a fixed
		}
		return r.logical.least
	}
	return 1
}

func leastRecord(n *named, within map[*named]bool) int {
	if n.least > 0 {
		return n.least - 1
	}
	if within[n] {
		return 0
	}
	if within == nil {
		within = map[*named]bool{}
	}
	within[n] = true
	least := 0
	for _, f := range n.fields {
		least += leastSize(f.typ, within)
	}
	delete(within, n)
	if len(within) == 0 || !n.deep {
		n.least = least + 1
	}
	return least
}

// fallible reports whether there are Go values of a type that its encoder refuses.
func fallible(r *ref) bool {
	switch r.form {
	case formString, formEnum, formUnion, formMap: // a map's keys are strings
		return true
	case formRecord:
		return r.named.fallible()
	case formArray, formOptional, formPointer, formCustom:
		return fallible(r.elem)
	case formNilable:
		return r.elem.form != formBytes && fallible(r.elem)
	case formLogical:
		return r.logical.of != "" || r.logical.check != ""
	}
	return false
}

func (n *named) fallible() bool {
	if n.tracks {
		return true
	}
	for _, f := range n.fields {
		if fallible(f.typ) {
			return true
		}
	}
	return false
}
