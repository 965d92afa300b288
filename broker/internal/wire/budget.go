package wire

import (
	"container/list"
	"context"
	"sync"
)

// budget is a number of bytes that many connections share. Who wants more than is left waits in line; who wants little may
// pass those who wait for much.
type budget struct {
	size int64
	// overdraw lets one lease at a time go beyond the budget. It is for leases that grow while they are held: without it,
	// several that are half grown could wait for one another for ever.
	overdraw bool

	mu      sync.Mutex
	free    int64
	drawn   bool       // a lease is overdrawing
	waiters *list.List // of *waiter, in order of arrival
}

// littleShare of a budget is little: a few requests that wait for much of it do not hold up all others.
const littleShare = 500

type waiter struct {
	lease *lease
	n     int64
	ready chan struct{}
}

func newBudget(size int64, overdraw bool) *budget {
	return &budget{size: size, free: size, overdraw: overdraw, waiters: list.New()}
}

// lease is one holder's share of a budget. It is used by one goroutine at a time.
type lease struct {
	b       *budget
	held    int64
	drawing bool
}

func (b *budget) lease() lease { return lease{b: b} }

// tryGrow adds n bytes to the lease if that needs no waiting.
func (l *lease) tryGrow(n int64) bool {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	return l.tryGrowLocked(n)
}

// tryGrowLocked is called with the budget's mu held.
func (l *lease) tryGrowLocked(n int64) bool {
	b := l.b
	if l.drawing || (b.waiters.Len() == 0 || n <= b.size/littleShare) && b.grants(l, n) {
		b.give(l, n)
		return true
	}
	return false
}

// grow adds n bytes to the lease, waiting until they are free or ctx ends.
func (l *lease) grow(ctx context.Context, n int64) error {
	b := l.b
	b.mu.Lock()
	if l.tryGrowLocked(n) {
		b.mu.Unlock()
		return nil
	}
	w := &waiter{lease: l, n: n, ready: make(chan struct{})}
	at := b.waiters.PushBack(w)
	b.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-w.ready: // granted meanwhile; the caller gives it back with the rest
	default:
		b.waiters.Remove(at)
		b.wake()
	}
	return ctx.Err()
}

// shrink gives back all but n bytes.
func (l *lease) shrink(n int64) {
	if n >= l.held {
		return
	}
	b := l.b
	b.mu.Lock()
	b.free += l.held - n
	l.held = n
	if n == 0 && l.drawing {
		l.drawing, b.drawn = false, false
	}
	b.wake()
	b.mu.Unlock()
}

// release gives everything back.
func (l *lease) release() {
	if l.b != nil {
		l.shrink(0)
	}
}

// grants reports whether n more bytes may go to l now. b.mu is held.
func (b *budget) grants(l *lease, n int64) bool {
	return b.free >= n || b.overdraw && !b.drawn
}

// give hands n bytes to l. b.mu is held.
func (b *budget) give(l *lease, n int64) {
	if b.free < n && !l.drawing {
		l.drawing, b.drawn = true, true
	}
	b.free -= n
	l.held += n
}

// wake serves the line as far as it goes. b.mu is held.
func (b *budget) wake() {
	for e := b.waiters.Front(); e != nil; e = b.waiters.Front() {
		w := e.Value.(*waiter)
		if !b.grants(w.lease, w.n) {
			return
		}
		b.waiters.Remove(e)
		b.give(w.lease, w.n)
		close(w.ready)
	}
}
