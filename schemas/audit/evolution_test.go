package audit_test

import (
	"encoding/json"
	"errors"
	"testing"

	hamba "github.com/hamba/avro/v2"

	"github.com/typelog/typelog/schemas/audit"
	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/schema"
)

// changed returns the event's schema after edit has changed its JSON.
func changed(t testing.TB, edit func(fields map[string]map[string]any, root map[string]any)) *schema.Schema {
	t.Helper()
	text, _ := new(audit.AuditEvent).AvroSchema()
	var root map[string]any
	if err := json.Unmarshal([]byte(text), &root); err != nil {
		t.Fatal(err)
	}
	fields := map[string]map[string]any{}
	for _, f := range root["fields"].([]any) {
		fields[f.(map[string]any)["name"].(string)] = f.(map[string]any)
	}
	edit(fields, root)
	out, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	s, err := schema.Parse(string(out))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// written returns the event as a program with another schema would write it.
func written(t testing.TB, writer *schema.Schema, edit func(event map[string]any)) []byte {
	t.Helper()
	var generic map[string]any
	if err := hamba.Unmarshal(hambaSchema(t), encode(t, event()), &generic); err != nil {
		t.Fatal(err)
	}
	edit(generic)
	other, err := hamba.ParseWithCache(writer.Canonical(), "", &hamba.SchemaCache{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := hamba.Marshal(other, generic)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func plan(t testing.TB, writer *schema.Schema) *avro.Resolution {
	t.Helper()
	res, err := avro.Resolve(writer, schemaOf(t, new(audit.AuditEvent)))
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// An event of an older program, whose schema lacks some fields, is read with their defaults.
func TestReadOlder(t *testing.T) {
	older := changed(t, func(_ map[string]map[string]any, root map[string]any) {
		var kept []any
		for _, f := range root["fields"].([]any) {
			switch f.(map[string]any)["name"] {
			case "reason", "changes", "operation":
			default:
				kept = append(kept, f)
			}
		}
		root["fields"] = kept
	})
	data := written(t, older, func(e map[string]any) {
		delete(e, "reason")
		delete(e, "changes")
		delete(e, "operation")
	})
	want := event()
	want.Reason, want.Changes, want.Operation = avro.None[string](), nil, audit.OperationUnknown
	got := event() // a used value must not shine through
	if err := got.DecodeAvro(data, avro.DecodeOptions{Writer: plan(t, older)}); err != nil {
		t.Fatal(err)
	}
	if !same(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

// newerSchema is the event's schema with a field and a symbol more.
func newerSchema(t testing.TB) *schema.Schema {
	return changed(t, func(fields map[string]map[string]any, root map[string]any) {
		operation := fields["operation"]["type"].(map[string]any)
		operation["symbols"] = append(operation["symbols"].([]any), "ARCHIVE")
		tenant := map[string]any{"name": "tenant", "type": []any{"null", "string"}, "default": nil}
		root["fields"] = append([]any{tenant}, root["fields"].([]any)...)
	})
}

// newerEvent is the event as a program with that schema writes it.
func newerEvent(t testing.TB) []byte {
	return written(t, newerSchema(t), func(e map[string]any) {
		e["operation"] = "ARCHIVE"
		e["tenant"] = map[string]any{"string": "acme"}
	})
}

// An event of a newer program is read without its new fields, and its new symbols as UNKNOWN.
func TestReadNewer(t *testing.T) {
	data, resolution := newerEvent(t), plan(t, newerSchema(t))
	want := event()
	want.Operation = audit.OperationUnknown
	var got audit.AuditEvent
	if err := got.DecodeAvro(data, avro.DecodeOptions{Writer: resolution}); err != nil {
		t.Fatal(err)
	}
	if !same(&got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", &got, want)
	}
	// The path of a fault is that of the written field, once.
	err := got.DecodeAvro(data[:len(data)-1], avro.DecodeOptions{Writer: resolution})
	var fault *avro.Error
	if !errors.As(err, &fault) || fault.Path != "producer.sequence" {
		t.Errorf("cut: %v", err)
	}
}
