package codegen

// base returns the expression that converts a custom type's value to the type in whose place it stands.
func (r *ref) base(expr string) string {
	return goType(r.elem) + "(" + expr + ")"
}

// encodeCustom prints the statements that append a value of a custom type.
func (p *printer) encodeCustom(r *ref, expr string, at trail) {
	switch {
	case r.custom.text:
		p.tryAppend("avro.AppendMarshaled(dst, &"+expr+")", at)
	case r.elem.isBytes():
		base := p.fresh("base")
		p.line(base, " := ", r.base(expr)) // to be addressable
		p.encode(r.elem, base, at)
	default:
		p.encode(r.elem, r.base(expr), at)
	}
}

// isBytes reports whether a scalar is encoded as its bytes are, from an array.
func (r *ref) isBytes() bool { return r.form == formLogical && r.logical.read == "" }

// decodeCustom prints the statements that set a value of a custom type.
func (p *printer) decodeCustom(r *ref, target string, at trail) {
	switch {
	case r.custom.text:
		p.line("r.Unmarshal(&", target, ")")
	case r.elem.isBytes():
		base := p.fresh("base")
		p.line("var ", base, " ", goType(r.elem))
		p.decode(r.elem, base, at)
		p.line(target, " = ", r.custom.name, "(", base, ")")
	default:
		p.line(target, " = ", read(r))
	}
}

// validateCustom prints the check of a value of a custom type.
func (p *printer) validateCustom(r *ref, expr string, at trail) {
	if r.custom.text {
		p.check("avro.CheckMarshaled(&"+expr+")", at)
		return
	}
	p.validate(r.elem, r.base(expr), at)
}
