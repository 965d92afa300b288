package compat

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/typelog/typelog/serde/avro/schema"
)

// Bounds of one check. Every pair of types is compared once, but two schemas with thousands of types have millions of
// pairs, and records that use each other widely can repeat a single fault without end.
const (
	maxPairs  = 1 << 20
	maxDepth  = 20_000
	maxFaults = 1000
)

// Check returns every reason why data that was written with writer's schema cannot always be read with reader's, or
// nothing if it can. The order is Avro Java's. A fault in a named type that is used in several places is reported
// once for each use, at its first place; after a thousand faults the rest is left out. Schemas whose comparison would
// exceed a bound are incompatible: TooComplex.
func Check(reader, writer *schema.Schema) []Incompatibility {
	c := checker{known: map[pair]*outcome{}, fields: map[*schema.Type]map[string]*schema.Field{}}
	faults := c.check("", reader.Root(), writer.Root())
	if slices.ContainsFunc(faults, isAmbiguous) && reader.Resolved() == writer.Resolved() {
		return nil // Avro applies no aliases between equal schemas
	}
	if c.exceeded {
		return []Incompatibility{{
			Kind:    TooComplex,
			Message: "the comparison of the schemas exceeds the limit",
			Mend:    "split the schema into smaller ones",
		}}
	}
	return faults
}

func isAmbiguous(i Incompatibility) bool { return i.Kind == AmbiguousField }

type pair struct{ reader, writer *schema.Type }

// outcome is what is known of a pair: nothing yet while it is in progress, which counts as compatible, because
// recursive types are compatible unless something else in them is not.
type outcome struct{ faults []Incompatibility }

type checker struct {
	known    map[pair]*outcome
	fields   map[*schema.Type]map[string]*schema.Field // of writers' records, by name
	depth    int
	exceeded bool
}

func (c *checker) check(path string, r, w *schema.Type) []Incompatibility {
	if isPrimitive(r.Kind) && isPrimitive(w.Kind) {
		return primitives(path, r, w)
	}
	key := pair{r, w}
	if known := c.known[key]; known != nil {
		return known.faults
	}
	if c.exceeded || len(c.known) >= maxPairs || c.depth >= maxDepth {
		c.exceeded = true
		return nil
	}
	result := &outcome{}
	c.known[key] = result
	c.depth++
	result.faults = c.compare(path, r, w)
	c.depth--
	return result.faults
}

// merge appends one list of faults to another, up to the limit, without changing either.
func merge(faults, more []Incompatibility) []Incompatibility {
	switch room := maxFaults - len(faults); {
	case len(faults) == 0:
		return more
	case room < len(more):
		more = more[:max(room, 0)]
	}
	return append(slices.Clip(faults), more...)
}

func isPrimitive(k schema.Kind) bool { return schema.Null <= k && k <= schema.String }

func (c *checker) compare(path string, r, w *schema.Type) []Incompatibility {
	if r.Kind != w.Kind {
		return c.different(path, r, w)
	}
	switch r.Kind {
	case schema.Array:
		return c.check(path+"/items", r.Items, w.Items)
	case schema.Map:
		return c.check(path+"/values", r.Items, w.Items)
	case schema.Fixed:
		return merge(names(path, r, w), sizes(path, r, w))
	case schema.Enum:
		return merge(names(path, r, w), symbols(path, r, w))
	case schema.Record:
		return merge(names(path, r, w), c.record(path, r, w))
	case schema.Union:
		return c.unions(path, r, w)
	}
	return nil
}

// different compares types of different kinds, of which at most one is primitive.
func (c *checker) different(path string, r, w *schema.Type) []Incompatibility {
	var faults []Incompatibility
	switch {
	case w.Kind == schema.Union: // the reader must be able to read every branch
		for i, branch := range w.Branches {
			faults = merge(faults, c.check(path+"/"+strconv.Itoa(i), r, branch))
		}
		return faults
	case r.Kind == schema.Union:
		for _, branch := range r.Branches {
			if len(c.check("", branch, w)) == 0 {
				return nil
			}
		}
		return []Incompatibility{missingBranch(path, w)}
	}
	return mismatch(path, r, w)
}

// unions demands that every branch of the writer's union can be read with the reader's.
func (c *checker) unions(path string, r, w *schema.Type) []Incompatibility {
	var faults []Incompatibility
	for i, branch := range w.Branches {
		if len(c.check("", r, branch)) > 0 && len(faults) < maxFaults {
			faults = append(faults, missingBranch(path+"/"+strconv.Itoa(i), branch))
		}
	}
	return faults
}

func missingBranch(path string, w *schema.Type) Incompatibility {
	return Incompatibility{
		Kind:    MissingUnionBranch,
		Pointer: path,
		Message: "reader union lacking writer type: " + upper(w),
		Mend:    "add " + describe(w) + " to the union",
	}
}

// primitives compares two primitive types, with Avro's promotions.
func primitives(path string, r, w *schema.Type) []Incompatibility {
	if r.Kind == w.Kind {
		return nil
	}
	switch r.Kind {
	case schema.Long:
		if w.Kind == schema.Int {
			return nil
		}
	case schema.Float:
		if w.Kind == schema.Int || w.Kind == schema.Long {
			return nil
		}
	case schema.Double:
		if w.Kind == schema.Int || w.Kind == schema.Long || w.Kind == schema.Float {
			return nil
		}
	case schema.Bytes:
		if w.Kind == schema.String {
			return nil
		}
	case schema.String:
		if w.Kind == schema.Bytes {
			return nil
		}
	}
	return mismatch(path, r, w)
}

func mismatch(path string, r, w *schema.Type) []Incompatibility {
	return []Incompatibility{{
		Kind:    TypeMismatch,
		Pointer: path,
		Message: "reader type: " + upper(r) + " not compatible with writer type: " + upper(w),
		Mend:    "keep the type " + describe(w) + ", or use a union of both",
	}}
}

// clip cuts a schema's text that goes into a message.
func clip(text string) string {
	const most = 2000
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

func upper(t *schema.Type) string { return strings.ToUpper(t.Kind.String()) }

// describe names a type for a suggestion.
func describe(t *schema.Type) string {
	if t.Kind.Named() {
		return t.Kind.String() + " " + t.FullName()
	}
	return t.Kind.String()
}

// names compares the names of two named types: without their namespaces, or by the reader's aliases with it. An alias
// without a namespace of a type that has one never counts: Avro Java overlooks it, and prints it so that it means
// another name when the text is read again.
func names(path string, r, w *schema.Type) []Incompatibility {
	overlooked := w.Namespace == "" && r.Namespace != ""
	if r.Name == w.Name || slices.Contains(r.Aliases, w.FullName()) && !overlooked {
		return nil
	}
	return []Incompatibility{{
		Kind:    NameMismatch,
		Pointer: path + "/name",
		Message: "expected: " + w.FullName(),
		Mend:    fmt.Sprintf("keep the name %s, or add it to the aliases of %s", w.FullName(), r.FullName()),
	}}
}

func sizes(path string, r, w *schema.Type) []Incompatibility {
	if r.Size == w.Size {
		return nil
	}
	return []Incompatibility{{
		Kind:    FixedSizeMismatch,
		Pointer: path + "/size",
		Message: fmt.Sprintf("expected: %d, found: %d", w.Size, r.Size),
		Mend:    fmt.Sprintf("keep the size %d, or use another name for the new type in a union of both", w.Size),
	}}
}

func symbols(path string, r, w *schema.Type) []Incompatibility {
	if r.HasDefault && slices.Contains(r.Symbols, r.Default) {
		return nil
	}
	has := make(map[string]bool, len(r.Symbols))
	for _, symbol := range r.Symbols {
		has[symbol] = true
	}
	var missing []string
	for _, symbol := range w.Symbols {
		if !has[symbol] {
			missing = append(missing, symbol)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	list := strings.Join(missing, ", ")
	return []Incompatibility{{
		Kind:    MissingEnumSymbols,
		Pointer: path + "/symbols",
		Message: "[" + list + "]",
		Mend:    fmt.Sprintf("keep the symbols %s, or give enum %s a default symbol", list, r.FullName()),
	}}
}

// record demands that every field of the reader's record is in the writer's or has a default.
func (c *checker) record(path string, r, w *schema.Type) []Incompatibility {
	var faults []Incompatibility
	written := c.fieldsOf(w)
	for _, f := range r.Fields {
		at := path + "/fields/" + strconv.Itoa(f.Pos)
		match := matches(f, written)
		switch {
		case len(match) == 1:
			faults = merge(faults, c.check(at+"/type", f.Type, match[0].Type))
		case len(match) > 1:
			faults = merge(faults, []Incompatibility{{
				Kind:    AmbiguousField,
				Pointer: at,
				Message: fmt.Sprintf("Reader record field %s type:%s pos:%d matches multiple fields in writer record schema %s",
					f.Name, upper(f.Type), f.Pos, clip(w.String())),
				Mend: "remove all but one of the aliases of field " + f.Name,
			}})
		case f.HasDefault:
		case f.Type.Kind == schema.Enum && f.Type.HasDefault:
			// Avro Java compares such a field's enum with the writer's record, which never fits.
			faults = merge(faults, c.check(at+"/type", f.Type, w))
		default:
			faults = merge(faults, []Incompatibility{{
				Kind:    ReaderFieldMissingDefault,
				Pointer: at,
				Message: f.Name,
				Mend:    "add a default to field " + f.Name,
			}})
		}
	}
	return faults
}

func (c *checker) fieldsOf(record *schema.Type) map[string]*schema.Field {
	fields := c.fields[record]
	if fields == nil {
		fields = make(map[string]*schema.Field, len(record.Fields))
		for _, f := range record.Fields {
			fields[f.Name] = f
		}
		c.fields[record] = fields
	}
	return fields
}

// matches returns the writer's fields that a reader's field takes its value from: by its name or one of its aliases.
// More than one is a fault.
func matches(f *schema.Field, written map[string]*schema.Field) []*schema.Field {
	var found []*schema.Field
	if direct := written[f.Name]; direct != nil {
		found = append(found, direct)
	}
	for _, alias := range f.Aliases {
		if byAlias := written[alias]; byAlias != nil && !slices.Contains(found, byAlias) {
			found = append(found, byAlias)
		}
	}
	return found
}
