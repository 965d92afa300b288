package schema_test

import (
	"strings"
	"testing"

	"github.com/typelog/typelog/serde/avro/schema"
)

// FuzzParse: Parse never panics; what it accepts prints as a schema that prints the same again and means the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`"int"`, `["null",{"type":"array","items":"string"}]`, `{"type":"fixed","name":"F","size":12,"logicalType":"duration"}`,
		`{"type":"enum","name":"n.E","symbols":["A","B"],"default":"B","aliases":["X","m.Y"]}`,
		`{"type":"record","name":"a.R","doc":"d","fields":[{"name":"x","type":["null","R"],"default":null,"order":"ignore"},{"name":"y","type":"double","default":1e-7}]}`,
		`{"type":"record","name":"R","fields":[{"name":"m","type":{"type":"map","values":"Z"},"default":{"é":{"n":1}}},{"name":"z","type":{"type":"record","name":"Z","fields":[{"name":"n","type":"int"}]}}]}`,
		`{"type":"bytes","logicalType":"decimal","precision":4,"p":{"b":[1.50,"\ud83d\ude00"],"a":null}} `,
		`/* c */ {"type":"error","name":"E","namespace":"","fields":[],"type":"error"} `,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := schema.Parse(text)
		if err != nil {
			if _, ok := err.(*schema.ParseError); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		printed := s.String()
		again, err := schema.Parse(printed)
		if err != nil {
			if mixesNamespaces(s) {
				return
			}
			t.Fatalf("%s\nprints as %s\nwhich is refused: %v", text, printed, err)
		}
		if got := again.String(); got != printed && !mixesNamespaces(s) {
			t.Fatalf("%s\nprints as %s\nand then  %s", text, printed, got)
		}
		if mixesNamespaces(s) {
			return
		}
		canonical := s.Canonical()
		if got := again.Canonical(); got != canonical {
			t.Fatalf("%s\ncanonical  %s\nbut printed %s", text, canonical, got)
		}
		if c, err := schema.Parse(canonical); err != nil || c.Canonical() != canonical {
			t.Fatalf("%s\ncanonical %s\nof which %v", text, canonical, err)
		}
		if p, err := schema.Parse(s.ReprintPlain()); err != nil || p.Canonical() != canonical {
			t.Fatalf("%s\nplain %s\nof which %v", text, s.ReprintPlain(), err)
		}
		normalized := s.Normalized()
		if n, err := schema.Parse(normalized); err != nil || n.Canonical() != canonical || n.Normalized() != normalized {
			t.Fatalf("%s\nnormalized %s\nof which %v", text, normalized, err)
		}
	})
}

// mixesNamespaces reports whether a schema has names in a namespace beside names in none. What Avro Java prints of it
// may mean another schema, or none, when it is read again: a name without a dot is sought in the namespace first.
func mixesNamespaces(s *schema.Schema) bool {
	var with, without bool
	note := func(full string) {
		if strings.Contains(full, ".") {
			with = true
		} else {
			without = true
		}
	}
	s.Root().Walk(func(t *schema.Type) bool {
		if t.Kind.Named() {
			note(t.FullName())
			for _, alias := range t.Aliases {
				note(alias)
			}
		}
		return true
	})
	return with && without
}
