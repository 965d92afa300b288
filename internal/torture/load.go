package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	groupName = "torture"
	// patience is how long the broker may take to serve after a start, on a machine that has other things to do.
	patience = 60 * time.Second
)

// load is the clients: they go on through every restart.
type load struct {
	cfg    config
	kafka  string
	acc    *account
	topics []string
	acks   atomic.Int64
	errs   atomic.Pointer[error] // the newest error that a client saw, for the report when nothing moves
	done   sync.WaitGroup
}

func (l *load) places() []place {
	var out []place
	for _, topic := range l.topics {
		for p := range int32(l.cfg.partitions) {
			out = append(out, place{topic, p})
		}
	}
	return out
}

// client makes one that comes back quickly after a restart.
func (l *load) client(opts ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(l.kafka),
		kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }),
		kgo.RequestRetries(1 << 20), kgo.RetryTimeout(patience),
		kgo.MetadataMinAge(50 * time.Millisecond), kgo.DialTimeout(5 * time.Second),
	}, opts...)...)
}

func value(rec id, size int) []byte {
	v := make([]byte, max(size, 8))
	binary.BigEndian.PutUint32(v, uint32(rec.producer))
	binary.BigEndian.PutUint32(v[4:], uint32(rec.n))
	for i := 8; i < len(v); i++ {
		v[i] = byte(int(rec.n) + i) // so that a record whose middle was replaced is seen, too
	}
	return v
}

// parse is the opposite of value.
func parse(v []byte) (id, error) {
	if len(v) < 8 {
		return id{}, fmt.Errorf("a value of %d bytes", len(v))
	}
	rec := id{int32(binary.BigEndian.Uint32(v)), int32(binary.BigEndian.Uint32(v[4:]))}
	for i := 8; i < len(v); i++ {
		if v[i] != byte(int(rec.n)+i) {
			return id{}, fmt.Errorf("%v has other bytes at %d", rec, i)
		}
	}
	return rec, nil
}

// start makes the topics and sets all clients to work. They end with ctx; wait for done.
func (l *load) start(ctx context.Context) error {
	cl, err := l.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	for _, topic := range l.topics {
		if _, err := kadm.NewClient(cl).CreateTopic(ctx, int32(l.cfg.partitions), 1, nil, topic); err != nil {
			return fmt.Errorf("create %s: %w", topic, err)
		}
	}
	for i := range l.cfg.producers {
		if err := l.produce(ctx, int32(i+1)); err != nil {
			return err
		}
	}
	if err := l.tail(ctx); err != nil {
		return err
	}
	return l.consume(ctx)
}

func (l *load) saw(err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		l.errs.Store(&err)
	}
}

// produce writes to random partitions, idempotently, for ever.
func (l *load) produce(ctx context.Context, producer int32) error {
	cl, err := l.client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(500),
		kgo.StopProducerOnDataLossDetected(), kgo.ProducerLinger(0))
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(l.cfg.seed, uint64(producer)))
	places, next := l.places(), map[place]int32{}
	l.done.Go(func() {
		defer cl.Close()
		for ctx.Err() == nil {
			p := places[rng.IntN(len(places))]
			next[p]++
			rec := id{producer, next[p]}
			size := 20 + rng.IntN(200)
			if rng.IntN(50) == 0 {
				size = 20_000 // frames of many blocks, too
			}
			cl.Produce(ctx, &kgo.Record{Topic: p.topic, Partition: p.partition, Value: value(rec, size)}, func(r *kgo.Record, err error) {
				if err != nil {
					l.acc.gaveUp(p, rec)
					if ctx.Err() == nil {
						l.acc.fault("%s: the client gave up %v: %v", p, rec, err)
					}
					return
				}
				l.acc.acknowledged(p, r.Offset, rec)
				l.acks.Add(1)
			})
			if l.cfg.pause > 0 {
				time.Sleep(l.cfg.pause)
			}
		}
	})
	return nil
}

// tail reads everything as it appears, and never again: what it saw must stay.
func (l *load) tail(ctx context.Context) error {
	from := map[string]map[int32]kgo.Offset{}
	for _, p := range l.places() {
		if from[p.topic] == nil {
			from[p.topic] = map[int32]kgo.Offset{}
		}
		from[p.topic][p.partition] = kgo.NewOffset().At(0)
	}
	cl, err := l.client(kgo.ConsumePartitions(from), kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		return err
	}
	l.done.Go(func() {
		defer cl.Close()
		for ctx.Err() == nil {
			l.take(ctx, cl.PollFetches(ctx), "tail")
		}
	})
	return nil
}

// take notes what a reader got. An offset that is out of range, or a log that was cut, is a fault: something vanished.
func (l *load) take(ctx context.Context, fetches kgo.Fetches, reader string) {
	fetches.EachError(func(topic string, p int32, err error) {
		var loss *kgo.ErrDataLoss
		switch {
		case ctx.Err() != nil:
		case errors.As(err, &loss):
			l.acc.fault("precommitted read: %s of %s-%d: %v", reader, topic, p, err)
		default:
			l.saw(err)
		}
	})
	fetches.EachRecord(func(r *kgo.Record) {
		rec, err := parse(r.Value)
		if err != nil {
			l.acc.fault("%s-%d offset %d: %v", r.Topic, r.Partition, r.Offset, err)
			return
		}
		if reader == "tail" {
			l.acc.polled(reader, place{r.Topic, r.Partition}, r.Offset, rec)
		}
	})
}

// consume reads in a group and commits what it read.
func (l *load) consume(ctx context.Context) error {
	cl, err := l.client(kgo.ConsumerGroup(groupName), kgo.ConsumeTopics(l.topics...), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond), kgo.HeartbeatInterval(500*time.Millisecond))
	if err != nil {
		return err
	}
	l.done.Go(func() {
		defer cl.Close()
		for ctx.Err() == nil {
			fetches := cl.PollRecords(ctx, 2000)
			l.take(ctx, fetches, "group")
			ends := map[place]int64{}
			fetches.EachRecord(func(r *kgo.Record) { ends[place{r.Topic, r.Partition}] = r.Offset + 1 })
			if len(ends) == 0 {
				continue
			}
			if err := cl.CommitRecords(ctx, fetches.Records()...); err != nil {
				l.saw(err)
				continue
			}
			for p, end := range ends {
				l.acc.commit(p, end)
			}
		}
	})
	return nil
}

// more waits until n more records were acknowledged: the broker serves.
func (l *load) more(ctx context.Context, n int64) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for until := l.acks.Load() + n; l.acks.Load() < until; {
		select {
		case <-ctx.Done():
			if err := l.errs.Load(); err != nil {
				return fmt.Errorf("producers got no answers for %v; a client's last error: %w", patience, *err)
			}
			return fmt.Errorf("producers got no answers for %v", patience)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}
