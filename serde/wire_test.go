package serde_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/serde"
)

func TestSplitRecord(t *testing.T) {
	guid, err := serde.ParseGUID("00112233-4455-6677-8899-aabbccddeeff")
	if err != nil || guid.String() != "00112233-4455-6677-8899-aabbccddeeff" {
		t.Fatal(guid, err)
	}
	byGUID := append([]byte{1}, guid[:]...)
	header := func(values ...[]byte) (out []kgo.RecordHeader) {
		for _, v := range values {
			out = append(out, kgo.RecordHeader{Key: serde.HeaderValueSchema, Value: v})
		}
		return append(out, kgo.RecordHeader{Key: "else", Value: []byte("x")})
	}
	for name, tc := range map[string]struct {
		rec     kgo.Record
		want    serde.SchemaName
		payload string
		bad     bool
	}{
		"prefix":             {rec: kgo.Record{Value: []byte("\x00\x00\x00\x01\x02abc")}, want: serde.SchemaName{ID: 258}, payload: "abc"},
		"prefix alone":       {rec: kgo.Record{Value: []byte("\x00\x00\x00\x00\x02")}, want: serde.SchemaName{ID: 2}},
		"too short":          {rec: kgo.Record{Value: []byte("\x00\x00\x00\x00")}, bad: true},
		"another magic byte": {rec: kgo.Record{Value: []byte("\x01\x00\x00\x00\x02")}, bad: true},
		"negative id":        {rec: kgo.Record{Value: []byte("\x00\xff\x00\x00\x02")}, bad: true},
		"guid in the header": {rec: kgo.Record{Value: []byte("abc"), Headers: header(byGUID)}, want: serde.SchemaName{GUID: guid}, payload: "abc"},
		"id in the header":   {rec: kgo.Record{Value: []byte("abc"), Headers: header([]byte{0, 0, 0, 0, 9})}, want: serde.SchemaName{ID: 9}, payload: "abc"},
		"two headers":        {rec: kgo.Record{Value: []byte("abc"), Headers: header([]byte{0, 0, 0, 0, 9}, byGUID)}, want: serde.SchemaName{GUID: guid}, payload: "abc"},
		"short guid":         {rec: kgo.Record{Value: []byte("\x00\x00\x00\x00\x02"), Headers: header(byGUID[:16])}, bad: true},
		"long id":            {rec: kgo.Record{Value: []byte("\x00\x00\x00\x00\x02"), Headers: header(make([]byte, 6))}, bad: true},
		"empty header":       {rec: kgo.Record{Value: []byte("\x00\x00\x00\x00\x02"), Headers: header(nil)}, bad: true},
	} {
		got, payload, err := serde.SplitRecord(&tc.rec, serde.ValuePart)
		if tc.bad != errors.Is(err, serde.ErrPrefix) || !tc.bad && (got != tc.want || string(payload) != tc.payload) {
			t.Errorf("%s: %v, %q, %v", name, got, payload, err)
		}
	}
}

func FuzzSplitRecord(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x01abc"), []byte(nil), false)
	f.Add([]byte("abc"), []byte("\x01 sixteen bytes..."), true)
	f.Fuzz(func(t *testing.T, value, header []byte, named bool) {
		rec := &kgo.Record{Value: value}
		if named {
			rec.Headers = []kgo.RecordHeader{{Key: serde.HeaderValueSchema, Value: header}}
		}
		name, payload, err := serde.SplitRecord(rec, serde.ValuePart)
		if err != nil {
			if !errors.Is(err, serde.ErrPrefix) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.HasSuffix(value, payload) || named != (len(payload) == len(value)) {
			t.Fatalf("%x with %x: %v, %x", value, header, name, payload)
		}
	})
}
