package serde

import "github.com/typelog/typelog/serde/avro/schema"

// Part is the part of a record that a schema describes.
type Part uint8

// The parts of a record.
const (
	ValuePart Part = iota
	KeyPart
)

// String returns "value" or "key".
func (p Part) String() string {
	if p == KeyPart {
		return "key"
	}
	return "value"
}

// SubjectName names the subject that a part of a topic's records is registered under; fullName is that of the
// schema's root type, empty if the type has no name (a union, say). An empty answer says that there is no such subject.
type SubjectName func(topic string, part Part, fullName string) string

// TopicName is Confluent's TopicNameStrategy, the default: topic-value or topic-key.
func TopicName(topic string, part Part, _ string) string {
	if part == KeyPart {
		return topic + "-key"
	}
	return topic + "-value"
}

// RecordName is Confluent's RecordNameStrategy: the schema's full name, so that one topic can hold many types. A consumer
// of a generated union of these types reads them all.
func RecordName(_ string, _ Part, fullName string) string { return fullName }

// TopicRecordName is Confluent's TopicRecordNameStrategy: topic-fullName.
func TopicRecordName(topic string, _ Part, fullName string) string {
	if fullName == "" {
		return ""
	}
	return topic + "-" + fullName
}

// subject asks for the name, given the root of the schema; nil is a schema that is not known yet.
func (cfg *SchemaConfig) subject(topic string, part Part, root *schema.Type) (string, error) {
	fullName := ""
	if root != nil && root.Kind.Named() {
		fullName = root.FullName()
	}
	name := cfg.Subject(topic, part, fullName)
	if name == "" {
		return "", failed(ErrRegistry, nil, "topic %s: the %s's schema has no name to make a subject of; use TopicName", topic, part)
	}
	return name, nil
}
