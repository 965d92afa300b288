package compat

// Kind says what is incompatible.
type Kind uint8

// The kinds, in Avro Java's order; the last two are this package's own.
const (
	NameMismatch              Kind = iota + 1 // a named type has another name and no alias for the old one
	FixedSizeMismatch                         // a fixed has another size
	MissingEnumSymbols                        // the writer's enum has symbols that the reader's lacks, without a default
	ReaderFieldMissingDefault                 // a field that only the reader has, without a default
	TypeMismatch                              // a type that does not promote to the other
	MissingUnionBranch                        // the reader's union lacks a type that the writer may write
	AmbiguousField                            // a reader's field fits several fields of the writer by its aliases
	TooComplex                                // the schemas exceed what is checked; taken as incompatible
)

var kindNames = [...]string{"", "NAME_MISMATCH", "FIXED_SIZE_MISMATCH", "MISSING_ENUM_SYMBOLS",
	"READER_FIELD_MISSING_DEFAULT_VALUE", "TYPE_MISMATCH", "MISSING_UNION_BRANCH", "AMBIGUOUS_FIELD", "TOO_COMPLEX"}

// String returns the kind's name as Avro Java writes it: "NAME_MISMATCH".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return ""
}

// Incompatibility is one reason why a reader can not, or not always, read what a writer writes.
type Incompatibility struct {
	Kind Kind

	// Pointer is the JSON pointer of the fault in the reader's schema, "" for the root. Where only the writer has a
	// union, an index is that of its branch.
	Pointer string

	// Message is Avro Java's: the type names of a mismatch, the missing symbols, the name of a field.
	Message string

	// Mend suggests what to change in the reader's schema, as an imperative.
	Mend string
}

// Verbose returns the incompatibility as Confluent's registry prints it with verbose=true:
// {errorType:'…', description:'…', additionalInfo:'…'}. reader and writer say whose schema is which: "new" and "old",
// or the other way round for a forward check. An ambiguous field makes the registry's checker fail, and it says so.
func (i Incompatibility) Verbose(reader, writer string) string {
	if i.Kind == AmbiguousField {
		return "Unexpected exception during compatibility check: " + i.Message
	}
	return "{errorType:'" + i.Kind.String() + "', description:'" + i.describe(reader, writer) +
		"', additionalInfo:'" + i.Message + "'}"
}

// MendWriter suggests what to change in the writer's schema where the reader's cannot be changed any more, as an
// imperative: at the forward levels the reader is the version that is registered already.
func (i Incompatibility) MendWriter() string {
	switch i.Kind {
	case ReaderFieldMissingDefault:
		return "keep field " + i.Message + " as it was"
	case MissingEnumSymbols:
		return "leave out the symbols that the older schema lacks: " + i.Message
	case NameMismatch:
		return "keep the name that the older schema has"
	case FixedSizeMismatch:
		return "keep the size that the older schema has"
	case TypeMismatch, MissingUnionBranch:
		return "keep the type that the older schema has"
	}
	return i.Mend
}

func (i Incompatibility) describe(reader, writer string) string {
	path := i.Pointer
	if path == "" {
		path = "/"
	}
	switch i.Kind {
	case NameMismatch:
		return "The name of the schema has changed (path '" + path + "')"
	case FixedSizeMismatch:
		return "The size of FIXED type field at path '" + path + "' in the " + reader +
			" schema does not match with the " + writer + " schema"
	case MissingEnumSymbols:
		return "The " + reader + " schema is missing enum symbols '" + i.Message + "' at path '" + path +
			"' in the " + writer + " schema"
	case ReaderFieldMissingDefault:
		return "The field '" + i.Message + "' at path '" + path + "' in the " + reader +
			" schema has no default value and is missing in the " + writer + " schema"
	case TypeMismatch:
		return "The type (path '" + path + "') of a field in the " + reader +
			" schema does not match with the " + writer + " schema"
	case MissingUnionBranch:
		return "The " + reader + " schema is missing a type inside a union field at path '" + path +
			"' in the " + writer + " schema"
	}
	return "The " + reader + " schema and the " + writer + " schema are too complex to be compared"
}
