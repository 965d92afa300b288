package partlog

import (
	"errors"
	"fmt"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
)

// ByTime implements log.Engine. It reads the batches that may hold the answer, and verifies them.
func (e *Engine) ByTime(id log.Partition, ts int64, iso log.Isolation) (log.TimeOffset, error) {
	none := log.TimeOffset{Offset: -1, Timestamp: -1, LeaderEpoch: -1}
	p, err := e.find("look-up by time in", id)
	if err != nil {
		return none, err
	}
	for {
		found, err := e.byTime(p, ts, iso)
		if !errors.Is(err, errSwapped) {
			return found, err
		}
	}
}

func (e *Engine) byTime(p *partition, ts int64, iso log.Isolation) (found log.TimeOffset, err error) {
	none, id := log.TimeOffset{Offset: -1, Timestamp: -1, LeaderEpoch: -1}, p.id
	p.mu.Lock()
	if err := p.usable("look-up by time in"); err != nil {
		p.mu.Unlock()
		return none, err
	}
	v := p.view()
	epochs := p.epochs
	p.mu.Unlock()

	end := v.bounds.HighWatermark
	if iso == log.ReadCommitted {
		end = v.bounds.LastStable
	}
	switch {
	case ts == log.Latest:
		return log.TimeOffset{Offset: end, Timestamp: -1, LeaderEpoch: e.epoch}, nil
	case ts == log.Earliest:
		return log.TimeOffset{Offset: v.bounds.LogStart, Timestamp: -1, LeaderEpoch: epochAt(epochs, v.bounds.LogStart, e.epoch)}, nil
	case ts == log.MaxTimestamp:
		if ts, err = e.maxTimestamp(p, &v, end); err != nil {
			return none, fmt.Errorf("look-up by time in %s: %w", id, err)
		}
	}
	if ts < 0 {
		return none, nil
	}
	found, err = e.firstAt(p, &v, end, ts)
	if err != nil {
		return none, fmt.Errorf("look-up by time in %s: %w", id, err)
	}
	return found, nil
}

func epochAt(epochs []epochStart, offset int64, current int32) int32 {
	found := current
	for _, s := range epochs {
		if s.start <= offset {
			found = s.epoch
		}
	}
	return found
}

// maxTimestamp returns the largest timestamp of records that can be read, or -1.
func (e *Engine) maxTimestamp(p *partition, v *view, end int64) (int64, error) {
	largest := int64(-1)
	for i, s := range v.segments {
		err := e.scan(p, v, i, s.base, func(pos int64, h *record.Header, _ *handle) (bool, error) {
			if h.BaseOffset >= end {
				return false, nil
			}
			if h.LastOffset() >= v.bounds.LogStart {
				largest = max(largest, h.MaxTimestamp)
			}
			return true, nil
		})
		if err != nil {
			return -1, err
		}
	}
	return largest, nil
}

// firstAt finds the first record below end whose timestamp is at or after ts.
func (e *Engine) firstAt(p *partition, v *view, end, ts int64) (log.TimeOffset, error) {
	found := log.TimeOffset{Offset: -1, Timestamp: -1, LeaderEpoch: -1}
	var buf []byte
	for i := v.from(v.bounds.LogStart); i < len(v.segments) && found.Offset < 0; i++ {
		err := e.scanTime(p, v, i, ts, func(pos int64, h *record.Header, f *handle) (bool, error) {
			if h.BaseOffset >= end {
				return false, nil
			}
			if h.MaxTimestamp < ts || h.LastOffset() < v.bounds.LogStart {
				return true, nil
			}
			b, err := readBatch(f, pos, v.size(i), buf)
			if errors.Is(err, record.ErrCorrupt) {
				d := damage{from: pos, to: pos + h.Size(), reason: err.Error()}
				f.seg.markBad(d)
				e.log.Error("a damaged batch is not served; the other batches are", "file", f.seg.path(), "at", pos, "reason", d.reason)
				return false, &log.CorruptError{File: f.seg.path(), Offset: pos, Reason: d.reason}
			}
			if err != nil {
				return false, err
			}
			buf = b
			found, err = e.firstIn(b, ts, v.bounds.LogStart)
			if err != nil {
				return false, &log.CorruptError{File: f.seg.path(), Offset: pos, Reason: err.Error()}
			}
			return found.Offset < 0, nil
		})
		if err != nil {
			return found, err
		}
	}
	return found, nil
}

func (e *Engine) firstIn(b record.Batch, ts, logStart int64) (log.TimeOffset, error) {
	found := log.TimeOffset{Offset: -1, Timestamp: -1, LeaderEpoch: -1}
	records, err := e.codecs.Open(b)
	if err != nil {
		return found, err
	}
	defer records.Close()
	err = records.Walk(func(rec *record.Record) bool {
		offset := b.BaseOffset() + int64(rec.OffsetDelta)
		if rec.Timestamp >= ts && offset >= logStart {
			found = log.TimeOffset{Offset: offset, Timestamp: rec.Timestamp, LeaderEpoch: b.LeaderEpoch()}
		}
		return found.Offset < 0
	})
	return found, err
}

// visit is called with each batch's position and header, and the file; it returns whether to go on.
type visit func(pos int64, h *record.Header, f *handle) (bool, error)

// scan walks the batches of a segment from the one on that contains offset.
func (e *Engine) scan(p *partition, v *view, i int, offset int64, f visit) error {
	return e.walk(p, v, i, func(x *index, base int64) int64 { return x.byOffset(base, offset) }, f)
}

// scanTime walks the batches of a segment from one on before which none reaches ts.
func (e *Engine) scanTime(p *partition, v *view, i int, ts int64, f visit) error {
	return e.walk(p, v, i, func(x *index, base int64) int64 { return x.byTime(ts) }, f)
}

func (e *Engine) walk(p *partition, v *view, i int, begin func(x *index, base int64) int64, f visit) error {
	s, size := v.segments[i], v.size(i)
	if size == 0 {
		return nil
	}
	h, _, err := e.files.get(s, false)
	if err != nil {
		return e.vanished(p, v, s, err)
	}
	defer e.files.put(h)
	sc := newScanner(h, size)
	defer sc.free()
	x, err := s.indexUpTo(sc, size)
	if err != nil {
		return err
	}
	pos := begin(&x, s.base)
	for pos < size {
		hd, err := sc.at(pos)
		if err != nil {
			return err
		}
		more, err := f(pos, &hd, h)
		if err != nil || !more {
			return err
		}
		pos += hd.Size()
	}
	return nil
}
