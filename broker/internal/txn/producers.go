// Package txn hands out producer ids; transactions come to live here too.
//
// It must not know the protocol, nor where the allocator keeps what it has given out.
//
// Flow: api (InitProducerId) -> Producers -> Allocator.
package txn

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// What can be wrong with a request; api turns each into the protocol code in parentheses.
var (
	// ErrInvalid: an epoch without a producer id, or the other way round (42).
	ErrInvalid = errors.New("invalid producer id and epoch")
	// ErrNoTransactions: this broker has no transactions yet (53, transactional id authorization failed). That is the code
	// at which clients give up at once and say so; librdkafka, for one, tries again for ever at most others.
	ErrNoTransactions = errors.New("transactions are not supported yet")
	// ErrUnavailable: no ids can be allocated now; the client tries again (15).
	ErrUnavailable = errors.New("no producer ids can be allocated now")
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

// Init is an InitProducerId request.
type Init struct {
	TransactionalID string // empty for an idempotent producer without transactions
	// ProducerID and Epoch are what the producer had so far (KIP-360); -1 if nothing.
	ProducerID int64
	Epoch      int16
}

// Identity is what a producer writes into its batches.
type Identity struct {
	ProducerID int64
	Epoch      int16
}

// Init gives a producer its identity. Without a transactional id that is always a new id with epoch 0, as in Apache Kafka,
// even if the producer had one: nobody but the producer itself could say whether that was its own, and it has bumped the
// epoch by itself as far as it goes.
func (p *Producers) Init(ctx context.Context, req Init) (Identity, error) {
	if (req.ProducerID < 0) != (req.Epoch < 0) {
		return Identity{}, fmt.Errorf("%w: producer id %d with epoch %d", ErrInvalid, req.ProducerID, req.Epoch)
	}
	if req.TransactionalID != "" {
		return Identity{}, ErrNoTransactions
	}
	id, err := p.take(ctx)
	return Identity{ProducerID: id}, err
}

func (p *Producers) take(ctx context.Context) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == p.end {
		first, err := p.allocator.AllocateProducerIDs(ctx, p.block)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		p.next, p.end = first, first+int64(p.block)
	}
	id := p.next
	p.next++
	return id, nil
}
