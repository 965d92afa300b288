package serde

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/serde/avro"
)

// ConsumerConfig says what a Consumer reads. Topics is required; the rest may stay zero.
type ConsumerConfig struct {
	Brokers  []string // host:port; nil is DefaultBroker
	Registry string   // URL; "" is DefaultRegistry
	Topics   []string

	// Group is the consumer group that shares the partitions and keeps the offsets. Without one the consumer reads
	// every partition from the start and commits nothing.
	Group string
	// Transactor, if there is one, gives the consumer its brokers, topics and group, which are left out here, and what is
	// polled in a transaction is processed if and only if that is committed.
	Transactor *Transactor
	// ReadUncommitted shows records of transactions that are under way or were aborted, too. By default a consumer, unlike
	// Kafka's own, sees no record that can still be taken back: an event that never happened must not be in anybody's
	// audit. The price is that it waits behind a transaction that is open.
	ReadUncommitted bool
	// OnBad decides what becomes of a record whose bytes do not decode; nil is Stop.
	OnBad OnBad
	// Decode adds to how keys and values are decoded (limits, aliasing); Writer is set by the consumer.
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
type Consumer[T any] struct{ *stream[Message[T]] }

// NewConsumer connects and, with a group, joins it at the first poll.
func NewConsumer[T any, P DatumOf[T]](cfg ConsumerConfig) (*Consumer[T], error) {
	s, err := newStream[Message[T]](cfg)
	if err != nil {
		return nil, err
	}
	value, err := openerOf[T, P](s.registry, ValuePart, cfg.Decode)
	if err != nil {
		s.Close()
		return nil, err
	}
	s.decode = func(ctx context.Context, rec *kgo.Record) (*Message[T], error) {
		m := &Message[T]{
			Key: rec.Key, Headers: headersOf(rec, HeaderValueSchema), Timestamp: rec.Timestamp,
			Topic: rec.Topic, Partition: rec.Partition, Offset: rec.Offset,
		}
		if rec.Value == nil {
			return m, nil
		}
		m.Value = new(T)
		return m, value.open(ctx, rec, P(m.Value).DecodeAvro)
	}
	return &Consumer[T]{s}, nil
}

// Consume makes a consumer, iterates as Messages does, and closes the consumer when the loop ends. What was processed is
// committed by then, so that the next one of the group goes on behind it.
//
//	for m, err := range serde.Consume[order.Order](ctx, serde.ConsumerConfig{Topics: []string{"orders"}, Group: "mail"}) {
//		…
//	}
func Consume[T any, P DatumOf[T]](ctx context.Context, cfg ConsumerConfig) iter.Seq2[*Message[T], error] {
	return func(yield func(*Message[T], error) bool) {
		c, err := NewConsumer[T, P](cfg)
		if err != nil {
			yield(nil, err)
			return
		}
		defer c.Close()
		c.Messages(ctx)(yield)
	}
}

func openerOf[T any, P DatumOf[T]](registry *Registry, part Part, options avro.DecodeOptions) (*opener, error) {
	text, _ := P(new(T)).AvroSchema()
	return newOpener(registry, part, text, options)
}

// headersOf copies a record's headers but those that the client itself reads.
func headersOf(rec *kgo.Record, but ...string) []Header {
	var out []Header
	for _, h := range rec.Headers {
		if !slices.Contains(but, h.Key) {
			out = append(out, Header{Key: h.Key, Value: h.Value})
		}
	}
	return out
}

// stream is what every consumer is built on, whatever it decodes: it fetches records, turns them into messages M, and keeps
// what is fetched, polled, and processed apart.
type stream[M any] struct {
	cfg      ConsumerConfig
	client   func() *kgo.Client
	txn      *Transactor // nil if it reads outside transactions
	registry *Registry
	decode   func(ctx context.Context, rec *kgo.Record) (*M, error)

	pending []*kgo.Record // fetched, not decoded yet
	polled  []*kgo.Record // decoded or given to OnBad, not marked yet

	closing sync.Once
}

func newStream[M any](cfg ConsumerConfig) (*stream[M], error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	registry, err := NewRegistry(cfg.Registry)
	if err != nil {
		return nil, err
	}
	s := &stream[M]{cfg: cfg, registry: registry, txn: cfg.Transactor}
	if s.txn != nil {
		s.client = s.txn.Client
		return s, s.txn.attach(s)
	}
	fixed := reading(cfg.Topics)
	if !cfg.ReadUncommitted {
		fixed = append(fixed, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	if cfg.Group != "" {
		fixed = append(fixed, kgo.ConsumerGroup(cfg.Group), kgo.AutoCommitMarks(), kgo.BlockRebalanceOnPoll())
	}
	client, err := kgo.NewClient(clientOpts(cfg.Brokers, cfg.Client, fixed...)...)
	if err != nil {
		return nil, failed(ErrNetwork, err, "kafka client")
	}
	s.client = func() *kgo.Client { return client }
	return s, nil
}

// reading are the options of everything that reads. Markers of transactions are kept, so that a group's offsets get behind
// them and to the end of a partition.
func reading(topics []string) []kgo.Opt {
	return []kgo.Opt{kgo.ConsumeTopics(topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.KeepControlRecords()}
}

func (cfg *ConsumerConfig) check() error {
	if cfg.OnBad == nil {
		cfg.OnBad = Stop
	}
	if t := cfg.Transactor; t != nil {
		if len(cfg.Brokers) > 0 || len(cfg.Topics) > 0 || cfg.Group != "" || len(cfg.Client) > 0 || cfg.ReadUncommitted {
			return errors.New("serde: Brokers, Topics, Group and Client are the Transactor's, which always reads what is committed; " +
				"leave them out of the ConsumerConfig")
		}
		cfg.Topics, cfg.Group = t.cfg.Topics, t.cfg.Group
	}
	if len(cfg.Topics) == 0 {
		return errors.New("serde: a consumer needs Topics")
	}
	cfg.Brokers, cfg.Registry = orDefault(cfg.Brokers, cfg.Registry)
	return nil
}

// Client returns the Kafka client below, to ask for lag or offsets. Do not poll it.
func (c *stream[M]) Client() *kgo.Client { return c.client() }

// Poll waits for messages and returns up to limit of them (limit < 1: as many as came). Bad records go to OnBad and are
// left out. The messages that come with an error are those before what is at fault; the next Poll goes on at it.
func (c *stream[M]) Poll(ctx context.Context, limit int) ([]*M, error) {
	if err := c.fill(ctx, limit); err != nil {
		return nil, err
	}
	var messages []*M
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

// fill fetches records if none is pending. It may return with none. In a transaction it fetches no more than limit (< 1:
// maxPolled), because everything that was fetched is committed with it.
func (c *stream[M]) fill(ctx context.Context, limit int) error {
	if len(c.pending) > 0 {
		return nil
	}
	var fetches kgo.Fetches
	if c.txn != nil {
		var err error
		if fetches, err = c.txn.poll(ctx, limit); err != nil {
			return err
		}
	} else {
		if c.cfg.Group != "" {
			c.client().AllowRebalance()
		}
		fetches = c.client().PollFetches(ctx)
	}
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

// next decodes the first pending record; nil means that OnBad took it, or that it is the marker of a transaction. After an
// error the record is still pending.
func (c *stream[M]) next(ctx context.Context) (*M, error) {
	rec := c.pending[0]
	var m *M
	if !rec.Attrs.IsControl() {
		var err error
		if m, err = c.message(ctx, rec); err != nil {
			return nil, err
		}
	}
	c.pending = c.pending[1:]
	c.polled = append(c.polled, rec)
	return m, nil
}

// message decodes a record; nil means that OnBad took it.
func (c *stream[M]) message(ctx context.Context, rec *kgo.Record) (*M, error) {
	m, err := c.decode(ctx, rec)
	if err == nil {
		return m, nil
	}
	err = failed(ErrDecoding, err, "topic %s partition %d offset %d", rec.Topic, rec.Partition, rec.Offset)
	if errors.Is(err, ErrNetwork) {
		return nil, err // not the record's fault
	}
	return nil, c.cfg.OnBad(ctx, rec, err)
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
func (c *stream[M]) Messages(ctx context.Context) iter.Seq2[*M, error] {
	return func(yield func(*M, error) bool) {
		for {
			var m *M
			err := c.fill(ctx, 1)
			if err == nil && len(c.pending) > 0 {
				m, err = c.next(ctx)
			}
			if err != nil {
				if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
					yield(nil, err)
				}
				return
			}
			if m != nil && !yield(m, nil) {
				return
			}
			c.mark()
		}
	}
}

// mark says that everything polled so far is processed.
func (c *stream[M]) mark() {
	if c.cfg.Group != "" && c.txn == nil && len(c.polled) > 0 {
		c.client().MarkCommitRecords(c.polled...)
	}
	c.polled = c.polled[:0]
}

// undecided is how many records were fetched for the transaction and not decoded, because decoding failed before them.
func (c *stream[M]) undecided() int { return len(c.pending) }

// forget drops what was fetched in a transaction that has ended. What was not committed is fetched again.
func (c *stream[M]) forget() { c.pending, c.polled = nil, c.polled[:0] }

// Commit marks everything that Poll returned as processed and commits it; it returns once the group's offsets are
// durable on the broker.
func (c *stream[M]) Commit(ctx context.Context) error {
	if c.txn != nil {
		return errors.New("serde: the Transactor's Run commits; Commit is for consumers outside transactions")
	}
	c.mark()
	if c.cfg.Group == "" {
		return nil
	}
	if err := c.client().CommitMarkedOffsets(ctx); err != nil {
		return networkOr(err, "group %s", c.cfg.Group)
	}
	return nil
}

// Close commits what is marked, leaves the group and disconnects. What Poll returned and Commit did not mark will be
// seen again. It leaves a Transactor as it is.
func (c *stream[M]) Close() {
	c.closing.Do(func() {
		switch {
		case c.txn != nil:
		case c.cfg.Group != "":
			c.client().CloseAllowingRebalance()
		default:
			c.client().Close()
		}
	})
}
