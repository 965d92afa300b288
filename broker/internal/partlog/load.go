package partlog

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/log/producer"
	"github.com/typelog/typelog/broker/internal/record"
)

// errMissing: the directory of a partition that the catalogue has is not there.
var errMissing = errors.New("the partition's directory is missing; restore it and start again, or delete the topic")

// refusable reports whether an error concerns one partition only, so that the others can serve.
func refusable(err error) bool {
	return errors.Is(err, log.ErrCorrupt) || errors.Is(err, errMissing) || errors.Is(err, log.ErrStorage)
}

// load brings a partition to its state in the ledger; what its directory holds beyond that is cut off, unless batches
// were not journalled. clean says that the last process shut down.
func (e *Engine) load(p *partition, body []byte, clean bool) error {
	damaged := func(file, reason string) error {
		return &log.CorruptError{File: filepath.Join(p.dir, file), Reason: reason}
	}
	entries, err := e.fs.List(p.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s", errMissing, p.dir)
	}
	if err != nil {
		return err
	}
	var files []*segment
	for _, entry := range entries {
		if base, gen, ok := parseSegmentName(entry.Name); ok {
			files = append(files, &segment{dir: p.dir, base: base, gen: gen})
		}
	}
	if body == nil {
		if len(files) > 0 {
			return damaged("", "the ledger does not know the partition, but it has segments")
		}
		return e.adopt(p) // made by a Create that a crash interrupted, or for a row that was written before it
	}
	state, err := parseState(body)
	if err != nil {
		return damaged("", err.Error())
	}
	if err := p.take(&state, e.ledger.starts[p.id]); err != nil {
		return damaged("", err.Error())
	}
	found, gens, err := e.sort(p, files)
	if err != nil {
		return err
	}
	if err := e.checkSegments(p, found); err != nil {
		return err
	}
	for base := range found {
		// Below the log start a crash came before the removal; above, the journal has what counts.
		if base < p.segments[0].base || base > p.active().base && !p.unjournaled {
			if err := e.fs.Remove((&segment{dir: p.dir, base: base, gen: gens[base]}).path()); err != nil {
				return err
			}
			delete(found, base)
		}
	}
	// Names that the last process made may be unsynced: after a crash any of them, otherwise that of a segment which was
	// emptied by an earlier recovery.
	p.newFiles = !clean || p.active().size == 0
	if p.unjournaled && !clean {
		if err := e.scanTail(p, found); err != nil {
			return err
		}
	}
	// All of it is in files. What the journal adds is shown by reveal.
	p.high, p.visible, p.visiblePos = p.next, p.active(), p.active().size
	return nil
}

// sort removes files that compaction has replaced, or has written and not brought into use, and returns the base offsets of
// the others, and how often compaction has written the ledger's segments, which are those that count.
func (e *Engine) sort(p *partition, files []*segment) (found map[int64]bool, gens map[int64]uint32, err error) {
	gens = map[int64]uint32{}
	for _, s := range p.segments {
		gens[s.base] = s.gen
	}
	last := p.active().base
	found = map[int64]bool{}
	for _, f := range files {
		gen, named := gens[f.base]
		if named && gen == f.gen || !named && f.gen == 0 && f.base > last {
			found[f.base] = true
		} else if err := e.fs.Remove(f.path()); err != nil {
			return nil, nil, err
		}
	}
	return found, gens, nil
}

// adopt makes an empty partition known to the ledger at the next checkpoint.
func (e *Engine) adopt(p *partition) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.markDirty(p)
	return e.ledger.commitStates([]ledgerRecord{{kindState, p.id, func() []byte { s := p.state(); return s.append(nil) }()}})
}

// take makes the partition what the state says, with a log start that may have moved since.
func (p *partition) take(s *partitionState, logStart int64) error {
	if len(s.segments) == 0 {
		return errState
	}
	p.logStart = min(max(s.logStart, logStart), s.next)
	if logStart > s.next {
		// Trimmed to a high watermark that the journal still has to bring back.
		p.logStart = logStart
	}
	p.next, p.durable = s.next, s.next
	p.unjournaled = s.unjournaled
	p.epochs = s.epochs
	p.cleaned = s.cleaned
	p.segments = nil
	for _, g := range s.segments {
		p.segments = append(p.segments, &segment{dir: p.dir, base: g.base, gen: g.gen, size: g.size, created: g.created, maxTime: g.maxTime, written: g.size})
	}
	t, through, err := producer.ReadSnapshot(s.producers)
	if err != nil {
		return err
	}
	if through != s.next {
		return fmt.Errorf("%w: producers up to %d, batches up to %d", errState, through, s.next)
	}
	p.producers = *t
	return nil
}

// checkSegments holds the segments of the ledger against the files. Segments below the log start may be
// gone, each by itself.
func (e *Engine) checkSegments(p *partition, found map[int64]bool) error {
	for len(p.segments) > 1 && p.segments[1].base <= p.logStart {
		p.segments = p.segments[1:]
	}
	if s := p.segments[0]; len(p.segments) == 1 && !found[s.base] && p.logStart >= p.next && s.base < p.next {
		// It was rolled and trimmed since.
		p.segments = []*segment{{dir: p.dir, base: p.next, maxTime: -1}}
	}
	for i, s := range p.segments {
		if !found[s.base] {
			if s.size == 0 {
				continue
			}
			return &log.CorruptError{File: s.path(), Reason: "the segment is missing"}
		}
		info, err := e.fs.Stat(s.path())
		if err != nil {
			return err
		}
		if info.Size < s.size {
			return &log.CorruptError{File: s.path(), Offset: info.Size, Reason: fmt.Sprintf("the file ends here, %d bytes were flushed", s.size)}
		}
		s.exists = true
		last := i == len(p.segments)-1
		if info.Size == s.size || last && p.unjournaled {
			continue
		}
		if err := e.cut(s, s.size); err != nil {
			return err
		}
	}
	return nil
}

// cut shortens a segment's file.
func (e *Engine) cut(s *segment, size int64) error {
	h, _, err := e.files.get(s, false)
	if err != nil {
		return err
	}
	defer e.files.put(h)
	s.unsynced = true
	return h.Truncate(size)
}

// scanTail takes in the valid batches behind the partition's state, for a partition whose batches were not journalled,
// and cuts off what follows the last of them.
func (e *Engine) scanTail(p *partition, found map[int64]bool) error {
	now := e.now()
	e.markDirty(p)
	for {
		s := p.active()
		if s.exists {
			whole, err := e.scanSegment(p, s, now)
			if err != nil {
				return err
			}
			if !whole {
				break
			}
		}
		if (!found[p.next] || p.next == s.base) && p.next < p.logStart && found[p.logStart] {
			p.next = p.logStart // an earlier recovery went on there, maybe with an empty file left behind: see reveal
		}
		if !found[p.next] || p.next == s.base {
			break
		}
		p.roll(p.next).exists = true
	}
	for base := range found {
		if base > p.active().base {
			if err := e.fs.Remove((&segment{dir: p.dir, base: base}).path()); err != nil {
				return err
			}
		}
	}
	return nil
}

// scanSegment takes in the batches behind s.size. whole reports that the file ends with the last of them.
func (e *Engine) scanSegment(p *partition, s *segment, now int64) (whole bool, err error) {
	h, _, err := e.files.get(s, false)
	if err != nil {
		return false, err
	}
	defer e.files.put(h)
	size, err := h.Size()
	if err != nil {
		return false, err
	}
	var buf []byte
	for s.size < size {
		b, err := readBatch(h, s.size, size, buf)
		if err != nil && !errors.Is(err, record.ErrCorrupt) {
			return false, err
		}
		if err != nil || b.BaseOffset() < p.next {
			e.log.Warn("the end of a segment is not whole and is cut off", "file", s.path(), "at", s.size, "bytes", size-s.size)
			return false, h.Truncate(s.size)
		}
		buf = b
		hd := b.Header()
		if err := p.applied(b, &hd, now); err != nil {
			return false, h.Truncate(s.size)
		}
		// Written again: if the last process failed to flush it, the system may take it for flushed although it is not.
		if _, err := h.WriteAt(b, s.size); err != nil {
			return false, err
		}
		s.count(&hd, now)
		s.unsynced = true
		p.next = hd.NextOffset()
		if n := len(p.epochs); n == 0 || p.epochs[n-1].epoch < hd.LeaderEpoch {
			p.epochs = append(p.epochs, epochStart{hd.LeaderEpoch, hd.BaseOffset})
		}
	}
	s.written = s.size
	return true, nil
}

// readBatch reads and verifies the batch at pos of a file with size bytes, into buf if it has room. The error wraps
// record.ErrCorrupt if there is none.
func readBatch(r interface {
	ReadAt(p []byte, off int64) (int, error)
}, pos, size int64, buf []byte) (record.Batch, error) {
	if size-pos < record.HeaderSize {
		return nil, fmt.Errorf("%w: %d bytes", record.ErrCorrupt, size-pos)
	}
	buf = slices.Grow(buf[:0], record.HeaderSize)[:record.HeaderSize]
	if _, err := r.ReadAt(buf, pos); err != nil {
		return nil, err
	}
	h, err := record.ParseHeader(buf)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", record.ErrCorrupt, err)
	}
	if h.Size() > size-pos {
		return nil, fmt.Errorf("%w: a batch of %d bytes, %d are left", record.ErrCorrupt, h.Size(), size-pos)
	}
	buf = slices.Grow(buf, int(h.Size()))[:h.Size()]
	if _, err := r.ReadAt(buf, pos); err != nil {
		return nil, err
	}
	b, err := record.VerifyStored(buf)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", record.ErrCorrupt, err)
	}
	return b, nil
}
