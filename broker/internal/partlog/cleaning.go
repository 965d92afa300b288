package partlog

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"sort"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/log/producer"
	"github.com/typelog/typelog/broker/internal/record"
)

// cleaning is one pass of compaction over a partition. It first maps the keys of what was not cleaned yet, as many as the
// memory allows, and then writes all segments up to there anew, without
//
//   - records of which the map has a later one,
//   - records of aborted transactions, and records without a key,
//   - tombstones that were found for the first time more than delete.retention.ms ago,
//   - markers of transactions without records, likewise.
//
// Segments are replaced in order, so that a tombstone never goes before what it deletes.
type cleaning struct {
	e    *Engine
	p    *partition
	work cleanable
	now  int64
	pace *pace

	keys keyMap
	end  int64 // the map knows everything from work.from up to here

	aborted map[int64][]producer.Aborted // by producer id, in order
	written map[int64]bool               // producers that have records in a transaction whose marker was not met yet
	buf     []byte
}

func newCleaning(e *Engine, p *partition, w cleanable, now int64, c *pace) *cleaning {
	x := &cleaning{e: e, p: p, work: w, now: now, pace: c, keys: keyMap{}, aborted: map[int64][]producer.Aborted{}, written: map[int64]bool{}}
	for _, a := range w.aborted {
		x.aborted[a.ProducerID] = append(x.aborted[a.ProducerID], a)
	}
	return x
}

// run cleans, and returns up to where.
func (c *cleaning) run(most int) (end int64, err error) {
	if err := c.mapKeys(most); err != nil {
		return 0, err
	}
	for rest := c.work.segments; len(rest) > 0 && rest[0].base < c.end; {
		n := c.group(rest)
		if err := c.rewrite(rest[:n]); err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	return c.end, nil
}

// errMapped ends the first step when the map is full.
var errMapped = errors.New("the key map is full")

// mapKeys notes the last offset of each key.
func (c *cleaning) mapKeys(most int) error {
	c.end = c.work.end
	for i, s := range c.work.segments {
		if i+1 < len(c.work.segments) && c.work.segments[i+1].base <= c.work.from {
			continue
		}
		err := c.each(s, func(b record.Batch, h *record.Header) error {
			if h.LastOffset() < c.work.from || h.Attributes.Control() || h.Count == 0 || c.isAborted(h) {
				return nil
			}
			if len(c.keys) > 0 && len(c.keys)+int(h.Count) > most {
				c.end = h.BaseOffset
				return errMapped
			}
			return c.mapBatch(b, h)
		})
		if errors.Is(err, errMapped) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *cleaning) mapBatch(b record.Batch, h *record.Header) error {
	records, err := c.e.codecs.Open(b)
	if err != nil {
		return err
	}
	defer records.Close()
	return records.Walk(func(rec *record.Record) bool {
		if rec.Key != nil {
			c.keys.put(rec.Key, h.BaseOffset+int64(rec.OffsetDelta))
		}
		return true
	})
}

// isAborted reports whether a batch belongs to an aborted transaction.
func (c *cleaning) isAborted(h *record.Header) bool {
	if !h.Attributes.Transactional() || h.Attributes.Control() {
		return false
	}
	all := c.aborted[h.ProducerID]
	i := sort.Search(len(all), func(i int) bool { return all[i].Marker > h.BaseOffset })
	return i < len(all) && all[i].FirstOffset <= h.BaseOffset
}

// group returns how many of the segments are written together as one.
func (c *cleaning) group(rest []*segment) int {
	limit := c.work.cfg.SegmentBytes
	if limit <= 0 || limit > math.MaxInt32 {
		limit = math.MaxInt32
	}
	n, size := 1, rest[0].size
	for n < len(rest) && rest[n].base < c.end && size+rest[n].size <= limit {
		last := c.work.end
		if n+1 < len(rest) {
			last = rest[n+1].base
		}
		if last-rest[0].base > math.MaxInt32 {
			break
		}
		size += rest[n].size
		n++
	}
	return n
}

// rewrite writes segments anew as one and brings that into use.
func (c *cleaning) rewrite(old []*segment) error {
	fresh := &segment{dir: old[0].dir, base: old[0].base, maxTime: -1, exists: true}
	for _, s := range old {
		fresh.gen = max(fresh.gen, s.gen)
		fresh.created = max(fresh.created, s.created)
	}
	fresh.gen++
	x := &copying{cleaning: c, to: fresh, dropped: map[int64]bool{}}
	err := x.copy(old)
	if err == nil && (fresh.size == 0 || len(old) == 1 && !x.changed) {
		return x.discard()
	}
	if err == nil {
		err = c.e.swap(c.p, old, fresh, x.dropped)
	}
	if err != nil {
		return errors.Join(err, x.discard())
	}
	return nil
}

// copying writes one new segment.
type copying struct {
	*cleaning
	to *segment
	f  interface {
		WriteAt([]byte, int64) (int, error)
	}
	out     []byte // not written yet, ends at to.size
	changed bool
	// tail stands for the last batch if that was dropped: a reader must get to the end of the offsets.
	tail    record.Batch
	dropped map[int64]bool // markers that were dropped and had aborted transactions, by offset
}

// copyAtOnce is how much is written at once, in bytes.
const copyAtOnce = 1 << 20

func (x *copying) copy(old []*segment) error {
	if err := x.discard(); err != nil {
		return err
	}
	f, err := x.e.fs.Create(x.to.path())
	if err != nil {
		return err
	}
	x.f = f
	for _, s := range old {
		if err = x.each(s, x.batch); err != nil {
			break
		}
	}
	if err == nil && x.tail != nil {
		err = x.put(x.tail)
	}
	if err == nil {
		err = x.flush()
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// discard removes the new file.
func (x *copying) discard() error {
	if err := x.e.fs.Remove(x.to.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// batch takes over what is to stay of one batch.
func (x *copying) batch(b record.Batch, h *record.Header) error {
	left := b
	var err error
	switch {
	case h.BaseOffset >= x.end:
		// Not held against later records yet.
	case h.Attributes.Control():
		left, err = x.marker(b, h)
	default:
		left, err = x.data(b, h)
	}
	if err != nil {
		return err
	}
	if left == nil {
		// It changes nothing if this stood for its offsets already, and still does.
		x.changed = x.changed || x.tail != nil || h.Count > 0
		x.tail = record.Emptied(b)
		return nil
	}
	if x.tail != nil {
		x.changed, x.tail = true, nil
	}
	x.changed = x.changed || &left[0] != &b[0]
	return x.put(left)
}

// data returns what is to stay of a batch of records.
func (x *copying) data(b record.Batch, h *record.Header) (record.Batch, error) {
	if h.Count == 0 {
		return nil, nil
	}
	if h.Attributes.Transactional() {
		x.written[h.ProducerID] = true
	}
	if x.isAborted(h) {
		return nil, nil
	}
	horizon := h.Horizon()
	tombstones := false
	left, _, err := x.e.codecs.Filter(b, -1, func(rec *record.Record) bool {
		if rec.Key == nil || x.keys.superseded(rec.Key, h.BaseOffset+int64(rec.OffsetDelta)) {
			return false
		}
		if rec.Value == nil {
			if horizon >= 0 && x.now > horizon {
				return false
			}
			tombstones = true
		}
		return true
	})
	if err != nil || left == nil || !tombstones || horizon >= 0 {
		return left, err
	}
	return x.withHorizon(left)
}

// marker returns what is to stay of a control batch.
func (x *copying) marker(b record.Batch, h *record.Header) (record.Batch, error) {
	if h.Count == 0 {
		return nil, nil
	}
	m, ok, err := record.ParseMarker(b)
	if err != nil || !ok {
		return b, err
	}
	written := x.written[m.ProducerID]
	delete(x.written, m.ProducerID)
	switch horizon := h.Horizon(); {
	case written:
		return b, nil
	case horizon < 0:
		return x.withHorizon(b)
	case x.now <= horizon:
		return b, nil
	}
	if !m.Commit {
		x.dropped[h.BaseOffset] = true
	}
	return nil, nil
}

// withHorizon returns the batch with a delete horizon.
func (x *copying) withHorizon(b record.Batch) (record.Batch, error) {
	const never = 1 << 61 // far enough, and timestamps can be written as differences to it
	at := int64(never)
	if r := x.work.cfg.DeleteRetentionMs; r < never-x.now {
		at = x.now + max(r, 0)
	}
	out, _, err := x.e.codecs.Filter(b, at, func(*record.Record) bool { return true })
	return out, err
}

func (x *copying) put(b record.Batch) error {
	x.out = append(x.out, b...)
	x.to.size += int64(len(b))
	x.to.written = x.to.size
	x.to.maxTime = max(x.to.maxTime, b.MaxTimestamp())
	if len(x.out) < copyAtOnce {
		return nil
	}
	return x.flush()
}

func (x *copying) flush() error {
	n := int64(len(x.out))
	if n == 0 {
		return nil
	}
	if _, err := x.f.WriteAt(x.out, x.to.size-n); err != nil {
		return err
	}
	x.out = x.out[:0]
	return x.pace.spend(n)
}

// each visits the batches of a segment, verified. They are valid during the call.
func (c *cleaning) each(s *segment, f func(b record.Batch, h *record.Header) error) error {
	if s.size == 0 {
		return nil
	}
	h, _, err := c.e.files.get(s, false)
	if err != nil {
		return err
	}
	defer c.e.files.put(h)
	ahead := &ahead{f: h, size: s.size, pace: c.pace}
	for pos := int64(0); pos < s.size; {
		b, err := readBatch(ahead, pos, s.size, c.buf)
		if errors.Is(err, record.ErrCorrupt) {
			s.markBad(damage{from: pos, to: s.next(h, pos, s.size), reason: err.Error()})
		}
		if err == nil {
			c.buf = b
			hd := b.Header()
			if err = f(b, &hd); err == nil {
				pos += hd.Size()
			}
		}
		if errors.Is(err, record.ErrCorrupt) {
			return &log.CorruptError{File: s.path(), Offset: pos, Reason: err.Error()}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ahead reads a file in larger pieces than it is asked for.
type ahead struct {
	f interface {
		ReadAt([]byte, int64) (int, error)
	}
	size  int64
	pace  *pace
	buf   []byte
	start int64
}

func (a *ahead) ReadAt(p []byte, off int64) (int, error) {
	if off < a.start || off+int64(len(p)) > a.start+int64(len(a.buf)) {
		want := int(min(max(256<<10, int64(len(p))), a.size-off))
		if want < len(p) {
			return 0, fmt.Errorf("%w: the file ends inside a batch", record.ErrCorrupt)
		}
		if cap(a.buf) < want {
			a.buf = make([]byte, want)
		}
		a.buf, a.start = a.buf[:want], off
		if _, err := a.f.ReadAt(a.buf, off); err != nil {
			a.buf = a.buf[:0]
			return 0, err
		}
		if err := a.pace.spend(int64(want)); err != nil {
			return 0, err
		}
	}
	return copy(p, a.buf[off-a.start:]), nil
}
