package serde

import (
	"context"
	"errors"
	"time"

	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/schema"
)

// JSONProducer sends values given as Avro's JSON, for tools that know a schema only when they run. Everything that is
// said of Producer holds.
type JSONProducer struct {
	*pipeline
	id    int32
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
	id, writer, err := jsonSchema(ctx, registry, cfg, text)
	if err != nil {
		return nil, err
	}
	codec, err := avro.NewCodec(writer)
	if err != nil {
		return nil, failed(ErrEncoding, err, "topic %s", cfg.Topic)
	}
	line, err := newPipeline(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &JSONProducer{pipeline: line, id: id, codec: codec}, nil
}

func jsonSchema(ctx context.Context, registry *Registry, cfg ProducerConfig, text string) (int32, *schema.Schema, error) {
	if text == "" {
		subject := cfg.Subject(cfg.Topic, ValuePart, "")
		id, s, err := registry.Latest(ctx, subject)
		if errors.Is(err, ErrRegistry) {
			return 0, nil, failed(ErrRegistry, err, "topic %s has no schema; give one with --schema FILE", cfg.Topic)
		}
		return id, s, err
	}
	s, err := schema.Parse(text)
	if err != nil {
		return 0, nil, failed(ErrEncoding, err, "the schema")
	}
	subject := cfg.Subject(cfg.Topic, ValuePart, s.Root().FullName())
	ask := registry.Register
	if cfg.NoRegister {
		ask = registry.Lookup
	}
	id, err := ask(ctx, subject, text)
	return id, s, err
}

// SchemaID returns the id that the producer's messages carry.
func (p *JSONProducer) SchemaID() int32 { return p.id }

// Produce encodes a JSON value, or sends a tombstone if it is nil; otherwise it does what Producer.Produce does.
func (p *JSONProducer) Produce(ctx context.Context, key, value []byte, headers []Header, done func(Delivery, error)) error {
	rec := record(key, headers, time.Time{})
	if value != nil {
		encoded, err := p.codec.FromJSON(AppendPrefix(make([]byte, 0, 512), p.id), value)
		if err != nil {
			return failed(ErrEncoding, err, "topic %s", p.topic)
		}
		rec.Value = encoded
	}
	return p.produce(ctx, rec, done)
}

// JSONDecoder turns consumed bytes into Avro's JSON. It is safe for concurrent use.
type JSONDecoder struct {
	registry *Registry
	codecs   onceMap[int32, *avro.Codec]
}

// NewJSONDecoder decodes by the schemas of a registry.
func NewJSONDecoder(registry *Registry) *JSONDecoder { return &JSONDecoder{registry: registry} }

// Decode returns the JSON of a prefixed value and its schema id. Errors are of kind ErrDecoding, ErrRegistry or
// ErrNetwork.
func (d *JSONDecoder) Decode(ctx context.Context, b []byte) (text []byte, id int32, err error) {
	id, payload, err := SplitPrefix(b)
	if err != nil {
		return nil, 0, failed(ErrDecoding, err, "value of %d bytes", len(b))
	}
	codec, err := d.codecs.get(ctx, id, func(ctx context.Context) (*avro.Codec, error) {
		s, err := d.registry.Schema(ctx, id)
		if err != nil {
			return nil, err
		}
		return avro.NewCodec(s)
	})
	if err != nil {
		return nil, id, err
	}
	if text, err = codec.ToJSON(payload); err != nil {
		return nil, id, failed(ErrDecoding, err, "schema id %d", id)
	}
	return text, id, nil
}
