package txn

import (
	"context"
	"fmt"
	"sync"
)

// Allocator gives out producer ids durably.
type Allocator interface {
	// AllocateProducerIDs takes n ids, of which it returns the first, that were never given out before and never will be again, even after
	// a crash.
	AllocateProducerIDs(ctx context.Context, n int) (first int64, err error)
}

// DefaultBlock is how many ids are taken from the allocator at a time, as in Apache Kafka.
const DefaultBlock = 1000

// Producers hands out producer ids. What is left of a block when the broker stops is never used. It is safe for
// concurrent use.
type Producers struct {
	allocator Allocator
	block     int

	mu        sync.Mutex // held while a block is allocated
	next, end int64      // what is left of the block
}

// NewProducers returns Producers that take block ids at a time; 0 means DefaultBlock.
func NewProducers(allocator Allocator, block int) *Producers {
	if block <= 0 {
		block = DefaultBlock
	}
	return &Producers{allocator: allocator, block: block}
}

// New gives a producer without a transactional id its identity. had is what it had so far, or nobody. It is always a new id
// with epoch 0, as in Apache Kafka, even if the producer had one: nobody but the producer itself could say whether that was
// its own, and it has bumped the epoch by itself as far as it goes.
func (p *Producers) New(ctx context.Context, had Identity) (Identity, error) {
	if err := had.check(); err != nil {
		return nobody, err
	}
	id, err := p.take(ctx)
	if err != nil {
		return nobody, err
	}
	return Identity{ProducerID: id}, nil
}

// check refuses half of an identity.
func (i Identity) check() error {
	if (i.ProducerID == -1) != (i.Epoch == -1) {
		return fmt.Errorf("%w: producer id %d with epoch %d", ErrInvalid, i.ProducerID, i.Epoch)
	}
	return nil
}

func (p *Producers) take(ctx context.Context) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == p.end {
		first, err := p.allocator.AllocateProducerIDs(ctx, p.block)
		if err != nil {
			return 0, fmt.Errorf("%w: no producer ids: %w", ErrUnavailable, err)
		}
		p.next, p.end = first, first+int64(p.block)
	}
	id := p.next
	p.next++
	return id, nil
}
