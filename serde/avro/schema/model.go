// Package schema is the one model of an Avro schema: registry, checker, code generator, runtime and contract all
// parse, name, print, normalize and fingerprint schemas here and nowhere else.
//
// It accepts and refuses what Apache Avro 1.12 for Java does, because that is what Confluent's registry runs, and
// prints what Avro Java prints. It imports nothing of typelog and does no I/O.
//
// A Schema is immutable once parsed and safe for concurrent use. Its types form a graph, not a tree: each use of a
// named type is the same *Type, so recursive schemas have cycles and walkers must remember where they have been. A
// definition that is repeated, which Avro allows if it is equal, stands for the first; so does one that repeats a
// definition of a reference.
package schema

// Kind is the kind of an Avro type (Avro specification, "Schema Declaration").
type Kind uint8

// The kinds, in the order of the specification. An "error" is a Record whose IsError is set.
const (
	Invalid Kind = iota
	Null
	Boolean
	Int
	Long
	Float
	Double
	Bytes
	String
	Record
	Enum
	Array
	Map
	Union
	Fixed
)

var kindNames = [...]string{"invalid", "null", "boolean", "int", "long", "float", "double", "bytes", "string",
	"record", "enum", "array", "map", "union", "fixed"}

// String returns the name that the specification gives the kind ("int", "record", …).
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "invalid"
}

// Named reports whether types of this kind have a full name: records, enums and fixed.
func (k Kind) Named() bool { return k == Record || k == Enum || k == Fixed }

// Schema is a parsed schema: its root type and the text that it was given as.
type Schema struct {
	root  *Type
	text  string
	named map[string]*Type // reachable from the root
	order []*Type
	all   []*Type // named types of the text and of its references

	references []*Schema
	known      map[string]bool // full names that String prints as names only: the roots of the references
	lenient    bool
}

// Root returns the type that a datum of this schema has.
func (s *Schema) Root() *Type { return s.root }

// Text returns the text exactly as it was given to Parse.
func (s *Schema) Text() string { return s.text }

// Named returns the named type with this full name that the schema defines or that one of its references defines
// and it uses, or nil.
func (s *Schema) Named(fullName string) *Type { return s.named[fullName] }

// Definitions returns the named types that the schema's own text defines (not its references), in the order in
// which the text defines them. The caller must not change the slice.
func (s *Schema) Definitions() []*Type { return s.order }

// Type is one type of a schema. Which fields are set depends on Kind; those of other kinds are zero.
type Type struct {
	Kind Kind

	// Name and Namespace of a named type; Namespace is empty in the null namespace.
	Name, Namespace string
	Doc             string
	HasDoc          bool     // a doc attribute stood in the text, maybe an empty one
	Aliases         []string // as full names; String prints one without a namespace so that it is lost, as Avro Java does

	IsError bool     // a record that was declared as "error"
	Fields  []*Field // of a record, in order

	Symbols    []string // of an enum, in order
	Default    string   // an enum's default symbol
	HasDefault bool

	Size int // of a fixed, in bytes

	Items    *Type   // of an array or (its values) a map
	Branches []*Type // of a union, in order

	// Logical is the logical type where it is one that the specification defines and its attributes are valid for
	// the underlying type; otherwise nil, and the attributes are ordinary Props.
	Logical *Logical

	// Props are all further attributes in the order of the text, logicalType, precision and scale among them.
	Props []Prop

	// Pointer is the JSON pointer (RFC 6901) of the type in the text that defines it ("" at the root). A use of a
	// named type has the pointer of the definition, which may be in the text of a reference.
	Pointer string
}

// FullName returns namespace.name of a named type, and the kind's name of any other.
func (t *Type) FullName() string {
	if !t.Kind.Named() {
		return t.Kind.String()
	}
	if t.Namespace == "" {
		return t.Name
	}
	return t.Namespace + "." + t.Name
}

// Order is the sort order of a field.
type Order uint8

// The sort orders of the specification; Ascending is the default and is not printed.
const (
	Ascending Order = iota
	Descending
	Ignore
)

// Field is a field of a record.
type Field struct {
	Name    string
	Doc     string
	HasDoc  bool
	Aliases []string
	Type    *Type
	Pos     int // index in the record
	Order   Order

	// Default is the parsed default; HasDefault tells a missing one from null. A float's or double's is a number even
	// where the text has it as a string, and may be NaN or infinite. The default of a lenient schema may not fit.
	Default    Value
	HasDefault bool

	Props   []Prop
	Pointer string // JSON pointer of the field in the text that defines it, such as /fields/1
}

// Prop is a further attribute of a type or field with its JSON value.
type Prop struct {
	Name  string
	Value Value
}

// Logical is a valid logical type.
type Logical struct {
	Name      string // "decimal", "uuid", "timestamp-micros", …
	Precision int    // of decimal
	Scale     int    // of decimal
}

// ValueKind is the kind of a JSON value.
type ValueKind uint8

// The kinds of JSON values. Avro Java tells integers from decimals by how they are written.
const (
	JSONNull ValueKind = iota
	JSONBool
	JSONInteger // written without fraction and exponent
	JSONDecimal
	JSONString
	JSONArray
	JSONObject
)

// Value is a JSON value of a default or property that keeps the order of its members and the text of its numbers.
// It is immutable.
type Value struct {
	Kind    ValueKind
	Bool    bool
	Text    string // the decoded string, or the literal of a number (of a decimal also NaN, Infinity, -Infinity)
	Items   []Value
	Members []Member
}

// Member is a member of a JSON object.
type Member struct {
	Name  string
	Value Value
}
