package serde

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/compat"
	"github.com/typelog/typelog/serde/avro/schema"
)

// SchemaConfig says by which schema of the registry a part of a topic's records is written. The zero value registers the
// schema of the Go type, if it is new, under the subject TopicName.
//
// With UseLatest and UseID the registry decides: each value is encoded by the schema of its Go type and then resolved to
// the registry's schema, which is as valid as if it had been written by it. NewProducer refuses a schema of the registry
// that could not read all values of the type (ErrIncompatible).
type SchemaConfig struct {
	// Subject names the subject; nil is TopicName.
	Subject SubjectName
	// NoRegister demands that the schema is registered already.
	NoRegister bool
	// UseLatest writes by the newest version of the subject, as it is when the producer is made.
	UseLatest bool
	// UseID writes by the schema with this id, which must be one of the subject's.
	UseID int32
	// Normalize lets the registry compare and register a normal form of the schema.
	Normalize bool
	// References are the versions of other subjects that define types of the schema: it is registered without their text.
	References []Reference
	// IDInHeader names the schema by its GUID in a header of the record and leaves the payload bare. The registry must give
	// GUIDs, and readers must know this form.
	IDInHeader bool
}

func (cfg *SchemaConfig) check() error {
	if cfg.UseLatest && cfg.UseID != 0 {
		return errors.New("serde: UseLatest and UseID exclude each other")
	}
	if (cfg.UseLatest || cfg.UseID != 0) && (cfg.Normalize || len(cfg.References) > 0) {
		return errors.New("serde: Normalize and References are for registering a schema; UseLatest and UseID take the registry's")
	}
	if cfg.Subject == nil {
		cfg.Subject = TopicName
	}
	return nil
}

// form is how a producer writes one part of its records. It is immutable and safe for concurrent use.
type form struct {
	part    Part
	name    SchemaName
	header  []byte           // the header's value if the name stands there
	project *avro.Resolution // to the schema that is named, if that is another than the type's
	bare    bool             // the root is bytes: no length
}

// newForm finds or registers the schema by which values of the schema text are written.
func newForm(ctx context.Context, registry *Registry, topic string, part Part, cfg SchemaConfig, text string) (*form, error) {
	own, err := schema.Parse(text)
	if err != nil {
		return nil, failed(ErrEncoding, err, "the schema in the generated code")
	}
	f := &form{part: part}
	subject, err := cfg.subject(topic, part, own.Root())
	if err != nil {
		return nil, err
	}
	target := own
	switch {
	case cfg.UseID != 0:
		f.name, target, err = registry.registered(ctx, subject, cfg.UseID, cfg.IDInHeader)
	case cfg.UseLatest:
		f.name, target, err = registry.latest(ctx, subject, cfg.IDInHeader)
	default:
		f.name, err = registry.Name(ctx, Registration{Subject: subject, Text: text, References: cfg.References, Normalize: cfg.Normalize},
			!cfg.NoRegister, cfg.IDInHeader)
	}
	if err == nil && target != own {
		f.project, err = projection(own, target, subject, f.name)
	}
	if err != nil {
		return nil, err
	}
	f.bare = target.Root().Kind == schema.Bytes
	if cfg.IDInHeader {
		f.header = append([]byte{1}, f.name.GUID[:]...)
	}
	return f, nil
}

// projection returns the plan from a type's schema to the registry's, nil if the bytes are the same, once it is sure that
// the registry's can read whatever the type's writes.
func projection(own, target *schema.Schema, subject string, name SchemaName) (*avro.Resolution, error) {
	if faults := compat.Check(target, own); len(faults) > 0 {
		var why []string
		for _, f := range faults[:min(len(faults), 5)] {
			why = append(why, fmt.Sprintf("%s at %q (%s); %s", f.Message, f.Pointer, f.Kind, f.Mend))
		}
		return nil, failed(ErrIncompatible, errors.New(strings.Join(why, "; ")), "schema %s of subject %s cannot read all values of this type", name, subject)
	}
	plan, err := avro.Resolve(own, target)
	if err != nil {
		return nil, failed(ErrIncompatible, err, "schema %s of subject %s cannot read all values of this type", name, subject)
	}
	if plan.Same() {
		return nil, nil
	}
	return plan, nil
}

// seal returns the payload of a part whose datum, by the type's own schema, encode appends, and adds the header that rec
// needs.
func (f *form) seal(rec *kgo.Record, encode func(dst []byte) ([]byte, error)) ([]byte, error) {
	out := make([]byte, 0, 512)
	if f.header == nil {
		out = AppendPrefix(out, f.name.ID)
	}
	if f.project == nil && !f.bare {
		out, err := encode(out)
		if err == nil {
			f.addHeader(rec)
		}
		return out, err
	}
	datum, err := encode(nil)
	if err == nil && f.project != nil {
		datum, err = f.project.Append(nil, datum)
	}
	if err != nil {
		return nil, err
	}
	if f.bare {
		_, n := binary.Varint(datum) // zigzag, as Avro's lengths are
		datum = datum[n:]
	}
	f.addHeader(rec)
	return append(out, datum...), nil
}

func (f *form) addHeader(rec *kgo.Record) {
	if f.header != nil {
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: headerOf(f.part), Value: f.header})
	}
}

// opener decodes one part of consumed records, whichever schema they are written by. It is for one goroutine.
type opener struct {
	part     Part
	registry *Registry
	reader   *schema.Schema
	options  avro.DecodeOptions
	writers  map[SchemaName]writtenBy
}

// writtenBy is how to read what was written by one schema.
type writtenBy struct {
	plan *avro.Resolution
	bare bool // the root is bytes: no length

	err   error     // why it cannot be read
	until time.Time // when to ask again; zero: never
}

// askAgain is how long a schema that the registry does not have is believed to be missing, so that a flood of bad records
// is none of questions.
const askAgain = 5 * time.Second

func newOpener(registry *Registry, part Part, text string, options avro.DecodeOptions) (*opener, error) {
	reader, err := schema.Parse(text)
	if err != nil {
		return nil, failed(ErrDecoding, err, "the schema in the generated code")
	}
	return &opener{part: part, registry: registry, reader: reader, options: options, writers: map[SchemaName]writtenBy{}}, nil
}

// open decodes with decode, a type's DecodeAvro.
func (o *opener) open(ctx context.Context, rec *kgo.Record, decode func(src []byte, opts avro.DecodeOptions) error) error {
	name, payload, err := SplitRecord(rec, o.part)
	if err != nil {
		return err
	}
	writer, err := o.writer(ctx, name)
	if err != nil {
		return err
	}
	if writer.bare {
		payload = avro.AppendBytes(make([]byte, 0, len(payload)+binary.MaxVarintLen64), payload)
	}
	opts := o.options
	opts.Writer = writer.plan
	return decode(payload, opts)
}

// writer returns how to read what a schema wrote. It waits for a registry that does not answer, so that a restart of it
// costs a consumer nothing.
func (o *opener) writer(ctx context.Context, name SchemaName) (writtenBy, error) {
	w, ok := o.writers[name]
	if ok && (w.until.IsZero() || time.Now().Before(w.until)) {
		return w, w.err
	}
	w = writtenBy{}
	written, err := o.registry.patiently(ctx, name)
	switch {
	case errors.Is(err, ErrNetwork):
		return w, err
	case err != nil:
		w.err, w.until = err, time.Now().Add(askAgain)
	default:
		w.bare = written.Root().Kind == schema.Bytes
		w.plan, w.err = avro.Resolve(written, o.reader)
	}
	if len(o.writers) >= maxWriters {
		clear(o.writers)
	}
	o.writers[name] = w
	return w, w.err
}

// maxWriters bounds how many plans a consumer keeps.
const maxWriters = 10_000
