package partlog

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/log/producer"
)

// defaultCompactKeys is how many keys one pass of compaction remembers; they take up to 40 MiB.
const defaultCompactKeys = 1 << 19

// defaultCompactRate is how fast compaction reads and writes, in bytes a second.
const defaultCompactRate = 64 << 20

// cleanable is what compaction may write anew in a partition.
type cleanable struct {
	cfg      log.Config
	segments []*segment // from the first one on; all are sealed, flushed, and below the last stable offset
	from     int64      // below it, everything was cleaned
	end      int64      // of the segments
	aborted  []producer.Aborted
}

// errOvertaken: retention, a trim or a deletion came before compaction was ready.
var errOvertaken = errors.New("the segments were removed meanwhile")

// Compact compacts every partition that is due for it once, as far as it can be at all. The engine does it by itself from time
// to time, at a bounded rate.
func (e *Engine) Compact() error { return e.compact(&pace{}) }

func (e *Engine) compact(c *pace) error {
	e.compacting.Lock()
	defer e.compacting.Unlock()
	e.mu.RLock()
	if e.closed {
		e.mu.RUnlock()
		return log.ErrClosed
	}
	parts := make([]*partition, 0, len(e.parts))
	for _, p := range e.parts {
		parts = append(parts, p)
	}
	e.mu.RUnlock()
	var errs []error
	for _, p := range parts {
		err := e.compactPartition(p, c)
		if errors.Is(err, log.ErrClosed) {
			return err
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("compact %s: %w", p.id, err))
		}
	}
	return errors.Join(errs...)
}

// compactPartition cleans one partition in as many passes as its keys need.
func (e *Engine) compactPartition(p *partition, c *pace) error {
	for first := true; ; first = false {
		if err := e.failure(); err != nil {
			return nil // said already; the disk is not to be written to
		}
		now := e.now()
		p.mu.Lock()
		e.rollLate(p, now)
		w, ok := p.cleanable(now)
		ok = ok && (w.due(now) || !first && w.dirty() > 0)
		p.mu.Unlock()
		if !ok {
			return nil
		}
		end, err := newCleaning(e, p, w, now, c).run(e.opts.CompactKeys)
		if errors.Is(err, errOvertaken) {
			return nil // there will be a next time
		}
		if errors.Is(err, fs.ErrNotExist) && !sameSegments(p, w.segments) {
			return nil
		}
		p.mu.Lock()
		if err != nil {
			if errors.Is(err, log.ErrCorrupt) {
				p.uncompactable = true // until the next start; it is said once
			}
			p.mu.Unlock()
			return err
		}
		p.cleaned = max(p.cleaned, end)
		e.markDirty(p)
		p.mu.Unlock()
	}
}

// sameSegments reports whether the partition begins with these segments.
func sameSegments(p *partition, segments []*segment) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.gone && len(p.segments) >= len(segments) && slices.Equal(p.segments[:len(segments)], segments)
}

// rollLate begins a new segment if the active one holds records for longer than max.compaction.lag.ms, so that it can be
// compacted. p.mu is held.
func (e *Engine) rollLate(p *partition, now int64) {
	s := p.active()
	if p.usable("compact") != nil || p.stopped != nil || !p.cfg.Compact || p.cfg.MaxCompactionLagMs <= 0 ||
		s.size == 0 || p.next != p.high || now-s.created < p.cfg.MaxCompactionLagMs {
		return
	}
	p.roll(p.next)
	e.markDirty(p)
}

// cleanable returns what can be compacted. mu is held.
func (p *partition) cleanable(now int64) (w cleanable, ok bool) {
	if p.usable("compact") != nil || p.stopped != nil || p.uncompactable || !p.cfg.Compact {
		return w, false
	}
	if p.next == p.high && p.active().size == 0 {
		// Everything is visible, and the empty segment is as good a mark for that as the one before it.
		p.visible, p.visiblePos = p.active(), 0
	}
	limit := min(p.durable, p.stable)
	n := 0
	for n+1 < len(p.segments) && p.segments[n] != p.visible && p.segments[n+1].base <= limit {
		young := p.cfg.MinCompactionLagMs > 0 && p.segments[n].newest() > now-p.cfg.MinCompactionLagMs
		if young && p.segments[n+1].base > p.cleaned {
			break
		}
		n++
	}
	if n == 0 {
		return w, false
	}
	return cleanable{
		cfg: p.cfg, segments: p.segments[:n:n], from: max(p.cleaned, p.segments[0].base), end: p.segments[n].base,
		aborted: p.producers.Aborted(),
	}, true
}

// split returns the bytes of segments that were cleaned, those of the others, and the first of these.
func (w *cleanable) split() (clean, dirty int64, first *segment) {
	for i, s := range w.segments {
		end := w.end
		if i+1 < len(w.segments) {
			end = w.segments[i+1].base
		}
		if end <= w.from {
			clean += s.size
			continue
		}
		if first == nil {
			first = s
		}
		dirty += s.size
	}
	return clean, dirty, first
}

func (w *cleanable) dirty() int64 { _, dirty, _ := w.split(); return dirty }

// due reports whether compaction is worth its while: enough is dirty, or has been for too long.
func (w *cleanable) due(now int64) bool {
	clean, dirty, first := w.split()
	if dirty == 0 {
		return false
	}
	if w.cfg.MaxCompactionLagMs > 0 && now-first.created >= w.cfg.MaxCompactionLagMs {
		return true
	}
	return float64(dirty)/float64(clean+dirty) > w.cfg.MinCleanableRatio
}

// swap brings a new segment into use. Its file is flushed. The old ones stay until the ledger names the new one.
func (e *Engine) swap(p *partition, old []*segment, fresh *segment, markers map[int64]bool) error {
	p.io.Lock()
	defer p.io.Unlock()
	if p.removed(nil) {
		return errOvertaken
	}
	if err := e.fs.SyncDir(p.dir); err != nil {
		// Other names may have been lost with this one, and asking again would not tell.
		err = fmt.Errorf("a directory cannot be flushed: %w", err)
		e.halt(p, err)
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.segments, old[0])
	if p.gone || p.stopped != nil || i < 0 || i+len(old) >= len(p.segments) || !slices.Equal(p.segments[i:i+len(old)], old) {
		return errOvertaken
	}
	p.segments = slices.Concat(p.segments[:i], []*segment{fresh}, p.segments[i+len(old):])
	p.replaced = slices.Concat(p.replaced, old)
	p.swaps++
	p.producers.ForgetAborted(markers)
	e.markDirty(p)
	return nil
}

// removeReplaced removes the files of segments that neither the partition nor the ledger names any more.
func (e *Engine) removeReplaced(p *partition, old []*segment) {
	if len(old) == 0 {
		return
	}
	p.mu.Lock()
	p.replaced = slices.DeleteFunc(slices.Clone(p.replaced), func(s *segment) bool { return slices.Contains(old, s) })
	p.mu.Unlock()
	if err := e.removeSegments(p, old); err != nil {
		e.log.Warn("files that were compacted stay until the next start", "partition", p.id.String(), "error", err)
	}
}

// keepCompacting is a background goroutine.
func (e *Engine) keepCompacting() {
	defer e.background.Done()
	tick := time.NewTicker(e.opts.CompactEvery)
	defer tick.Stop()
	for {
		select {
		case <-e.stop:
			return
		case <-tick.C:
			err := e.compact(&pace{rate: e.opts.CompactRate, stop: e.stop})
			if err != nil && !errors.Is(err, log.ErrClosed) && e.failure() == nil {
				e.log.Error("compaction", "error", err)
			}
		}
	}
}
