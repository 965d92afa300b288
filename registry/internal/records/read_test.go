package records

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/registry/internal/store"
)

// TestAppend holds what Confluent's registry reads: the order of the members is that of its own records.
func TestAppend(t *testing.T) {
	yes := true
	s := &model.Schema{Type: model.Avro, Text: `"int"`, References: []model.Reference{{Name: "a.B", Subject: "b", Version: 2}},
		Metadata: &model.Metadata{Properties: map[string]string{"o": "<x>"}}, Rules: &model.RuleSet{}}
	s.GUID = s.Fingerprint()
	for want, c := range map[string]store.Change{
		`{"key":{"keytype":"SCHEMA","subject":":.c:s","version":2,"magic":1},"value":{"subject":":.c:s","version":2,"id":7,"md5":"` +
			`2tmq8JOOIKMFZb+i98FzoQ==","schemaType":"AVRO","references":[{"name":"a.B","subject":"b","version":2}],"metadata":{"properties":{"o":"<x>"}},` +
			`"ruleSet":{},"schema":"\"int\"","deleted":true,"ts":5,"given":" \"int\""}}`: store.PutVersion{Given: ` "int"`, Version: &model.Version{
			Subject: ":.c:s", Number: 2, ID: 7, Deleted: true, Time: 5, Schema: s}},
		`{"key":{"keytype":"CONFIG","magic":0},"value":{"normalize":true,"compatibilityLevel":"FULL"}}`: store.PutConfig{
			Config: model.Config{Level: model.Full, Normalize: &yes}},
		`{"key":{"keytype":"CONFIG","subject":"s","magic":0},"value":{"subject":"s","alias":"t"}}`: store.PutConfig{
			Subject: "s", Config: model.Config{Alias: "t"}},
		`{"key":{"keytype":"MODE","subject":"s","magic":0},"value":{"subject":"s","mode":"READONLY"}}`: store.PutMode{
			Subject: "s", Mode: model.ReadOnly},
		`{"key":{"keytype":"CONTEXT","tenant":"default","context":".c","magic":0},"value":{"tenant":"default","context":".c"}}`: store.PutContext{
			Name: ".c", Listed: true},
	} {
		got, err := Append(nil, c)
		if err != nil || string(got) != want+"\n" {
			t.Errorf("%s\nwant\n%s\n%v", got, want, err)
		}
		back, err := Read(bytes.NewReader(got))
		if err != nil || len(back) != 1 {
			t.Errorf("%s\nread as %+v, %v", got, back, err)
			continue
		}
		if again, _ := Append(nil, back[0].Change); string(again) != want+"\n" {
			t.Errorf("%s\ncame back as\n%s", want, again)
		}
	}
}

func TestLongLines(t *testing.T) {
	_, err := Read(strings.NewReader("\n" + strings.Repeat("x", MaxLine+1)))
	if fault := (*Error)(nil); !errors.As(err, &fault) || fault.Line != 2 {
		t.Errorf("%v", err)
	}
}

// FuzzRead: whatever a file holds, it is read without a fault of ours, and what came out of it is written and read again
// as the same.
func FuzzRead(f *testing.F) {
	f.Add(`{"key":{"keytype":"SCHEMA","subject":"n","version":1,"magic":1},"value":{"subject":"n","version":1,"id":3,"schema":"\"int\"","deleted":false}}`)
	f.Add(`{"keytype":"SCHEMA","subject":"a","version":1,"magic":1}` + "\t" + `{"version":1,"id":1,"schema":"\"X\"","references":[{"name":"X","subject":"a","version":1}]}`)
	f.Add(`{"key":{"keytype":"CONTEXT","context":".x"},"value":{"maxId":5}}`)
	f.Add(`{"key":"{\"keytype\":\"CONFIG\"}","payload":"{\"compatibilityLevel\":\"NONE\"}"}`)
	f.Add(`{"key":{"keytype":"DELETE_SUBJECT","subject":"n"},"value":{"version":2147483647}}`)
	f.Fuzz(func(t *testing.T, text string) {
		staged, err := Read(strings.NewReader(text))
		if err != nil {
			return
		}
		var out []byte
		for _, s := range staged {
			if out, err = Append(out, s.Change); err != nil {
				t.Fatal(err)
			}
		}
		again, err := Read(bytes.NewReader(out))
		if err != nil || len(again) != len(staged) {
			t.Fatalf("%q became\n%s\nwhich is read as %d changes: %v", text, out, len(again), err)
		}
	})
}
