package txn

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

// Describe returns what is known of a transactional id (KIP-664).
func (c *Coordinator) Describe(ctx context.Context, id string) (state.Transaction, error) {
	if id == "" {
		return state.Transaction{}, fmt.Errorf("%w: an empty transactional id", ErrInvalid)
	}
	shards, err := c.open(ctx, false)
	if err != nil {
		return state.Transaction{}, err
	}
	if shards == nil {
		return state.Transaction{}, ErrNotFound
	}
	e, err := shards[state.ShardOf(id, len(shards))].find(ctx, id, false)
	if err != nil {
		return state.Transaction{}, err
	}
	if e != nil {
		if t := e.now(); t != nil {
			return *t, nil
		}
	}
	return state.Transaction{}, ErrNotFound
}

// Filter says which transactional ids are listed.
type Filter struct {
	ProducerIDs []int64                   // any if empty
	States      []state.TransactionStatus // any if nil, none if empty
	// Duration, if not negative, is for how long the transaction must have been running.
	Duration time.Duration
}

func (f *Filter) includes(t *state.Transaction, now time.Time) bool {
	return (len(f.ProducerIDs) == 0 || slices.Contains(f.ProducerIDs, t.ProducerID)) &&
		(f.States == nil || slices.Contains(f.States, t.Status)) &&
		(f.Duration < 0 || now.UnixMilli()-t.Started > f.Duration.Milliseconds())
}

// List returns the transactional ids that the filter includes, by id. All shards must be loaded.
func (c *Coordinator) List(ctx context.Context, f Filter) ([]state.Transaction, error) {
	shards, err := c.open(ctx, false)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	var out []state.Transaction
	for _, s := range shards {
		if err := s.ready(ctx); err != nil {
			return nil, err
		}
		for _, e := range s.list() {
			if t := e.now(); t != nil && f.includes(t, now) {
				out = append(out, *t)
			}
		}
	}
	slices.SortFunc(out, func(a, b state.Transaction) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}
