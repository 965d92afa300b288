package serde

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/schema"
)

// JSONProducer sends values given as Avro's JSON, for tools that know a schema only when they run. Everything that is
// said of Producer holds.
type JSONProducer struct {
	*pipeline
	value *form
	codec *avro.Codec
}

// NewJSONProducer takes the schema from text, registering it unless cfg says otherwise, or, if text is empty, from
// the newest version of the subject.
func NewJSONProducer(ctx context.Context, cfg ProducerConfig, text string) (*JSONProducer, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	registry, err := NewRegistry(cfg.Registry)
	if err != nil {
		return nil, err
	}
	if text == "" {
		subject, err := cfg.Value.subject(cfg.Topic, ValuePart, nil)
		if err != nil {
			return nil, err
		}
		_, latest, err := registry.Latest(ctx, subject)
		if errors.Is(err, ErrRegistry) {
			return nil, failed(ErrRegistry, err, "topic %s has no schema; give one with --schema FILE", cfg.Topic)
		}
		if err != nil {
			return nil, err
		}
		text, cfg.Value.UseLatest = latest.Resolved(), true
	}
	value, err := newForm(ctx, registry, cfg.Topic, ValuePart, cfg.Value, text)
	if err != nil {
		return nil, err
	}
	writer, err := schema.Parse(text)
	if err != nil {
		return nil, failed(ErrEncoding, err, "the schema")
	}
	codec, err := avro.NewCodec(writer)
	if err != nil {
		return nil, failed(ErrEncoding, err, "topic %s", cfg.Topic)
	}
	line, err := newPipeline(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &JSONProducer{pipeline: line, value: value, codec: codec}, nil
}

// SchemaID returns the id that the producer's messages carry.
func (p *JSONProducer) SchemaID() int32 { return p.value.name.ID }

// Produce encodes a JSON value, or sends a tombstone if it is nil; otherwise it does what Producer.Produce does.
func (p *JSONProducer) Produce(ctx context.Context, key, value []byte, headers []Header, done func(Delivery, error)) error {
	rec := record(key, headers, time.Time{}, HeaderValueSchema)
	if value != nil {
		encoded, err := p.value.seal(rec, func(dst []byte) ([]byte, error) { return p.codec.FromJSON(dst, value) })
		if err != nil {
			return p.out.unfit(failed(ErrEncoding, err, "topic %s", p.topic))
		}
		rec.Value = encoded
	}
	return p.produce(ctx, rec, done)
}

// JSONDecoder turns consumed bytes into Avro's JSON. It is safe for concurrent use.
type JSONDecoder struct {
	registry *Registry
	codecs   onceMap[SchemaName, *avro.Codec]
}

// NewJSONDecoder decodes by the schemas of a registry.
func NewJSONDecoder(registry *Registry) *JSONDecoder { return &JSONDecoder{registry: registry} }

// Decode returns the JSON of a prefixed value and its schema id. Errors are of kind ErrDecoding, ErrRegistry or
// ErrNetwork.
func (d *JSONDecoder) Decode(ctx context.Context, b []byte) (text []byte, id int32, err error) {
	text, name, err := d.DecodePart(ctx, &kgo.Record{Value: b}, ValuePart)
	return text, name.ID, err
}

// DecodePart returns the JSON of a part of a record, whose schema a prefix or a header may name, and that name.
func (d *JSONDecoder) DecodePart(ctx context.Context, rec *kgo.Record, part Part) (text []byte, name SchemaName, err error) {
	name, payload, err := SplitRecord(rec, part)
	if err != nil {
		return nil, name, failed(ErrDecoding, err, "the %s", part)
	}
	codec, err := d.codecs.get(ctx, name, func(ctx context.Context) (*avro.Codec, error) {
		s, err := d.registry.Named(ctx, name)
		if err != nil {
			return nil, err
		}
		return avro.NewCodec(s)
	})
	if err != nil {
		return nil, name, err
	}
	if codec.Schema().Root().Kind == schema.Bytes {
		payload = avro.AppendBytes(nil, payload)
	}
	if text, err = codec.ToJSON(payload); err != nil {
		return nil, name, failed(ErrDecoding, err, "schema %s", name)
	}
	return text, name, nil
}
