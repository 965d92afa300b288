package group

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

// slowStore is a store whose loads wait or fail.
type slowStore struct {
	state.Store
	gate chan error
}

func (s *slowStore) Load(ctx context.Context, shard int, visit func(state.Effect) error) (state.Epoch, error) {
	select {
	case err := <-s.gate:
		if err != nil {
			return 0, err
		}
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return s.Store.Load(ctx, shard, visit)
}

func TestLoading(t *testing.T) {
	inLab(t, func(l *lab) {
		l.want("commit", l.commit("g", simple(at("t", 0, 1))), nil)
		j := l.stable("h")
		l.Close()
		slow := &slowStore{Store: l.store, gate: make(chan error)}
		l.Coordinator = NewCoordinator(slow, Config{})
		l.Start()

		// A request waits for its shard for five seconds, and is told to come again.
		began := time.Now()
		l.want("fetch", l.fetch("g"), ErrLoading)
		l.want("list", l.list(), ErrLoading)
		l.want("sync", l.sync("h", j, nil).Err, ErrRebalancing)
		l.want("heartbeat", l.beat("h", j), nil)
		l.want("waited", time.Since(began), 20*time.Second)

		// Those that wait are let in, in their order.
		first := later(func(done func(Committed)) { l.Commit("g", simple(at("t", 0, 2)), done) })
		second := later(func(done func(Committed)) { l.Commit("g", simple(at("t", 0, 3)), done) })
		third := later(func(done func(Fetched)) { l.Fetch("g", Fetch{}, done) })
		close(slow.gate)
		l.want("commits", errors.Join((<-first).Err, (<-second).Err), nil)
		l.want("a fetch before the commits are durable", offsetsText((<-third).Offsets), "t/0=1")
		l.want("fetch", l.fetch("g"), "t/0=3")
	})
}

func TestLoadFails(t *testing.T) {
	inLab(t, func(l *lab) {
		l.want("commit", l.commit("g", simple(at("t", 0, 1))), nil)
		l.Close()
		slow := &slowStore{Store: l.store, gate: make(chan error, 5)}
		for range 5 {
			slow.gate <- errors.New("a bad sector")
		}
		l.Coordinator = NewCoordinator(slow, Config{})
		l.Start()
		synctest.Wait()
		l.want("fetch", l.fetch("g"), ErrUnavailable)
		l.want("list", l.list(), ErrUnavailable)
		// It is tried again, but not by every request.
		close(slow.gate)
		l.want("fetch at once", l.fetch("g"), ErrUnavailable)
		time.Sleep(2 * time.Second)
		l.want("fetch later", l.fetch("g"), "t/0=1")
		l.want("list", l.list(), "g Empty")
	})
}

func TestTopicCannotBeCreated(t *testing.T) {
	inLab(t, func(l *lab) {
		l.topics.broken = errors.New("disk full")
		synctest.Wait()
		l.want("join", l.join("g", "").Err, ErrUnavailable)
		l.topics.mu.Lock()
		l.topics.broken = nil
		l.topics.mu.Unlock()
		time.Sleep(2 * time.Second)
		l.want("generation", l.stable("g").Generation, 1)
	})
}
