package txn

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

// entry is a transactional id in a coordinator.
type entry struct {
	shard *shard
	id    string
	epoch state.Epoch

	// stepping holds something for the length of a step, its storing included. It is filled before mu is taken.
	stepping chan struct{}

	mu      sync.Mutex         // guards what follows
	t       *state.Transaction // as it is stored, nil if it is not; what it points to never changes
	gone    bool               // it was taken out of its shard
	writers int                // writes that have entered and have no place in the log yet
	still   chan struct{}      // closed when writers falls to 0, if somebody waits for that
	ending  chan struct{}      // closed when the transaction that is being ended is complete; nil if none is
}

func newEntry(s *shard, id string, t *state.Transaction) *entry {
	return &entry{shard: s, id: id, epoch: s.epoch, stepping: make(chan struct{}, 1), t: t}
}

// now is the state.
func (e *entry) now() *state.Transaction {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.t
}

// due reports whether an event of the coordinator's own would change anything.
func (e *entry) due(ev event) bool {
	out := ev.decide(e.now(), time.Now())
	return out.next != nil || out.forget
}

// step lets an event happen. If ok is false the entry is gone, and another has to be found.
func (e *entry) step(ctx context.Context, make func(newID int64) event) (out outcome, ok bool, err error) {
	select {
	case e.stepping <- struct{}{}:
		defer func() { <-e.stepping }()
	case <-ctx.Done():
		e.abandon()
		return outcome{}, true, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	e.mu.Lock()
	t, gone := e.t, e.gone
	e.mu.Unlock()
	if gone {
		return outcome{}, false, nil
	}
	defer func() { e.drop(e.now()) }() // what nothing came of is not kept
	if e.shard.c.ctx.Err() != nil {
		return outcome{}, true, ErrUnavailable
	}
	ev := make(noID)
	out = ev.decide(t, time.Now())
	if out.err == errNeedID {
		newID, err := e.shard.c.take(ctx)
		if err != nil {
			return outcome{}, true, err
		}
		out = make(newID).decide(t, time.Now())
	}
	if err := e.store(out); err != nil {
		return outcome{}, true, err
	}
	if _, writes := ev.(entering); writes && out.err == nil {
		e.mu.Lock()
		e.writers++
		e.mu.Unlock()
	}
	return out, true, out.err
}

// abandon drops an entry that was made for a step which its client did not wait for. Whoever is at a step drops it
// otherwise.
func (e *entry) abandon() {
	select {
	case e.stepping <- struct{}{}:
		e.drop(e.now())
		<-e.stepping
	default:
	}
}

// drop takes the entry out if nothing is stored of it. stepping is held.
func (e *entry) drop(t *state.Transaction) {
	if t != nil {
		return
	}
	e.mu.Lock()
	e.gone = true
	e.mu.Unlock()
	e.shard.forget(e)
}

// store stores what a step leads to, and takes it in. stepping is held.
func (e *entry) store(out outcome) error {
	switch {
	case out.forget:
		if err := e.apply(state.RemoveTransaction{ID: e.id}); err != nil {
			return err
		}
		e.drop(nil)
	case out.next != nil:
		if err := e.apply(state.PutTransaction{Transaction: *out.next}); err != nil {
			return err
		}
		e.mu.Lock()
		e.t = out.next
		e.mu.Unlock()
		if preparing(out.next) {
			e.finish()
		}
	}
	return nil
}

// apply waits until the store has a change.
func (e *entry) apply(effect state.Effect) error {
	s := e.shard
	result := make(chan error, 1)
	s.c.store.Apply(s.index, e.epoch, []state.Effect{effect}, func(err error) { result <- err })
	err := <-result
	if errors.Is(err, state.ErrFenced) {
		s.fenced(e.epoch)
	}
	if err != nil {
		return fmt.Errorf("%w: transactional id %s: %w", ErrUnavailable, e.id, err)
	}
	return nil
}

// leave ends a write that has entered.
func (e *entry) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.writers--
	if e.writers == 0 && e.still != nil {
		close(e.still)
		e.still = nil
	}
}

// quiet is closed when no write is under way.
func (e *entry) quiet() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.writers == 0 {
		done := make(chan struct{})
		close(done)
		return done
	}
	if e.still == nil {
		e.still = make(chan struct{})
	}
	return e.still
}

// await waits until the transaction that is being ended is complete, but not for longer than limit.
func (e *entry) await(ctx context.Context, limit time.Duration) {
	e.mu.Lock()
	ending := e.ending
	e.mu.Unlock()
	if ending == nil {
		return
	}
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	select {
	case <-ending:
	case <-timeout.C:
	case <-ctx.Done():
	case <-e.shard.c.ctx.Done():
	}
}
