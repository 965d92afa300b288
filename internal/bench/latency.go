package bench

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// clients lets n clients send one small record at a time, for the configured time. Each has a connection of its own, which
// has carried a record before the clock starts.
func (r *run) clients(ctx context.Context, s *state, n int) (res Result, err error) {
	topic, err := r.make(ctx, s, r.Partitions)
	defer func() { err = join(err, r.drop(ctx, s, topic)) }()
	if err != nil {
		return res, err
	}
	val := values(r.SmallSize)[0]
	clients := make([]*kgo.Client, n)
	for i := range clients {
		if clients[i], err = r.producer(s, topic, round(), kgo.ProducerLinger(0)); err != nil {
			return res, err
		}
		defer clients[i].Close()
		for range r.Partitions { // the client learns of every partition's leader, and the server of its producer id
			if err := clients[i].ProduceSync(ctx, &kgo.Record{Value: val}).FirstErr(); err != nil {
				return res, err
			}
		}
	}
	hists := make([]histogram, n)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	before, began := use(s.PID), time.Now()
	var wg sync.WaitGroup
	for i, cl := range clients {
		wg.Go(func() {
			for last := began; last.Sub(began) < r.Duration; {
				if err := cl.ProduceSync(ctx, &kgo.Record{Value: val}).FirstErr(); err != nil {
					cancel(err)
					return
				}
				now := time.Now()
				hists[i].add(now.Sub(last))
				last = now
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return res, err
	}
	took, after := time.Since(began), use(s.PID)
	for i := range hists[1:] {
		hists[0].merge(&hists[1+i])
	}
	res = throughput(hists[0].n, float64(hists[0].n)*float64(r.SmallSize), before, after, took)
	res.MiBPerSecond, res.CPUPerGiB = 0, 0 // says nothing here
	hists[0].into(&res)
	return res, nil
}

func join(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// pace is a steady load.
type pace struct {
	rate       int // records a second
	partitions int32
	spread     bool // record by record over the partitions; otherwise in runs
	consume    bool // time to a consumer instead of to the acknowledgement
}

// paced sends records at a steady rate. A record's time runs from when it was due, not from when it was sent, so that a
// server that stops everything for a while is not measured by one record only.
func (r *run) paced(ctx context.Context, s *state, p pace) (res Result, err error) {
	topic, err := r.make(ctx, s, p.partitions)
	defer func() { err = join(err, r.drop(ctx, s, topic)) }()
	if err != nil {
		return res, err
	}
	by := sticky()
	if p.spread {
		by = round()
	}
	cl, err := r.producer(s, topic, by)
	if err != nil {
		return res, err
	}
	defer cl.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l := &load{run: r, client: cl, pace: p, vals: values(max(r.RecordSize, 8))}
	// Every partition has had a record before the clock starts: connections and producer ids are there.
	if err := l.warm(ctx); err != nil {
		return res, err
	}
	var reader sync.WaitGroup
	if p.consume {
		co, err := kgo.NewClient(kgo.SeedBrokers(s.Seeds...), kgo.ClientID("typelog-bench"), kgo.ConsumeTopics(topic),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(500*time.Millisecond))
		if err != nil {
			return res, err
		}
		defer co.Close()
		caught := make(chan struct{})
		reader.Go(func() { l.read(ctx, co, int64(p.partitions), caught, cancel) })
		select {
		case <-caught:
		case <-ctx.Done():
			return res, context.Cause(ctx)
		}
	}
	before, began := use(s.PID), time.Now()
	sent := l.send(ctx, r.Duration, cancel)
	if err := cl.Flush(ctx); err != nil {
		cancel(err)
	}
	if p.consume {
		l.expect(sent, cancel)
		reader.Wait()
	}
	took, after := time.Since(began), use(s.PID)
	if err := context.Cause(ctx); err != nil && err != errEnough {
		return res, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	res = throughput(sent, float64(sent)*float64(r.RecordSize), before, after, took)
	res.MiBPerSecond, res.Rate = 0, p.rate
	l.hist.into(&res)
	return res, nil
}

// load is a steady load under way.
type load struct {
	run    *run
	client *kgo.Client
	pace   pace
	vals   [][]byte
	base   time.Time

	mu   sync.Mutex
	hist histogram
	want int64 // records to be read, once all are sent
}

var errEnough = errorText("all records were read")

type errorText string

func (e errorText) Error() string { return string(e) }

func (l *load) warm(ctx context.Context) error {
	recs := make([]*kgo.Record, l.pace.partitions)
	for i := range recs {
		recs[i] = &kgo.Record{Value: l.vals[0][:1]}
	}
	return l.client.ProduceSync(ctx, recs...).FirstErr()
}

// send sends for d and returns how many records it sent.
func (l *load) send(ctx context.Context, d time.Duration, fail context.CancelCauseFunc) int64 {
	began := time.Now()
	l.mu.Lock()
	l.base = began
	l.mu.Unlock()
	step := time.Second / time.Duration(l.pace.rate)
	ticks := time.NewTicker(max(step, time.Millisecond))
	defer ticks.Stop()
	var sent int64
	for ctx.Err() == nil {
		now := time.Since(began)
		for ; time.Duration(sent)*time.Second/time.Duration(l.pace.rate) <= now; sent++ {
			due := began.Add(time.Duration(sent) * time.Second / time.Duration(l.pace.rate))
			rec := &kgo.Record{Value: l.vals[sent%int64(len(l.vals))]}
			if l.pace.consume { // the reader sees when it was due
				rec.Value = append([]byte(nil), rec.Value...)
				binary.BigEndian.PutUint64(rec.Value, uint64(due.Sub(began)))
			}
			l.client.Produce(ctx, rec, func(_ *kgo.Record, err error) {
				if err != nil {
					fail(err)
				} else if !l.pace.consume {
					l.note(time.Since(due))
				}
			})
		}
		if now >= d {
			break
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
		}
	}
	return sent
}

func (l *load) note(d time.Duration) {
	l.mu.Lock()
	l.hist.add(d)
	l.mu.Unlock()
}

// expect says how many records there are to read in all.
func (l *load) expect(n int64, enough context.CancelCauseFunc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.want = n
	if l.hist.n >= n {
		enough(errEnough)
	}
}

// read reads until all records were seen. It closes caught once it has seen the first skip records, which are not counted.
func (l *load) read(ctx context.Context, co *kgo.Client, skip int64, caught chan struct{}, end context.CancelCauseFunc) {
	for ctx.Err() == nil {
		poll, cancel := context.WithTimeout(ctx, consumeStall)
		fs := co.PollFetches(poll)
		cancel()
		now := time.Now()
		if err := fs.Err(); err != nil {
			end(err)
			return
		}
		l.mu.Lock()
		for it := fs.RecordIter(); !it.Done(); {
			rec := it.Next()
			if skip > 0 {
				if skip--; skip == 0 {
					close(caught)
				}
				continue
			}
			l.hist.add(now.Sub(l.base) - time.Duration(binary.BigEndian.Uint64(rec.Value)))
		}
		done := l.want > 0 && l.hist.n >= l.want
		l.mu.Unlock()
		if done {
			end(errEnough)
		}
	}
}

// idle makes a topic with many partitions, writes a record to each and looks at the server's memory before and after.
func (r *run) idle(ctx context.Context, s *state) (res Result, err error) {
	before, began := use(s.PID), time.Now()
	topic, err := r.make(ctx, s, r.IdlePartitions)
	defer func() { err = join(err, r.drop(ctx, s, topic)) }()
	if err != nil {
		return res, err
	}
	cl, err := r.producer(s, topic, round())
	if err != nil {
		return res, err
	}
	defer cl.Close()
	l := &load{run: r, client: cl, pace: pace{partitions: r.IdlePartitions}, vals: values(8)}
	if err := l.warm(ctx); err != nil {
		return res, err
	}
	res.Seconds = time.Since(began).Seconds()
	cl.Close()
	select {
	case <-time.After(r.Duration):
	case <-ctx.Done():
		return res, ctx.Err()
	}
	after := use(s.PID)
	res.cost(before, after)
	if after.seen {
		res.GrownMiB = after.rss - before.rss
	}
	return res, nil
}
