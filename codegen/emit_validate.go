package codegen

// validator prints the method that finds what an encoder would refuse.
func (p *printer) validator(n *named, body func()) {
	p.function()
	p.line()
	if n.tracks {
		p.line("func (v *", n.name, ") validateAvro(depth int) error {")
	} else {
		p.comment(validateDoc)
		p.line("func (v *", n.name, ") Validate() error {")
	}
	if n.deep {
		p.line("if depth++; depth > avro.DefaultMaxDepth {")
		p.line("return ", tooDeep)
		p.line("}")
	}
	body()
	p.line("return nil")
	p.line("}")
}

// validate prints the checks of expr, of r's Go type. What cannot be wrong is not looked at.
func (p *printer) validate(r *ref, expr string, at trail) {
	if !fallible(r) {
		return
	}
	switch r.form {
	case formString:
		p.check("avro.CheckString("+expr+")", at)
	case formEnum:
		p.check(expr+".Validate()", at)
	case formRecord:
		p.check(validateCall(r.named, expr), at)
	case formArray:
		i := p.fresh("i")
		p.line("for ", i, " := range ", expr, " {")
		p.validate(r.elem, expr+"["+i+"]", at.index(i))
		p.line("}")
	case formMap:
		p.validateMap(r, expr, at)
	case formOptional:
		p.line("if ", expr, ".Valid {")
		p.validate(r.elem, expr+".Value", at)
		p.line("}")
	case formNilable: // what is nil has no items
		p.validate(r.elem, expr, at)
	case formPointer:
		p.line("if ", expr, " != nil {")
		p.validate(r.elem, pointee(r, expr), at)
		p.line("}")
	case formUnion:
		p.validateUnion(r.union, expr, at)
	case formCustom:
		p.validateCustom(r, expr, at)
	case formLogical:
		p.validateLogical(r, expr, at)
	}
}

func validateCall(n *named, expr string) string {
	if n.tracks && !n.foreign() {
		return expr + ".validateAvro(depth)"
	}
	return expr + ".Validate()"
}

// check prints a call that returns an error.
func (p *printer) check(call string, at trail) {
	p.line("if err := ", call, "; err != nil {")
	p.line("return ", at.wrap("err"))
	p.line("}")
}

func (p *printer) validateMap(r *ref, expr string, at trail) {
	key, value := p.fresh("key"), p.fresh("value")
	if fallible(r.elem) {
		p.line("for ", key, ", ", value, " := range ", expr, " {")
	} else {
		p.line("for ", key, " := range ", expr, " {")
	}
	p.check("avro.CheckString("+key+")", at.key(key))
	p.validate(r.elem, value, at.key(key))
	p.line("}")
}

func (p *printer) validateUnion(u *union, expr string, at trail) {
	value := p.fresh("branch")
	used := false
	for _, b := range u.branches {
		used = used || b.name != "" && (b.byPointer() || fallible(b.typ))
	}
	if used {
		p.line("switch ", value, " := ", expr, ".(type) {")
	} else {
		p.line("switch ", expr, ".(type) {")
	}
	for _, b := range u.branches {
		if b.name == "" {
			p.line("case nil:")
			continue
		}
		p.line("case ", b.goCase(), ":")
		if b.byPointer() {
			p.line("if ", value, " == nil {")
			p.line("return ", at.wrap(nilBranch(b)))
			p.line("}")
		}
		p.validate(b.typ, b.value(value), at)
	}
	p.line("default:")
	p.line("return ", at.wrap(noBranch(u)))
	p.line("}")
}

// validateLogical prints the check of a logical type whose Go type holds more than the schema's.
func (p *printer) validateLogical(r *ref, expr string, at trail) {
	l := r.logical
	call := "avro." + l.of + "(" + expr + ")"
	if l.check != "" {
		call = expr + "." + l.check + "(" + l.arguments(r.avro, precision, scale)[2:] + ")"
	}
	p.line("if _, err := ", call, "; err != nil {")
	p.line("return ", at.wrap("err"))
	p.line("}")
}
