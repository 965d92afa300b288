package main

import (
	"context"
	"sync"
)

// inflight bounds the bytes of lines that are read and not acknowledged yet: each is kept until the broker has its event,
// so that it can still become a dead letter.
type inflight struct {
	limit int

	mu    sync.Mutex // guards used
	used  int
	freed *sync.Cond
}

func newInflight(limit int) *inflight {
	b := &inflight{limit: limit}
	b.freed = sync.NewCond(&b.mu)
	return b
}

// take waits until n bytes fit, or nothing else is under way.
func (b *inflight) take(ctx context.Context, n int) error {
	defer context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.freed.Broadcast()
	})()
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.used > 0 && b.used+n > b.limit {
		if err := ctx.Err(); err != nil {
			return err
		}
		b.freed.Wait()
	}
	b.used += n
	return nil
}

func (b *inflight) give(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	b.freed.Broadcast()
}
