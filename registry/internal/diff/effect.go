package diff

import (
	"slices"
	"strconv"
	"strings"

	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/compat"
	"github.com/typelog/typelog/serde/avro/schema"
)

// blame gives each incompatibility to the difference that causes it: the one nearest to its place that can. forReaders says
// that the new schema reads; otherwise the old one does.
func (w *walk) blame(faults []compat.Incompatibility, forReaders bool) {
	for _, fault := range faults {
		best, score := -1, 0
		for i := range w.found {
			if s := w.found[i].explains(fault, forReaders); s > score {
				best, score = i, s
			}
		}
		if best < 0 {
			pointer := fault.Pointer
			d := Difference{Kind: Incompatible, Name: fault.Kind.String(), Before: fault.Message}
			d.Readers.OK, d.Writers.OK = true, true
			if d.To = &pointer; !forReaders {
				d.From, d.To = &pointer, nil
			}
			w.found = append(w.found, d)
			best = len(w.found) - 1
		}
		w.found[best].breaks(fault, forReaders)
	}
}

// explains tells how well d explains a fault; 0 is not at all.
func (d *Difference) explains(fault compat.Incompatibility, forReaders bool) int {
	kinds := readersBroken(d.Kind)
	pointer := d.To
	if !forReaders {
		kinds, pointer = writersBroken(d.Kind), d.From
	}
	if !slices.Contains(kinds, fault.Kind) {
		return 0
	}
	if pointer == nil {
		pointer = d.From
		if !forReaders {
			pointer = d.To
		}
		// The part is on the other side only, so the fault is at what contains it.
		if at := strings.LastIndexByte(*pointer, '/'); at >= 0 {
			short := (*pointer)[:at]
			pointer = &short
		}
	}
	return 1 + near(*pointer, fault.Pointer)
}

// near measures how close two pointers are: by the tokens that they share less those that they do not.
func near(a, b string) int {
	const most = 1 << 20 // more tokens than a schema can nest
	shared := 0
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		if n++; a[n-1] == '/' {
			shared++
		}
	}
	if a == b {
		return most + 1
	}
	return most + 3*shared - strings.Count(a, "/") - strings.Count(b, "/")
}

// readersBroken are the faults of new readers that a kind of difference may cause, writersBroken those of old ones.
func readersBroken(k Kind) []compat.Kind {
	switch k {
	case FieldAdded, FieldRenamed, DefaultRemoved:
		return []compat.Kind{compat.ReaderFieldMissingDefault, compat.MissingEnumSymbols}
	case SymbolRemoved:
		return []compat.Kind{compat.MissingEnumSymbols}
	case BranchRemoved:
		return []compat.Kind{compat.MissingUnionBranch, compat.TypeMismatch}
	case AliasesChanged:
		return []compat.Kind{compat.AmbiguousField}
	}
	return bothBroken(k)
}

func writersBroken(k Kind) []compat.Kind {
	switch k {
	case FieldRemoved, FieldRenamed, DefaultAdded:
		return []compat.Kind{compat.ReaderFieldMissingDefault, compat.MissingEnumSymbols}
	case SymbolAdded:
		return []compat.Kind{compat.MissingEnumSymbols}
	case BranchAdded:
		return []compat.Kind{compat.MissingUnionBranch, compat.TypeMismatch}
	}
	return bothBroken(k)
}

func bothBroken(k Kind) []compat.Kind {
	switch k {
	case TypeChanged:
		return []compat.Kind{compat.TypeMismatch, compat.MissingUnionBranch, compat.NameMismatch, compat.FixedSizeMismatch,
			compat.MissingEnumSymbols, compat.ReaderFieldMissingDefault}
	case NameChanged:
		return []compat.Kind{compat.NameMismatch, compat.MissingUnionBranch}
	case SizeChanged:
		return []compat.Kind{compat.FixedSizeMismatch, compat.MissingUnionBranch}
	}
	return nil
}

// breaks notes a fault. The first one is the one that is told.
func (d *Difference) breaks(fault compat.Incompatibility, forReaders bool) {
	effect, who, mend := &d.Readers, "consumers with the new version cannot read older data: ", fault.Mend
	if !forReaders {
		effect, who, mend = &d.Writers, "consumers with the old version cannot read new data: ", fault.MendWriter()
	}
	if !effect.OK {
		return
	}
	effect.OK, effect.Text = false, who+fault.Kind.String()+" "+fault.Message
	if mend != "" {
		effect.Text += "; to mend it, " + mend
	}
}

// word gives the sides that are not broken their texts, and a changed type its direction.
func (d *Difference) word() {
	readers, writers := "nothing changes", "nothing changes"
	switch d.Kind {
	case FieldAdded:
		readers, writers = "older data gets the default", "consumers with the old version skip the field"
	case FieldRemoved:
		readers, writers = "the field is skipped in older data", "consumers with the old version get their default"
	case FieldRenamed:
		readers, writers = "older data is read through the alias", "consumers with the old version get their default"
	case SymbolAdded:
		writers = "consumers with the old version get their default symbol"
	case SymbolRemoved:
		readers = "older data with this symbol gets the default symbol"
	case BranchAdded:
		writers = "consumers with the old version can take what is written"
	case BranchRemoved:
		readers = "what is older fits another branch"
	case DefaultAdded, DefaultRemoved, DefaultChanged:
		readers, writers = "data that lacks the part is read with what the new version says", "nothing changes"
	case TypeChanged:
		readers, writers = "older data is converted", "consumers with the old version convert what is new"
		switch {
		case d.Readers.OK && !d.Writers.OK:
			d.Kind = TypeWidened
		case !d.Readers.OK && d.Writers.OK:
			d.Kind = TypeNarrowed
		}
	case LogicalChanged:
		readers, writers = "values keep their meaning or are converted exactly", "values keep their meaning or are converted exactly"
	case OrderChanged, SymbolsMoved:
		readers, writers = "sorting by the schema's order changes", "sorting by the schema's order changes"
	}
	if d.Readers.Text == "" {
		d.Readers.Text = readers
	}
	if d.Writers.Text == "" {
		d.Writers.Text = writers
	}
}

// logicalAttributes are compared as the logical type that they make.
var logicalAttributes = [...]string{"logicalType", "precision", "scale"}

func logicalText(l *schema.Logical) string {
	switch {
	case l == nil:
		return ""
	case l.Name == "decimal":
		return "decimal(" + number(l.Precision) + ", " + number(l.Scale) + ")"
	}
	return l.Name
}

// narrows says why data of one type cannot be read exactly as another that differs in the logical type; "" if it can.
func narrows(writer, reader *schema.Type) string {
	w, err := schema.Parse(writer.String())
	if err != nil {
		return ""
	}
	r, err := schema.Parse(reader.String())
	if err != nil {
		return ""
	}
	if len(compat.Check(r, w)) > 0 {
		return "" // another difference says so
	}
	if _, err := avro.Resolve(w, r); err != nil {
		return err.Error()
	}
	return ""
}

// maxText bounds a text in an answer, in bytes.
const maxText = 1024

// short cuts a text.
func short(s string) string {
	if len(s) > maxText {
		return strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}

// text is a type in one line: a named type by its name, with what it is made of left out.
func text(t *schema.Type) string {
	var b strings.Builder
	write(&b, t)
	return short(b.String())
}

func write(b *strings.Builder, t *schema.Type) {
	if b.Len() > maxText {
		return
	}
	switch t.Kind {
	case schema.Record, schema.Enum, schema.Fixed:
		b.WriteString(t.Kind.String() + " " + t.FullName())
	case schema.Array, schema.Map:
		b.WriteString(t.Kind.String() + "<")
		write(b, t.Items)
		b.WriteString(">")
	case schema.Union:
		b.WriteString("[")
		for i, branch := range t.Branches {
			if i > 0 {
				b.WriteString(", ")
			}
			if b.Len() > maxText {
				return
			}
			write(b, branch)
		}
		b.WriteString("]")
	default:
		b.WriteString(t.Kind.String())
	}
	if t.Logical != nil {
		b.WriteString(" (" + logicalText(t.Logical) + ")")
	}
}

func number(n int) string { return strconv.Itoa(n) }

// escape is a token of a JSON pointer.
func escape(token string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(token) }
