package avro

import (
	"errors"
	"strconv"
	"strings"
)

// The kinds of faults. errors.Is tells them apart behind an *Error.
var (
	// ErrMalformed: the bytes are no datum of the schema.
	ErrMalformed = errors.New("malformed avro")
	// ErrLimit: the bytes may be a datum, but one that goes past a limit of depth, count or memory.
	ErrLimit = errors.New("avro limit exceeded")
	// ErrValue: a value that cannot be encoded under its schema.
	ErrValue = errors.New("value does not fit its avro type")
	// ErrSchema: a schema, or a pair of schemas, that cannot be used in this way.
	ErrSchema = errors.New("avro schema cannot be used")
)

// Error is a fault with the place of the value that it is in.
type Error struct {
	// Path leads from the root to the value, as in targets[2].id or labels["a"].x; empty at the root.
	Path string
	// Reason says what is wrong, in one line for people.
	Reason string
	// Offset is the position in the bytes at which the faulty value begins; -1 if there is none, as when encoding.
	Offset int
	// Kind is ErrMalformed, ErrLimit, ErrValue or ErrSchema.
	Kind error
}

// Error returns path, reason and offset in one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Path != "" {
		b.WriteString(e.Path)
		b.WriteString(": ")
	}
	b.WriteString(e.Reason)
	if e.Offset >= 0 {
		b.WriteString(" (at byte ")
		b.WriteString(strconv.Itoa(e.Offset))
		b.WriteByte(')')
	}
	return b.String()
}

// Unwrap returns the kind, for errors.Is.
func (e *Error) Unwrap() error { return e.Kind }

// maxPath bounds a path's length: hostile nesting must not buy long messages.
const maxPath = 1024

// Invalid returns an *Error of kind ErrValue without a path: generated code says with it why a value cannot be encoded.
func Invalid(reason string) error { return valueError(reason) }

func valueError(reason string) *Error { return &Error{Reason: reason, Offset: -1, Kind: ErrValue} }

// InField prepends a record's field to the path of err and returns err. Generated code calls it on the error path only,
// innermost first. An error that is no *Error becomes one.
func InField(err error, name string) error { return pathed(err).prepend(name) }

// InIndex prepends an array index to the path of err and returns err.
func InIndex(err error, i int) error { return pathed(err).prepend(indexElement(i)) }

// InKey prepends a map key to the path of err and returns err.
func InKey(err error, key string) error { return pathed(err).prepend(keyElement(key)) }

func indexElement(i int) string { return "[" + strconv.Itoa(i) + "]" }

func keyElement(key string) string {
	const most = 64
	if len(key) > most {
		key = key[:most] + "…"
	}
	return "[" + strconv.Quote(key) + "]"
}

func pathed(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return valueError(err.Error())
}

func (e *Error) prepend(element string) *Error {
	switch {
	case len(e.Path) > maxPath:
		if !strings.HasPrefix(e.Path, "…") {
			e.Path = "…" + e.Path
		}
	case e.Path == "" || e.Path[0] == '[':
		e.Path = element + e.Path
	default:
		e.Path = element + "." + e.Path
	}
	return e
}
