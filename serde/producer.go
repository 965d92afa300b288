package serde

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ProducerConfig says where a Producer sends to. Topic is required; the rest may stay zero.
type ProducerConfig struct {
	Brokers  []string // host:port; nil is DefaultBroker
	Registry string   // URL; "" is DefaultRegistry
	Topic    string

	// Value says by which schema values are written; Key, for a KeyedProducer, the same of keys.
	Value, Key SchemaConfig
	// Transactor, if there is one, makes the producer send in its transactions only. Brokers and Client are then its.
	Transactor *Transactor
	// CreateTopic lets the broker create a missing topic if its auto.create.topics.enable is on.
	CreateTopic bool
	// MaxBuffered and MaxBufferedBytes bound the messages that wait for the broker; Produce blocks at them. 0 is
	// DefaultMaxBuffered and DefaultMaxBufferedBytes. A message that is larger than all the room is taken alone.
	MaxBuffered      int
	MaxBufferedBytes int
	// Client adds options to the Kafka client: TLS, SASL, client id, compression. They cannot change what this
	// package relies on: the partitioner, idempotence and acks=all.
	Client []kgo.Opt
}

// Producer sends values of one generated type to one topic. It is safe for concurrent use. Messages of one key, sent
// by one goroutine, are stored in order, each once, whatever happens to connections or to other messages.
type Producer[T any] struct {
	*pipeline
	value  *form
	append func(dst []byte, v *T) ([]byte, error)
}

// NewProducer connects, registers (or looks up) the schema of T, and finds the topic. Its errors tell apart what is
// wrong: ErrNetwork, ErrRegistry, ErrIncompatible, ErrRefused.
func NewProducer[T any, P DatumOf[T]](ctx context.Context, cfg ProducerConfig) (*Producer[T], error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	registry, err := NewRegistry(cfg.Registry)
	if err != nil {
		return nil, err
	}
	text, _ := P(new(T)).AvroSchema()
	value, err := newForm(ctx, registry, cfg.Topic, ValuePart, cfg.Value, text)
	if err != nil {
		return nil, err
	}
	line, err := newPipeline(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &Producer[T]{pipeline: line, value: value, append: appendOf[T, P]}, nil
}

// appendOf is a type's AppendAvro as a function.
func appendOf[T any, P DatumOf[T]](dst []byte, v *T) ([]byte, error) { return P(v).AppendAvro(dst) }

// SchemaID returns the id of the schema that the producer writes values by.
func (p *Producer[T]) SchemaID() int32 { return p.value.name.ID }

// Produce sends a message and returns once it is buffered; done is called exactly once with its fate, in order for
// messages of one partition, and must not block. If Produce returns an error, the message was not taken and done is not
// called: the value does not fit its schema (ErrEncoding), ctx ended while the buffer was full, or the producer stopped
// (ErrSchemaRefused) or was closed (ErrClosed). The message and what it points to may be used again at once.
//
// With a Transactor, a message is stored for readers only once its transaction is committed, and any failure makes
// that impossible.
func (p *Producer[T]) Produce(ctx context.Context, m *Message[T], done func(Delivery, error)) error {
	rec := record(m.Key, m.Headers, m.Timestamp, HeaderValueSchema)
	if m.Value != nil {
		value, err := p.value.seal(rec, func(dst []byte) ([]byte, error) { return p.append(dst, m.Value) })
		if err != nil {
			return p.out.unfit(failed(ErrEncoding, err, "topic %s", p.topic))
		}
		rec.Value = value
	}
	return p.produce(ctx, rec, done)
}

// ProduceSync sends messages and waits until each is stored or has failed. It returns the deliveries in order and the
// first error; messages behind a failed one may be stored all the same.
func (p *Producer[T]) ProduceSync(ctx context.Context, messages ...*Message[T]) ([]Delivery, error) {
	return produceSync(messages, func(m *Message[T], done func(Delivery, error)) error { return p.Produce(ctx, m, done) })
}

func produceSync[M any](messages []M, produce func(M, func(Delivery, error)) error) ([]Delivery, error) {
	deliveries := make([]Delivery, len(messages))
	errs := make([]error, len(messages))
	var wg sync.WaitGroup
	for i, m := range messages {
		wg.Add(1)
		err := produce(m, func(d Delivery, err error) {
			deliveries[i], errs[i] = d, err
			wg.Done()
		})
		if err != nil {
			errs[i] = err
			wg.Done()
		}
	}
	wg.Wait()
	return deliveries, firstError(errs)
}

func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
