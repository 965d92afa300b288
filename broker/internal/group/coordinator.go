package group

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

// Config is what a Coordinator is made with. Its zero value works.
type Config struct {
	Settings
	CheckInterval time.Duration // between removals of expired offsets (offsets.retention.check.interval.ms), 10 min
	// LoadWait is how long a request waits for its group's shard to be loaded before it is told to try again, 5 s.
	LoadWait time.Duration
	Logger   *slog.Logger // nil discards
}

// Coordinator runs the groups of a broker. It is safe for concurrent use.
//
// Each group's events are handled one at a time, in the order in which they came, by a goroutine that exists only while
// there are any. Requests are calls with a done function, which is called exactly once, from any goroutine and maybe
// before the call returns; it must not block.
//
// Shards are loaded in the background from Start on; a request for a group whose shard is not loaded yet waits, in order
// and for LoadWait at most.
type Coordinator struct {
	config Config
	store  state.Store
	log    *slog.Logger
	ctx    context.Context // ends at Close
	cancel context.CancelFunc
	work   sync.WaitGroup
	checks *time.Timer

	failing  atomic.Bool  // the last change could not be stored
	fleeting atomic.Int64 // groups of which nothing is stored

	gate   gate     // opens when the store has shards
	shards []*shard // behind gate
}

// NewCoordinator returns a coordinator; Start starts it.
func NewCoordinator(store state.Store, config Config) *Coordinator {
	config.Settings = config.Settings.withDefaults()
	orDefault(&config.CheckInterval, 10*time.Minute)
	orDefault(&config.LoadWait, 5*time.Second)
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Coordinator{config: config, store: store, log: config.Logger, ctx: ctx, cancel: cancel}
}

// maxFleeting bounds the groups of which nothing is stored yet: a client that makes up group ids must not fill the memory.
const maxFleeting = 10_000

// loaders is how many shards are loaded at a time.
const loaders = 4

// Start loads what is stored, in the background. Nothing is created before a group needs it.
func (c *Coordinator) Start() {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	if c.gate.closed {
		return
	}
	c.checks = time.AfterFunc(c.config.CheckInterval, c.expire)
	c.gate.opening = true
	c.open(false)
}

// Prepare creates the store's internal topic, in the background, if it is not there yet: a group is about to form.
func (c *Coordinator) Prepare() {
	c.gate.pass(c.config.LoadWait, func() { c.open(true) }, func(error) {})
}

// open finds the shards, in the background. The gate's lock must be held.
func (c *Coordinator) open(create bool) {
	c.work.Go(func() {
		n, err := c.store.Shards(c.ctx, create)
		if err != nil {
			c.log.Warn("the state of consumer groups is not available", "error", err)
			err = ErrUnavailable
		}
		c.gate.mu.Lock()
		defer c.gate.mu.Unlock()
		if n == 0 && err == nil {
			if create {
				err = ErrUnavailable
			} else if len(c.gate.waiting) > 0 {
				// Somebody needs it meanwhile.
				if !c.gate.closed {
					c.open(true)
				}
				return
			} else {
				c.gate.opening = false
				return
			}
		}
		if err == nil && !c.gate.closed {
			c.shards = make([]*shard, n)
			for i := range c.shards {
				c.shards[i] = &shard{c: c, index: i, groups: map[string]*entry{}, txns: participants{}}
			}
			c.work.Go(c.loadAll)
		}
		c.gate.settle(err)
	})
}

// loadAll loads all shards, a few at a time.
func (c *Coordinator) loadAll() {
	places := make(chan struct{}, loaders)
	for _, s := range c.shards {
		select {
		case places <- struct{}{}:
		case <-c.ctx.Done():
			return
		}
		s.pass(func(error) { <-places })
	}
}

// Close stops everything. Requests that wait are refused, and so are later ones; writes that are under way are left to
// the store.
func (c *Coordinator) Close() {
	c.cancel()
	c.gate.mu.Lock()
	c.gate.close()
	shards := c.shards
	if c.checks != nil {
		c.checks.Stop()
	}
	c.gate.mu.Unlock()
	for _, s := range shards {
		s.close()
	}
	c.work.Wait()
}

// within runs call behind the gates of the coordinator and of the group's shard, whose lock it holds. If nothing is
// stored at all and create is false, it is given no shard and no error.
func (c *Coordinator) within(group string, create bool, call func(*shard, error)) {
	if !create && !c.exists() {
		call(nil, nil)
		return
	}
	c.gate.pass(c.config.LoadWait, func() { c.open(true) }, func(err error) {
		if err != nil {
			call(nil, err)
			return
		}
		s := c.shards[state.ShardOf(group, len(c.shards))]
		s.pass(func(err error) {
			if err != nil {
				call(nil, err)
				return
			}
			call(s, nil)
		})
	})
}

// exists reports whether anything may be stored, or is about to be.
func (c *Coordinator) exists() bool {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	return c.gate.open || c.gate.opening || c.gate.closed || c.gate.failed != nil
}

// Listing is a group in a list.
type Listing struct {
	ID           string
	State        State
	ProtocolType string
}

// List returns all groups, by id. It waits until all shards are loaded, for LoadWait at most; then it is ErrLoading.
func (c *Coordinator) List(ctx context.Context) ([]Listing, error) {
	var (
		mu  sync.Mutex
		all []Listing
	)
	err := c.eachShard(ctx, func(s *shard) {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range s.groups {
			if l := e.listing.Load(); l.State != Dead {
				all = append(all, *l)
			}
		}
	})
	slices.SortFunc(all, func(a, b Listing) int { return cmp.Compare(a.ID, b.ID) })
	return all, err
}

// eachShard calls f with each shard, whose lock is held, as it is loaded, and returns when all are.
func (c *Coordinator) eachShard(ctx context.Context, f func(*shard)) error {
	if !c.exists() {
		return nil
	}
	results := make(chan error, 1)
	c.gate.pass(c.config.LoadWait, func() { c.open(true) }, func(err error) { results <- err })
	if err := wait(ctx, results); err != nil {
		return err
	}
	results = make(chan error, len(c.shards))
	for _, s := range c.shards {
		s.pass(func(err error) {
			if err == nil {
				f(s)
			}
			results <- err
		})
	}
	for range c.shards {
		if err := wait(ctx, results); err != nil {
			return err
		}
	}
	return nil
}

func wait(ctx context.Context, results <-chan error) error {
	select {
	case err := <-results:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
}

// DropTopic removes the offsets that groups have committed for a topic that was deleted. A zero id drops those of any
// topic of that name.
func (c *Coordinator) DropTopic(ctx context.Context, topic string, id [16]byte) error {
	var (
		mu    sync.Mutex
		waits []chan error
	)
	err := c.eachShard(ctx, func(s *shard) {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range s.groups {
			result := make(chan error, 1)
			waits = append(waits, result)
			e.ask(func(t Token) Event { return DropTopic{Token: t, Topic: topic, ID: id} }, call{
				answer: func(a Answer) { result <- a.(Removed).Err },
				refuse: func(err error) { result <- err },
			})
		}
	})
	for _, result := range waits {
		err = errors.Join(err, wait(ctx, result))
	}
	return err
}

// expire lets every group that is loaded remove what is past its retention.
func (c *Coordinator) expire() {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	if c.gate.closed {
		return
	}
	for _, s := range c.shards {
		s.post(Expire{})
	}
	c.checks.Reset(c.config.CheckInterval)
}

// stored logs when changes begin to fail and when they no longer do, not each of them.
func (c *Coordinator) stored(group string, err error) {
	switch {
	case errors.Is(err, state.ErrTooLarge), errors.Is(err, state.ErrProducerFenced):
		c.log.Debug("a change of a consumer group was refused", "group", group, "error", err)
	case err != nil && !c.failing.Swap(true):
		c.log.Error("offsets and changes of consumer groups cannot be stored; clients are told to try again", "group", group, "error", err)
	case err == nil && c.failing.Swap(false):
		c.log.Info("offsets and changes of consumer groups can be stored again")
	}
}
