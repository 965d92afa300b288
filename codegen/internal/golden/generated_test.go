package golden_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/typelog/typelog/codegen/testdata/nested"
	"github.com/typelog/typelog/codegen/testdata/unions"
	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/avrotest"
)

// What the generated tests try holds for every type of the corpus.
func TestGeneratedTests(t *testing.T) {
	for _, d := range kinds() {
		typ := func() avrotest.Type { return fresh(d).(avrotest.Type) }
		t.Run(fmt.Sprintf("%T", d), func(t *testing.T) {
			avrotest.RoundTrip(t, typ)
			avrotest.Differential(t, typ)
		})
	}
}

// Avro's JSON tags the branches of unions, by their Avro names, and is read back, with tags and without.
func TestAvroJSON(t *testing.T) {
	b := unions.NewBox()
	b.Value = &unions.Inner{X: 5}
	b.Must = unions.BoxMustString{Value: "s"}
	text, err := b.AppendAvroJSON([]byte("JSON: "))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), "JSON: {") || !strings.Contains(string(text), `.Inner":{"x":5}`) || !json.Valid(text[6:]) {
		t.Errorf("%s", text)
	}
	var back unions.Box
	if err := back.DecodeAvroJSON(text[6:]); err != nil {
		t.Fatal(err)
	}
	if inner, ok := back.Value.(*unions.Inner); !ok || inner.X != 5 {
		t.Errorf("%+v", back)
	}
	var s nested.Step
	if err := s.DecodeAvroJSON([]byte(`{"at": "2026-01-02T03:04:05.000006Z", "what": "untagged"}`)); err != nil || s.What != avro.Some("untagged") {
		t.Errorf("%+v, %v", s, err)
	}
	if err := s.DecodeAvroJSON([]byte(`{"at": 1, "wat": null}`)); err == nil || !strings.Contains(err.Error(), "wat") {
		t.Errorf("an unknown member: %v", err)
	}
	b.Must = nil
	if out, err := b.AppendAvroJSON([]byte("before")); err == nil || string(out) != "before" {
		t.Errorf("a faulty value: %q, %v", out, err)
	}
}
