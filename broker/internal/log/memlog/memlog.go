// Package memlog is an engine in memory. It implements log.Engine the way an engine over a remote store does: requests
// wait in line and are committed together after a delay, an offset is known only then, and reads return bytes. Tests
// of the rooms above run on it; nothing survives Close.
//
// It knows package record and the producer state machine, and nothing of files.
package memlog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/log/producer"
	"github.com/typelog/typelog/broker/internal/record"
)

// Options of an Engine. The zero value commits at once.
type Options struct {
	// Delay is how long a commit waits for more requests after the first one.
	Delay time.Duration
	// Epoch is the leader epoch of all partitions.
	Epoch int32
	// Now is the clock for append times; nil means time.Now.
	Now func() time.Time
}

// Engine is the in-memory engine.
type Engine struct {
	delay  time.Duration
	epoch  int32
	now    func() time.Time
	codecs *record.Codecs

	// committing is held during a whole commit, answers included, so that answers come in the order of commits. It is
	// taken before mu.
	committing sync.Mutex

	mu      sync.Mutex
	parts   map[log.Partition]*partition
	queue   []request
	armed   bool // a commit is on its way
	held    int  // Hold calls that were not released
	failure error
	commits int
	closed  bool
	watches map[*watch]struct{}
}

var _ log.Engine = (*Engine)(nil)

// partition is guarded by the engine's mu.
type partition struct {
	cfg       log.Config
	batches   []record.Batch // in order of offsets; never changed once they are here
	start     int64          // log start
	next      int64          // the next offset, and the high watermark: all that is here is committed
	stable    int64
	producers producer.Table
}

func (p *partition) bounds() log.Bounds {
	return log.Bounds{LogStart: p.start, HighWatermark: p.next, LastStable: max(p.stable, p.start)}
}

// request is what one call of Append or AppendControl left in line.
type request struct {
	batches []log.Batch
	markers []log.Control
	done    func([]log.Appended)
}

// New returns an empty engine.
func New(o Options) *Engine {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Engine{
		delay:   o.Delay,
		epoch:   o.Epoch,
		now:     o.Now,
		codecs:  record.NewCodecs(0),
		parts:   make(map[log.Partition]*partition),
		watches: make(map[*watch]struct{}),
	}
}

// Create adds partitions; those that exist are left as they are.
func (e *Engine) Create(ctx context.Context, parts []log.Partition, cfg log.Config) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return fmt.Errorf("create partitions: %w", log.ErrClosed)
	}
	for _, id := range parts {
		if e.parts[id] == nil {
			e.parts[id] = &partition{cfg: cfg}
		}
	}
	return nil
}

// Configure changes the configs of a topic's partitions.
func (e *Engine) Configure(topic log.TopicID, cfg log.Config) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, p := range e.parts {
		if id.Topic == topic {
			p.cfg = cfg
		}
	}
}

// DeleteTopic takes the topic's partitions away.
func (e *Engine) DeleteTopic(ctx context.Context, topic log.TopicID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return fmt.Errorf("delete topic %x: %w", topic, log.ErrClosed)
	}
	gone := make(map[log.Partition]bool)
	for id := range e.parts {
		if id.Topic == topic {
			gone[id] = true
			delete(e.parts, id)
		}
	}
	wakes := e.takeWatches(gone)
	e.mu.Unlock()
	wakeAll(wakes)
	return nil
}

// Bounds returns the partition's offsets.
func (e *Engine) Bounds(id log.Partition) (log.Bounds, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p, err := e.find("bounds", id)
	if err != nil {
		return log.Bounds{}, err
	}
	return p.bounds(), nil
}

// LeaderEpoch is the epoch that new batches get.
func (e *Engine) LeaderEpoch(id log.Partition) (int32, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, err := e.find("leader epoch", id); err != nil {
		return -1, err
	}
	return e.epoch, nil
}

// EndOfEpoch knows one epoch, that of the engine.
func (e *Engine) EndOfEpoch(id log.Partition, epoch int32) (log.EpochEnd, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p, err := e.find("end of epoch", id)
	if err != nil {
		return log.EpochEnd{Epoch: -1, EndOffset: -1}, err
	}
	switch {
	case epoch == e.epoch:
		return log.EpochEnd{Epoch: epoch, EndOffset: p.next}, nil
	case epoch >= 0 && epoch < e.epoch:
		return log.EpochEnd{Epoch: epoch, EndOffset: 0}, nil // it ended before the log began
	}
	return log.EpochEnd{Epoch: -1, EndOffset: -1}, nil
}

// Producers returns the producers that the partition remembers.
func (e *Engine) Producers(id log.Partition) ([]log.ActiveProducer, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p, err := e.find("producers", id)
	if err != nil {
		return nil, err
	}
	return p.producers.Active(), nil
}

// Trim makes offset the log start; -1 stands for the high watermark.
func (e *Engine) Trim(ctx context.Context, id log.Partition, offset int64) (int64, error) {
	if err := ctx.Err(); err != nil {
		return -1, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	p, err := e.find("trim", id)
	if err != nil {
		return -1, err
	}
	if offset == -1 {
		offset = p.next
	}
	if offset < 0 || offset > p.next {
		return -1, fmt.Errorf("trim %s to %d, the high watermark is %d: %w", id, offset, p.next, log.ErrOffsetOutOfRange)
	}
	if offset > p.start {
		p.start = offset
		keep := slices.IndexFunc(p.batches, func(b record.Batch) bool { return b.LastOffset() >= offset })
		if keep < 0 {
			keep = len(p.batches)
		}
		p.batches = slices.Clone(p.batches[keep:])
		p.producers.Trim(offset)
	}
	return p.start, nil
}

// find is called with mu held.
func (e *Engine) find(op string, id log.Partition) (*partition, error) {
	if e.closed {
		return nil, fmt.Errorf("%s of %s: %w", op, id, log.ErrClosed)
	}
	p := e.parts[id]
	if p == nil {
		return nil, fmt.Errorf("%s of %s: %w", op, id, log.ErrUnknownPartition)
	}
	return p, nil
}

// Hold keeps everything from being committed until release is called, for tests of what is not committed yet.
func (e *Engine) Hold() (release func()) {
	e.mu.Lock()
	e.held++
	e.mu.Unlock()
	return sync.OnceFunc(func() {
		e.mu.Lock()
		e.held--
		e.mu.Unlock()
		e.commit()
	})
}

// Fail makes every commit from now on fail with err, which should wrap log.ErrStorage; nil ends that.
func (e *Engine) Fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failure = err
}

// Commits is the number of commits so far.
func (e *Engine) Commits() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.commits
}

// Close commits what waits, and refuses everything from then on. Calling it again does nothing.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.held = 0
	already := e.closed
	e.mu.Unlock()
	if already {
		return nil
	}
	e.commit()
	e.mu.Lock()
	e.closed = true
	wakes := slices.Collect(maps.Keys(e.watches))
	clear(e.watches)
	e.mu.Unlock()
	e.commit() // what came between: answered with ErrClosed
	wakeAll(wakes)
	return nil
}
