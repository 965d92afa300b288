package codegen

import "strconv"

// enum prints an enum: an integer type, its constants, and its texts.
func (p *printer) enum(n *named) {
	p.doc(n)
	p.line("type ", n.name, " int32")
	p.line()
	p.comment("The symbols of " + n.avro.FullName() + ", in the order of the schema.")
	p.line("const (")
	for i, c := range n.consts {
		if i == 0 {
			p.line(c, " ", n.name, " = iota // ", n.avro.Symbols[i])
			continue
		}
		p.line(c, " // ", n.avro.Symbols[i])
	}
	p.line(")")
	p.enumText(n)
	p.enumParse(n)
	p.enumCodec(n)
	if n.datum {
		p.datum(n)
	}
}

// enumText prints String and MarshalText.
func (p *printer) enumText(n *named) {
	p.use("strconv")
	p.line()
	p.comment("String returns the symbol, or the type's name and the number of a value that is none.")
	p.line("func (v ", n.name, ") String() string {")
	p.line("switch v {")
	for i, c := range n.consts {
		p.line("case ", c, ":")
		p.line("return ", strconv.Quote(n.avro.Symbols[i]))
	}
	p.line("}")
	p.line("return \"", n.name, "(\" + strconv.Itoa(int(v)) + \")\"")
	p.line("}")
	p.line()
	p.comment("MarshalText returns the symbol. It fails for a value that is none.")
	p.line("func (v ", n.name, ") MarshalText() ([]byte, error) {")
	p.line("if err := v.Validate(); err != nil {")
	p.line("return nil, err")
	p.line("}")
	p.line("return []byte(v.String()), nil")
	p.line("}")
}

// enumParse prints Parse and UnmarshalText.
func (p *printer) enumParse(n *named) {
	p.use("fmt")
	p.line()
	p.comment("Parse" + n.name + " returns the value of a symbol.")
	p.line("func Parse", n.name, "(symbol string) (", n.name, ", error) {")
	p.line("switch symbol {")
	for i, c := range n.consts {
		p.line("case ", strconv.Quote(n.avro.Symbols[i]), ":")
		p.line("return ", c, ", nil")
	}
	p.line("}")
	p.line("return 0, fmt.Errorf(\"%q is no symbol of %s\", symbol, ", strconv.Quote(n.avro.FullName()), ")")
	p.line("}")
	p.line()
	p.comment("UnmarshalText sets the value of a symbol, as Parse" + n.name + " does.")
	p.line("func (v *", n.name, ") UnmarshalText(symbol []byte) error {")
	p.line("parsed, err := Parse", n.name, "(string(symbol))")
	p.line("if err == nil {")
	p.line("*v = parsed")
	p.line("}")
	p.line("return err")
	p.line("}")
}
