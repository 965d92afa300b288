package codegen

import (
	"fmt"
	"slices"
	"strconv"
)

// datum prints the exported surface of a type that can be a whole message, avro.Datum, over its unexported methods:
// an inner record goes through those, so that nothing is validated or finished twice.
func (p *printer) datum(n *named) {
	depth := ""
	if n.tracks {
		depth = ", 0"
	}
	p.line()
	p.comment("AppendAvro appends v's binary encoding to dst: see avro.Datum." + notes(n))
	p.line("func (v *", n.name, ") AppendAvro(dst []byte) ([]byte, error) {")
	p.line("out, err := v.appendAvro(dst", depth, ")")
	p.line("if err != nil {")
	p.line("return dst, err")
	p.line("}")
	p.line("return out, nil")
	p.line("}")
	p.line()
	p.comment("DecodeAvro sets all of v from src, exactly one datum: see avro.Datum. It uses the memory of v's slices and " +
		"maps again. On an error v holds anything.")
	p.line("func (v *", n.name, ") DecodeAvro(src []byte, opts avro.DecodeOptions) error {")
	p.line("var r avro.Reader")
	p.line("r.Begin(src, opts)")
	p.line("if !r.Failed() {")
	p.line("v.decodeAvro(&r)")
	p.line("}")
	p.line("return r.Finish()")
	p.line("}")
	if n.tracks {
		p.line()
		p.comment(validateDoc)
		p.line("func (v *", n.name, ") Validate() error { return v.validateAvro(0) }")
	}
	p.line()
	p.comment("AvroSchema returns the schema, " + textOrigin(n) + ", and its CRC-64-AVRO fingerprint.")
	p.line("func (*", n.name, ") AvroSchema() (text string, fingerprint uint64) {")
	p.line("return schemaOf", n.name, ", ", fmt.Sprintf("%#016x", n.fingerprint))
	p.line("}")
	p.line()
	p.line("const schemaOf", n.name, " = ", quote(n.text))
	p.slowWays(n)
}

// slowWays prints what goes by the schema at run time: Avro's JSON encoding and random values.
func (p *printer) slowWays(n *named) {
	p.line()
	p.line("// codecOf", n.name, " is compiled when it is first used.")
	p.line("var codecOf", n.name, " = avro.LazyCodec(schemaOf", n.name, ")")
	p.line()
	p.comment("AppendAvroJSON appends v to dst in Avro's JSON encoding, on one line: see avro.Codec.AppendJSON.")
	p.line("func (v *", n.name, ") AppendAvroJSON(dst []byte) ([]byte, error) {")
	p.line("return avro.AppendDatumJSON(dst, v, codecOf", n.name, ")")
	p.line("}")
	p.line()
	p.comment("DecodeAvroJSON sets all of v from one value in Avro's JSON encoding: see avro.Codec.FromJSON. On an error v holds " +
		"anything.")
	p.line("func (v *", n.name, ") DecodeAvroJSON(text []byte) error {")
	p.line("return avro.DecodeDatumJSON(text, v, codecOf", n.name, ")")
	p.line("}")
	if !n.isRandom() {
		return
	}
	p.use("math/rand/v2")
	p.line()
	p.comment("Random sets all of v to a random value, for tests.")
	p.line("func (v *", n.name, ") Random(r *rand.Rand) { avro.RandomDatum(v, codecOf", n.name, ", r) }")
}

// isRandom reports whether random data can be values of a type. What a text form of the user's own takes nobody knows.
func (n *named) isRandom() bool {
	return !n.contains(func(r *ref) bool { return r.form == formCustom && r.custom.text })
}

// validateDoc is the comment of Validate.
const validateDoc = "Validate says whether AppendAvro would succeed: see avro.Datum."

// notes says what a caller should know of a type's encoding: where two encodings of one value can differ, and where the
// encoding holds less than the value.
func notes(n *named) string {
	var out string
	if n.contains(func(r *ref) bool { return r.form == formMap }) {
		out += " The order of a map's entries is not fixed, so neither are the bytes."
	}
	if n.contains(func(r *ref) bool { return r.form == formLogical && r.logical.cuts }) {
		out += " What a time has below its field's unit is cut off, towards the past."
	}
	return out
}

// contains reports whether a value of n can contain, in itself or a record inside, a use of a type that is wanted.
func (n *named) contains(wanted func(*ref) bool) bool {
	seen := map[*named]bool{}
	var has func(r *ref) bool
	inRecord := func(n *named) bool {
		if seen[n] {
			return false
		}
		seen[n] = true
		return n.root != nil && has(n.root) || slices.ContainsFunc(n.fields, func(f *field) bool { return has(f.typ) })
	}
	has = func(r *ref) bool {
		switch {
		case wanted(r):
			return true
		case r.form == formRecord:
			return inRecord(r.named)
		case r.elem != nil:
			return has(r.elem)
		case r.union != nil:
			return slices.ContainsFunc(r.union.branches, func(b *branch) bool { return has(b.typ) })
		}
		return false
	}
	return inRecord(n)
}

// textOrigin says how a type's schema text came to be.
func textOrigin(n *named) string {
	if n.verbatim {
		return "verbatim as it was generated from"
	}
	return "printed with the definitions of all types that it uses"
}

// recordCodec prints a record's unexported methods.
func (p *printer) recordCodec(n *named) {
	p.validator(n, func() {
		for _, f := range n.fields {
			p.validate(f.typ, "v."+f.name, trail{}.field(f.avro.Name))
		}
	})
	p.appender(n, func() {
		for _, f := range n.fields {
			p.encode(f.typ, "v."+f.name, trail{}.field(f.avro.Name))
		}
	})
	p.decoder(n, func() {
		p.line("f := r.Fields()")
		for _, f := range n.fields {
			p.line("if !f.Next(r) {")
			p.line("return")
			p.line("}")
			p.decode(f.typ, "v."+f.name, trail{}.field(f.avro.Name))
			if f.typ.form != formNull {
				p.bail(trail{}.field(f.avro.Name))
			}
		}
		p.line("f.End(r)")
	})
}

// root prints the type of an unnamed root: a struct with one field.
func (p *printer) root(n *named) {
	p.doc(n)
	p.line("type ", n.name, " struct{ Value ", goType(n.root), " }")
	p.datum(n)
	p.validator(n, func() { p.validate(n.root, "v.Value", nil) })
	p.appender(n, func() { p.encode(n.root, "v.Value", nil) })
	p.decoder(n, func() { p.decode(n.root, "v.Value", nil) })
	for _, u := range n.unions {
		p.union(u)
	}
}

// enumCodec prints an enum's Validate and, if it is a datum, its unexported methods.
func (p *printer) enumCodec(n *named) {
	p.line()
	p.comment("Validate says whether v is one of the symbols.")
	p.line("func (v ", n.name, ") Validate() error {")
	p.line("if uint32(v) >= ", len(n.consts), " {")
	p.line("return avro.Invalid(v.String() + ", strconv.Quote(" is no symbol of "+n.avro.FullName()), ")")
	p.line("}")
	p.line("return nil")
	p.line("}")
	if n.datum {
		use := &ref{form: formEnum, avro: n.avro, named: n}
		p.appender(n, func() { p.encode(use, "*v", nil) })
		p.decoder(n, func() { p.decode(use, "*v", nil) })
	}
}

// fixed prints a fixed: an array of bytes and its text.
func (p *printer) fixed(n *named) {
	p.doc(n)
	p.line("type ", n.name, " [", n.avro.Size, "]byte")
	p.use("encoding/hex")
	p.use("fmt")
	p.line()
	p.comment("String returns the bytes in hexadecimal.")
	p.line("func (v ", n.name, ") String() string { return hex.EncodeToString(v[:]) }")
	p.line()
	p.comment("MarshalText returns the bytes in hexadecimal.")
	p.line("func (v ", n.name, ") MarshalText() ([]byte, error) { return hex.AppendEncode(nil, v[:]), nil }")
	p.line()
	p.comment("UnmarshalText sets the bytes from hexadecimal.")
	p.line("func (v *", n.name, ") UnmarshalText(text []byte) error {")
	p.line("data, err := hex.DecodeString(string(text))")
	p.line("if err == nil && len(data) != len(v) {")
	p.line("err = fmt.Errorf(\"%d bytes for a ", n.name, " of %d\", len(data), len(v))")
	p.line("}")
	p.line("if err == nil {")
	p.line("copy(v[:], data)")
	p.line("}")
	p.line("return err")
	p.line("}")
	if n.datum {
		use := &ref{form: formFixed, avro: n.avro, named: n}
		p.datum(n)
		p.line()
		p.comment("Validate returns nil: every " + n.name + " can be encoded.")
		p.line("func (*", n.name, ") Validate() error { return nil }")
		p.appender(n, func() { p.encode(use, "v", nil) })
		p.decoder(n, func() { p.decode(use, "v", nil) })
	}
}
