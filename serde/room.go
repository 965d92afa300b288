package serde

import (
	"context"
	"sync"
)

// room bounds the messages under way, by number and bytes, and lets callers wait until there are none.
type room struct {
	messages, bytes int // bounds

	mu      sync.Mutex // guards what follows
	taken   int        // messages
	held    int        // bytes
	closed  bool
	waiting int
	changed chan struct{} // closed and replaced when something was given back and somebody waits
}

// take waits until there is room for a message of n bytes, ctx ends, or the room is closed.
func (r *room) take(ctx context.Context, n int) error {
	_, err := r.wait(ctx, func() (bool, error) {
		if r.closed {
			return false, ErrClosed
		}
		if r.taken > 0 && (r.taken >= r.messages || r.held+n > r.bytes) {
			return false, nil
		}
		r.taken++
		r.held += n
		return true, nil
	})
	return err
}

// give takes a message back.
func (r *room) give(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken--
	r.held -= n
	r.wake()
}

// close makes take fail from now on.
func (r *room) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.wake()
}

// empty waits until no message is under way, and returns how many there are if ctx ends first.
func (r *room) empty(ctx context.Context) (left int, err error) {
	return r.wait(ctx, func() (bool, error) { return r.taken == 0, nil })
}

// wake needs mu.
func (r *room) wake() {
	if r.waiting > 0 {
		close(r.changed)
		r.changed, r.waiting = nil, 0
	}
}

// wait calls done, with mu held, until it is true or fails. It returns how many messages are under way at the end.
func (r *room) wait(ctx context.Context, done func() (bool, error)) (int, error) {
	for {
		r.mu.Lock()
		if ok, err := done(); ok || err != nil {
			defer r.mu.Unlock()
			return r.taken, err
		}
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		r.waiting++
		changed, taken := r.changed, r.taken
		r.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return taken, ctx.Err()
		}
	}
}
