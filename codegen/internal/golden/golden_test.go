// Package golden_test tries the generated code of the corpus: what it decodes it encodes again byte for byte, another
// implementation reads and writes the same, and it agrees with the validator on bytes that are spoiled.
package golden_test

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"reflect"
	"testing"

	hamba "github.com/hamba/avro/v2"

	"github.com/typelog/typelog/codegen/testdata/aliases"
	"github.com/typelog/typelog/codegen/testdata/custom"
	"github.com/typelog/typelog/codegen/testdata/defaults"
	"github.com/typelog/typelog/codegen/testdata/enums"
	"github.com/typelog/typelog/codegen/testdata/logical"
	names "github.com/typelog/typelog/codegen/testdata/names"
	"github.com/typelog/typelog/codegen/testdata/nested"
	"github.com/typelog/typelog/codegen/testdata/packages/common"
	"github.com/typelog/typelog/codegen/testdata/packages/events"
	"github.com/typelog/typelog/codegen/testdata/pointers"
	"github.com/typelog/typelog/codegen/testdata/primitives"
	"github.com/typelog/typelog/codegen/testdata/recursive"
	"github.com/typelog/typelog/codegen/testdata/references"
	"github.com/typelog/typelog/codegen/testdata/roots"
	shortnames "github.com/typelog/typelog/codegen/testdata/shortnames"
	"github.com/typelog/typelog/codegen/testdata/tests"
	"github.com/typelog/typelog/codegen/testdata/unions"
	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/schema"
)

// kinds returns a fresh value of every generated type that can be a whole message.
func kinds() []avro.Datum {
	return []avro.Datum{
		new(defaults.Defaults), new(defaults.Point), new(enums.Paint), new(logical.Logical), new(names.Type),
		new(nested.Order), new(nested.Customer), new(nested.Address), new(nested.Step), new(primitives.Primitives),
		new(recursive.Node), new(recursive.Couple), new(recursive.Leaf), new(references.Order), new(references.Line),
		new(references.Person), new(references.State), new(roots.ArrayRoot), new(roots.Item), new(roots.NullableRoot),
		new(roots.MapRoot), new(roots.UnionRoot), new(roots.Opened), new(roots.Closed), new(roots.StringRoot),
		new(roots.Hash), new(roots.Level), new(roots.Failure), new(roots.Money), new(shortnames.OuterEvent),
		new(shortnames.InnerEvent), new(shortnames.HTTPStatus), new(unions.Box), new(unions.Inner),
		new(pointers.Pointers), new(pointers.Point), new(tests.Event), new(tests.Detail),
		new(custom.Custom), new(events.Event), new(common.Money), new(aliases.Customer), new(aliases.Phone),
	}
}

// Every package of the corpus is tried here, and so compiles.
func TestCorpusIsTried(t *testing.T) {
	tried := map[string]bool{}
	for _, d := range kinds() {
		tried[path.Base(reflect.TypeOf(d).Elem().PkgPath())] = true
	}
	files, err := filepath.Glob("../../testdata/*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	inner, err := filepath.Glob("../../testdata/*/*/*.go")
	if err != nil || len(inner) == 0 {
		t.Fatal(err)
	}
	files = append(files, inner...)
	for _, file := range files {
		if name := filepath.Base(filepath.Dir(file)); !tried[name] {
			t.Errorf("testdata/%s is not tried: add its types to kinds", name)
		}
	}
}

func fresh(d avro.Datum) avro.Datum {
	return reflect.New(reflect.TypeOf(d).Elem()).Interface().(avro.Datum)
}

// forEach runs a test for every type with its schema.
func forEach(t *testing.T, run func(t *testing.T, d avro.Datum, s *schema.Schema)) {
	for _, d := range kinds() {
		t.Run(fmt.Sprintf("%T", d), func(t *testing.T) {
			text, fingerprint := d.AvroSchema()
			s, err := schema.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if s.Fingerprint64() != fingerprint {
				t.Fatalf("fingerprint %#x, the text has %#x", fingerprint, s.Fingerprint64())
			}
			run(t, d, s)
		})
	}
}

func TestRoundTrip(t *testing.T) {
	forEach(t, func(t *testing.T, d avro.Datum, s *schema.Schema) {
		random := source{seeded(t), 1}
		reused := fresh(d)
		for range 60 {
			data := random.datum(nil, s.Root(), 0)
			first := fresh(d)
			for _, v := range []avro.Datum{first, reused} {
				if err := v.DecodeAvro(data, avro.DecodeOptions{}); err != nil {
					t.Fatalf("%x: %v", data, err)
				}
				if err := v.Validate(); err != nil {
					t.Fatalf("%x: %v", data, err)
				}
				if again, err := v.AppendAvro([]byte("before")); err != nil || !bytes.Equal(again[6:], data) {
					t.Fatalf("%x was encoded again as %x (%v)", data, again, err)
				}
			}
		}
	})
}

// Maps of several entries, whose order is not fixed, come back too.
func TestMapsOfSeveralEntries(t *testing.T) {
	forEach(t, func(t *testing.T, d avro.Datum, s *schema.Schema) {
		random := source{seeded(t), 4}
		for range 30 {
			first, second := fresh(d), fresh(d)
			if err := first.DecodeAvro(random.datum(nil, s.Root(), 0), avro.DecodeOptions{}); err != nil {
				t.Fatal(err)
			}
			data, err := first.AppendAvro(nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := second.DecodeAvro(data, avro.DecodeOptions{AliasInput: true}); err != nil || !reflect.DeepEqual(first, second) {
				t.Fatalf("decoded\n%+v (%v)\nfrom\n%+v", second, err, first)
			}
		}
	})
}

func TestAgainstHamba(t *testing.T) {
	forEach(t, func(t *testing.T, d avro.Datum, s *schema.Schema) {
		random := source{seeded(t), 1}
		other, err := hamba.ParseWithCache(s.Canonical(), "", &hamba.SchemaCache{})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			data := random.datum(nil, s.Root(), 0)
			var generic any
			if err := hamba.Unmarshal(other, data, &generic); err != nil {
				t.Fatalf("%x: %v", data, err)
			}
			theirs, err := hamba.Marshal(other, generic)
			if err != nil {
				t.Fatalf("%v: %v", generic, err)
			}
			ours, back := fresh(d), fresh(d)
			if err := ours.DecodeAvro(data, avro.DecodeOptions{}); err != nil {
				t.Fatal(err)
			}
			if err := back.DecodeAvro(theirs, avro.DecodeOptions{}); err != nil || !reflect.DeepEqual(ours, back) {
				t.Fatalf("decoded\n%+v (%v)\nwhere hamba has\n%v", back, err, generic)
			}
		}
	})
}

// Cut or spoiled bytes are refused exactly where the validator refuses them, and the error is an *avro.Error; inside a
// record it has a path.
func TestSpoiledBytes(t *testing.T) {
	forEach(t, func(t *testing.T, d avro.Datum, s *schema.Schema) {
		validator, err := avro.NewValidator(s)
		if err != nil {
			t.Fatal(err)
		}
		random := source{seeded(t), 3}
		for range 100 {
			data := random.datum(nil, s.Root(), 0)
			cut := len(data) > 0 && random.IntN(2) == 0
			switch {
			case cut:
				data = data[:random.IntN(len(data))]
			case len(data) > 0:
				data[random.IntN(len(data))] ^= byte(1 << random.IntN(8))
			}
			err, verdict := fresh(d).DecodeAvro(data, avro.DecodeOptions{}), validator.Validate(data)
			if (err == nil) != (verdict == nil) {
				t.Fatalf("%x: decoder %v, validator %v", data, err, verdict)
			}
			if cut && err == nil {
				t.Fatalf("%x is cut and was decoded", data)
			}
			var fault *avro.Error
			if err != nil && !errors.As(err, &fault) {
				t.Fatalf("%x: %T", data, err)
			}
			if cut && s.Root().Kind == schema.Record && fault.Path == "" {
				t.Fatalf("%x: no path in %v", data, err)
			}
		}
	})
}
