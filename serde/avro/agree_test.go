package avro

import (
	"strings"
	"testing"

	"github.com/typelog/typelog/serde/avro/compat"
	"github.com/typelog/typelog/serde/avro/schema"
)

// breakers are changes of a schema's text that a reader mostly does not survive.
var breakers = [][2]string{
	{`"long"`, `"int"`}, {`"double"`, `"float"`}, {`"string"`, `"boolean"`}, {`"type":"array"`, `"x":1,"type":"array"`},
	{`"name":"f1"`, `"name":"g1"`}, {`"name":"R2"`, `"name":"S2"`}, {`"size":`, `"size":1`}, {`,"default":"d"`, ``}, {`"null",`, ``},
	{`,"default":"Z"`, ``}, {`"A"`, `"AA"`},
}

// TestResolverAgreesWithChecker: what the registry's compatibility check lets pass can be read, always; and a pair that
// cannot be resolved is one that the check refuses. The check refuses more: it looks at schemas only, where a plan fails
// only on the data that has what the reader lacks.
func TestResolverAgreesWithChecker(t *testing.T) {
	r := seeded(t)
	compatible, refused := 0, 0
	for range 3000 {
		maker := schemaMaker{r: r, plain: true}
		w := mustParse(t, maker.any(3))
		text := evolve(r, w.Root(), map[*schema.Type]bool{})
		if breaks := r.IntN(2 * len(breakers)); breaks < len(breakers) {
			text = strings.Replace(text, breakers[breaks][0], breakers[breaks][1], 1)
		}
		reader, err := schema.Parse(text)
		if err != nil {
			continue
		}
		plan, err := Resolve(w, reader)
		faults := compat.Check(reader, w)
		switch {
		case err != nil && len(faults) == 0:
			t.Fatalf("writer %s\nreader %s\nthe checker finds nothing, the resolver says %v", w.Text(), reader.Text(), err)
		case err != nil:
			refused++
		case len(faults) == 0:
			compatible++
			data := appendRandom(r, nil, w.Root(), 5)
			if _, err := plan.Append(nil, data); err != nil && !narrows(reader.Root()) {
				t.Fatalf("writer %s\nreader %s\n%x\nthe checker finds nothing, but: %v", w.Text(), reader.Text(), data, err)
			}
		}
	}
	if compatible < 300 || refused < 100 {
		t.Errorf("only %d compatible and %d refused pairs", compatible, refused)
	}
}

// narrows reports whether a schema has a type that allows less than its encoding, or strings that were bytes before: the
// checker, like Avro Java's, does not look at what values may be.
func narrows(t *schema.Type) (found bool) {
	t.Walk(func(t *schema.Type) bool {
		found = found || t.Logical != nil || t.Kind == schema.String
		return true
	})
	return found
}
