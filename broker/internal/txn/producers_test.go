package txn

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// counter is an allocator whose memory outlives Producers, as a database does.
type counter struct {
	mu    sync.Mutex
	next  int64
	calls int
	fail  error
}

func (c *counter) AllocateProducerIDs(_ context.Context, n int) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if c.fail != nil {
		return 0, c.fail
	}
	c.next += int64(n)
	return c.next - int64(n), nil
}

func TestProducerIDsAreNeverUsedTwice(t *testing.T) {
	store := &counter{next: 4000}
	var mu sync.Mutex
	seen := map[int64]bool{}
	for range 3 { // starts of the broker
		p := NewProducers(store, 10)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 9 {
					got, err := p.New(t.Context(), nobody)
					mu.Lock()
					if err != nil || seen[got.ProducerID] || got.Epoch != 0 || got.ProducerID < 4000 {
						t.Errorf("got %+v, %v (seen before: %v)", got, err, seen[got.ProducerID])
					}
					seen[got.ProducerID] = true
					mu.Unlock()
				}
			})
		}
		wg.Wait()
	}
	if want := 3 * 8; store.calls != want {
		t.Errorf("%d allocations for 72 ids a start in blocks of 10, want %d", store.calls, want)
	}
}

func TestNew(t *testing.T) {
	broken := &counter{fail: errors.New("disk full")}
	for _, tc := range []struct {
		name  string
		alloc *counter
		had   Identity
		want  error
	}{
		{"known producer gets a new id", &counter{next: 8}, Identity{7, 3}, nil},
		{"id without epoch", &counter{}, Identity{7, -1}, ErrInvalid},
		{"epoch without id", &counter{}, Identity{-1, 0}, ErrInvalid},
		{"no ids", broken, nobody, ErrUnavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := NewProducers(tc.alloc, 0)
			got, err := p.New(t.Context(), tc.had)
			if !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if err == nil && (got.ProducerID != 8 || got.Epoch != 0) {
				t.Errorf("got %+v, want a new id, 8, with epoch 0", got)
			}
		})
	}
	broken.fail = nil
	if _, err := NewProducers(broken, 0).New(t.Context(), nobody); err != nil {
		t.Errorf("after a failure: %v", err)
	}
}
