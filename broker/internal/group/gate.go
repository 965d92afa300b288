package group

import (
	"slices"
	"sync"
	"time"
)

// gate holds calls back, in order and for a bounded time, until what they need is there.
type gate struct {
	mu       sync.Mutex // guards what follows, and whatever calls touch behind the gate
	open     bool
	opening  bool
	closed   bool // for good
	failed   error
	failedAt time.Time
	waiting  []*waiter
}

type waiter struct {
	call  func(error)
	timer *time.Timer
}

// retryAfter keeps a gate that failed to open from being tried by every call.
const retryAfter = time.Second

// pass runs call, with the gate's lock held, once the gate is open; or with an error if it fails to open or does not
// within limit. begin starts to open the gate and must have settle called, later.
func (g *gate) pass(limit time.Duration, begin func(), call func(error)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.closed:
		call(ErrUnavailable)
		return
	case g.open:
		call(nil)
		return
	case !g.opening && g.failed != nil && time.Since(g.failedAt) < retryAfter:
		call(g.failed)
		return
	}
	w := &waiter{call: call}
	w.timer = time.AfterFunc(limit, func() { g.giveUp(w) })
	g.waiting = append(g.waiting, w)
	if !g.opening {
		g.opening = true
		begin()
	}
}

func (g *gate) giveUp(w *waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.waiting, w); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
		w.call(ErrLoading)
	}
}

// settle ends an opening, with whether it succeeded. The gate's lock must be held.
func (g *gate) settle(err error) {
	g.opening = false
	if g.closed {
		return
	}
	g.open, g.failed, g.failedAt = err == nil, err, time.Now()
	g.release(err)
}

// shut makes the next call open the gate again. The gate's lock must be held.
func (g *gate) shut() { g.open = false }

// close refuses everything from now on. The gate's lock must be held.
func (g *gate) close() {
	g.closed = true
	g.open = false
	g.release(ErrUnavailable)
}

func (g *gate) release(err error) {
	waiting := g.waiting
	g.waiting = nil
	for _, w := range waiting {
		w.timer.Stop()
		w.call(err)
	}
}
