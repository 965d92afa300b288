package serde

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
// schema's root type.
type SubjectName func(topic string, part Part, fullName string) string

// TopicName is Confluent's TopicNameStrategy, the default: topic-value or topic-key.
func TopicName(topic string, part Part, _ string) string {
	if part == KeyPart {
		return topic + "-key"
	}
	return topic + "-value"
}

// RecordName is Confluent's RecordNameStrategy: the schema's full name, so that one topic can hold many types.
func RecordName(_ string, _ Part, fullName string) string { return fullName }

// TopicRecordName is Confluent's TopicRecordNameStrategy: topic-fullName.
func TopicRecordName(topic string, _ Part, fullName string) string { return topic + "-" + fullName }
