package api

import (
	"math"
	"math/rand/v2"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/wire"
)

// sharedSessions are the fetch sessions of a server, for many requests at once. The lock is held while a request's partitions
// are copied and while its answer is compared with what the client knows, never during I/O.
type sharedSessions struct {
	mu    sync.Mutex
	cache *fetchSessions // guarded by mu, and so is everything in it
}

func newSharedSessions(set Settings, r prometheus.Registerer) *sharedSessions {
	ss := &sharedSessions{cache: newFetchSessions(set.FetchSessions, set.FetchSessionPartitions,
		func() int32 { return 1 + rand.Int32N(math.MaxInt32) })}
	read := func(of func(c *fetchSessions) int) func() float64 {
		return func() float64 {
			ss.mu.Lock()
			defer ss.mu.Unlock()
			return float64(of(ss.cache))
		}
	}
	wire.Registered[prometheus.Collector](r, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "typelog_fetch_sessions", Help: "Fetch sessions that are open.",
	}, read(func(c *fetchSessions) int { return len(c.byID) })))
	wire.Registered[prometheus.Collector](r, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "typelog_fetch_session_partitions", Help: "Partitions of all open fetch sessions.",
	}, read(func(c *fetchSessions) int { return c.partitions })))
	wire.Registered[prometheus.Collector](r, prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "typelog_fetch_sessions_evicted_total", Help: "Fetch sessions that had to make room for others.",
	}, read(func(c *fetchSessions) int { return c.evicted })))
	return ss
}

func (ss *sharedSessions) end(id int32, principal string) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.cache.end(id, principal)
}

// next takes in a request of a session and gives the call the session's partitions. If none is left, the call is none of a
// session's.
func (ss *sharedSessions) next(f *fetchCall, req *kmsg.FetchRequest, named []sessionPart) *kerr.Error {
	ch := sessionChange{parts: named}
	for _, t := range req.ForgottenTopics {
		for _, i := range t.Partitions {
			ch.forget = append(ch.forget, fetchKey{t.Topic, t.TopicID, i})
		}
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if tooLongNames(named) {
		ss.cache.end(req.SessionID, f.principal)
		return kerr.FetchSessionIDNotFound
	}
	s, err := ss.cache.next(f.s.now(), req.SessionID, req.SessionEpoch, f.principal, req.Version >= 13, ch)
	if s == nil {
		return err
	}
	f.session, f.epoch, f.over = s, s.epoch, s.over
	f.parts = make([]fetchPart, len(s.order))
	for i, p := range s.order {
		f.parts[i] = fetchPart{key: p.key, want: p.want}
	}
	return nil
}

// maxTopicName is the length of the longest name that a topic can have.
const maxTopicName = 249

// tooLongNames reports whether a session would have to remember names that no topic can have.
func tooLongNames(parts []sessionPart) bool {
	for i := range parts {
		if len(parts[i].key.name) > maxTopicName {
			return true
		}
	}
	return false
}

// answer notes what a call's answer says, and returns the session that it names, and which partitions it has to tell
// of: all if changed is nil.
func (ss *sharedSessions) answer(f *fetchCall, results []*log.ReadResult) (id int32, changed []bool, err *kerr.Error) {
	switch {
	case f.session != nil:
		return ss.tell(f, results)
	case f.open:
		return ss.open(f, results), nil, nil
	}
	return 0, nil, nil
}

func (ss *sharedSessions) tell(f *fetchCall, results []*log.ReadResult) (int32, []bool, *kerr.Error) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s := f.session
	if s.epoch != f.epoch {
		return s.id, nil, kerr.InvalidFetchSessionEpoch
	}
	changed := make([]bool, len(s.order))
	for i, p := range s.order {
		b, records, failed := told(results[i])
		changed[i] = p.tell(b, records, failed)
	}
	s.rotate()
	return s.id, changed, nil
}

func (ss *sharedSessions) open(f *fetchCall, results []*log.ReadResult) int32 {
	parts := make([]sessionPart, len(f.parts))
	for i := range parts {
		p := &parts[i]
		*p = sessionPart{key: f.parts[i].key, want: f.parts[i].want, told: untold}
		if b, _, failed := told(results[i]); !failed {
			p.told = b
		}
	}
	if tooLongNames(parts) {
		return 0
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return ss.cache.open(f.s.now(), f.principal, f.version >= 13, parts)
}

// told is what the answer says of a partition.
func told(r *log.ReadResult) (b log.Bounds, records, failed bool) {
	if r == nil || r.Err != nil {
		return untold, false, true
	}
	return r.Bounds, len(r.Chunks) > 0, false
}
