package codegen

import "github.com/typelog/typelog/serde/avro/schema"

// goPackage is the resolved Go package: everything that the emitters print is decided in it.
type goPackage struct {
	name  string
	files []*goFile
	types map[string]*named // by full name
	scope *scope

	aliases map[string]string // the names of imported packages by their import path
}

// goFile is one generated file: what one input defines.
type goFile struct {
	in    *input
	name  string // file name, with _avro.go
	types []*named
}

// named is a record, enum or fixed as a Go type, or the Go type that an input's unnamed root is given.
type named struct {
	avro   *schema.Type
	name   string // Go name
	origin string // for messages: full name and input
	in     *input
	pkg    *Package // where it lies, if there are several
	prefix string   // of a type of another package: that package's name and a point
	shared bool     // other packages may use it

	fields []*field // of a record
	consts []string // of an enum: the constant of each symbol
	unions []*union // defined by a record's fields or by the root
	root   *ref     // of an unnamed root: the type of its Value field

	// datum says that the type can be a whole message: it has the exported surface, and these are its schema.
	datum       bool
	text        string
	verbatim    bool // text is the input's
	fingerprint uint64

	deep   bool // a record that can contain itself: its codec counts the depth
	tracks bool // a record or root that can contain deep ones: its encoder passes the depth on
	least  int  // memory of leastRecord, plus 1
	preset int8 // memory of hasPreset: 1 yes, -1 no
}

// field is a field of a record.
type field struct {
	avro    *schema.Field
	name    string // Go name
	typ     *ref
	pointer bool // a nullable record that is a pointer because it closes a cycle

	state walkState // memory of literal
	expr  string
	fault error
}

// form is the Go shape of one use of an Avro type.
type form uint8

const (
	formNull form = iota
	formBoolean
	formInt
	formLong
	formFloat
	formDouble
	formBytes
	formString
	formRecord
	formEnum
	formFixed
	formArray
	formMap
	formOptional // avro.Opt of elem
	formNilable  // elem is bytes, a slice or a map, and nil is null
	formPointer  // pointer to elem, and nil is null
	formUnion
	formLogical // a Go type of its own with functions of the runtime
	formCustom  // a Go type of the user's own in the place of elem
)

// ref is one use of a type.
type ref struct {
	form    form
	avro    *schema.Type
	elem    *ref     // of an array, a map and the nullable forms
	null    int      // of the nullable forms: the position of the null branch, 0 or 1
	named   *named   // of a record, enum or fixed
	union   *union   // of a union
	logical *logical // of a logical type
	custom  *custom  // of a custom type
}

// union is a union of several branches: a sealed interface and a type for each branch.
type union struct {
	name     string
	origin   string
	avro     *schema.Type
	branches []*branch
}

// branch is one branch of a union. A null branch has no Go type: it is the nil interface.
type branch struct {
	avro    *schema.Type
	name    string // Go name of the type that implements the interface; empty for null
	typ     *ref
	wrapper bool // a type of its own around typ; otherwise the named type itself
}
