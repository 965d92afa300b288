package compat

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/typelog/typelog/serde/avro/schema"
)

// location is a place in the reader's schema: a list from the place up to the root, which is nil. Most comparisons
// find nothing, so it becomes a JSON pointer only in a fault that is reported.
type location struct {
	parent *location
	token  string // a member's name, unless it is empty
	number int    // an index
}

func (l *location) member(name string) *location { return &location{parent: l, token: name} }
func (l *location) index(i int) *location        { return &location{parent: l, number: i} }

// field returns the place of a field's type.
func (l *location) field(f *schema.Field) *location {
	return l.member("fields").index(f.Pos).member("type")
}

func (l *location) pointer() string {
	var tokens []string
	for ; l != nil; l = l.parent {
		token := l.token
		if token == "" {
			token = strconv.Itoa(l.number)
		}
		tokens = append(tokens, token)
	}
	var b strings.Builder
	for i := len(tokens) - 1; i >= 0; i-- {
		b.WriteString("/" + tokens[i])
	}
	return b.String()
}

// faults is what a comparison found, nil for nothing: a fault, or two lists of faults one after the other. Lists are
// shared by all places that use a type, so joining them copies nothing; told one by one they could be endless.
type faults struct {
	left, right *faults // set unless this is a fault

	kind           Kind
	at             *location
	reader, writer *schema.Type
	field          *schema.Field // the reader's, if the fault is about one
}

func one(kind Kind, at *location, r, w *schema.Type) *faults {
	return &faults{kind: kind, at: at, reader: r, writer: w}
}

func oneField(kind Kind, at *location, f *schema.Field, w *schema.Type) *faults {
	return &faults{kind: kind, at: at, field: f, writer: w}
}

func join(left, right *faults) *faults {
	switch {
	case left == nil:
		return right
	case right == nil:
		return left
	}
	return &faults{left: left, right: right}
}

// list appends the first maxFaults faults to a list.
func (f *faults) list(to []Incompatibility) []Incompatibility {
	for pending := []*faults{f}; len(pending) > 0 && len(to) < maxFaults; {
		f := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		switch {
		case f == nil:
		case f.left != nil:
			pending = append(pending, f.right, f.left)
		default:
			to = append(to, f.incompatibility())
		}
	}
	return to
}

// incompatibility words the fault: the message in Avro Java's words, the suggestion in ours.
func (f *faults) incompatibility() Incompatibility {
	r, w := f.reader, f.writer
	i := Incompatibility{Kind: f.kind, Pointer: f.at.pointer()}
	switch f.kind {
	case NameMismatch:
		i.Message = "expected: " + w.FullName()
		i.Mend = fmt.Sprintf("keep the name %s, or add it to the aliases of %s", w.FullName(), r.FullName())
	case FixedSizeMismatch:
		i.Message = fmt.Sprintf("expected: %d, found: %d", w.Size, r.Size)
		i.Mend = fmt.Sprintf("keep the size %d, or use another name for the new type in a union of both", w.Size)
	case MissingEnumSymbols:
		symbols := strings.Join(missingSymbols(r, w), ", ")
		i.Message = "[" + symbols + "]"
		i.Mend = fmt.Sprintf("keep the symbols %s, or give enum %s a default symbol", symbols, r.FullName())
	case ReaderFieldMissingDefault:
		i.Message = f.field.Name
		i.Mend = "add a default to field " + f.field.Name
	case TypeMismatch:
		i.Message = "reader type: " + upper(r) + " not compatible with writer type: " + upper(w)
		i.Mend = "keep the type " + describe(w) + ", or use a union of both"
	case MissingUnionBranch:
		i.Message = "reader union lacking writer type: " + upper(w)
		i.Mend = "add " + describe(w) + " to the union"
	case AmbiguousField:
		i.Message = fmt.Sprintf("Reader record field %s type:%s pos:%d matches multiple fields in writer record schema %s",
			f.field.Name, upper(f.field.Type), f.field.Pos, cut(w.String()))
		i.Mend = "remove all but one of the aliases of field " + f.field.Name
	}
	return i
}

func upper(t *schema.Type) string { return strings.ToUpper(t.Kind.String()) }

// describe names a type for a suggestion.
func describe(t *schema.Type) string {
	if t.Kind.Named() {
		return t.Kind.String() + " " + t.FullName()
	}
	return t.Kind.String()
}
