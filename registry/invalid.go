package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/serde/avro/schema"
)

// invalid says in Confluent's form why a source is no schema.
func invalid(s model.Subject, src model.Source, err error) error {
	reason := err.Error()
	if fault := (*schema.ParseError)(nil); errors.As(err, &fault) {
		reason = fault.Reason
	}
	return &model.Error{Kind: model.InvalidSchema, Cause: err, Message: fmt.Sprintf(
		"Invalid schema of type %[1]s, details: %[2]s with refs %[3]s of type %[1]s, details: %[4]s",
		src.Type, echo(s, src, "null", "null"), list(src.References), reason)}
}

// plausibleJSONSchema refuses what is no JSON Schema at first sight; more is not looked at yet.
func plausibleJSONSchema(s model.Subject, src model.Source) error {
	var any struct {
		Type json.RawMessage `json:"type"`
	}
	text := bytes.TrimSpace([]byte(src.Text))
	switch {
	case string(text) == "true" || string(text) == "false":
		return nil
	case text[0] != '{' || !json.Valid(text):
		return model.Errorf(model.InvalidSchema,
			"Invalid schema of type JSON, details: Invalid schema of type JSON, details: Invalid JSON schema")
	}
	var names []string
	if json.Unmarshal(text, &any) == nil && any.Type != nil && json.Unmarshal(any.Type, &names) != nil {
		names = make([]string, 1)
		if json.Unmarshal(any.Type, &names[0]) != nil {
			names[0] = ""
		}
	}
	for _, name := range names {
		switch name {
		case "string", "number", "integer", "object", "array", "boolean", "null":
		default:
			return model.Errorf(model.InvalidSchema, "%s, details: Invalid JSON", echo(s, src, "0", "-1"))
		}
	}
	return nil
}

// echo repeats what was sent, in the form that messages have.
func echo(s model.Subject, src model.Source, version, id string) string {
	raw := model.Schema{Text: src.Text, References: src.References, Metadata: src.Metadata, Rules: src.Rules}
	metadata := "null"
	if src.Metadata != nil {
		metadata = src.Metadata.String()
	}
	rules := "null"
	if src.Rules != nil {
		rules = src.Rules.String()
	}
	return fmt.Sprintf("Invalid schema {subject=%s,version=%s,id=%s,guid=%s,schemaType=%s,references=%s,metadata=%s,"+
		"ruleSet=%s,schema=%s,schemaTags=null,ts=null,deleted=null}",
		s, version, id, raw.Fingerprint(), src.Type, list(src.References), metadata, rules, src.Text)
}

func list(references []model.Reference) string {
	out := make([]string, len(references))
	for i, r := range references {
		out[i] = r.String()
	}
	return "[" + strings.Join(out, ", ") + "]"
}
