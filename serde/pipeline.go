package serde

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Defaults of ProducerConfig.
const (
	DefaultMaxBuffered      = 20_000
	DefaultMaxBufferedBytes = 64 << 20
	stickyRun               = 512 // messages without key that go to one partition before the next takes its turn
)

// Where a typelog listens by default, and where producers and consumers look for it if they are not told.
const (
	DefaultBroker   = "localhost:9092"
	DefaultRegistry = "http://localhost:8081"
)

func orDefault(brokers []string, registry string) ([]string, string) {
	if len(brokers) == 0 {
		brokers = []string{DefaultBroker}
	}
	if registry == "" {
		registry = DefaultRegistry
	}
	return brokers, registry
}

// pipeline is what every producer is built on, whatever it encodes: it finds the partitions of encoded records, bounds
// what is under way, and hands over to a sender of its own or to a Transactor, which are both an outlet.
type pipeline struct {
	topic  string
	info   *topicInfo
	client func() *kgo.Client
	out    outlet
	hash   kgo.TopicPartitioner // of records with a key; pure
	room   room
	sticky atomic.Uint64
}

// outlet is where a pipeline's records go.
type outlet interface {
	// add takes an item, or says why it does not.
	add(it item) error
	// unfit tells of a message that could not be encoded, and returns the error that its producer gets.
	unfit(err error) error
	// close returns once every item was told its fate; those that wait fail with err.
	close(err error)
}

func newPipeline(ctx context.Context, cfg ProducerConfig) (*pipeline, error) {
	if cfg.MaxBuffered <= 0 {
		cfg.MaxBuffered = DefaultMaxBuffered
	}
	if cfg.MaxBufferedBytes <= 0 {
		cfg.MaxBufferedBytes = DefaultMaxBufferedBytes
	}
	p := &pipeline{
		topic: cfg.Topic,
		info:  &topicInfo{name: cfg.Topic, create: cfg.CreateTopic},
		hash:  kgo.StickyKeyPartitioner(nil).ForTopic(cfg.Topic),
		room:  room{messages: cfg.MaxBuffered, bytes: cfg.MaxBufferedBytes},
	}
	if t := cfg.Transactor; t != nil {
		p.client, p.out = t.Client, inTransaction{t}
		_, err := p.info.load(ctx, t.Client())
		return p, err
	}
	client, err := kgo.NewClient(clientOpts(cfg.Brokers, cfg.Client, kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ManualFlushing(), kgo.MaxBufferedRecords(2*cfg.MaxBuffered))...)
	if err != nil {
		return nil, failed(ErrNetwork, err, "kafka client")
	}
	if _, err := p.info.load(ctx, client); err != nil {
		client.Close()
		return nil, err
	}
	p.client, p.out = func() *kgo.Client { return client }, newSender(client, p.info)
	return p, nil
}

// fetchMaxWait is that of Kafka's own consumers. A fetch that waits holds up partitions that were assigned a moment after it
// began.
const fetchMaxWait = 500 * time.Millisecond

// clientOpts puts a user's options between what this package has as defaults and what it relies on.
func clientOpts(brokers []string, user []kgo.Opt, fixed ...kgo.Opt) []kgo.Opt {
	opts := append([]kgo.Opt{kgo.ClientID("typelog"), kgo.FetchMaxWait(fetchMaxWait)}, user...)
	return append(append(opts, kgo.SeedBrokers(brokers...)), fixed...)
}

// itemOverhead is what a buffered message costs beside its key and value, roughly, in bytes.
const itemOverhead = 256

// produce takes a record that it owns from now on; see Producer.Produce.
func (p *pipeline) produce(ctx context.Context, rec *kgo.Record, done func(Delivery, error)) error {
	size := len(rec.Key) + len(rec.Value) + itemOverhead
	if err := p.room.take(ctx, size); errors.Is(err, ErrClosed) {
		return failed(ErrClosed, nil, "topic %s", p.topic)
	} else if err != nil {
		return failed(ErrNetwork, err, "topic %s: the buffer is full of messages that wait for the broker", p.topic)
	}
	rec.Topic, rec.Partition = p.topic, p.partition(rec)
	err := p.out.add(item{rec: rec, size: size, done: func(rec *kgo.Record, err error) {
		// The room is given back after done, so that Flush and Close wait for it.
		defer p.room.give(size)
		if done != nil {
			done(Delivery{Partition: rec.Partition, Offset: rec.Offset}, err)
		}
	}})
	if err != nil {
		p.room.give(size)
	}
	return err
}

// partition chooses as Kafka's own producer does: by murmur2 of the key; without a key, runs of messages take turns.
func (p *pipeline) partition(rec *kgo.Record) int32 {
	n := len(p.info.current(p.client(), time.Now()).leaders)
	if rec.Key == nil {
		return int32(p.sticky.Add(1) / stickyRun % uint64(n))
	}
	return int32(p.hash.Partition(rec, n))
}

// Flush waits until the fate of every message that was taken before is told. An error says that ctx ended first.
func (p *pipeline) Flush(ctx context.Context) error {
	if left, err := p.room.empty(ctx); err != nil {
		return failed(ErrNetwork, err, "topic %s: %d messages still wait for the broker", p.topic, left)
	}
	return nil
}

// Close takes no more messages, waits for those under way until ctx ends, tells the rest that they failed, and
// disconnects, unless the connection is a Transactor's. It returns Flush's error.
func (p *pipeline) Close(ctx context.Context) error {
	p.room.close()
	err := p.Flush(ctx)
	p.out.close(failed(ErrClosed, nil, "topic %s", p.topic))
	return err
}

func (cfg *ProducerConfig) check() error {
	if cfg.Topic == "" {
		return errors.New("serde: a producer needs a Topic")
	}
	if cfg.Transactor != nil && (len(cfg.Brokers) > 0 || len(cfg.Client) > 0) {
		return errors.New("serde: Brokers and Client are the Transactor's; leave them out of the ProducerConfig")
	}
	cfg.Brokers, cfg.Registry = orDefault(cfg.Brokers, cfg.Registry)
	return errors.Join(cfg.Value.check(), cfg.Key.check())
}

// record copies what a message carries besides its value. Headers called but are left out: those that name a schema may
// stem from a message that was consumed, and the producer knows better.
func record(key []byte, headers []Header, at time.Time, but ...string) *kgo.Record {
	rec := &kgo.Record{Timestamp: at}
	if key != nil {
		rec.Key = append([]byte{}, key...)
	}
	if at.IsZero() {
		rec.Timestamp = time.Now()
	}
	for _, h := range headers {
		if slices.Contains(but, h.Key) {
			continue
		}
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: h.Key, Value: append([]byte(nil), h.Value...)})
	}
	return rec
}
