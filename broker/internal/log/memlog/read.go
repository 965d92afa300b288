package memlog

import (
	"fmt"
	"io"
	"sort"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
)

// chunk is one batch; the engine never changes its bytes, so Release has nothing to do.
type chunk struct{ b record.Batch }

func (c chunk) Len() int64 { return int64(len(c.b)) }
func (c chunk) Release()   {}

func (c chunk) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(c.b)
	return int64(n), err
}

// Read returns what is there now.
func (e *Engine) Read(reqs []log.ReadRequest, limits log.ReadLimits) []log.ReadResult {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]log.ReadResult, len(reqs))
	left := limits.MaxBytes
	empty := true // no records yet, so an oversized batch may come
	for i, q := range reqs {
		out[i] = e.readOne(q, limits.Isolation, left, empty)
		if n := int(out[i].Size()); n > 0 {
			empty = false
			left = max(left-n, 0)
		}
	}
	return out
}

func (e *Engine) readOne(q log.ReadRequest, iso log.Isolation, left int, oversized bool) log.ReadResult {
	p, err := e.find("read", q.Partition)
	if err != nil {
		return log.ReadResult{Err: err}
	}
	r := log.ReadResult{Bounds: p.bounds()}
	if q.Offset < p.start || q.Offset > p.next {
		r.Err = fmt.Errorf("read %s at %d, it holds [%d, %d): %w", q.Partition, q.Offset, p.start, p.next, log.ErrOffsetOutOfRange)
		return r
	}
	end := r.Bounds.HighWatermark
	if iso == log.ReadCommitted {
		end = r.Bounds.LastStable
	}
	left = min(left, q.MaxBytes)
	upTo := q.Offset
	for _, b := range p.from(q.Offset) {
		if b.BaseOffset() >= end || len(b) > left && !(oversized && len(r.Chunks) == 0) {
			break
		}
		r.Chunks = append(r.Chunks, chunk{b})
		left -= len(b)
		upTo = b.LastOffset() + 1
	}
	if iso == log.ReadCommitted && len(r.Chunks) > 0 {
		r.Aborted = p.producers.AbortedIn(q.Offset, upTo)
	}
	return r
}

// from returns the batches from the one on that contains the offset.
func (p *partition) from(offset int64) []record.Batch {
	i := sort.Search(len(p.batches), func(i int) bool { return p.batches[i].LastOffset() >= offset })
	return p.batches[i:]
}

// ByTime looks offsets up by time.
func (e *Engine) ByTime(id log.Partition, ts int64, iso log.Isolation) (log.TimeOffset, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	none := log.TimeOffset{Offset: -1, Timestamp: -1, LeaderEpoch: -1}
	p, err := e.find("look-up by time", id)
	if err != nil {
		return none, err
	}
	b := p.bounds()
	end := b.HighWatermark
	if iso == log.ReadCommitted {
		end = b.LastStable
	}
	switch {
	case ts == log.Latest:
		return log.TimeOffset{Offset: end, Timestamp: -1, LeaderEpoch: e.epoch}, nil
	case ts == log.Earliest:
		return log.TimeOffset{Offset: b.LogStart, Timestamp: -1, LeaderEpoch: e.epoch}, nil
	case ts == log.MaxTimestamp:
		return e.firstAt(p, end, p.maxTimestamp(end))
	case ts < 0:
		return none, nil
	}
	return e.firstAt(p, end, ts)
}

func (p *partition) maxTimestamp(end int64) int64 {
	ts := int64(-1)
	for _, b := range p.batches {
		if b.BaseOffset() < end {
			ts = max(ts, b.MaxTimestamp())
		}
	}
	return ts
}

// firstAt finds the first record at or after ts, which is at least 0, below end.
func (e *Engine) firstAt(p *partition, end, ts int64) (log.TimeOffset, error) {
	found := log.TimeOffset{Offset: -1, Timestamp: -1, LeaderEpoch: -1}
	if ts < 0 {
		return found, nil
	}
	for _, b := range p.batches {
		if b.BaseOffset() >= end {
			break
		}
		if b.MaxTimestamp() < ts {
			continue
		}
		r, err := e.codecs.Open(b)
		if err != nil {
			return found, err
		}
		err = r.Walk(func(rec *record.Record) bool {
			offset := b.BaseOffset() + int64(rec.OffsetDelta)
			if rec.Timestamp >= ts && offset >= p.start {
				found = log.TimeOffset{Offset: offset, Timestamp: rec.Timestamp, LeaderEpoch: b.LeaderEpoch()}
			}
			return found.Offset < 0
		})
		r.Close()
		if err != nil || found.Offset >= 0 {
			return found, err
		}
	}
	return found, nil
}
