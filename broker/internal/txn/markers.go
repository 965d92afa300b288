package txn

import (
	"context"
	"errors"
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

// Marker ends a producer's transaction in a partition.
type Marker struct {
	Identity
	CoordinatorEpoch int32
	Commit           bool
}

// Markers writes markers; whoever holds the partitions implements it.
type Markers interface {
	// WriteMarkers writes a marker to each of the partitions. It returns those that have it not, and have to be tried
	// again, with the first reason. A partition that is no more needs none. It waits until the markers are durable, and
	// whoever has to know them (groups, whose offsets are committed) does.
	WriteMarkers(ctx context.Context, m Marker, partitions []state.TopicPartition) (missing []state.TopicPartition, err error)
}

// Bounds of how often what failed is tried again.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// finish begins to write the markers of a transaction that is being ended, and then completes it.
func (e *entry) finish() {
	e.mu.Lock()
	t := e.t
	done := make(chan struct{})
	e.ending = done
	e.mu.Unlock()
	e.shard.c.spawn(func() {
		if !e.writeMarkers(t) || !e.complete() {
			return // the next start goes on with it
		}
		e.mu.Lock()
		e.ending = nil
		e.mu.Unlock()
		close(done)
	})
}

// writeMarkers reports whether every partition has its marker. If not, the coordinator was closed or another has the shard.
func (e *entry) writeMarkers(t *state.Transaction) bool {
	c := e.shard.c
	select {
	case <-e.quiet():
	case <-c.ctx.Done():
		return false
	}
	m := Marker{identity(t), c.config.Epoch, t.Status == state.TransactionPrepareCommit}
	missing := t.Partitions
	return e.until("write the markers of a transaction", func() (err error) {
		if len(missing) > 0 {
			missing, err = c.markers.WriteMarkers(c.ctx, m, missing)
		}
		return err
	})
}

// complete stores that the transaction is complete. It reports false as writeMarkers does.
func (e *entry) complete() bool {
	return e.until("complete a transaction", func() error {
		_, _, err := e.step(e.shard.c.ctx, fixed(completed{}))
		return err
	})
}

// until tries until something succeeds, and reports false if the coordinator was closed, or has lost the shard.
func (e *entry) until(what string, try func() error) bool {
	c := e.shard.c
	for pause, said := firstRetry, false; ; pause = min(2*pause, lastRetry) {
		err := try()
		switch {
		case err == nil:
			return true
		case c.ctx.Err() != nil || errors.Is(err, state.ErrFenced) || errors.Is(err, ErrInvalidState):
			return false
		case !said:
			said = true
			c.log.Warn("cannot "+what+" yet; it is tried again", "transactional_id", e.id, "error", err)
		}
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-c.ctx.Done():
			wait.Stop()
			return false
		}
	}
}
