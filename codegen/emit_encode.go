package codegen

import "slices"

// appender prints the method that appends a value's encoding: the statements for each field, one after the other. On
// an error it returns what it has so far; AppendAvro cuts that off.
func (p *printer) appender(n *named, body func()) {
	p.function()
	p.line()
	p.line("func (v *", n.name, ") appendAvro(dst []byte", depthParam(n), ") (_ []byte, err error) {")
	if n.deep {
		p.line("if depth++; depth > avro.DefaultMaxDepth {")
		p.line("return dst, ", tooDeep)
		p.line("}")
	}
	body()
	p.line("return dst, nil")
	p.line("}")
}

// tooDeep is the error of an encoder that met a value which no decoder takes, or one that contains itself.
const tooDeep = `&avro.Error{Reason: "records are nested too deeply", Offset: -1, Kind: avro.ErrLimit}`

func depthParam(n *named) string {
	if n.tracks {
		return ", depth int"
	}
	return ""
}

// encode prints the statements that append expr, an addressable expression of r's Go type.
func (p *printer) encode(r *ref, expr string, at trail) {
	switch r.form {
	case formNull:
	case formBoolean:
		p.line("dst = avro.AppendBoolean(dst, ", expr, ")")
	case formInt:
		p.line("dst = avro.AppendInt(dst, ", expr, ")")
	case formLong:
		p.line("dst = avro.AppendLong(dst, ", expr, ")")
	case formFloat:
		p.line("dst = avro.AppendFloat(dst, ", expr, ")")
	case formDouble:
		p.line("dst = avro.AppendDouble(dst, ", expr, ")")
	case formBytes:
		p.line("dst = avro.AppendBytes(dst, ", expr, ")")
	case formString:
		p.tryAppend("avro.AppendText(dst, "+expr+")", at)
	case formFixed:
		p.line("dst = append(dst, ", expr, "[:]...)")
	case formEnum:
		p.encodeEnum(r, expr, at)
	case formRecord:
		if r.named.foreign() {
			p.tryAppend(expr+".AppendAvro(dst)", at)
			return
		}
		p.tryAppend(expr+".appendAvro(dst"+depthArg(r.named)+")", at)
	case formArray:
		p.encodeArray(r, expr, at)
	case formMap:
		p.encodeMap(r, expr, at)
	case formOptional:
		p.encodeNullable(r, expr+".Valid", expr+".Value", at)
	case formNilable:
		p.encodeNullable(r, expr+" != nil", expr, at)
	case formPointer:
		p.encodeNullable(r, expr+" != nil", pointee(r, expr), at)
	case formUnion:
		p.encodeUnion(r.union, expr, at)
	case formCustom:
		p.encodeCustom(r, expr, at)
	case formLogical:
		p.encodeLogical(r, expr, at)
	}
}

func depthArg(n *named) string {
	if n.tracks {
		return ", depth"
	}
	return ""
}

// tryAppend prints a call that appends or fails.
func (p *printer) tryAppend(call string, at trail) {
	p.line("if dst, err = ", call, "; err != nil {")
	p.line("return dst, ", at.wrap("err"))
	p.line("}")
}

// encodeEnum prints the range check in place, because a call of Validate costs more than all the rest.
func (p *printer) encodeEnum(r *ref, expr string, at trail) {
	n := len(r.named.consts)
	p.line("if uint32(", expr, ") >= ", n, " {")
	p.line("return dst, ", at.wrap(selector(expr, "Validate()")))
	p.line("}")
	if n <= oneByte {
		p.line("dst = append(dst, byte(", expr, ")<<1)")
	} else {
		p.line("dst = avro.AppendInt(dst, int32(", expr, "))")
	}
}

// oneByte is how many of the numbers from 0 on take a single byte.
const oneByte = 64

// appendIndex prints the index of a union's branch.
func (p *printer) appendIndex(i int) {
	if i < oneByte {
		p.line("dst = append(dst, ", 2*i, ")")
	} else {
		p.line("dst = avro.AppendInt(dst, ", i, ")")
	}
}

func (p *printer) encodeArray(r *ref, expr string, at trail) {
	p.line("if len(", expr, ") > 0 {")
	p.line("dst = avro.AppendBlock(dst, len(", expr, "))")
	if r.elem.form == formNull {
		p.line("}")
		p.line("dst = avro.AppendEnd(dst)")
		return
	}
	i := p.fresh("i")
	p.line("for ", i, " := range ", expr, " {")
	p.encode(r.elem, expr+"["+i+"]", at.index(i))
	p.line("}")
	p.line("}")
	p.line("dst = avro.AppendEnd(dst)")
}

func (p *printer) encodeMap(r *ref, expr string, at trail) {
	key, value := p.fresh("key"), p.fresh("value")
	p.line("if len(", expr, ") > 0 {")
	p.line("dst = avro.AppendBlock(dst, len(", expr, "))")
	if r.elem.form == formNull {
		p.line("for ", key, " := range ", expr, " {")
	} else {
		p.line("for ", key, ", ", value, " := range ", expr, " {")
	}
	p.tryAppend("avro.AppendText(dst, "+key+")", at.key(key))
	p.encode(r.elem, value, at.key(key))
	p.line("}")
	p.line("}")
	p.line("dst = avro.AppendEnd(dst)")
}

// encodeNullable prints the branch's index, a single byte, and the value if there is one.
func (p *printer) encodeNullable(r *ref, condition, value string, at trail) {
	p.line("if ", condition, " {")
	p.appendIndex(1 - r.null)
	p.encode(r.elem, value, at)
	p.line("} else {")
	p.appendIndex(r.null)
	p.line("}")
}

// encodeUnion prints a type switch over a union's branches.
func (p *printer) encodeUnion(u *union, expr string, at trail) {
	value := p.fresh("branch")
	if slices.ContainsFunc(u.branches, func(b *branch) bool { return b.name != "" }) {
		p.line("switch ", value, " := ", expr, ".(type) {")
	} else {
		p.line("switch ", expr, ".(type) {")
	}
	for i, b := range u.branches {
		if b.name == "" {
			p.line("case nil:")
			p.appendIndex(i)
			continue
		}
		p.line("case ", b.goCase(), ":")
		if b.byPointer() {
			p.line("if ", value, " == nil {")
			p.line("return dst, ", at.wrap(nilBranch(b)))
			p.line("}")
		}
		p.appendIndex(i)
		p.encode(b.typ, b.value(value), at)
	}
	p.line("default:")
	p.line("return dst, ", at.wrap(noBranch(u)))
	p.line("}")
}
