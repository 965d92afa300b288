// Package serde is the typed client: producers and consumers of values that typelog generates from an Avro schema,
// over franz-go, with Confluent's wire format on every message. It speaks the Kafka protocol and the registry's HTTP
// API and works with any broker and any Confluent-compatible registry.
//
//	value -> AppendAvro -> prefix (schema id from the registry) -> lane of its partition -> kgo -> broker
//	broker -> kgo -> prefix -> writer's schema from the registry -> resolution -> DecodeAvro -> value
//
// A producer validates each value before it sends it, so a bad one fails alone and its error says where. If the
// broker refuses a batch all the same, the producer finds the records at fault and produces the others again, in
// order (see lane.go). A consumer never drops a record in silence (see OnBad), and sees no record that was not committed.
//
// In the transactions of a Transactor no message fails alone: what its producers send and its consumer reads takes effect
// as a whole or not at all.
package serde

import (
	"errors"
	"fmt"
	"time"

	"github.com/typelog/typelog/serde/avro"
)

// DatumOf is the constraint that ties a generated type T to its pointer methods. Callers name T only:
// NewProducer[audit.AuditEvent](…).
type DatumOf[T any] interface {
	*T
	avro.Datum
}

// Header is a record header.
type Header struct {
	Key   string
	Value []byte
}

// Message is one record with a typed value.
type Message[T any] struct {
	// Key decides the partition: equal keys go to one partition, in order. A nil key may go anywhere.
	Key []byte
	// Value is nil for a tombstone.
	Value   *T
	Headers []Header
	// Timestamp is set by the producer if it is zero.
	Timestamp time.Time

	// Topic, Partition and Offset say where a consumed message stood. A producer ignores them.
	Topic     string
	Partition int32
	Offset    int64
}

// Delivery says where a produced message stands.
type Delivery struct {
	Partition int32
	Offset    int64
}

// Kinds of errors, to be told apart with errors.Is. The errors that wrap them say what happened and what to do.
var (
	// ErrEncoding: the value does not fit its schema. The message alone failed; errors.As finds the *avro.Error that
	// names the field.
	ErrEncoding = errors.New("the value does not fit its schema")
	// ErrDecoding: the bytes of a consumed record do not decode.
	ErrDecoding = errors.New("the record does not decode")
	// ErrRegistry: the registry refused, or does not have, what was asked for.
	ErrRegistry = errors.New("the registry refused")
	// ErrIncompatible: the registry refused the schema because it breaks readers or writers of the subject.
	ErrIncompatible = errors.New("the schema is incompatible")
	// ErrNetwork: the registry or broker did not answer; trying again later may help.
	ErrNetwork = errors.New("no answer")
	// ErrRefused: the broker refused this message; the others were not touched.
	ErrRefused = errors.New("the broker refused the message")
	// ErrSchemaRefused: the broker refuses every message, so it is the schema or the topic's contract that does not
	// fit. The producer has stopped; what it held failed with this error and nothing of it was stored.
	ErrSchemaRefused = errors.New("the broker refuses every message")
	// ErrAborted: the transaction was aborted, so that no reader sees anything of it and none of its offsets moved. The
	// error that wraps it is of the cause's kind, too. A failed Run that is not ErrAborted may have been committed.
	ErrAborted = errors.New("the transaction was aborted")
	// ErrFenced: another Transactor with the same ID took over, or the broker aborted a transaction that was open for
	// longer than its timeout. The Transactor is of no more use.
	ErrFenced = errors.New("fenced")
	// ErrClosed: the producer or consumer was closed.
	ErrClosed = errors.New("closed")
)

// kinded gives an error one of the kinds above and keeps its cause reachable.
type kinded struct {
	kind  error
	what  string
	cause error
}

func (e *kinded) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("%s: %v", e.what, e.kind)
	}
	return fmt.Sprintf("%s: %v: %v", e.what, e.kind, e.cause)
}

func (e *kinded) Unwrap() []error { return []error{e.kind, e.cause} }

func failed(kind error, cause error, what string, args ...any) error {
	return &kinded{kind: kind, what: fmt.Sprintf(what, args...), cause: cause}
}
