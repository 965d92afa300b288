// Package contract declares the question that the broker asks before a batch from outside enters a partition: do
// these records fit what the topic promises? The broker declares it, internal/node answers it from the registry, and
// neither knows the other. It holds types only.
//
// A contract changes no batch and consumes no sequence number: the caller refuses, rewrites or warns.
package contract

import "context"

// Contract decides whether records fit their topic. Implementations are safe for concurrent use.
type Contract interface {
	// Check walks the records once. A non-nil error means that it could not decide (the schema store did not answer
	// in time, say): the client may try again. It never means that a record is bad; the Verdict says that.
	// Check holds up later Produce requests of the same connection, so it must honour ctx's deadline.
	Check(ctx context.Context, topic Topic, records Records) (Verdict, error)
}

// Topic is what a contract may know of a topic.
type Topic struct {
	Name   string
	ID     [16]byte
	Policy Policy
}

// Level says how much of a contract a topic asks for.
type Level uint8

// The levels. Registered is Confluent's schema validation: the id must name a schema that is registered under the
// subject that the Strategy says, the bytes are not looked at. Full demands that they decode completely, too.
const (
	Off Level = iota
	Registered
	Full
)

// Strategy says under which subject a part's schema must be registered.
type Strategy uint8

// The strategies are Confluent's: NAME-key or NAME-value; the schema's full name; NAME-FULLNAME. By the last two a topic
// holds records of many types.
const (
	TopicName Strategy = iota
	RecordName
	TopicRecordName
)

// Policy is a topic's contract as its configs say.
type Policy struct {
	Key, Value               Level
	KeySubject, ValueSubject Strategy
	// RejectNullValue refuses null values (tombstones) too; otherwise they pass.
	RejectNullValue bool
}

// Enabled reports whether there is anything to check.
func (p Policy) Enabled() bool { return p.Key != Off || p.Value != Off || p.RejectNullValue }

// Records are the records of one batch, decompressed once under a limit.
type Records interface {
	// Len is the number of records that the batch's header claims (and that its parser has verified).
	Len() int
	// Each calls f for each record in order until it returns false. The record's slices are valid only during the
	// call. It returns an error if the batch is malformed; the broker then refuses it as corrupt.
	Each(f func(index int, r Record) bool) error
}

// Record is one record of a batch. A nil Key or Value is a null.
type Record struct {
	Key, Value []byte
	Headers    []Header
}

// Header is one record header.
type Header struct {
	Key   string
	Value []byte
}

// Part says which part of a record a fault is in.
type Part uint8

// The parts of a record.
const (
	Value Part = iota
	Key
)

// String returns "value" or "key".
func (p Part) String() string {
	if p == Key {
		return "key"
	}
	return "value"
}

// Fault is one record that does not fit.
type Fault struct {
	Index    int // in the batch
	Part     Part
	SchemaID int32  // 0 if none could be read
	Pointer  string // the field's path, such as targets[2].id; empty if the whole part is at fault
	Reason   string // one line, for people
}

// SchemaUse counts the records of a batch that carry a schema id.
type SchemaUse struct {
	ID    int32
	Part  Part
	Count int
}

// Verdict is the answer: no faults means that the batch fits.
type Verdict struct {
	// Faults holds the first MaxFaults bad records, one entry each, in order of Index.
	Faults []Fault
	// Bad is the number of records that do not fit, which may be more than len(Faults).
	Bad int
	// Schemas are the schema ids seen.
	Schemas []SchemaUse
}

// MaxFaults bounds the faults that a verdict describes one by one.
const MaxFaults = 64
