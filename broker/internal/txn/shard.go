package txn

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

// shard holds the transactional ids of one of the store's shards.
type shard struct {
	c     *Coordinator
	index int

	mu       sync.Mutex // guards what follows
	loaded   bool
	loading  chan struct{} // closed at the end of the load under way; nil if there is none
	failed   error         // of the last load
	failedAt time.Time
	epoch    state.Epoch
	entries  map[string]*entry
}

// retryAfter keeps a shard that fails to load from being tried by every request.
const retryAfter = time.Second

// ready returns when the shard is loaded. It begins to load it, if need be, and waits for a bounded time.
func (s *shard) ready(ctx context.Context) error {
	s.mu.Lock()
	if s.loaded {
		s.mu.Unlock()
		return nil
	}
	if s.loading == nil {
		if s.failed != nil && time.Since(s.failedAt) < retryAfter {
			defer s.mu.Unlock()
			return s.failed
		}
		s.loading = make(chan struct{})
		s.c.spawn(s.load)
	}
	loading := s.loading
	s.mu.Unlock()
	timeout := time.NewTimer(s.c.config.LoadWait)
	defer timeout.Stop()
	select {
	case <-loading:
	case <-timeout.C:
		return ErrLoading
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	case <-s.c.ctx.Done():
		return ErrUnavailable
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.loaded {
		return s.failed
	}
	return nil
}

func (s *shard) isLoaded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loaded
}

// load rebuilds the transactional ids from the store, and goes on with what was being ended.
func (s *shard) load() {
	began := time.Now()
	all := map[string]*state.Transaction{}
	epoch, err := s.c.store.Load(s.c.ctx, s.index, func(e state.Effect) error {
		switch e := e.(type) {
		case state.PutTransaction:
			all[e.Transaction.ID] = &e.Transaction
		case state.RemoveTransaction:
			delete(all, e.ID)
		default:
			return fmt.Errorf("unknown effect %T", e)
		}
		return nil
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.loading)
	s.loading = nil
	if err != nil {
		if s.c.ctx.Err() == nil {
			s.c.log.Error("transactions could not be loaded; their clients will be told to try again", "shard", s.index, "error", err)
		}
		s.failed, s.failedAt = ErrUnavailable, time.Now()
		return
	}
	s.loaded, s.epoch, s.entries = true, epoch, map[string]*entry{}
	for id, t := range all {
		e := newEntry(s, id, t)
		s.entries[id] = e
		if preparing(t) {
			s.c.log.Info("going on to end a transaction", "transactional_id", id, "state", t.Status, "partitions", len(t.Partitions))
			e.finish()
		}
	}
	if took := time.Since(began); took > time.Second {
		s.c.log.Info("loaded transactions", "shard", s.index, "transactional_ids", len(all), "took", took.Round(time.Millisecond))
	}
}

// find returns the entry of a transactional id; nil if there is none and create is false.
func (s *shard) find(ctx context.Context, id string, create bool) (*entry, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.loaded {
		return nil, ErrLoading
	}
	e := s.entries[id]
	if e == nil && create {
		e = newEntry(s, id, nil)
		s.entries[id] = e
	}
	return e, nil
}

// forget takes an entry out.
func (s *shard) forget(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries[e.id] == e {
		delete(s.entries, e.id)
	}
}

// fenced forgets everything: another coordinator has loaded the shard. The next request loads it again.
func (s *shard) fenced(epoch state.Epoch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loaded && s.epoch == epoch {
		s.c.log.Warn("the shard's transactions were taken over; loading them again", "shard", s.index)
		s.loaded, s.failed, s.entries = false, nil, nil
	}
}

func (s *shard) list() []*entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*entry, 0, len(s.entries))
	for _, e := range s.entries {
		all = append(all, e)
	}
	return all
}
