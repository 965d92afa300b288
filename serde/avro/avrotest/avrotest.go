// Package avrotest holds what the tests that typelog generates beside a type call: random values go through its encoder
// and decoder, through Avro's JSON encoding and through another implementation of Avro, and come back as they were; bytes
// that are none of its values are refused as the validator refuses them.
//
// It is for tests only. It knows the runtime of generated code (serde/avro), and hamba/avro as the other implementation.
package avrotest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	hamba "github.com/hamba/avro/v2"

	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/schema"
)

// Type is what generated types can do. A test gives a function that returns a new value of one.
type Type interface {
	avro.Datum
	AppendAvroJSON(dst []byte) ([]byte, error)
	DecodeAvroJSON(text []byte) error
	Random(r *rand.Rand)
}

// values is how many random values a test tries.
const values = 25

// RoundTrip encodes random values, decodes them into fresh and into used values, and by way of JSON.
func RoundTrip(t *testing.T, fresh func() Type) {
	t.Helper()
	r := seeded(t)
	reused := fresh()
	for range values {
		v := fresh()
		v.Random(r)
		if err := v.Validate(); err != nil {
			t.Fatalf("a random value is not valid: %v", err)
		}
		data, err := v.AppendAvro([]byte("before"))
		if err != nil || !bytes.HasPrefix(data, []byte("before")) {
			t.Fatalf("encoding %+v: %v", v, err)
		}
		data = data[len("before"):]
		text, err := v.AppendAvroJSON(nil)
		if err != nil {
			t.Fatalf("encoding %+v in JSON: %v", v, err)
		}
		byJSON := fresh()
		if err := byJSON.DecodeAvroJSON(text); err != nil {
			t.Fatalf("decoding %s: %v", text, err)
		}
		same(t, data, byJSON)
		for _, opts := range []avro.DecodeOptions{{}, {AliasInput: true}} {
			back := fresh()
			for _, into := range []Type{back, reused} {
				if err := into.DecodeAvro(data, opts); err != nil {
					t.Fatalf("decoding %x: %v", data, err)
				}
				same(t, data, into)
			}
		}
	}
}

// Differential has hamba/avro decode and encode random values, and decodes what it wrote.
func Differential(t *testing.T, fresh func() Type) {
	t.Helper()
	text, _ := fresh().AvroSchema()
	s, err := schema.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	other, err := hamba.ParseWithCache(s.Canonical(), "", &hamba.SchemaCache{})
	if err != nil {
		t.Fatalf("hamba does not take the schema: %v", err)
	}
	r := seeded(t)
	for range values {
		v := fresh()
		v.Random(r)
		data, err := v.AppendAvro(nil)
		if err != nil {
			t.Fatal(err)
		}
		var generic any
		if err := hamba.Unmarshal(other, data, &generic); err != nil {
			t.Fatalf("hamba decoding %x: %v", data, err)
		}
		theirs, err := hamba.Marshal(other, generic)
		if err != nil {
			t.Fatalf("hamba encoding %v: %v", generic, err)
		}
		back := fresh()
		if err := back.DecodeAvro(theirs, avro.DecodeOptions{}); err != nil {
			t.Fatalf("decoding %x, which hamba wrote: %v", theirs, err)
		}
		same(t, data, back)
	}
}

// Fuzz decodes whatever comes. What the validator accepts must be decoded, and encoded again and decoded must be the same
// value; what it refuses must be refused with an *avro.Error.
func Fuzz(f *testing.F, fresh func() Type) {
	text, _ := fresh().AvroSchema()
	s, err := schema.Parse(text)
	if err != nil {
		f.Fatal(err)
	}
	validator, err := avro.NewValidator(s)
	if err != nil {
		f.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2)) // the same seeds in every run
	for range 8 {
		v := fresh()
		v.Random(r)
		data, err := v.AppendAvro(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v := fresh()
		err, verdict := v.DecodeAvro(data, avro.DecodeOptions{}), validator.Validate(data)
		if (err == nil) != (verdict == nil) {
			t.Fatalf("the decoder says %v, the validator %v", err, verdict)
		}
		var fault *avro.Error
		if err != nil {
			if !errors.As(err, &fault) {
				t.Fatalf("the error is a %T: %v", err, err)
			}
			return
		}
		again, err := v.AppendAvro(nil)
		if err != nil {
			t.Fatalf("what was decoded is not encoded: %v", err)
		}
		back := fresh()
		if err := back.DecodeAvro(again, avro.DecodeOptions{}); err != nil {
			t.Fatal(err)
		}
		same(t, again, back)
	})
}

func seeded(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// same fails unless v's encoding is data, but for the order of the entries of maps: their JSON says so.
func same(t testing.TB, data []byte, v Type) {
	t.Helper()
	got, err := v.AppendAvro(nil)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, data) {
		return
	}
	text, _ := v.AvroSchema()
	a, err := sorted(text, got)
	if err != nil {
		t.Fatal(err)
	}
	b, err := sorted(text, data)
	if err != nil {
		t.Fatal(err)
	}
	if a != b {
		t.Fatalf("the value\n%s\ncame back as\n%s", b, a)
	}
}

// sorted prints a datum with the entries of its maps in order.
func sorted(text string, data []byte) (string, error) {
	s, err := schema.Parse(text)
	if err != nil {
		return "", err
	}
	c, err := avro.NewCodec(s)
	if err != nil {
		return "", err
	}
	v, err := c.Decode(data)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(v), nil // fmt sorts maps by key
}
