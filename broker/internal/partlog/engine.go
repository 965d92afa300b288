package partlog

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/typelog/typelog/broker/internal/journal"
	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
	"github.com/typelog/typelog/broker/internal/vfs"
)

// Topic is a topic that the catalogue knows.
type Topic struct {
	ID         log.TopicID
	Partitions int32
	Config     log.Config
}

// Options of Open. Dir is needed; the zero value of the rest works.
type Options struct {
	// Dir is the engine's own directory. It is made if it is missing.
	Dir string
	// Topics are all topics that the catalogue has, those that are being deleted included: a directory without a topic is set aside.
	Topics []Topic
	// LeaderEpoch is what new batches carry; it must be at least that of every earlier start, and higher after an unclean
	// one (Report.Clean of a previous Open tells; raising it at every start is right, too).
	LeaderEpoch int32
	// Clock may be nil.
	Clock func() time.Time
	// FS may be nil: the operating system's.
	FS vfs.FS
	// Logger may be nil.
	Logger *slog.Logger
	// JournalBound is the bound of the journal in bytes; 0 means 256 MiB.
	JournalBound int64
	// MaxOpenFiles bounds the segment files that are open without being read from; 0 means half of the
	// descriptors that the process may have at the start.
	MaxOpenFiles int
	// ProducerExpiry is how long a producer's sequences are remembered after its last batch (producer.id.expiration.ms); 0
	// means a day.
	ProducerExpiry time.Duration
	// CheckpointEvery and RetainEvery are the periods of the background work; 0 means a minute and five minutes.
	CheckpointEvery, RetainEvery time.Duration
	// CompactEvery is how often compacted topics are looked at; 0 means 15 seconds, less than 0 never.
	CompactEvery time.Duration
	// CompactRate is how many bytes a second compaction reads and writes at most; 0 means 64 MiB.
	CompactRate int64
	// CompactKeys is how many keys compaction holds in memory; 0 means half a million. A partition with more takes several
	// passes.
	CompactKeys int
	// RoomEvery is how often a full disk is looked at again; 0 means five seconds.
	RoomEvery time.Duration
	// ScrubEvery is how often everything is read again and held against its checksums; 0 means a week, negative never.
	ScrubEvery time.Duration
	// ScrubFirst is how long after a start the first pass begins; 0 means an hour, or ScrubEvery if that is less.
	ScrubFirst time.Duration
	// ScrubRate is how fast that reads, in bytes a second; 0 means 8 MiB.
	ScrubRate int64
}

// Report is what Open found.
type Report struct {
	// Clean: the last process shut down, and nothing had to be replayed.
	Clean bool
	// Stray directories were set aside, because no topic claims them; their new paths.
	Stray []string
	// Faults are partitions that refuse everything, with the reason.
	Faults []Fault
	// ReplayedFrames and ReplayedBytes were read from the journal.
	ReplayedFrames int
	ReplayedBytes  int64
}

// Fault is a partition that refuses everything.
type Fault struct {
	Partition log.Partition
	Err       error
}

// Engine implements log.Engine on files.
type Engine struct {
	opts    Options
	fs      vfs.FS
	log     *slog.Logger
	epoch   int32
	codecs  *record.Codecs
	files   *files
	journal *journal.Journal
	ledger  *ledger
	queue   queue
	behind  behind

	// checkpointing is held during a checkpoint, and while log starts move.
	checkpointing sync.Mutex
	// compacting is held while compaction is at work; it is taken before all other locks.
	compacting sync.Mutex
	// units is held while batches with companions are placed: only then are several partitions locked at once.
	units      sync.Mutex
	moved      []*partition // the journal's goroutine
	loose      atomic.Int64 // bytes that were not journalled since the last checkpoint
	looseBound int64
	failed     atomic.Pointer[error]
	reserve    *reserve
	full       atomic.Pointer[error] // why appends are refused until there is room
	allowance  atomic.Int64          // bytes that essential topics may still append while the disk is full
	kicked     chan struct{}
	stop       chan struct{}
	running    sync.WaitGroup // the writer and what is behind it
	background sync.WaitGroup

	// dirtyMu guards dirty and stopped; it may be taken under a partition's lock.
	dirtyMu sync.Mutex
	dirty   []*partition
	stopped []*partition // in the order in which they were stopped, those that refuse everything included; replaced, or appended to

	// changing is held while partitions are made or deleted; it is taken before mu.
	changing sync.Mutex

	// mu guards what follows. Appends hold it for reading.
	mu     sync.RWMutex
	closed bool
	parts  map[log.Partition]*partition
	topics map[log.TopicID][]*partition
}

var _ log.Engine = (*Engine)(nil)

func (e *Engine) now() int64 { return e.opts.Clock().UnixMilli() }

// fail stops all writes for good, and returns the reason: the first one.
func (e *Engine) fail(err error) error {
	err = e.storageError(err)
	if e.failed.CompareAndSwap(nil, &err) {
		e.log.Error("writes are refused until a restart; reads go on", "error", err)
		e.journal.Fail(err) // wakes appends that wait for room
	}
	return *e.failed.Load()
}

// ledgerFailed is fail if the ledger refuses everything from now on; otherwise, on a full disk, nothing has changed.
func (e *Engine) ledgerFailed(err error) error {
	if e.ledger.broken() {
		return e.fail(err)
	}
	return e.storageError(err)
}

// failure returns why writes are refused, or nil.
func (e *Engine) failure() error {
	if err := e.failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (e *Engine) storageError(err error) error {
	switch {
	case errors.Is(err, journal.ErrClosed):
		return log.ErrClosed
	case errors.Is(err, log.ErrStorage):
		return err
	}
	return fmt.Errorf("%w: %w", log.ErrStorage, err)
}

// kick asks for a checkpoint soon.
func (e *Engine) kick() {
	select {
	case e.kicked <- struct{}{}:
	default:
	}
}

// markDirty puts the partition on the list for the next checkpoint. p.mu is held.
func (e *Engine) markDirty(p *partition) {
	if p.dirty {
		return
	}
	p.dirty = true
	e.dirtyMu.Lock()
	e.dirty = append(e.dirty, p)
	e.dirtyMu.Unlock()
}

// find returns a partition to be read.
func (e *Engine) find(doing string, id log.Partition) (*partition, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return nil, fmt.Errorf("%s %s: %w", doing, id, log.ErrClosed)
	}
	p := e.parts[id]
	if p == nil {
		return nil, fmt.Errorf("%s %s: %w", doing, id, log.ErrUnknownPartition)
	}
	return p, nil
}

// maintain is the background goroutine.
func (e *Engine) maintain() {
	defer e.background.Done()
	checkpoints := time.NewTicker(e.opts.CheckpointEvery)
	defer checkpoints.Stop()
	retention := time.NewTicker(e.opts.RetainEvery)
	defer retention.Stop()
	room := time.NewTicker(e.opts.RoomEvery)
	defer room.Stop()
	for {
		select {
		case <-e.stop:
			return
		case <-e.kicked:
			e.tryCheckpoint()
			e.refill()
		case <-room.C:
			e.lookForRoom()
		case <-checkpoints.C:
			e.tryCheckpoint()
		case <-retention.C:
			if err := e.Retain(); err != nil && e.failure() == nil {
				e.log.Warn("retention", "error", err)
			}
		}
	}
}

func (e *Engine) tryCheckpoint() {
	if e.failure() != nil {
		return
	}
	if err := e.checkpoint(false); err != nil {
		e.log.Error("checkpoint", "error", err)
	}
}

// Close implements log.Engine.
func (e *Engine) Close() error {
	e.changing.Lock()
	defer e.changing.Unlock()
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	e.mu.Unlock()
	close(e.stop)
	e.background.Wait()

	var errs []error
	if e.failure() == nil {
		errs = append(errs, e.checkpoint(true))
	}
	e.queue.close()
	e.running.Wait()
	errs = append(errs, e.journal.Close(), e.ledger.close())
	for _, p := range e.parts {
		p.mu.Lock()
		ws := p.takeWatchers()
		p.mu.Unlock()
		wakeAll(ws)
	}
	e.files.close()
	return errors.Join(errs...)
}

func (e *Engine) topicDir(id log.TopicID) string {
	return filepath.Join(e.opts.Dir, "topics", fmt.Sprintf("%x", id[:]))
}

func (e *Engine) partitionDir(id log.Partition) string {
	return filepath.Join(e.topicDir(id.Topic), fmt.Sprint(id.Index))
}

// Bounds implements log.Engine.
func (e *Engine) Bounds(id log.Partition) (log.Bounds, error) {
	p, err := e.find("bounds of", id)
	if err != nil {
		return log.Bounds{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.usable("bounds of"); err != nil {
		return log.Bounds{}, err
	}
	return p.bounds(), nil
}

// LeaderEpoch implements log.Engine.
func (e *Engine) LeaderEpoch(id log.Partition) (int32, error) {
	if _, err := e.find("leader epoch of", id); err != nil {
		return -1, err
	}
	return e.epoch, nil
}

// Producers implements log.Engine.
func (e *Engine) Producers(id log.Partition) ([]log.ActiveProducer, error) {
	p, err := e.find("producers of", id)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.usable("producers of"); err != nil {
		return nil, err
	}
	return p.producers.Active(), nil
}

// EndOfEpoch implements log.Engine.
func (e *Engine) EndOfEpoch(id log.Partition, epoch int32) (log.EpochEnd, error) {
	unknown := log.EpochEnd{Epoch: -1, EndOffset: -1}
	p, err := e.find("end of epoch of", id)
	if err != nil {
		return unknown, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.usable("end of epoch of"); err != nil {
		return unknown, err
	}
	if epoch < 0 || epoch > e.epoch {
		return unknown, nil
	}
	if epoch == e.epoch {
		return log.EpochEnd{Epoch: epoch, EndOffset: p.high}, nil
	}
	// The largest epoch at or below it ends where the next one begins; the current one begins at the end if it has no
	// batch yet.
	found := log.EpochEnd{Epoch: epoch, EndOffset: p.high}
	for _, s := range p.epochs {
		if s.epoch > epoch {
			found.EndOffset = min(s.start, p.high)
			break
		}
		found.Epoch = s.epoch
	}
	return found, nil
}
