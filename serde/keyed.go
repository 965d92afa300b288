package serde

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// KeyedMessage is one record whose key is typed, too. Most topics have keys of plain bytes or text, for which Message is
// enough; compacted topics and change data have keys of a schema.
type KeyedMessage[K, T any] struct {
	// Key decides the partition: keys of equal encoding go to one partition, in order. Nil may go anywhere.
	Key *K
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

// KeyedProducer sends keys and values of generated types to one topic. Everything that is said of Producer holds.
type KeyedProducer[K, T any] struct {
	*pipeline
	key, value  *form
	appendKey   func(dst []byte, v *K) ([]byte, error)
	appendValue func(dst []byte, v *T) ([]byte, error)
}

// NewKeyedProducer does what NewProducer does for the schemas of K and T; callers name these two only:
// NewKeyedProducer[order.ID, order.Order](…).
func NewKeyedProducer[K, T any, PK DatumOf[K], PT DatumOf[T]](ctx context.Context, cfg ProducerConfig) (*KeyedProducer[K, T], error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	registry, err := NewRegistry(cfg.Registry)
	if err != nil {
		return nil, err
	}
	keyText, _ := PK(new(K)).AvroSchema()
	key, err := newForm(ctx, registry, cfg.Topic, KeyPart, cfg.Key, keyText)
	if err != nil {
		return nil, err
	}
	valueText, _ := PT(new(T)).AvroSchema()
	value, err := newForm(ctx, registry, cfg.Topic, ValuePart, cfg.Value, valueText)
	if err != nil {
		return nil, err
	}
	line, err := newPipeline(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &KeyedProducer[K, T]{
		pipeline: line, key: key, value: value, appendKey: appendOf[K, PK], appendValue: appendOf[T, PT],
	}, nil
}

// SchemaIDs returns the ids of the schemas that the producer writes keys and values by.
func (p *KeyedProducer[K, T]) SchemaIDs() (key, value int32) { return p.key.name.ID, p.value.name.ID }

// Produce does what Producer.Produce does. A key that does not fit its schema is ErrEncoding, too.
func (p *KeyedProducer[K, T]) Produce(ctx context.Context, m *KeyedMessage[K, T], done func(Delivery, error)) error {
	rec := record(nil, m.Headers, m.Timestamp, HeaderKeySchema, HeaderValueSchema)
	var err error
	if m.Key != nil {
		rec.Key, err = p.key.seal(rec, func(dst []byte) ([]byte, error) { return p.appendKey(dst, m.Key) })
		if err != nil {
			return p.out.unfit(failed(ErrEncoding, err, "topic %s: the key", p.topic))
		}
	}
	if m.Value != nil {
		rec.Value, err = p.value.seal(rec, func(dst []byte) ([]byte, error) { return p.appendValue(dst, m.Value) })
		if err != nil {
			return p.out.unfit(failed(ErrEncoding, err, "topic %s", p.topic))
		}
	}
	return p.produce(ctx, rec, done)
}

// ProduceSync does what Producer.ProduceSync does.
func (p *KeyedProducer[K, T]) ProduceSync(ctx context.Context, messages ...*KeyedMessage[K, T]) ([]Delivery, error) {
	return produceSync(messages, func(m *KeyedMessage[K, T], done func(Delivery, error)) error { return p.Produce(ctx, m, done) })
}

// KeyedConsumer reads keys and values of generated types, whatever versions of their schemas they were written with. A
// record whose key does not decode is as bad as one whose value does not. Everything that is said of Consumer holds.
type KeyedConsumer[K, T any] struct{ *stream[KeyedMessage[K, T]] }

// NewKeyedConsumer does what NewConsumer does.
func NewKeyedConsumer[K, T any, PK DatumOf[K], PT DatumOf[T]](cfg ConsumerConfig) (*KeyedConsumer[K, T], error) {
	s, err := newStream[KeyedMessage[K, T]](cfg)
	if err != nil {
		return nil, err
	}
	key, err := openerOf[K, PK](s.registry, KeyPart, cfg.Decode)
	if err != nil {
		s.Close()
		return nil, err
	}
	value, err := openerOf[T, PT](s.registry, ValuePart, cfg.Decode)
	if err != nil {
		s.Close()
		return nil, err
	}
	s.decode = func(ctx context.Context, rec *kgo.Record) (*KeyedMessage[K, T], error) {
		m := &KeyedMessage[K, T]{
			Headers: headersOf(rec, HeaderKeySchema, HeaderValueSchema), Timestamp: rec.Timestamp,
			Topic: rec.Topic, Partition: rec.Partition, Offset: rec.Offset,
		}
		if rec.Key != nil {
			m.Key = new(K)
			if err := key.open(ctx, rec, PK(m.Key).DecodeAvro); err != nil {
				return nil, failed(ErrDecoding, err, "the key")
			}
		}
		if rec.Value == nil {
			return m, nil
		}
		m.Value = new(T)
		return m, value.open(ctx, rec, PT(m.Value).DecodeAvro)
	}
	return &KeyedConsumer[K, T]{s}, nil
}
