package txn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

// Config is what a Coordinator is made with. Its zero value works.
type Config struct {
	MaxTimeout  time.Duration // transaction.max.timeout.ms, 15 min
	Expiration  time.Duration // transactional.id.expiration.ms, 7 days
	AbortEvery  time.Duration // transaction.abort.timed.out.transaction.cleanup.interval.ms, 10 s
	ForgetEvery time.Duration // transaction.remove.expired.transaction.cleanup.interval.ms, 1 h
	// JoinWait is how long a partition that joins waits for the transaction before to be complete
	// (add.partitions.to.txn.retry.backoff.max.ms), 100 ms.
	JoinWait time.Duration
	// EndWait is how long the end of a transaction waits for its markers before it is answered. The outcome is decided
	// by then; whoever reads at once should find it. 5 s.
	EndWait time.Duration
	// LoadWait is how long a request waits for its shard to be loaded before it is told to try again, 5 s.
	LoadWait time.Duration
	// Epoch is written into markers. It must be higher than that of any coordinator before.
	Epoch  int32
	Logger *slog.Logger // nil discards
}

func orDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

func (c *Config) fill() {
	orDefault(&c.MaxTimeout, 15*time.Minute)
	orDefault(&c.Expiration, 7*24*time.Hour)
	orDefault(&c.AbortEvery, 10*time.Second)
	orDefault(&c.ForgetEvery, time.Hour)
	orDefault(&c.JoinWait, 100*time.Millisecond)
	orDefault(&c.EndWait, 5*time.Second)
	orDefault(&c.LoadWait, 5*time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// Coordinator runs the transactions of a broker. It is safe for concurrent use.
//
// Each transactional id takes one step at a time, its storing included; markers are written beside that.
type Coordinator struct {
	*Producers
	config  Config
	store   state.Store
	markers Markers
	log     *slog.Logger
	ctx     context.Context // ends at Close
	cancel  context.CancelFunc

	opening chan struct{} // holds something while the store is asked for its shards

	mu     sync.Mutex // guards what follows
	shards []*shard   // nil until the store has any
	closed bool
	work   sync.WaitGroup // nothing is added once closed is set
}

// NewCoordinator returns a coordinator; Start starts it.
func NewCoordinator(store state.Store, markers Markers, producers *Producers, config Config) *Coordinator {
	config.fill()
	ctx, cancel := context.WithCancel(context.Background())
	return &Coordinator{Producers: producers, config: config, store: store, markers: markers, log: config.Logger,
		ctx: ctx, cancel: cancel, opening: make(chan struct{}, 1)}
}

// Start loads what is stored, in the background, and goes on with what a crash interrupted. Nothing is created before a
// transaction needs it.
func (c *Coordinator) Start() {
	c.spawn(c.loadRest)
	c.spawn(c.tidy)
}

// Prepare creates the store's internal topic, in the background, if it is not there yet: a transaction is about to begin.
func (c *Coordinator) Prepare() {
	if c.known() == nil {
		c.spawn(func() { c.open(c.ctx, true) }) // whoever needs it asks again, and is told
	}
}

// spawn runs f beside the requests, unless the coordinator is closed.
func (c *Coordinator) spawn(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.work.Go(f)
	}
}

// Close stops everything, and waits for it. Transactions that are being ended go on at the next start.
func (c *Coordinator) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.work.Wait()
}

func (c *Coordinator) known() []*shard {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shards
}

// open returns the shards; none if nothing is stored and create is false.
func (c *Coordinator) open(ctx context.Context, create bool) ([]*shard, error) {
	if shards := c.known(); shards != nil {
		return shards, nil
	}
	select {
	case c.opening <- struct{}{}:
		defer func() { <-c.opening }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	if shards := c.known(); shards != nil {
		return shards, nil
	}
	n, err := c.store.Shards(ctx, create)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if n == 0 {
		return nil, nil
	}
	shards := make([]*shard, n)
	for i := range shards {
		shards[i] = &shard{c: c, index: i}
	}
	c.mu.Lock()
	c.shards = shards
	c.mu.Unlock()
	return shards, nil
}

// loaders is how many shards are loaded at a time.
const loaders = 4

// loadRest loads the shards that are not loaded yet.
func (c *Coordinator) loadRest() {
	shards, err := c.open(c.ctx, false)
	if err != nil && c.ctx.Err() == nil {
		c.log.Warn("the state of transactions is not available; it is tried again", "error", err)
	}
	var group sync.WaitGroup
	places := make(chan struct{}, loaders)
	for _, s := range shards {
		if s.isLoaded() {
			continue
		}
		places <- struct{}{}
		group.Go(func() {
			s.ready(c.ctx)
			<-places
		})
	}
	group.Wait()
}

// step lets an event happen to a transactional id, and returns what came of it. Its entry is nil if nothing is known of the
// transactional id.
func (c *Coordinator) step(ctx context.Context, id string, create bool, make func(newID int64) event) (outcome, *entry, error) {
	shards, err := c.open(ctx, create)
	if err != nil {
		return outcome{}, nil, err
	}
	if shards == nil {
		out := make(noID).decide(nil, time.Now())
		return out, nil, out.err
	}
	s := shards[state.ShardOf(id, len(shards))]
	for {
		e, err := s.find(ctx, id, create)
		if err != nil {
			return outcome{}, nil, err
		}
		if e == nil {
			out := make(noID).decide(nil, time.Now())
			return out, nil, out.err
		}
		out, ok, err := e.step(ctx, make)
		if ok {
			return out, e, err
		}
	}
}

// fixed is an event that needs no new producer id.
func fixed(e event) func(int64) event { return func(int64) event { return e } }

// Init gives a producer its identity, and fences whoever had the transactional id before.
func (c *Coordinator) Init(ctx context.Context, id string, had Identity, timeout int32) (Identity, error) {
	switch {
	case id == "":
		return nobody, fmt.Errorf("%w: an empty transactional id", ErrInvalid)
	case timeout <= 0 || time.Duration(timeout)*time.Millisecond > c.config.MaxTimeout:
		return nobody, fmt.Errorf("%w: %d ms, transaction.max.timeout.ms is %d", ErrInvalidTimeout, timeout, c.config.MaxTimeout.Milliseconds())
	}
	if err := had.check(); err != nil {
		return nobody, err
	}
	out, _, err := c.step(ctx, id, true, func(newID int64) event { return Init{had, timeout, id, newID} })
	if err != nil {
		return nobody, err
	}
	c.log.Debug("a transactional producer", "transactional_id", id, "producer_id", out.who.ProducerID, "epoch", out.who.Epoch)
	return out.who, nil
}

// Add lets partitions join a transaction, and begins it if it has not begun.
func (c *Coordinator) Add(ctx context.Context, id string, a Add) error {
	_, err := c.join(ctx, id, a, false)
	return err
}

// Verify reports whether partitions are part of a transaction.
func (c *Coordinator) Verify(ctx context.Context, id string, v Verify) error {
	_, _, err := c.step(ctx, id, false, fixed(v))
	return err
}

// Enter is asked before something is written within a transaction, and holds the transaction still until release is called: it
// must have its place in the log by then. Partitions join if the client speaks transaction.version 2; otherwise they must
// have joined.
func (c *Coordinator) Enter(ctx context.Context, id string, a Add) (release func(), err error) {
	var e *entry
	if a.Version >= epochBump {
		e, err = c.join(ctx, id, a, true)
	} else {
		_, e, err = c.step(ctx, id, false, fixed(entering{Verify{a.Identity, a.Partitions}}))
	}
	if err != nil {
		return nil, err
	}
	return e.leave, nil
}

// entering is an event whose sender writes if it is not refused.
type entering struct{ event }

// join is Add, with patience while the transaction before is being ended.
func (c *Coordinator) join(ctx context.Context, id string, a Add, writes bool) (*entry, error) {
	var ev event = a
	if writes {
		ev = entering{a}
	}
	_, e, err := c.step(ctx, id, false, fixed(ev))
	if errors.Is(err, ErrConcurrent) && e != nil {
		e.await(ctx, c.config.JoinWait)
		_, e, err = c.step(ctx, id, false, fixed(ev))
	}
	return e, err
}

// End ends a transaction. It returns when the outcome is stored and, if that does not take too long, all markers are
// written; then the identity is the producer's from now on.
func (c *Coordinator) End(ctx context.Context, id string, end End) (Identity, error) {
	if id == "" {
		return nobody, fmt.Errorf("%w: an empty transactional id", ErrInvalid)
	}
	out, e, err := c.step(ctx, id, false, func(newID int64) event { end.newID = newID; return end })
	if err != nil {
		return nobody, err
	}
	if out.next != nil {
		e.await(ctx, c.config.EndWait)
	}
	return out.who, nil
}

// tidy aborts what is past its timeout, and forgets what is not used any more, from time to time.
func (c *Coordinator) tidy() {
	abort, forget := time.NewTicker(c.config.AbortEvery), time.NewTicker(c.config.ForgetEvery)
	defer abort.Stop()
	defer forget.Stop()
	for {
		var ev event
		select {
		case <-c.ctx.Done():
			return
		case <-abort.C:
			c.loadRest() // nobody may ever ask for a shard whose load has failed, and its transactions must end
			ev = overdue{}
		case <-forget.C:
			ev = idle{c.config.Expiration}
		}
		for _, e := range c.entries() {
			if !e.due(ev) {
				continue
			}
			out, _, err := e.step(c.ctx, fixed(ev))
			switch {
			case err != nil && c.ctx.Err() == nil:
				c.log.Warn("a transaction could not be tidied up; it is tried again", "transactional_id", e.id, "error", err)
			case out.next != nil:
				c.log.Info("a transaction is past its timeout and is aborted", "transactional_id", e.id, "producer_id", out.next.ProducerID)
			}
		}
	}
}

// entries are those of all shards that are loaded.
func (c *Coordinator) entries() []*entry {
	var all []*entry
	for _, s := range c.known() {
		all = append(all, s.list()...)
	}
	return all
}
