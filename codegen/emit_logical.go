package codegen

import "github.com/typelog/typelog/serde/avro/schema"

// encodeLogical prints the statements that append a value of a logical type.
func (p *printer) encodeLogical(r *ref, expr string, at trail) {
	l := r.logical
	switch {
	case l.of != "":
		n := p.fresh("n")
		p.line(n, ", err := avro.", l.of, "(", expr, ")")
		p.line("if err != nil {")
		p.line("return dst, ", at.wrap("err"))
		p.line("}")
		if l.kind == schema.Int {
			p.line("dst = avro.AppendInt(dst, ", n, ")")
		} else {
			p.line("dst = avro.AppendLong(dst, ", n, ")")
		}
	case l.appendTo == "":
		p.line("dst = append(dst, ", expr, "[:]...)")
	case l.check != "":
		p.tryAppend("avro."+l.appendTo+"(dst, "+expr+l.arguments(r.avro, l.params...)+")", at)
	default:
		p.line("dst = avro.", l.appendTo, "(dst, ", expr, l.arguments(r.avro, l.params...), ")")
	}
}
