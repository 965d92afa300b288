package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const gib = 1 << 30

// produce sends all records as fast as the target takes them. They stay for consume.
func (r *run) produce(ctx context.Context, s *state) (Result, error) {
	topic, err := r.make(ctx, s, r.Partitions)
	s.topic, s.records = topic, r.Records
	if err != nil {
		return Result{}, err
	}
	vals := values(r.RecordSize)
	clients := make([]*kgo.Client, r.Producers)
	for i := range clients {
		if clients[i], err = r.producer(s, topic, sticky()); err != nil {
			return Result{}, err
		}
		defer clients[i].Close()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	before, began := use(s.PID), time.Now()
	var wg sync.WaitGroup
	for i, cl := range clients {
		n := r.Records / int64(len(clients))
		if i == 0 {
			n += r.Records % int64(len(clients))
		}
		wg.Go(func() {
			for j := int64(0); j < n && ctx.Err() == nil; j++ {
				cl.Produce(ctx, &kgo.Record{Value: vals[j%int64(len(vals))]}, func(_ *kgo.Record, err error) {
					if err != nil {
						cancel(err)
					}
				})
			}
			if err := cl.Flush(ctx); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return Result{}, err
	}
	res := r.moved(s, r.Records, before, time.Since(began))
	if r.peak == 0 || res.RecordsPerSecond < r.peak {
		r.peak = res.RecordsPerSecond
	}
	return res, nil
}

// moved is the result of n records that went one way.
func (r *run) moved(s *state, n int64, before usage, took time.Duration) Result {
	bytes := float64(n) * float64(r.RecordSize)
	return throughput(n, bytes, before, use(s.PID), took)
}

func throughput(n int64, bytes float64, before, after usage, took time.Duration) Result {
	res := Result{
		MiBPerSecond:     bytes / (1 << 20) / took.Seconds(),
		RecordsPerSecond: float64(n) / took.Seconds(),
	}
	if res.cost(before, after); after.seen {
		res.CPUPerGiB = (after.cpu - before.cpu) / bytes * gib
		res.CPUPerMillion = (after.cpu - before.cpu) / float64(n) * 1e6
	}
	return res
}

// consumeStall is how long a consumer waits for a record before it gives up.
const consumeStall = time.Minute

// consume reads what produce wrote.
func (r *run) consume(ctx context.Context, s *state) (Result, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.Seeds...), kgo.ClientID("typelog-bench"), kgo.ConsumeTopics(s.topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxBytes(50<<20), kgo.FetchMaxPartitionBytes(4<<20))
	if err != nil {
		return Result{}, err
	}
	defer cl.Close()
	before, began := use(s.PID), time.Now()
	for got := int64(0); got < s.records; {
		poll, cancel := context.WithTimeout(ctx, consumeStall)
		fs := cl.PollFetches(poll)
		cancel()
		if err := fs.Err(); err != nil {
			if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
				err = fmt.Errorf("only %d of %d records came back: %w", got, s.records, err)
			}
			return Result{}, err
		}
		got += int64(fs.NumRecords())
	}
	return r.moved(s, s.records, before, time.Since(began)), nil
}
