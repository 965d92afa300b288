package compat

import (
	"slices"
	"strings"

	"github.com/typelog/typelog/serde/avro/schema"
)

// Bounds of one check. Every pair of types is compared once, but two schemas with thousands of types have millions of
// pairs, and records that use each other widely can repeat a single fault without end.
const (
	maxPairs  = 1 << 19
	maxTrials = 1 << 22 // of a union's branch
	maxDepth  = 20_000
	maxFaults = 1000
)

// Check returns every reason why data that was written with writer's schema cannot always be read with reader's, or
// nothing if it can. The order is Avro Java's. A fault in a named type that is used in several places is reported
// once for each use, at its first place; after a thousand faults the rest is left out. Schemas whose comparison would
// exceed a bound are incompatible: TooComplex.
func Check(reader, writer *schema.Schema) []Incompatibility {
	c := checker{known: map[pair]*faults{}, fields: map[*schema.Type]map[string]*schema.Field{}}
	found := c.check(nil, reader.Root(), writer.Root())
	if (found != nil || c.exceeded) && reader.Resolved() == writer.Resolved() {
		return nil // equal schemas: Avro applies no aliases, which alone could be ambiguous
	}
	if c.exceeded {
		return []Incompatibility{{
			Kind:    TooComplex,
			Message: "the comparison of the schemas exceeds the limit",
			Mend:    "split the schema into smaller ones",
		}}
	}
	return found.list(nil)
}

type pair struct{ reader, writer *schema.Type }

// checker compares two schemas. A pair that it has met has its faults in known: none while it is in progress,
// because recursive types are compatible unless something else in them is not.
type checker struct {
	known    map[pair]*faults
	fields   map[*schema.Type]map[string]*schema.Field // of writers' records, by name
	depth    int
	trials   int
	exceeded bool
}

func (c *checker) check(at *location, r, w *schema.Type) *faults {
	if isPrimitive(r.Kind) && isPrimitive(w.Kind) {
		if promotes(w.Kind, r.Kind) {
			return nil
		}
		return one(TypeMismatch, at, r, w)
	}
	key := pair{r, w}
	if known, met := c.known[key]; met {
		return known
	}
	if c.exceeded || len(c.known) >= maxPairs || c.depth >= maxDepth {
		c.exceeded = true
		return nil
	}
	c.known[key] = nil
	c.depth++
	result := c.compare(at, r, w)
	c.depth--
	c.known[key] = result
	return result
}

func isPrimitive(k schema.Kind) bool { return schema.Null <= k && k <= schema.String }

// promotes reports whether a primitive type can be read as another (Avro specification, "Schema Resolution").
func promotes(from, to schema.Kind) bool {
	switch to {
	case from:
		return true
	case schema.Long:
		return from == schema.Int
	case schema.Float:
		return from == schema.Int || from == schema.Long
	case schema.Double:
		return from == schema.Int || from == schema.Long || from == schema.Float
	case schema.Bytes:
		return from == schema.String
	case schema.String:
		return from == schema.Bytes
	}
	return false
}

func (c *checker) compare(at *location, r, w *schema.Type) *faults {
	switch {
	case r.Kind == schema.Union && w.Kind == schema.Union:
		return c.unions(at, r, w)
	case w.Kind == schema.Union: // the reader must be able to read every branch
		var found *faults
		for i, branch := range w.Branches {
			found = join(found, c.check(at.index(i), r, branch))
		}
		return found
	case r.Kind == schema.Union:
		return c.branch(at, r, w)
	case r.Kind != w.Kind:
		return one(TypeMismatch, at, r, w)
	}
	switch r.Kind {
	case schema.Array:
		return c.check(at.member("items"), r.Items, w.Items)
	case schema.Map:
		return c.check(at.member("values"), r.Items, w.Items)
	case schema.Fixed:
		found := names(at, r, w)
		if r.Size != w.Size {
			found = join(found, one(FixedSizeMismatch, at.member("size"), r, w))
		}
		return found
	case schema.Enum:
		found := names(at, r, w)
		if len(missingSymbols(r, w)) > 0 {
			found = join(found, one(MissingEnumSymbols, at.member("symbols"), r, w))
		}
		return found
	case schema.Record:
		return join(names(at, r, w), c.record(at, r, w))
	}
	return nil
}

// reads reports whether one type can be read as another. Named types with different names are not even looked into:
// unions of many records would otherwise cost the square of their number. (Unless they are being compared further up:
// that fault is reported there.)
func (c *checker) reads(r, w *schema.Type) bool {
	if c.trials++; c.trials > maxTrials {
		c.exceeded = true
	}
	if c.exceeded {
		return false
	}
	if r.Kind == w.Kind && r.Kind.Named() && names(nil, r, w) != nil {
		if _, met := c.known[pair{r, w}]; !met {
			return false
		}
	}
	return c.check(nil, r, w) == nil
}

// branch demands that a branch of the reader's union can read the writer's type.
func (c *checker) branch(at *location, r, w *schema.Type) *faults {
	for _, branch := range r.Branches {
		if c.reads(branch, w) {
			return nil
		}
	}
	return one(MissingUnionBranch, at, r, w)
}

// unions demands that every branch of the writer's union can be read with the reader's.
func (c *checker) unions(at *location, r, w *schema.Type) *faults {
	var found *faults
	for i, branch := range w.Branches {
		if !c.reads(r, branch) {
			found = join(found, one(MissingUnionBranch, at.index(i), r, branch))
		}
	}
	return found
}

// names compares the names of two named types: without their namespaces, or by the reader's aliases with it. An alias
// without a namespace of a type that has one never counts: Avro Java overlooks it, and prints it so that it means
// another name when the text is read again.
func names(at *location, r, w *schema.Type) *faults {
	overlooked := w.Namespace == "" && r.Namespace != ""
	if r.Name == w.Name || !overlooked && slices.Contains(r.Aliases, w.FullName()) {
		return nil
	}
	return one(NameMismatch, at.member("name"), r, w)
}

// missingSymbols returns the writer's symbols that the reader's enum has not, sorted; none if it has a default.
func missingSymbols(r, w *schema.Type) []string {
	if r.HasDefault && slices.Contains(r.Symbols, r.Default) || slices.Equal(r.Symbols, w.Symbols) {
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
	slices.Sort(missing)
	return missing
}

// record demands that every field of the reader's record is in the writer's or has a default.
func (c *checker) record(at *location, r, w *schema.Type) *faults {
	var found *faults
	written := c.fieldsOf(w)
	for _, f := range r.Fields {
		switch field, n := match(f, written); {
		case n == 1:
			found = join(found, c.check(at.field(f), f.Type, field.Type))
		case n > 1:
			found = join(found, oneField(AmbiguousField, at.field(f).parent, f, w))
		case f.HasDefault:
		case f.Type.Kind == schema.Enum && f.Type.HasDefault:
			// Avro Java compares such a field's enum with the writer's record, which never fits.
			found = join(found, c.check(at.field(f), f.Type, w))
		default:
			found = join(found, oneField(ReaderFieldMissingDefault, at.field(f).parent, f, w))
		}
	}
	return found
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

// match returns the writer's field that a reader's field takes its value from, by its name or one of its aliases, and
// how many there are. More than one is a fault.
func match(f *schema.Field, written map[string]*schema.Field) (*schema.Field, int) {
	field, n := written[f.Name], 0
	if field != nil {
		n = 1
	}
	for _, alias := range f.Aliases {
		if byAlias := written[alias]; byAlias != nil && byAlias != field {
			field = byAlias
			n++
		}
	}
	return field, n
}

// cut shortens a schema's text that goes into a message.
func cut(text string) string {
	const most = 2000
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}
