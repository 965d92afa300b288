package avro_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/internal/bench/sale"
	"github.com/typelog/typelog/serde/avro/schema"
)

// The marker and, little-endian, the fingerprint of "int" that the specification publishes.
func TestSingleObjectGolden(t *testing.T) {
	s, err := schema.Parse(`"int"`)
	if err != nil {
		t.Fatal(err)
	}
	b := avro.AppendLong(avro.AppendSingleObjectPrefix(nil, s.Fingerprint64()), 7)
	if got := hex.EncodeToString(b); got != "c301"+"8f5c393f1ad57572"+"0e" {
		t.Errorf("7 is %s", got)
	}
	fingerprint, datum, err := avro.SplitSingleObject(b)
	if err != nil || fingerprint != s.Fingerprint64() || !bytes.Equal(datum, []byte{14}) {
		t.Errorf("split to %x, %x, %v", fingerprint, datum, err)
	}
	for _, bad := range []string{"", "c301", "c301000000000000", "c30200000000000000000e", "00000000010e00000000000"} {
		raw, _ := hex.DecodeString(bad)
		if _, _, err := avro.SplitSingleObject(raw); !errors.Is(err, avro.ErrMalformed) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestSingleObjectValues(t *testing.T) {
	want := sale.Example(true)
	b, err := avro.AppendSingleObject([]byte("x"), want)
	if err != nil {
		t.Fatal(err)
	}
	var got sale.Sale
	if err := avro.DecodeSingleObject(b[1:], &got, avro.DecodeOptions{}, nil); err != nil || !reflect.DeepEqual(&got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	want.Number = "\xff"
	if b, err := avro.AppendSingleObject([]byte("x"), want); err == nil || string(b) != "x" {
		t.Errorf("a bad value: %q, %v", b, err)
	}

	text, _ := want.AvroSchema()
	older, err := schema.Parse(sale.OlderSchema())
	if err != nil {
		t.Fatal(err)
	}
	newer, err := schema.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := avro.Resolve(older, newer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := avro.NewCodec(older)
	if err != nil {
		t.Fatal(err)
	}
	b, err = c.FromJSON(avro.AppendSingleObjectPrefix(nil, older.Fingerprint64()), []byte(`{"number":"1","buyer":"b","remark":"","total":5,
		"revision":3,"state":"OPEN","desk":"d","lines":[],"tags":{},"mass":1,"checksum":"","placed":0,"rebate":null}`))
	if err != nil {
		t.Fatal(err)
	}
	known := func(fingerprint uint64) *avro.Resolution {
		if fingerprint == older.Fingerprint64() {
			return plan
		}
		return nil
	}
	if err := avro.DecodeSingleObject(b, &got, avro.DecodeOptions{}, known); err != nil || got.Revision != 3 {
		t.Errorf("an older value: %+v, %v", got, err)
	}
	if err := avro.DecodeSingleObject(b, &got, avro.DecodeOptions{}, nil); !errors.Is(err, avro.ErrSchema) ||
		!strings.Contains(err.Error(), "fingerprint") {
		t.Errorf("an unknown schema: %v", err)
	}
}
