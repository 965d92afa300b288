package partlog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"sort"
	"sync"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
)

// view is what a reader sees of a partition: taken under its lock, used without.
type view struct {
	bounds   log.Bounds
	segments []*segment // the last one is read up to pos only
	pos      int64
	swaps    int
}

// view is called with mu held.
func (p *partition) view() view {
	n := len(p.segments)
	for n > 1 && p.segments[n-1] != p.visible {
		n--
	}
	return view{bounds: p.bounds(), segments: p.segments[:n:n], pos: p.visiblePos, swaps: p.swaps}
}

// size returns how much of a segment can be read. Only the last one's still grows, and its is noted.
func (v *view) size(i int) int64 {
	if i == len(v.segments)-1 {
		return v.pos
	}
	return v.segments[i].size
}

// from returns the segment that an offset lies in, as an index.
func (v *view) from(offset int64) int {
	i := sort.Search(len(v.segments), func(i int) bool { return v.segments[i].base > offset })
	return max(i-1, 0)
}

// Read implements log.Engine.
func (e *Engine) Read(reqs []log.ReadRequest, limits log.ReadLimits) []log.ReadResult {
	out := make([]log.ReadResult, len(reqs))
	left := int64(limits.MaxBytes)
	empty := true // nothing found yet, so an oversized batch may come
	for i := range reqs {
		out[i] = e.readOne(&reqs[i], limits.Isolation, left, empty)
		if n := out[i].Size(); n > 0 {
			empty = false
			left = max(left-n, 0)
		}
	}
	return out
}

func (e *Engine) readOne(q *log.ReadRequest, iso log.Isolation, left int64, oversized bool) log.ReadResult {
	p, err := e.find("read", q.Partition)
	if err != nil {
		return log.ReadResult{Err: err}
	}
	for {
		r := e.readFrom(p, q, iso, left, oversized)
		if !errors.Is(r.Err, errSwapped) {
			return r
		}
	}
}

// errSwapped: compaction has replaced segments of a view meanwhile, and another view must be taken.
var errSwapped = errors.New("the segments were compacted meanwhile")

func (e *Engine) readFrom(p *partition, q *log.ReadRequest, iso log.Isolation, left int64, oversized bool) log.ReadResult {
	p.mu.Lock()
	if err := p.usable("read"); err != nil {
		p.mu.Unlock()
		return log.ReadResult{Err: err}
	}
	b := p.bounds()
	end := b.HighWatermark
	if iso == log.ReadCommitted {
		end = b.LastStable
	}
	if q.Offset < b.LogStart || q.Offset > b.HighWatermark || q.Offset >= end || !oversized && left <= 0 {
		p.mu.Unlock()
		r := log.ReadResult{Bounds: b}
		if q.Offset < b.LogStart || q.Offset > b.HighWatermark {
			r.Err = fmt.Errorf("read %s at %d, it holds [%d, %d): %w", p.id, q.Offset, b.LogStart, b.HighWatermark, log.ErrOffsetOutOfRange)
		}
		return r
	}
	v := p.view()
	p.mu.Unlock()

	r := log.ReadResult{Bounds: v.bounds}
	upTo, err := e.collect(p, &v, q, end, min(left, int64(q.MaxBytes)), oversized, &r)
	if err != nil {
		for _, c := range r.Chunks {
			c.Release()
		}
		r.Chunks = nil
		r.Err = fmt.Errorf("read %s at %d: %w", p.id, q.Offset, err)
		return r
	}
	if iso == log.ReadCommitted && len(r.Chunks) > 0 {
		p.mu.Lock()
		r.Aborted = p.producers.AbortedIn(q.Offset, upTo)
		p.mu.Unlock()
	}
	return r
}

// collect adds chunks from the request's offset up to end, and returns an offset that they all lie below.
func (e *Engine) collect(p *partition, v *view, q *log.ReadRequest, end, left int64, oversized bool, r *log.ReadResult) (int64, error) {
	if end == v.bounds.HighWatermark {
		end = math.MaxInt64 // that is where the view ends anyway
	}
	for i := v.from(q.Offset); i < len(v.segments) && v.segments[i].base < end; i++ {
		s, size := v.segments[i], v.size(i)
		if size == 0 {
			continue
		}
		h, _, err := e.files.get(s, false)
		if err != nil {
			return 0, e.vanished(p, v, s, err)
		}
		c, all, err := s.cut(h, size, q.Offset, end, left, oversized && len(r.Chunks) == 0)
		if c != nil {
			var n int64
			if n, err = s.clip(c.off, c.n); err != nil && len(r.Chunks) > 0 {
				err = nil // the next read begins with it, and says so
			}
			all = all && n == c.n
			if c.n = n; n == 0 {
				c, all = nil, false
			}
		}
		if c == nil {
			e.files.put(h)
		} else {
			r.Chunks = append(r.Chunks, c)
			left -= c.n
		}
		if err != nil || !all {
			return end, err
		}
	}
	return end, nil
}

// vanished explains why a segment cannot be opened: retention or compaction may have been faster.
func (e *Engine) vanished(p *partition, v *view, s *segment, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.gone:
		return log.ErrUnknownPartition
	case p.swaps != v.swaps:
		return errSwapped
	case p.logStart > s.base:
		return log.ErrOffsetOutOfRange
	}
	return err
}

// cut returns the batches of a segment from the one on that contains offset, as many as lie below end and fit into
// left bytes; with oversized the first one in any case. all reports that nothing of the segment's size bytes was left
// out. The chunk is nil if there is none; otherwise it takes over the handle.
func (s *segment) cut(h *handle, size, offset, end, left int64, oversized bool) (c *chunk, all bool, err error) {
	sc := newScanner(h, size)
	defer sc.free()
	x, err := s.indexUpTo(sc, size)
	if err != nil {
		return nil, false, err
	}
	from := x.byOffset(s.base, offset)
	var first record.Header
	for from < size {
		if first, err = sc.at(from); err != nil {
			return nil, false, err
		}
		if first.LastOffset() >= offset {
			break
		}
		from += first.Size()
	}
	if from >= size {
		return nil, true, nil // the offset lies in a gap before the next segment
	}
	if first.BaseOffset >= end {
		return nil, false, nil
	}
	limit := size
	if end != math.MaxInt64 {
		if limit, err = lowerBound(sc, max(from, x.byOffset(s.base, end-1)), size, end); err != nil {
			return nil, false, err
		}
	}
	to := limit
	if to-from > left {
		if to, err = fit(sc, max(from, x.byPos(from+left)), from+left); err != nil {
			return nil, false, err
		}
		if to == from {
			if !oversized {
				return nil, false, nil
			}
			to = from + first.Size()
		}
	}
	return &chunk{h: h, off: from, n: to - from}, to == size, nil
}

// lowerBound returns the position of the first batch at or after end, at least pos.
func lowerBound(sc *scanner, pos, size, end int64) (int64, error) {
	for pos < size {
		h, err := sc.at(pos)
		if err != nil {
			return 0, err
		}
		if h.BaseOffset >= end {
			break
		}
		pos += h.Size()
	}
	return pos, nil
}

// fit returns the end of the last batch from pos on that ends at or before limit; there is a batch that ends behind it.
func fit(sc *scanner, pos, limit int64) (int64, error) {
	for {
		h, err := sc.at(pos)
		if err != nil {
			return 0, err
		}
		if pos+h.Size() > limit {
			return pos, nil
		}
		pos += h.Size()
	}
}

// indexUpTo returns the segment's index, built up to size at least. What it returns does not change any more. mu is not
// held while the file is read: the writer, which serves all partitions, must not wait for a reader's disk.
func (s *segment) indexUpTo(sc *scanner, size int64) (index, error) {
	s.mu.Lock()
	x, at := s.index, s.indexed
	s.mu.Unlock()
	if at >= size {
		return x, nil
	}
	s.building.Lock()
	defer s.building.Unlock()
	s.mu.Lock()
	x, at = s.index, s.indexed
	s.mu.Unlock()
	// The writer is further on, so it does not touch the index until this has caught up with it.
	for at < size {
		h, err := sc.at(at)
		if err != nil {
			return x, err
		}
		x.add(&h, s.base, at, defaultInterval)
		at += h.Size()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at > s.indexed {
		s.index, s.indexed = x, at
	}
	return x, nil
}

// scanner reads batch headers of a file through a small window.
type scanner struct {
	h     *handle
	size  int64
	buf   *[]byte
	start int64
	n     int
}

const scanWindow = 8 << 10

// windows is a pool of buffers, not state.
var windows = sync.Pool{New: func() any { b := make([]byte, scanWindow); return &b }}

func newScanner(h *handle, size int64) *scanner {
	return &scanner{h: h, size: size, buf: windows.Get().(*[]byte)}
}

func (sc *scanner) free() { windows.Put(sc.buf) }

// at returns the header of the batch at pos. It checks that the batch lies within the size bytes that count.
func (sc *scanner) at(pos int64) (record.Header, error) {
	damaged := func(reason string) error {
		return &log.CorruptError{File: sc.h.seg.path(), Offset: pos, Reason: reason}
	}
	if sc.size-pos < record.HeaderSize {
		return record.Header{}, damaged("a batch is cut off")
	}
	if pos < sc.start || pos+record.HeaderSize > sc.start+int64(sc.n) {
		n, err := sc.h.ReadAt((*sc.buf)[:min(scanWindow, sc.size-pos)], pos)
		if err != nil && !errors.Is(err, io.EOF) {
			return record.Header{}, err
		}
		sc.start, sc.n = pos, n
		if n < record.HeaderSize {
			return record.Header{}, damaged("the file ends inside a batch")
		}
	}
	h, err := record.ParseHeader((*sc.buf)[pos-sc.start : sc.n])
	if err != nil {
		return h, damaged(err.Error())
	}
	if h.Size() > sc.size-pos || h.BaseOffset < sc.h.seg.base || h.LastOffsetDelta < 0 {
		return h, damaged(fmt.Sprintf("a batch of %d bytes at offset %d cannot be here", h.Size(), h.BaseOffset))
	}
	return h, nil
}
