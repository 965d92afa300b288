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

// pipeline is what every producer is built on, whatever it encodes: it finds the partitions of encoded records and
// bounds what is under way.
type pipeline struct {
	topic  string
	out    *sender
	hash   kgo.TopicPartitioner // of records with a key; pure
	room   room
	sticky atomic.Uint64
}

func newPipeline(ctx context.Context, cfg ProducerConfig) (*pipeline, error) {
	if cfg.MaxBuffered <= 0 {
		cfg.MaxBuffered = DefaultMaxBuffered
	}
	if cfg.MaxBufferedBytes <= 0 {
		cfg.MaxBufferedBytes = DefaultMaxBufferedBytes
	}
	opts := append([]kgo.Opt{kgo.ClientID("typelog")}, cfg.Client...)
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(cfg.Brokers...), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ManualFlushing(), kgo.MaxBufferedRecords(2*cfg.MaxBuffered))...)
	if err != nil {
		return nil, failed(ErrNetwork, err, "kafka client")
	}
	topic := &topicInfo{name: cfg.Topic, create: cfg.CreateTopic}
	if _, err := topic.load(ctx, client); err != nil {
		client.Close()
		return nil, err
	}
	return &pipeline{
		topic: cfg.Topic,
		out:   newSender(client, topic),
		hash:  kgo.StickyKeyPartitioner(nil).ForTopic(cfg.Topic),
		room:  room{messages: cfg.MaxBuffered, bytes: cfg.MaxBufferedBytes},
	}, nil
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
	n := len(p.out.topic.current(p.out.client, time.Now()).leaders)
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
// disconnects. It returns Flush's error.
func (p *pipeline) Close(ctx context.Context) error {
	p.room.close()
	err := p.Flush(ctx)
	p.out.close(failed(ErrClosed, nil, "topic %s", p.topic))
	return err
}

func (cfg *ProducerConfig) check() error {
	if len(cfg.Brokers) == 0 || cfg.Registry == "" || cfg.Topic == "" {
		return errors.New("serde: a producer needs Brokers, Registry and Topic")
	}
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
