package group

import (
	"context"
	"errors"
	"fmt"

	"github.com/typelog/typelog/broker/internal/state"
)

// CommitPending answers when the offsets are durable; they count when the producer's transaction is committed. A member's
// commit to a group that does not exist is ErrIllegalGeneration. o.Token is set here.
func (c *Coordinator) CommitPending(group string, o TxnCommit, done func(Committed)) {
	waiting := answering(done, func(err error) Committed { return Committed{Err: err} })
	c.within(group, o.Generation < 0, func(s *shard, err error) {
		var e *entry
		if s != nil {
			e, err = s.find(group, o.Generation < 0)
		}
		switch {
		case err != nil:
			waiting.refuse(err)
		case e == nil:
			waiting.refuse(ErrIllegalGeneration)
		default:
			s.txns.joins(o.Producer.ID, group)
			e.ask(func(t Token) Event { o.Token = t; return o }, waiting)
		}
	})
}

// ShardOf returns the shard of a group. It makes the store ready if it is not yet.
func (c *Coordinator) ShardOf(ctx context.Context, group string) (int, error) {
	results := make(chan error, 1)
	c.gate.pass(c.config.LoadWait, func() { c.open(true) }, func(err error) { results <- err })
	if err := wait(ctx, results); err != nil {
		return 0, err
	}
	return state.ShardOf(group, len(c.shards)), nil
}

// EndPending ends a producer's transaction in a shard. It returns when the marker is durable, and its groups know.
func (c *Coordinator) EndPending(ctx context.Context, shard int, end state.EndPending) error {
	results := make(chan error, 1)
	c.gate.pass(c.config.LoadWait, func() { c.open(true) }, func(err error) { results <- err })
	if err := wait(ctx, results); err != nil {
		return err
	}
	if shard < 0 || shard >= len(c.shards) {
		return fmt.Errorf("%w: no shard %d", ErrNotFound, shard)
	}
	s := c.shards[shard]
	s.pass(func(err error) {
		if err != nil {
			results <- err
			return
		}
		epoch := s.epoch
		c.store.Apply(shard, epoch, []state.Effect{end}, func(err error) {
			if errors.Is(err, state.ErrFenced) {
				go s.fenced(epoch)
			}
			results <- err
		})
	})
	if err := wait(ctx, results); err != nil {
		return err
	}
	return s.ended(ctx, end)
}

// ended tells the groups that have offsets in a transaction that it is over.
func (s *shard) ended(ctx context.Context, end state.EndPending) error {
	s.gate.mu.Lock()
	var asked int
	results := make(chan error, len(s.txns[end.Producer.ID]))
	for id := range s.txns[end.Producer.ID] {
		e := s.groups[id]
		if e == nil {
			continue
		}
		asked++
		e.ask(func(t Token) Event { return TxnEnd{Token: t, ProducerID: end.Producer.ID, Commit: end.Commit} }, call{
			answer: func(Answer) { results <- nil },
			refuse: func(err error) { results <- err },
		})
	}
	delete(s.txns, end.Producer.ID)
	s.gate.mu.Unlock()
	for range asked {
		if err := wait(ctx, results); err != nil {
			return err
		}
	}
	return nil
}
