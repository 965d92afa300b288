package api

import (
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/typelog/typelog/broker/internal/log"
)

// A fetch session (KIP-227) is what the broker remembers of a client's Fetch requests: which partitions, from where, and
// what it was told of them last. A request in a session names only what the client wants changed, and the answer only
// partitions that have records or an error or whose bounds have moved. A session has an epoch, which each request must
// name and which counts up with each. Apache Kafka's rules, as in its FetchSession:
//
//	session id, epoch    request                         answer
//	0, -1                whole                           whole; no session
//	0, 0                 whole                           whole; with a session, if there is room for one
//	id, epoch            what changes in the session     what changed for the client
//	id, 0                whole; the session ends         whole; with a new session, if there is room for one
//	id, -1               whole; the session ends         whole; no session
//
// A session belongs to the principal that opened it. It is in use by one request at a time: a request that comes while
// another one of the session waits takes it over, and the other is answered with INVALID_FETCH_SESSION_EPOCH.
type fetchSession struct {
	id        int32
	epoch     int32 // that the next request must name
	principal string
	byID      bool // its requests name topics by id (version 13 and later)
	opened    time.Time
	used      time.Time
	size      int // as it counts in sessions.partitions
	parts     map[fetchKey]*sessionPart
	// order is that in which the partitions are read. Those that had records go to the end of it, so that none of them
	// starves when max_bytes is used up by those before it.
	order []*sessionPart
	// over is closed when a later request takes the session over.
	over chan struct{}
}

// fetchKey names a partition as the client does: by the topic's name or by its id; the other one is zero.
type fetchKey struct {
	name  string
	id    log.TopicID
	index int32
}

// fetchWant is what a client wants of a partition.
type fetchWant struct {
	offset          int64
	maxBytes, epoch int32
}

// sessionPart is a partition of a session. told is what the client was told last.
type sessionPart struct {
	key  fetchKey
	want fetchWant
	told log.Bounds
	sent bool // the answer that is being made has records of it
}

// untold are bounds that no partition has.
var untold = log.Bounds{LogStart: -1, HighWatermark: -1, LastStable: -1}

// sessionEvictable is how long a session must be unused before any other may take its place, and how long it must have been
// open before a larger one may.
const sessionEvictable = 2 * time.Minute

// Epochs that are not part of the count.
const (
	firstEpoch = 0
	finalEpoch = -1
)

func nextFetchEpoch(e int32) int32 {
	if e == math.MaxInt32 {
		return 1
	}
	return e + 1
}

// fetchSessions are the sessions of a broker. It is no more than a data structure: it takes no lock and looks at no clock.
// There are at most slots sessions, and they have at most room partitions between them.
type fetchSessions struct {
	slots, room int
	draw        func() int32 // a random session id above 0
	byID        map[int32]*fetchSession
	partitions  int
	evicted     int
}

func newFetchSessions(slots, room int, draw func() int32) *fetchSessions {
	return &fetchSessions{slots: slots, room: room, draw: draw, byID: map[int32]*fetchSession{}}
}

// open makes a session of what a whole request named and was told, and returns its id, or 0 if there is no room. It takes the
// parts over.
func (c *fetchSessions) open(now time.Time, principal string, byID bool, parts []sessionPart) int32 {
	s := &fetchSession{principal: principal, byID: byID, opened: now, used: now, epoch: nextFetchEpoch(firstEpoch),
		parts: make(map[fetchKey]*sessionPart, len(parts)), order: make([]*sessionPart, 0, len(parts))}
	for i := range parts {
		s.put(parts[i].key, parts[i].want).told = parts[i].told
	}
	if len(s.parts) == 0 || !c.makeRoom(now, 1, len(s.parts), len(s.parts), nil) {
		return 0
	}
	for s.id == 0 || c.byID[s.id] != nil {
		s.id = c.draw()
	}
	c.byID[s.id] = s
	c.count(s)
	return s.id
}

// put returns the session's part for a key, which it makes if it is new.
func (s *fetchSession) put(k fetchKey, w fetchWant) *sessionPart {
	p := s.parts[k]
	if p == nil {
		p = &sessionPart{key: k, told: untold}
		s.parts[k] = p
		s.order = append(s.order, p)
	}
	p.want = w
	return p
}

// end ends a session, if it is the principal's.
func (c *fetchSessions) end(id int32, principal string) {
	if s := c.byID[id]; s != nil && s.principal == principal {
		c.remove(s)
	}
}

func (c *fetchSessions) remove(s *fetchSession) {
	delete(c.byID, s.id)
	c.partitions -= s.size
	s.size = 0
}

// count brings the number of partitions up to date.
func (c *fetchSessions) count(s *fetchSession) {
	c.partitions += len(s.parts) - s.size
	s.size = len(s.parts)
}

// sessionChange is what a request in a session asks for.
type sessionChange struct {
	parts  []sessionPart // their keys and wants
	forget []fetchKey
}

// next takes in a request of a session. If nothing is left in the session then, it ends, and nil is returned: the request is
// answered without one.
func (c *fetchSessions) next(now time.Time, id, epoch int32, principal string, byID bool, ch sessionChange) (*fetchSession, *kerr.Error) {
	s := c.byID[id]
	switch {
	case s == nil || s.principal != principal:
		return nil, kerr.FetchSessionIDNotFound
	case s.epoch != epoch:
		return nil, kerr.InvalidFetchSessionEpoch
	case s.byID != byID:
		return nil, kerr.FetchSessionTopicIDError
	}
	for i := range ch.parts {
		s.put(ch.parts[i].key, ch.parts[i].want)
	}
	s.forget(ch.forget)
	// Before anything else can end the session: its parts are not those any more that a request which waits has been given.
	s.used, s.epoch = now, nextFetchEpoch(epoch)
	if s.over != nil {
		close(s.over)
	}
	s.over = make(chan struct{})
	if len(s.order) == 0 {
		c.remove(s)
		return nil, nil
	}
	if !c.makeRoom(now, 0, len(s.parts)-s.size, len(s.parts), s) {
		// It has grown beyond the bound. The client begins anew, and is told then that there is no room for a session.
		c.remove(s)
		return nil, kerr.FetchSessionIDNotFound
	}
	c.count(s)
	return s, nil
}

// forget takes partitions out.
func (s *fetchSession) forget(keys []fetchKey) {
	gone := 0
	for _, k := range keys {
		if s.parts[k] != nil {
			delete(s.parts, k)
			gone++
		}
	}
	if gone == 0 {
		return
	}
	kept := make([]*sessionPart, 0, len(s.parts))
	for _, p := range s.order {
		if s.parts[p.key] == p {
			kept = append(kept, p)
		}
	}
	s.order = kept
}

// makeRoom evicts sessions until there is room for so many more sessions and partitions, if the rules allow: those that
// were not used for a while, or, for a session of size partitions, smaller ones that were opened a while ago. It looks at every
// session, and only where the cache is full.
func (c *fetchSessions) makeRoom(now time.Time, sessions, partitions, size int, except *fetchSession) bool {
	if sessions > c.slots || size > c.room {
		return false
	}
	for len(c.byID)+sessions > c.slots || c.partitions+partitions > c.room {
		victim := c.victim(now, size, except)
		if victim == nil {
			return false
		}
		c.remove(victim)
		c.evicted++
	}
	return true
}

// victim returns the session that goes first, or nil if none may.
func (c *fetchSessions) victim(now time.Time, size int, except *fetchSession) *fetchSession {
	var oldest, smallest *fetchSession
	for _, s := range c.byID {
		if s == except {
			continue
		}
		if now.Sub(s.used) > sessionEvictable && (oldest == nil || s.used.Before(oldest.used)) {
			oldest = s
		}
		if now.Sub(s.opened) > sessionEvictable && s.size < size && (smallest == nil || s.size < smallest.size) {
			smallest = s
		}
	}
	if oldest != nil {
		return oldest
	}
	return smallest
}

// tell notes what an answer says of a partition, and reports whether it has to say anything: whether there are records or an error,
// or the bounds are not what the client was told.
func (p *sessionPart) tell(b log.Bounds, records, failed bool) bool {
	p.sent = records
	if failed {
		p.told = untold // so that the end of the error is told, too
		return true
	}
	moved := p.told != b
	p.told = b
	return moved || records
}

// rotate brings those that have just been sent records of to the end of the order.
func (s *fetchSession) rotate() {
	sent := 0
	for _, p := range s.order {
		if p.sent {
			sent++
		}
	}
	if sent == 0 {
		return
	}
	front, back := make([]*sessionPart, 0, len(s.order)), make([]*sessionPart, 0, sent)
	for _, p := range s.order {
		if p.sent {
			p.sent = false
			back = append(back, p)
		} else {
			front = append(front, p)
		}
	}
	s.order = append(front, back...)
}
