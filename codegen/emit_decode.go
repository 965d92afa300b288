package codegen

import (
	"strconv"
	"strings"
)

// decoder prints the method that reads a value: the statements for each field, one after the other. The reader's first
// fault sticks; each field adds its name to the fault's path and leaves.
func (p *printer) decoder(n *named, body func()) {
	p.function()
	p.line()
	p.line("func (v *", n.name, ") decodeAvro(r *avro.Reader) {")
	if n.deep {
		p.line("if !r.Enter() {")
		p.line("return")
		p.line("}")
	}
	body()
	if n.deep {
		p.line("r.Leave()")
	}
	p.line("}")
	if n.shared {
		p.line()
		p.comment("ReadAvro sets all of v from what r reads next, for generated code of other packages.")
		p.line("func (v *", n.name, ") ReadAvro(r *avro.Reader) { v.decodeAvro(r) }")
	}
}

// decode prints the statements that set target, an assignable expression of r's Go type. They overwrite whatever it
// held, and use the memory of its slices and maps again.
func (p *printer) decode(r *ref, target string, at trail) {
	switch r.form {
	case formNull:
	case formFixed:
		p.line("r.Fixed(", target, "[:])")
	case formRecord:
		method := "decodeAvro(r)"
		if r.named.foreign() {
			method = "ReadAvro(r)"
		}
		p.line(selector(target, method))
	case formArray:
		p.decodeArray(r, target, at, false)
	case formMap:
		p.decodeMap(r, target, at, false)
	case formOptional:
		p.line("if r.Union(2) == ", 1-r.null, " {")
		p.line(selector(target, "Valid"), " = true")
		p.decode(r.elem, selector(target, "Value"), at)
		p.line("} else {")
		p.line(target, " = ", goType(r), "{}")
		p.line("}")
	case formNilable:
		p.decodeNilable(r, target, at)
	case formPointer:
		p.line("if r.Union(2) == ", 1-r.null, " {")
		p.line("if ", target, " == nil {")
		p.line(target, " = ", newRecord(r.elem))
		p.line("}")
		p.decode(r.elem, pointee(r, target), at)
		p.line("} else {")
		p.line(target, " = nil")
		p.line("}")
	case formUnion:
		p.decodeUnion(r.union, target, at)
	case formCustom:
		p.decodeCustom(r, target, at)
	case formLogical:
		if r.logical.read == "" {
			p.line("r.Fixed(", target, "[:])")
			return
		}
		p.line(target, " = ", read(r))
	default:
		p.line(target, " = ", read(r))
	}
}

// read returns the expression that reads a scalar.
func read(r *ref) string {
	switch r.form {
	case formBoolean:
		return "r.Boolean()"
	case formInt:
		return "r.Int()"
	case formLong:
		return "r.Long()"
	case formFloat:
		return "r.Float()"
	case formDouble:
		return "r.Double()"
	case formBytes:
		return "r.Bytes()"
	case formString:
		return "r.String()"
	case formCustom:
		if elem := read(r.elem); elem != "" && !r.custom.text {
			return r.custom.name + "(" + elem + ")"
		}
		return ""
	case formEnum:
		return r.named.qualified() + "(r.Enum(" + strconv.Itoa(len(r.named.consts)) + "))"
	case formLogical:
		if r.logical.read == "" {
			return ""
		}
		args := strings.TrimPrefix(r.logical.arguments(r.avro, r.logical.params...), ", ")
		return "r." + r.logical.read + "(" + args + ")"
	}
	return ""
}

// selector returns the selection of a member; a dereference is left to Go.
func selector(expr, member string) string {
	if inner, ok := strings.CutPrefix(expr, "(*"); ok {
		expr = strings.TrimSuffix(inner, ")")
	}
	return strings.TrimPrefix(expr, "*") + "." + member
}

// pointee returns the expression for what a pointer points to. Go finds a record's methods and fields through the pointer.
func pointee(r *ref, pointer string) string {
	if r.elem.form == formRecord {
		return pointer
	}
	return "(*" + pointer + ")"
}

// newRecord returns the expression for a pointer to a new value whose memory is charged to the reader's limit.
func newRecord(r *ref) string {
	return "&avro.Extend(avro.Grow(r, []" + goType(r) + "(nil), 1))[0]"
}

// decodeArray prints the loop over an array's blocks. With present, an empty array gives an empty slice, not nil.
func (p *printer) decodeArray(r *ref, target string, at trail, present bool) {
	items, block := p.fresh("items"), p.fresh("block")
	p.line(items, " := ", target, "[:0]")
	p.line("for ", block, " := (avro.Block{}); r.NextBlock(&", block, ", ", leastSize(r.elem, nil), "); {")
	p.line(items, " = avro.Grow(r, ", items, ", ", block, ".Len)")
	p.line("for range ", block, ".Len {")
	last := "len(" + items + ")-1"
	if scalar := read(r.elem); scalar != "" {
		p.line(items, " = append(", items, ", ", scalar, ")")
		p.bail(at.index(last))
	} else if r.elem.form == formNull {
		p.line(items, " = append(", items, ", struct{}{})")
	} else {
		item := p.fresh("item")
		p.line(items, " = avro.Extend(", items, ")")
		p.line(item, " := &", items, "[", last, "]")
		p.decode(r.elem, "(*"+item+")", at.index(last))
		p.bail(at.index(last))
	}
	p.line("}")
	p.line("}")
	if present {
		p.line("if ", items, " == nil {")
		p.line(items, " = ", goType(r), "{}")
		p.line("}")
	}
	p.line(target, " = ", items)
}

// decodeMap prints the loop over a map's blocks. With present, an empty map gives an empty map, not nil.
func (p *printer) decodeMap(r *ref, target string, at trail, present bool) {
	entries, block, key := p.fresh("entries"), p.fresh("block"), p.fresh("key")
	p.line(entries, " := ", target)
	p.line("clear(", entries, ")")
	p.line("for ", block, " := (avro.Block{}); r.NextBlock(&", block, ", ", 1+leastSize(r.elem, nil), "); {")
	p.line(entries, " = avro.GrowMap(r, ", entries, ", ", block, ".Len)")
	p.line("for range ", block, ".Len {")
	p.line(key, " := r.String()")
	p.bail(at)
	if scalar := read(r.elem); scalar != "" {
		p.line(entries, "[", key, "] = ", scalar)
		p.bail(at.key(key))
	} else {
		value := p.fresh("value")
		p.line("var ", value, " ", goType(r.elem))
		p.decode(r.elem, value, at.key(key))
		p.bail(at.key(key))
		p.line(entries, "[", key, "] = ", value)
	}
	p.line("}")
	p.line("}")
	if present {
		p.line("if ", entries, " == nil {")
		p.line(entries, " = ", goType(r), "{}")
		p.line("}")
	}
	p.line(target, " = ", entries)
}

// decodeNilable prints the decoding of a nullable bytes, slice or map: nil is null, and empty is not nil.
func (p *printer) decodeNilable(r *ref, target string, at trail) {
	p.line("if r.Union(2) == ", 1-r.null, " {")
	switch r.elem.form {
	case formArray:
		p.decodeArray(r.elem, target, at, true)
	case formMap:
		p.decodeMap(r.elem, target, at, true)
	default:
		p.line(target, " = r.Bytes()")
	}
	p.line("} else {")
	p.line(target, " = nil")
	p.line("}")
}

// decodeUnion prints a switch over a union's branches.
func (p *printer) decodeUnion(u *union, target string, at trail) {
	p.line("switch r.Union(", len(u.branches), ") {")
	for i, b := range u.branches {
		p.line("case ", i, ":")
		switch {
		case b.name == "":
			p.line(target, " = nil")
		case b.byPointer():
			value := p.fresh("branch")
			p.line(value, " := ", newRecord(b.typ))
			p.line(value, ".decodeAvro(r)")
			p.line(target, " = ", value)
		default:
			value := p.fresh("branch")
			p.line("var ", value, " ", b.name)
			p.decode(b.typ, b.value(value), at)
			p.line(target, " = ", value)
		}
	}
	p.line("}")
}
