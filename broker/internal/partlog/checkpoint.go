package partlog

import (
	"fmt"
	"slices"
	"sync"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/vfs"
)

// syncsAtOnce is how many files are flushed at the same time. The disk takes sixteen in a fraction of the time of one
// after another.
const syncsAtOnce = 16

// noted is a partition in a checkpoint.
type noted struct {
	p        *partition
	next     int64
	loose    bool // its batches may pass by the journal once the ledger says so
	segments []*segment
	replaced []*segment // whose files the state does not name any more
	state    []byte
}

// checkpoint makes durable what the journal holds and releases it. clean marks a shutdown.
func (e *Engine) checkpoint(clean bool) error {
	e.checkpointing.Lock()
	defer e.checkpointing.Unlock()
	if clean {
		// Nothing is appended any more; after this, nothing is under way either.
		if err := e.barrier(); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
	}
	// The order matters: a frame below from was counted by its partition before the partition is noted.
	from := e.journal.Next()
	loose := e.loose.Load()
	dirty := e.takeDirty()
	if len(dirty) == 0 && !clean && e.ledger.from() == from {
		return nil
	}
	list := make([]noted, 0, len(dirty))
	for _, p := range dirty {
		if n, ok := p.note(); ok {
			list = append(list, n)
		}
	}
	stopped := e.stoppedNow()
	if err := e.barrier(); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	e.noteDrained(stopped)
	e.syncAll(list)
	// A partition that was stopped may have counted what is in no segment: it keeps its older state and its frames.
	list = slices.DeleteFunc(list, func(n noted) bool { return n.p.isStopped() })
	if err := e.pass(list, commit{from: from, clean: clean && len(e.stoppedNow()) == 0}); err != nil {
		return e.passFailed(list, err)
	}
	for _, n := range list {
		n.p.mu.Lock()
		n.p.durable = n.next
		n.p.unjournaled = n.loose && n.p.cfg.FlushOS
		if n.p.unjournaled != n.p.cfg.FlushOS {
			e.markDirty(n.p) // the config changed meanwhile
		}
		n.p.mu.Unlock()
	}
	e.loose.Add(-loose)
	e.journal.Release(from)
	for _, n := range list {
		e.removeReplaced(n.p, n.replaced)
	}
	return nil
}

// pass notes in the ledger that the states hold and that the journal's frames below c.from are not needed.
func (e *Engine) pass(list []noted, c commit) error {
	records, err := e.strand(c.from)
	if err != nil {
		return err
	}
	var restored []log.Partition // whose states have what was stranded
	for _, n := range list {
		records = append(records, ledgerRecord{kindState, n.p.id, n.state})
		if e.ledger.strandedLen(n.p.id) > 0 {
			restored = append(restored, n.p.id)
		}
	}
	if err := e.ledger.commit(records, c); err != nil {
		return err
	}
	e.dropStranded(restored)
	return nil
}

// passFailed says what a checkpoint's failure means: on a full disk nothing has changed, and a later one is tried; otherwise
// nobody knows what the ledger holds.
func (e *Engine) passFailed(list []noted, err error) error {
	err = fmt.Errorf("checkpoint: %w", err)
	if !vfs.IsFull(err) || e.ledger.broken() {
		return e.fail(err)
	}
	for _, n := range list {
		n.p.mu.Lock()
		e.markDirty(n.p)
		n.p.mu.Unlock()
	}
	return e.storageError(err)
}

func (e *Engine) takeDirty() []*partition {
	e.dirtyMu.Lock()
	defer e.dirtyMu.Unlock()
	dirty := e.dirty
	e.dirty = nil
	return dirty
}

// note takes the partition's state. It counts batches that are still in the queues; the checkpoint waits for them
// before it writes this down.
func (p *partition) note() (noted, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dirty = false
	if p.gone || p.err != nil || p.stopped != nil {
		return noted{}, false
	}
	// From here on, batches are journalled if the state says that they are.
	p.unjournaled = p.unjournaled && p.cfg.FlushOS
	s := p.state()
	return noted{p: p, next: p.next, loose: p.cfg.FlushOS, segments: p.segments, replaced: p.replaced, state: s.append(nil)}, true
}

// syncAll flushes the segments and directories of the partitions, and stops those where it fails.
func (e *Engine) syncAll(list []noted) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, syncsAtOnce)
	for _, n := range list {
		slots <- struct{}{}
		wg.Go(func() {
			err := e.syncPartition(n)
			<-slots
			if err != nil {
				e.halt(n.p, fmt.Errorf("a segment cannot be flushed: %w", err))
			}
		})
	}
	wg.Wait()
}

func (e *Engine) syncPartition(n noted) error {
	for _, s := range slices.Backward(n.segments) {
		s.mu.Lock()
		todo := s.unsynced
		s.unsynced = false
		s.mu.Unlock()
		if !todo {
			continue
		}
		if err := e.syncSegment(s); err != nil && !n.p.removed(s) {
			return err
		}
	}
	n.p.io.Lock()
	defer n.p.io.Unlock()
	if !n.p.newFiles || n.p.removed(nil) {
		return nil
	}
	if err := e.fs.SyncDir(n.p.dir); err != nil {
		return err
	}
	n.p.newFiles = false
	return nil
}

func (e *Engine) syncSegment(s *segment) error {
	h, _, err := e.files.get(s, false)
	if err != nil {
		return err
	}
	defer e.files.put(h)
	return h.Sync()
}

// removed reports whether the partition, or this segment of it, is not there any more.
func (p *partition) removed(s *segment) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone || s != nil && !slices.Contains(p.segments, s)
}
