package codegen

// goType returns the Go type of one use of a type.
func goType(r *ref) string {
	switch r.form {
	case formNull:
		return "struct{}"
	case formBoolean:
		return "bool"
	case formInt:
		return "int32"
	case formLong:
		return "int64"
	case formFloat:
		return "float32"
	case formDouble:
		return "float64"
	case formBytes:
		return "[]byte"
	case formString:
		return "string"
	case formRecord, formEnum, formFixed:
		return r.named.qualified()
	case formArray:
		return "[]" + goType(r.elem)
	case formMap:
		return "map[string]" + goType(r.elem)
	case formOptional:
		return "avro.Opt[" + goType(r.elem) + "]"
	case formNilable:
		return goType(r.elem)
	case formPointer:
		return "*" + goType(r.elem)
	case formUnion:
		return r.union.name
	case formCustom:
		return r.custom.name
	}
	return r.logical.goType
}
