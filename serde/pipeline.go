package serde

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Defaults of ProducerConfig.
const (
	DefaultMaxBuffered = 20_000
	stickyRun          = 512 // messages without key that go to one partition before the next takes its turn
)

// pipeline is what every producer is built on, whatever it encodes: it puts encoded records into the lanes of their
// partitions and counts those whose fate is open.
type pipeline struct {
	topic  string
	out    *sender
	hash   kgo.TopicPartitioner // of records with a key; pure
	slots  chan struct{}        // one for each message that is buffered
	sticky atomic.Uint64
	// pending counts messages whose fate is not told yet.
	pending atomic.Int64

	mu     sync.RWMutex // held for reading while a message enters a lane; guards what follows
	lanes  map[int32]*lane
	closed bool
	idle   *sync.Cond // signalled, with the lock held, when pending falls to 0
}

func newPipeline(ctx context.Context, cfg ProducerConfig) (*pipeline, error) {
	buffered := cfg.MaxBuffered
	if buffered <= 0 {
		buffered = DefaultMaxBuffered
	}
	opts := append([]kgo.Opt{kgo.ClientID("typelog")}, cfg.Client...)
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(cfg.Brokers...), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(2*buffered))...)
	if err != nil {
		return nil, failed(ErrNetwork, err, "kafka client")
	}
	topic := &topicInfo{name: cfg.Topic, create: cfg.CreateTopic}
	if _, err := topic.load(ctx, client); err != nil {
		client.Close()
		return nil, err
	}
	p := &pipeline{
		topic: cfg.Topic,
		out:   &sender{client: client, topic: topic},
		hash:  kgo.StickyKeyPartitioner(nil).ForTopic(cfg.Topic),
		slots: make(chan struct{}, buffered),
		lanes: map[int32]*lane{},
	}
	p.idle = sync.NewCond(&p.mu)
	return p, nil
}

// produce takes a record that it owns from now on; see Producer.Produce.
func (p *pipeline) produce(ctx context.Context, rec *kgo.Record, done func(Delivery, error)) error {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return failed(ErrNetwork, ctx.Err(), "topic %s: %d messages wait for the broker", p.topic, cap(p.slots))
	}
	rec.Topic, rec.Partition = p.topic, p.partition(rec)
	return p.enter(item{rec: rec, size: len(rec.Key) + len(rec.Value) + 64, done: func(rec *kgo.Record, err error) {
		// The slot is given back after done, so that Flush and Close wait for it.
		defer p.finished()
		if done != nil {
			done(Delivery{Partition: rec.Partition, Offset: rec.Offset}, err)
		}
	}})
}

func (p *pipeline) enter(it item) error {
	lane := p.lane(it.rec.Partition)
	p.mu.RLock()
	defer p.mu.RUnlock()
	err := p.out.stoppedBy()
	if err == nil && p.closed {
		err = failed(ErrClosed, nil, "topic %s", p.topic)
	}
	if err != nil {
		<-p.slots
		return err
	}
	p.pending.Add(1)
	lane.add(it)
	return nil
}

func (p *pipeline) finished() {
	<-p.slots
	if p.pending.Add(-1) == 0 {
		p.wake()
	}
}

func (p *pipeline) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle.Broadcast()
}

func (p *pipeline) lane(partition int32) *lane {
	p.mu.RLock()
	l := p.lanes[partition]
	p.mu.RUnlock()
	if l != nil {
		return l
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if l = p.lanes[partition]; l == nil {
		l = &lane{out: p.out}
		p.lanes[partition] = l
	}
	return l
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
	defer context.AfterFunc(ctx, p.wake)()
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.pending.Load() > 0 {
		if err := ctx.Err(); err != nil {
			return failed(ErrNetwork, err, "topic %s: %d messages still wait for the broker", p.topic, p.pending.Load())
		}
		p.idle.Wait()
	}
	return nil
}

// Close takes no more messages, waits for those under way until ctx ends, tells the rest that they failed, and
// disconnects. It returns Flush's error.
func (p *pipeline) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.Flush(ctx)
	p.out.stop(failed(ErrClosed, nil, "topic %s", p.topic))
	p.out.client.Close()
	p.out.lanes.Wait()
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
