// Package records knows the records in which Confluent's registry keeps everything, in its topic _schemas: a JSON key and a
// JSON value each, with their members in Confluent's order. It translates between them and the changes that the store
// knows, and reads the forms in which tools write them to files. It decides nothing: the registry says what may go in.
//
// A line that it writes is {"key":KEY,"value":VALUE}. The value of a schema has two members more than Confluent's,
// which Confluent's reader passes over: ts, when it was registered, and given, the text as it came; that of a context has
// maxId, the highest id that was ever given out in it, and deleted.
package records

import (
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/registry/internal/store"
)

// The types of keys.
const (
	keySchema  = "SCHEMA"
	keyConfig  = "CONFIG"
	keyMode    = "MODE"
	keyDelete  = "DELETE_SUBJECT"
	keyClear   = "CLEAR_SUBJECT"
	keyContext = "CONTEXT"
	keyNoop    = "NOOP"
)

// tenant is the one that a registry without tenants has.
const tenant = "default"

type subjectKey struct {
	Type    string `json:"keytype"`
	Subject string `json:"subject,omitempty"`
	Version int32  `json:"version,omitempty"`
	Magic   int    `json:"magic"`
}

type contextKey struct {
	Type    string `json:"keytype"`
	Tenant  string `json:"tenant"`
	Context string `json:"context"`
	Magic   int    `json:"magic"`
}

type reference struct {
	Name    string `json:"name,omitempty"`
	Subject string `json:"subject,omitempty"`
	Version int32  `json:"version"`
}

type schemaValue struct {
	Subject    string          `json:"subject"`
	Version    int32           `json:"version"`
	ID         int32           `json:"id"`
	MD5        string          `json:"md5,omitempty"`
	Type       model.Type      `json:"schemaType,omitempty"`
	References []reference     `json:"references,omitempty"`
	Metadata   *model.Metadata `json:"metadata,omitempty"`
	Rules      *model.RuleSet  `json:"ruleSet,omitempty"`
	Schema     string          `json:"schema,omitempty"`
	Deleted    bool            `json:"deleted"`
	Time       int64           `json:"ts,omitempty"`
	Given      string          `json:"given,omitempty"`
}

// configBody is a configuration under the names that it has in a record.
type configBody struct {
	Alias               string          `json:"alias,omitempty"`
	AliasForDeks        string          `json:"aliasForDeks,omitempty"`
	Normalize           *bool           `json:"normalize,omitempty"`
	ValidateFields      *bool           `json:"validateFields,omitempty"`
	ValidateNewSchemas  *bool           `json:"validateNewSchemas,omitempty"`
	ValidateRules       *bool           `json:"validateRules,omitempty"`
	Level               model.Level     `json:"compatibilityLevel,omitempty"`
	CompatibilityPolicy string          `json:"compatibilityPolicy,omitempty"`
	CompatibilityGroup  string          `json:"compatibilityGroup,omitempty"`
	DefaultMetadata     *model.Metadata `json:"defaultMetadata,omitempty"`
	OverrideMetadata    *model.Metadata `json:"overrideMetadata,omitempty"`
	DefaultRules        *model.RuleSet  `json:"defaultRuleSet,omitempty"`
	OverrideRules       *model.RuleSet  `json:"overrideRuleSet,omitempty"`
}

type configValue struct {
	Subject string `json:"subject,omitempty"`
	configBody
}

type modeValue struct {
	Subject string     `json:"subject,omitempty"`
	Mode    model.Mode `json:"mode"`
}

type contextValue struct {
	Tenant  string `json:"tenant"`
	Context string `json:"context"`
	MaxID   int32  `json:"maxId,omitempty"`
	Deleted bool   `json:"deleted,omitempty"`
}

type deleteValue struct {
	Subject string `json:"subject"`
	Version int32  `json:"version"`
}

type line struct {
	Key   any `json:"key"`
	Value any `json:"value"`
}

// Append appends the line of a change, with its end, to dst. Only changes that put something have one.
func Append(dst []byte, c store.Change) ([]byte, error) {
	var out line
	switch c := c.(type) {
	case store.PutVersion:
		out.Key = subjectKey{Type: keySchema, Subject: string(c.Version.Subject), Version: c.Version.Number, Magic: 1}
		out.Value = valueOf(c)
	case store.PutConfig:
		out.Key = subjectKey{Type: keyConfig, Subject: string(c.Subject)}
		out.Value = configValue{string(c.Subject), configBody(c.Config)}
	case store.PutMode:
		out.Key = subjectKey{Type: keyMode, Subject: string(c.Subject)}
		out.Value = modeValue{string(c.Subject), c.Mode}
	case store.PutContext:
		out.Key = contextKey{Type: keyContext, Tenant: tenant, Context: c.Name}
		out.Value = contextValue{Tenant: tenant, Context: c.Name, MaxID: c.MaxID, Deleted: !c.Listed}
	}
	b := buffer{dst}
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(out)
	return b.bytes, err
}

type buffer struct{ bytes []byte }

func (b *buffer) Write(p []byte) (int, error) {
	b.bytes = append(b.bytes, p...)
	return len(p), nil
}

func valueOf(c store.PutVersion) schemaValue {
	v := c.Version
	out := schemaValue{Subject: string(v.Subject), Version: v.Number, ID: v.ID, Type: v.Schema.Type, Metadata: v.Schema.Metadata,
		Rules: v.Schema.Rules, Schema: v.Schema.Text, Deleted: v.Deleted, Time: v.Time,
		MD5: base64.StdEncoding.EncodeToString(v.Schema.GUID[:])}
	for _, r := range v.Schema.References {
		out.References = append(out.References, reference(r))
	}
	if c.Given != v.Schema.Text {
		out.Given = c.Given
	}
	return out
}

// version is the version that a value describes. Its guid is computed from its content.
func (v schemaValue) version() *model.Version {
	s := &model.Schema{Type: v.Type, Text: v.Schema, Metadata: v.Metadata.Canonical(), Rules: canonical(v.Rules)}
	if s.Type == "" {
		s.Type = model.Avro
	}
	for _, r := range v.References {
		s.References = append(s.References, model.Reference(r))
	}
	s.GUID = s.Fingerprint()
	return &model.Version{Subject: model.ParseSubject(v.Subject), Number: v.Version, ID: v.ID, Deleted: v.Deleted, Time: v.Time, Schema: s}
}

// canonical gives rules the defaults that a reader assumes.
func canonical(s *model.RuleSet) *model.RuleSet {
	if s == nil {
		return nil
	}
	for _, list := range [][]model.Rule{s.Migration, s.Domain, s.Encoding} {
		for i := range list {
			if list[i].Kind == "" {
				list[i].Kind = "TRANSFORM"
			}
			if list[i].Mode == "" {
				list[i].Mode = "WRITEREAD"
			}
			slices.Sort(list[i].Tags)
		}
	}
	return s
}
