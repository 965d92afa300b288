package serde

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/schema"
)

// ConsumerConfig says what a Consumer reads. Brokers, Registry and Topics are required; the rest may stay zero.
type ConsumerConfig struct {
	Brokers  []string // host:port
	Registry string   // URL
	Topics   []string

	// Group is the consumer group that shares the partitions and keeps the offsets. Without one the consumer reads
	// every partition from the start and commits nothing.
	Group string
	// OnBad decides what becomes of a record whose bytes do not decode; nil is Stop.
	OnBad OnBad
	// Decode adds to how values are decoded (limits, aliasing); Writer is set by the consumer.
	Decode avro.DecodeOptions
	// Client adds options to the Kafka client: TLS, SASL, client id, session timeout.
	Client []kgo.Opt
}

// Consumer reads values of one generated type, whatever version of the schema they were written with. Its methods
// are called by one goroutine; Close may be called by another.
//
// Nothing is committed before it was processed: a loop over Messages marks a message as processed when it asks for the
// next one; what Poll returned is marked by the next call to Commit. After a crash the group goes on behind the last
// commit, so a message may be seen again, and none is left out.
type Consumer[T any] struct {
	cfg      ConsumerConfig
	client   *kgo.Client
	registry *Registry
	reader   *schema.Schema
	decode   func(v *T, src []byte, opts avro.DecodeOptions) error

	writers map[int32]*avro.Resolution // by schema id
	pending []*kgo.Record              // fetched, not decoded yet
	polled  []*kgo.Record              // decoded or given to OnBad, not marked yet

	closing sync.Once
}

// NewConsumer connects and, with a group, joins it at the first poll.
func NewConsumer[T any, P DatumOf[T]](cfg ConsumerConfig) (*Consumer[T], error) {
	if len(cfg.Brokers) == 0 || cfg.Registry == "" || len(cfg.Topics) == 0 {
		return nil, errors.New("serde: a consumer needs Brokers, Registry and Topics")
	}
	if cfg.OnBad == nil {
		cfg.OnBad = Stop
	}
	text, _ := P(new(T)).AvroSchema()
	reader, err := schema.Parse(text)
	if err != nil {
		return nil, failed(ErrDecoding, err, "the schema in the generated code")
	}
	registry, err := NewRegistry(cfg.Registry)
	if err != nil {
		return nil, err
	}
	opts := append([]kgo.Opt{kgo.ClientID("typelog")}, cfg.Client...)
	opts = append(opts, kgo.SeedBrokers(cfg.Brokers...), kgo.ConsumeTopics(cfg.Topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if cfg.Group != "" {
		opts = append(opts, kgo.ConsumerGroup(cfg.Group), kgo.AutoCommitMarks(), kgo.BlockRebalanceOnPoll())
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, failed(ErrNetwork, err, "kafka client")
	}
	return &Consumer[T]{
		cfg: cfg, client: client, registry: registry, reader: reader,
		decode:  func(v *T, src []byte, opts avro.DecodeOptions) error { return P(v).DecodeAvro(src, opts) },
		writers: map[int32]*avro.Resolution{},
	}, nil
}

// Client returns the Kafka client below, to ask for lag or offsets. Do not poll it.
func (c *Consumer[T]) Client() *kgo.Client { return c.client }

// Poll waits for messages and returns up to limit of them (limit < 1: as many as came). Bad records go to OnBad and are
// left out. The messages that come with an error are those before what is at fault; the next Poll goes on at it.
func (c *Consumer[T]) Poll(ctx context.Context, limit int) ([]*Message[T], error) {
	if err := c.fill(ctx); err != nil {
		return nil, err
	}
	var messages []*Message[T]
	for len(c.pending) > 0 && (limit < 1 || len(messages) < limit) {
		m, err := c.next(ctx)
		if err != nil {
			return messages, err
		}
		if m != nil {
			messages = append(messages, m)
		}
	}
	return messages, nil
}

// fill fetches records if none is pending. It may return with none.
func (c *Consumer[T]) fill(ctx context.Context) error {
	if len(c.pending) > 0 {
		return nil
	}
	if c.cfg.Group != "" {
		c.client.AllowRebalance()
	}
	fetches := c.client.PollFetches(ctx)
	c.pending = fetches.Records()
	if len(c.pending) > 0 {
		return nil // an error beside them comes again
	}
	if err := ctx.Err(); err != nil {
		return failed(ErrNetwork, err, "topics %v", c.cfg.Topics)
	}
	if fetches.IsClientClosed() {
		return failed(ErrClosed, kgo.ErrClientClosed, "topics %v", c.cfg.Topics)
	}
	for _, e := range fetches.Errors() {
		return networkOr(e.Err, "topic %s partition %d", e.Topic, e.Partition)
	}
	return nil
}

// next decodes the first pending record; nil means that OnBad took it. After an error the record is still pending.
func (c *Consumer[T]) next(ctx context.Context) (*Message[T], error) {
	rec := c.pending[0]
	m, err := c.message(ctx, rec)
	if err != nil {
		return nil, err
	}
	c.pending = c.pending[1:]
	c.polled = append(c.polled, rec)
	return m, nil
}

// message decodes a record; nil means that OnBad took it.
func (c *Consumer[T]) message(ctx context.Context, rec *kgo.Record) (*Message[T], error) {
	m := &Message[T]{
		Key: rec.Key, Timestamp: rec.Timestamp,
		Topic: rec.Topic, Partition: rec.Partition, Offset: rec.Offset,
	}
	for _, h := range rec.Headers {
		m.Headers = append(m.Headers, Header{Key: h.Key, Value: h.Value})
	}
	if rec.Value == nil {
		return m, nil
	}
	m.Value = new(T)
	err := c.decodeValue(ctx, m.Value, rec.Value)
	if err == nil {
		return m, nil
	}
	err = failed(ErrDecoding, err, "topic %s partition %d offset %d", rec.Topic, rec.Partition, rec.Offset)
	if errors.Is(err, ErrNetwork) {
		return nil, err // not the record's fault
	}
	return nil, c.cfg.OnBad(ctx, rec, err)
}

func (c *Consumer[T]) decodeValue(ctx context.Context, v *T, b []byte) error {
	id, payload, err := SplitPrefix(b)
	if err != nil {
		return err
	}
	opts := c.cfg.Decode
	if opts.Writer, err = c.writer(ctx, id); err != nil {
		return err
	}
	return c.decode(v, payload, opts)
}

// writer returns how to read what was written under a schema id. It waits for a registry that does not answer, so
// that a restart of it costs a consumer nothing.
func (c *Consumer[T]) writer(ctx context.Context, id int32) (*avro.Resolution, error) {
	if res, ok := c.writers[id]; ok {
		return res, nil
	}
	written, err := c.registry.Schema(ctx, id)
	for wait := 100 * time.Millisecond; errors.Is(err, ErrNetwork) && ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		select {
		case <-time.After(wait):
			written, err = c.registry.Schema(ctx, id)
		case <-ctx.Done():
		}
	}
	if err != nil {
		return nil, err
	}
	res, err := avro.Resolve(written, c.reader)
	if err != nil {
		return nil, err
	}
	c.writers[id] = res
	return res, nil
}

// Messages iterates until ctx ends, which ends the loop without an error, or something fails, which is the last pair.
// A message counts as processed when the loop asks for the next; the one at which a loop is left does not, unless
// Commit is called.
//
//	for m, err := range consumer.Messages(ctx) {
//		if err != nil {
//			return err
//		}
//		…
//	}
func (c *Consumer[T]) Messages(ctx context.Context) iter.Seq2[*Message[T], error] {
	return func(yield func(*Message[T], error) bool) {
		for {
			var m *Message[T]
			err := c.fill(ctx)
			if err == nil && len(c.pending) > 0 {
				m, err = c.next(ctx)
			}
			if err != nil {
				if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
					yield(nil, err)
				}
				return
			}
			if m == nil {
				continue
			}
			if !yield(m, nil) {
				return
			}
			c.mark()
		}
	}
}

// mark says that everything polled so far is processed.
func (c *Consumer[T]) mark() {
	if c.cfg.Group != "" && len(c.polled) > 0 {
		c.client.MarkCommitRecords(c.polled...)
	}
	c.polled = c.polled[:0]
}

// Commit marks everything that Poll returned as processed and commits it; it returns once the group's offsets are
// durable on the broker.
func (c *Consumer[T]) Commit(ctx context.Context) error {
	c.mark()
	if c.cfg.Group == "" {
		return nil
	}
	if err := c.client.CommitMarkedOffsets(ctx); err != nil {
		return networkOr(err, "group %s", c.cfg.Group)
	}
	return nil
}

// Close commits what is marked, leaves the group and disconnects. What Poll returned and Commit did not mark will be
// seen again.
func (c *Consumer[T]) Close() {
	c.closing.Do(func() {
		if c.cfg.Group != "" {
			c.client.CloseAllowingRebalance()
			return
		}
		c.client.Close()
	})
}
