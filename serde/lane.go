package serde

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Bounds of one run of a lane.
const (
	maxRunRecords = 10_000
	maxRunBytes   = 8 << 20
)

// item is an encoded record on its way, and whom to tell. Exactly one of the fates is told to it.
type item struct {
	rec  *kgo.Record
	size int
	done func(*kgo.Record, error)
}

// lane sends the records of one partition, one run at a time: while a run is under way, what comes after it waits
// here and becomes the next. So nothing can overtake a run that is refused and sorted out (kgo fails everything that it
// has buffered for a partition when one batch is refused, and by the time its promises say so, later records could be
// on their way), and under load the waiting makes the batches large.
type lane struct {
	out *sender

	mu      sync.Mutex // guards what follows
	waiting []item
	running bool
}

// add queues an item. It does not block.
func (l *lane) add(it item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, it)
	if !l.running {
		l.running = true
		l.out.lanes.Add(1)
		go l.run()
	}
}

// run sends runs until none is waiting.
func (l *lane) run() {
	defer l.out.lanes.Done()
	for {
		items := l.take()
		if items == nil {
			return
		}
		l.settle(items)
	}
}

// take returns the next run, or nil after marking the lane idle.
func (l *lane) take() []item {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.running, l.waiting = false, nil
		return nil
	}
	n, bytes := 0, 0
	for n < len(l.waiting) && n < maxRunRecords && (n == 0 || bytes+l.waiting[n].size <= maxRunBytes) {
		bytes += l.waiting[n].size
		n++
	}
	items := l.waiting[:n:n]
	l.waiting = l.waiting[n:]
	return items
}

// settle sends items until the fate of each is known and told.
func (l *lane) settle(items []item) {
	if err := l.out.stoppedBy(); err != nil {
		tellAll(items, err)
		return
	}
	accepted, err := l.out.send(items)
	items = items[accepted:]
	if len(items) == 0 {
		return
	}
	if !errors.Is(err, kerr.InvalidRecord) {
		tellAll(items, err)
		return
	}
	l.sortOut(items)
}

// sortOut finds the bad ones among items, which the broker refused together, and produces the others again, in order.
func (l *lane) sortOut(items []item) {
	search := newBisection(len(items))
	for n := search.next(); n > 0; n = search.next() {
		if err := l.out.stoppedBy(); err != nil {
			tellAll(items, err)
			return
		}
		accepted, err := l.out.send(items[:n])
		if err != nil && !errors.Is(err, kerr.InvalidRecord) {
			tellAll(items[accepted:], err)
			return
		}
		items = items[accepted:]
		switch search.tried(n, accepted) {
		case foundBad:
			bad := items[0]
			items = items[1:]
			if reason, stored := l.out.explain(bad.rec); stored {
				bad.tell(nil) // what made the broker refuse it has been mended meanwhile
			} else {
				bad.tell(failed(ErrRefused, reason, "topic %s partition %d", bad.rec.Topic, bad.rec.Partition))
			}
		case giveUp:
			reason, stored := l.out.explain(items[0].rec)
			if stored {
				items[0].tell(nil)
				items = items[1:]
				break
			}
			err := failed(ErrSchemaRefused, reason, "topic %s: the first two records tried one by one were both refused, so the producer stopped and sent nothing more", items[0].rec.Topic)
			l.out.stop(err)
			tellAll(items, err)
			return
		}
	}
}

func (it item) tell(err error) { it.done(it.rec, err) }

func tellAll(items []item, err error) {
	for _, it := range items {
		it.tell(err)
	}
}

// sender puts runs on the wire for all lanes of a producer.
type sender struct {
	client *kgo.Client
	topic  *topicInfo
	lanes  sync.WaitGroup // lanes that run

	mu      sync.Mutex
	stopped error // why nothing more is sent; set once
}

func (s *sender) stoppedBy() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped
}

func (s *sender) stop(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped == nil {
		s.stopped = err
	}
}

// send produces items in order and waits for all. It tells those that were stored, which are the first accepted ones,
// and returns the error that the others failed with; they have not been told. kgo keeps the order: once a record of a
// partition fails, every later one that it holds fails too.
func (s *sender) send(items []item) (accepted int, err error) {
	var (
		mu   sync.Mutex
		wg   sync.WaitGroup
		errs = make([]error, len(items))
	)
	wg.Add(len(items))
	for i := range items {
		s.client.Produce(context.Background(), items[i].rec, func(_ *kgo.Record, err error) {
			mu.Lock()
			errs[i] = err
			mu.Unlock()
			wg.Done()
		})
	}
	wg.Wait()
	for accepted < len(items) && errs[accepted] == nil {
		items[accepted].tell(nil)
		accepted++
	}
	if accepted == len(items) {
		return accepted, nil
	}
	first := errs[accepted]
	for i, e := range errs[accepted:] {
		if e == nil {
			// Not as kgo promises; sending them again would store this one twice.
			return accepted, fmt.Errorf("record %d of a run was stored although an earlier one failed: %w", accepted+i, first)
		}
		if errors.Is(first, kerr.InvalidRecord) && !errors.Is(e, kerr.InvalidRecord) {
			// A later record failed for another reason (the client closes, say): that decides.
			return accepted, networkOr(e, "topic %s", s.topic.name)
		}
	}
	if errors.Is(first, kerr.InvalidRecord) {
		return accepted, first
	}
	return accepted, networkOr(first, "topic %s", s.topic.name)
}

// networkOr gives an error of kgo a kind: a refusal by the broker, a closed client, or no answer.
func networkOr(err error, what string, args ...any) error {
	var code *kerr.Error
	switch {
	case errors.Is(err, kgo.ErrClientClosed):
		return failed(ErrClosed, err, what, args...)
	case errors.As(err, &code) && !code.Retriable:
		return failed(ErrRefused, err, what, args...)
	}
	return failed(ErrNetwork, err, what, args...)
}
