package group

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

// entry is a group in a coordinator: its machine, its timer, and the requests that wait for it.
type entry struct {
	shard   *shard
	id      string
	epoch   state.Epoch
	listing atomic.Pointer[Listing]

	// mu guards what follows. It may be taken with the shard's lock held, never the other way round.
	mu      sync.Mutex
	queue   []item
	running bool // a goroutine works on the queue, and owns everything below mu's part
	stopped bool // nothing more is taken in

	group   *Group
	calls   map[Token]call
	last    Token
	timer   *time.Timer
	timerAt time.Time // when it will go off; zero if it is not set
	counted bool      // among the coordinator's fleeting groups
}

// item is something for the group's goroutine to do: an event, a question with the call that wants the answer, or the
// end.
type item struct {
	event    Event
	question func(Token) Event
	call     call
	end      bool
}

// call is a waiting request. One of its functions is called, once.
type call struct {
	answer func(Answer)
	refuse func(error)
}

// post hands an event to the group.
func (e *entry) post(ev Event) { e.enqueue(item{event: ev}) }

// ask hands a request to the group.
func (e *entry) ask(question func(Token) Event, c call) {
	if !e.enqueue(item{question: question, call: c}) {
		c.refuse(ErrUnavailable)
	}
}

// stop refuses all calls, waiting and future.
func (e *entry) stop() { e.enqueue(item{end: true}) }

func (e *entry) enqueue(it item) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped {
		return false
	}
	e.stopped = it.end
	e.queue = append(e.queue, it)
	if !e.running {
		e.running = true
		e.shard.c.work.Go(e.run)
	}
	return true
}

// run works on the queue until it is empty.
func (e *entry) run() {
	for {
		e.mu.Lock()
		queue := e.queue
		e.queue = nil
		if len(queue) == 0 {
			e.running = false
			e.mu.Unlock()
			return
		}
		e.mu.Unlock()
		for i := range queue {
			e.do(&queue[i])
		}
		if queue[len(queue)-1].end {
			e.count(false)
			continue
		}
		e.count(e.group.fleeting())
		e.setTimer()
		if e.group.Idle() {
			e.retire()
		}
	}
}

func (e *entry) do(it *item) {
	if it.end {
		if e.timer != nil {
			e.timer.Stop()
		}
		for token, c := range e.calls {
			delete(e.calls, token)
			c.refuse(ErrUnavailable)
		}
		return
	}
	ev := it.event
	if it.question != nil {
		e.last++
		e.calls[e.last] = it.call
		ev = it.question(e.last)
	}
	if _, ok := ev.(Tick); ok {
		e.timerAt = time.Time{}
	}
	effects := e.group.Step(time.Now(), ev)
	e.list() // before the answers: who gets one and asks for the list finds the group as it is
	for _, effect := range effects {
		switch effect := effect.(type) {
		case Reply:
			c, ok := e.calls[effect.To]
			if ok {
				delete(e.calls, effect.To)
				c.answer(effect.Answer)
			}
		case Write:
			e.apply(effect)
		case Dropped:
			e.shard.c.log.Info("a consumer group goes on without a member", "group", e.id, "member", effect.MemberID,
				"client", effect.ClientID, "host", effect.ClientHost, "why", effect.Why)
		}
	}
}

// apply gives a change to the store.
func (e *entry) apply(w Write) {
	s := e.shard
	s.c.store.Apply(s.index, e.epoch, w.Effects, func(err error) {
		s.c.stored(e.id, err)
		if errors.Is(err, state.ErrFenced) {
			// That stops this group, too. Not here: the shard's lock may be held by whoever waits for this.
			go s.fenced(e.epoch)
			return
		}
		e.post(Written{w.ID, err})
	})
}

// setTimer sees to a Tick when the group wants one. A timer that is set for an earlier time stays; its Tick does nothing.
func (e *entry) setTimer() {
	at := e.group.Deadline()
	switch {
	case at.IsZero() || !e.timerAt.IsZero() && !at.Before(e.timerAt):
		return
	case e.timer == nil:
		e.timer = time.AfterFunc(time.Until(at), func() { e.post(Tick{}) })
	default:
		e.timer.Reset(time.Until(at))
	}
	e.timerAt = at
}

// list brings the group's listing up to date.
func (e *entry) list() {
	g := e.group
	if l := e.listing.Load(); l == nil || l.State != g.state || l.ProtocolType != g.protocolType {
		e.shard.c.log.Debug("a consumer group", "group", e.id, "state", g.state, "generation", g.generation, "members", len(g.members))
		e.listing.Store(&Listing{e.id, g.state, g.protocolType})
	}
}

// count keeps the number of groups of which nothing is stored.
func (e *entry) count(fleeting bool) {
	if fleeting == e.counted {
		return
	}
	e.counted = fleeting
	if fleeting {
		e.shard.c.fleeting.Add(1)
	} else {
		e.shard.c.fleeting.Add(-1)
	}
}

// retire takes the group out of its shard, unless something has come in.
func (e *entry) retire() {
	s := e.shard
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.queue) > 0 || s.groups[e.id] != e {
		return
	}
	delete(s.groups, e.id)
	e.stopped = true
	e.count(false)
	if e.timer != nil {
		e.timer.Stop()
	}
}
