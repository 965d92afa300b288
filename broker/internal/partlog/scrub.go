package partlog

import (
	"time"

	"github.com/typelog/typelog/broker/internal/log"
)

// Defaults of the scrub.
const (
	defaultScrubEvery = 7 * 24 * time.Hour
	defaultScrubRate  = 8 << 20 // bytes a second
	defaultScrubFirst = time.Hour
	// scrubStep is how many bytes are read at full speed.
	scrubStep = 256 << 10
)

// scrubAll is the goroutine that reads everything again from time to time, slowly.
func (e *Engine) scrubAll() {
	defer e.background.Done()
	wait := e.opts.ScrubFirst
	for e.sleep(wait) {
		started := time.Now()
		var unpaid int64
		e.scrub(func(n int64) bool {
			if unpaid += n; unpaid < scrubStep {
				return true
			}
			pause := time.Duration(float64(unpaid) / float64(e.opts.ScrubRate) * float64(time.Second))
			unpaid = 0
			return e.sleep(pause)
		})
		wait = max(0, e.opts.ScrubEvery-time.Since(started))
	}
}

// sleep returns false once the engine closes.
func (e *Engine) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-e.stop:
		return false
	case <-t.C:
		return true
	}
}

// scrub reads every batch that can be served once, remembers the bad ones and logs them. between is called after each batch
// with its bytes and returns whether to go on.
func (e *Engine) scrub(between func(n int64) bool) {
	e.mu.RLock()
	parts := make([]*partition, 0, len(e.parts))
	for _, p := range e.parts {
		parts = append(parts, p)
	}
	e.mu.RUnlock()
	for _, p := range parts {
		p.mu.Lock()
		usable := p.usable("scrub") == nil
		var v view
		if usable {
			v = p.view()
		}
		p.mu.Unlock()
		for i := 0; usable && i < len(v.segments); i++ {
			if !e.scrubSegment(p, v.segments[i], v.size(i), between) {
				return
			}
		}
	}
}

func (e *Engine) scrubSegment(p *partition, s *segment, size int64, between func(n int64) bool) (more bool) {
	if size == 0 {
		return true
	}
	h, _, err := e.files.get(s, false)
	if err != nil {
		if !p.removed(s) {
			e.log.Error("a segment cannot be checked", "partition", p.id.String(), "file", s.path(), "error", err)
		}
		return true
	}
	defer e.files.put(h)
	more = true
	err = s.verify(h, size, func(n int64) bool { more = between(n); return more }, func(d damage) { e.found(p, s, d) })
	if err != nil {
		e.log.Error("a segment cannot be checked", "partition", p.id.String(), "file", s.path(), "error", err)
	}
	return more
}

// found remembers and logs damage.
func (e *Engine) found(p *partition, s *segment, d damage) *log.CorruptError {
	s.markBad(d)
	e.log.Error("a damaged batch is not served; the other batches are", "partition", p.id.String(), "file", s.path(), "at", d.from,
		"bytes", d.to-d.from, "reason", d.reason)
	return &log.CorruptError{File: s.path(), Offset: d.from, Reason: d.reason}
}
