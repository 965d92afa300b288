package registry

import (
	"fmt"
	"strings"

	"github.com/typelog/typelog/registry/internal/model"
)

// Naming says under which subject a contract wants a schema: a subject's name, always the same, or one of the two
// below, by which the subject follows from the schema. It is the key of the contract's cache.
type Naming string

// byRecord begins a Naming by the schema's full name; what follows it goes before that name. No subject has this byte.
const byRecord = "\x00"

// RecordName is Confluent's RecordNameStrategy: the subject is the schema's full name.
func RecordName() Naming { return byRecord }

// TopicRecordName is Confluent's TopicRecordNameStrategy: the subject is the topic, a hyphen, and the schema's full name.
func TopicRecordName(topic string) Naming { return Naming(byRecord + topic + "-") }

// subject returns the subject of a schema's id as it would be written, or says why there is none.
func (r *Registry) subject(v view, naming Naming, id int32) (subject, reason string) {
	prefix, ok := strings.CutPrefix(string(naming), byRecord)
	if !ok {
		return string(naming), ""
	}
	stored := v.identity(model.DefaultContext, id)
	if stored == nil {
		return "", fmt.Sprintf("there is no schema %d", id)
	}
	if stored.Type != model.Avro {
		return "", fmt.Sprintf("schema %d is %s; subjects are named by records of Avro here", id, stored.Type)
	}
	parsed, err := r.stored(v, &model.Version{Subject: model.Qualify(model.DefaultContext, ""), ID: id, Schema: stored}, 1)
	if err != nil {
		return "", fmt.Sprintf("schema %d cannot be used: %v", id, err)
	}
	root := parsed.Root()
	if !root.Kind.Named() {
		return "", fmt.Sprintf("schema %d is %s, which has no full name to be a subject's", id, root.Kind)
	}
	return prefix + root.FullName(), ""
}
