package serde

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// sender puts the lanes' runs on the wire, in rounds: it hands kgo a run of every lane that has one, lets kgo send only
// then, and waits until the fate of all is known.
//
// When a broker refuses a batch, kgo fails everything that it holds for the partition at that moment. A record that is
// handed over a moment later would go out and overtake what has to be sorted out; in a round there is none. Under load
// rounds cost nothing, because the waiting makes the batches large.
type sender struct {
	client *kgo.Client
	topic  *topicInfo
	work   chan struct{} // holds one token if there may be something to send
	ended  chan struct{} // closed when rounds has returned

	mu      sync.Mutex // guards what follows
	lanes   map[int32]*lane
	stopped error // why nothing more is sent; set once
	closing bool  // no item comes any more
}

func newSender(client *kgo.Client, topic *topicInfo) *sender {
	s := &sender{
		client: client, topic: topic, lanes: map[int32]*lane{},
		work: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	go s.rounds()
	return s
}

// add takes an item, or says why nothing more is sent.
func (s *sender) add(it item) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped != nil {
		return s.stopped
	}
	l := s.lanes[it.rec.Partition]
	if l == nil {
		l = &lane{topic: s.topic.name}
		s.lanes[it.rec.Partition] = l
	}
	l.add(it)
	s.wake()
	return nil
}

// unfit implements outlet: the message fails alone.
func (s *sender) unfit(err error) error { return err }

func (s *sender) wake() {
	select {
	case s.work <- struct{}{}:
	default:
	}
}

// stop makes everything that waits, and everything that comes, fail with err, unless it was stopped before.
func (s *sender) stop(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped == nil {
		s.stopped = err
	}
	s.wake()
}

// close stops and returns once every item was told its fate. What is on the wire fails as soon as the client closes.
func (s *sender) close(err error) {
	s.stop(err)
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	s.wake()
	s.client.Close()
	<-s.ended
}

// rounds sends until the sender is closed.
func (s *sender) rounds() {
	defer close(s.ended)
	for range s.work {
		for s.round() {
		}
		s.mu.Lock()
		closing := s.closing
		s.mu.Unlock()
		if closing {
			return
		}
	}
}

// run is what one lane sends in a round.
type run struct {
	lane  *lane
	items []item
	errs  []error
}

// round sends one run of each lane and reports whether there was any.
func (s *sender) round() bool {
	s.mu.Lock()
	lanes, stopped := slices.Collect(maps.Values(s.lanes)), s.stopped
	s.mu.Unlock()
	if stopped != nil {
		for _, l := range lanes {
			l.fail(stopped)
		}
		return false
	}
	var runs []run
	for _, l := range lanes {
		if items := l.next(); len(items) > 0 {
			runs = append(runs, run{l, items, make([]error, len(items))})
		}
	}
	if len(runs) == 0 {
		return false
	}
	s.send(runs)
	for _, r := range runs {
		if err := r.lane.outcome(r.items, r.errs, s.explain); err != nil {
			s.stop(err) // the next round tells all lanes
		}
	}
	return true
}

// send produces all items, in order, and sets the error of each.
func (s *sender) send(runs []run) {
	var promises sync.WaitGroup
	for _, r := range runs {
		promises.Add(len(r.items))
		for i, it := range r.items {
			// The client flushes by hand, so nothing is sent yet. kgo's promises are called one at a time.
			s.client.Produce(context.Background(), it.rec, func(_ *kgo.Record, err error) {
				r.errs[i] = err
				promises.Done()
			})
		}
	}
	_ = s.client.Flush(context.Background()) // fails only with its context
	promises.Wait()
}
