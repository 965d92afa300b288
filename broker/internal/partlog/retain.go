package partlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/typelog/typelog/broker/internal/log"
)

// Trim implements log.Engine.
func (e *Engine) Trim(ctx context.Context, id log.Partition, offset int64) (int64, error) {
	if err := ctx.Err(); err != nil {
		return -1, fmt.Errorf("trim %s: %w", id, err)
	}
	p, err := e.find("trim", id)
	if err != nil {
		return -1, err
	}
	e.checkpointing.Lock()
	defer e.checkpointing.Unlock()
	p.mu.Lock()
	if err := p.usable("trim"); err != nil {
		p.mu.Unlock()
		return -1, err
	}
	b := p.bounds()
	p.mu.Unlock()
	if offset == -1 {
		offset = b.HighWatermark
	}
	if offset < 0 || offset > b.HighWatermark {
		return b.LogStart, fmt.Errorf("trim %s to %d, it holds [%d, %d): %w", id, offset, b.LogStart, b.HighWatermark, log.ErrOffsetOutOfRange)
	}
	if offset <= b.LogStart {
		return b.LogStart, nil
	}
	if err := e.moveStarts(map[*partition]int64{p: offset}); err != nil {
		return b.LogStart, fmt.Errorf("trim %s: %w", id, err)
	}
	return offset, nil
}

// moveStarts makes log starts durable and shows them, and removes the segments that lie wholly below. checkpointing is held.
func (e *Engine) moveStarts(starts map[*partition]int64) error {
	records := make(map[log.Partition]int64, len(starts))
	for p, offset := range starts {
		records[p.id] = offset
	}
	if err := e.ledger.commitStarts(records); err != nil {
		return e.ledgerFailed(err)
	}
	defer e.roomMayBe()
	var errs []error
	for p, offset := range starts {
		p.mu.Lock()
		p.logStart = max(p.logStart, offset)
		p.producers.Trim(p.logStart)
		old := p.takeTrimmed()
		p.mu.Unlock()
		errs = append(errs, e.removeSegments(p, old))
	}
	return errors.Join(errs...)
}

// takeTrimmed takes away the segments that lie wholly below the log start and the last checkpoint: what the
// journal would bring back after a crash must still find its place. mu is held.
func (p *partition) takeTrimmed() []*segment {
	n := 0
	for n+1 < len(p.segments) && p.segments[n] != p.visible && p.segments[n+1].base <= min(p.logStart, p.durable) {
		n++
	}
	old := p.segments[:n:n]
	p.segments = p.segments[n:]
	return old
}

func (e *Engine) removeSegments(p *partition, old []*segment) error {
	e.files.drop(old)
	p.io.Lock()
	defer p.io.Unlock()
	var errs []error
	for _, s := range old {
		s.mu.Lock()
		exists := s.exists
		s.mu.Unlock()
		if exists && !p.removed(nil) {
			if err := e.fs.Remove(s.path()); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// Retain applies retention by time and size to every partition once, forgets producers that are idle for too long, and drops
// indexes if they take too much. The engine does it by itself from time to time.
func (e *Engine) Retain() error {
	e.mu.RLock()
	parts := make([]*partition, 0, len(e.parts))
	for _, p := range e.parts {
		parts = append(parts, p)
	}
	e.mu.RUnlock()
	if err := e.failure(); err != nil {
		return err
	}
	e.checkpointing.Lock()
	defer e.checkpointing.Unlock()
	now := e.now()
	starts := map[*partition]int64{}
	for _, p := range parts {
		p.mu.Lock()
		p.producers.Expire(now, e.opts.ProducerExpiry.Milliseconds(), 0)
		p.mu.Unlock()
		if offset, ok := e.expired(p, now); ok {
			starts[p] = offset
		}
	}
	e.forgetIndexes(parts)
	if len(starts) == 0 {
		return nil
	}
	return e.moveStarts(starts)
}

// expired returns the log start that retention asks for, if it is another one. A segment whose newest record
// is too old is rolled, so that it can go once it is flushed.
func (e *Engine) expired(p *partition, now int64) (int64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone || p.err != nil || !p.cfg.Delete {
		return 0, false
	}
	var total int64
	for _, s := range p.segments {
		total += s.size
	}
	start := p.logStart
	for i, s := range p.segments {
		old := p.cfg.RetentionMs >= 0 && s.size > 0 && now-s.newest() > p.cfg.RetentionMs
		large := p.cfg.RetentionBytes >= 0 && total-s.size >= p.cfg.RetentionBytes
		if i == len(p.segments)-1 {
			if old && p.next == p.high && p.stopped == nil {
				p.roll(p.next)
				e.markDirty(p)
			}
			break
		}
		next := p.segments[i+1].base
		if !old && !large || next > min(p.high, p.durable) {
			break
		}
		total -= s.size
		start = max(start, next)
	}
	return start, start > p.logStart
}

// newest is the time of a segment's newest record: that of its first append if no record has one.
func (s *segment) newest() int64 {
	if s.maxTime < 0 {
		return s.created
	}
	return s.maxTime
}

// maxIndexes bounds the memory of the indexes of segments that are not written any more, in bytes.
const maxIndexes = 32 << 20

// forgetIndexes drops the indexes of sealed segments once all together take too much. They come back when they are needed.
func (e *Engine) forgetIndexes(parts []*partition) {
	var total int64
	var sealed []*segment
	for _, p := range parts {
		p.mu.Lock()
		segments := p.segments
		p.mu.Unlock()
		for _, s := range segments[:len(segments)-1] {
			s.mu.Lock()
			total += int64(cap(s.index.entries)) * entrySize
			s.mu.Unlock()
			sealed = append(sealed, s)
		}
	}
	if total <= maxIndexes {
		return
	}
	for _, s := range sealed {
		s.building.Lock()
		s.mu.Lock()
		s.index, s.indexed = index{}, 0
		s.mu.Unlock()
		s.building.Unlock()
	}
}
