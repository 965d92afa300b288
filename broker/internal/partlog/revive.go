package partlog

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/typelog/typelog/broker/internal/journal"
	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/log/producer"
	"github.com/typelog/typelog/broker/internal/record"
	"github.com/typelog/typelog/broker/internal/vfs"
)

// A partition that was stopped because the disk was full comes back by itself once there is room. Every batch has kept its
// place: a segment and a position in it. So everything behind the partition's state in the ledger is written again, to the
// same places, from its stranded file and the journal; readers that are at it meanwhile see the same bytes. Batches that were
// not journalled and not written were refused: for such a partition everything behind what readers can see is forgotten.

// reviveAll tries to bring back the partitions that wait for room.
func (e *Engine) reviveAll() {
	waiting := slices.DeleteFunc(slices.Clone(e.stoppedNow()), func(p *partition) bool { return !p.waitsForRoom() })
	if len(waiting) == 0 || e.failure() != nil {
		return
	}
	e.checkpointing.Lock()
	defer e.checkpointing.Unlock()
	// What had its place when a partition was stopped is in the journal after this.
	if err := e.barrier(); err != nil {
		return
	}
	for _, p := range waiting {
		err := e.revive(p)
		switch {
		case err == nil:
			e.log.Info("a partition takes writes again", "partition", p.id.String())
		case !vfs.IsFull(err):
			p.mu.Lock()
			p.forRoom = false
			p.mu.Unlock()
			e.log.Error("a partition that was stopped by a full disk cannot be brought back; its writes are refused until a restart",
				"partition", p.id.String(), "error", err)
		}
	}
}

func (p *partition) waitsForRoom() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopped != nil && p.forRoom && !p.gone
}

// revive brings a stopped partition's files to what it has counted. checkpointing is held, so that no frame is released, and
// nothing of the partition is under way.
func (e *Engine) revive(p *partition) error {
	p.io.Lock()
	defer p.io.Unlock()
	if !p.waitsForRoom() {
		return nil
	}
	body, err := e.ledger.state(p.id)
	if err != nil {
		return err
	}
	state, err := parseState(body)
	if err != nil {
		return err
	}
	x := &reviving{e: e, p: p, next: state.next}
	p.mu.Lock()
	x.segments, x.loose = p.segments, p.unjournaled
	end := p.next
	if x.loose {
		end = p.high
	}
	p.mu.Unlock()
	if err := x.begin(&state); err != nil {
		return err
	}
	if x.loose {
		err = x.fromSegments(&state, end)
	} else {
		err = x.fromJournal()
	}
	if err == nil {
		err = x.flush()
	}
	if err == nil && x.next != end {
		err = fmt.Errorf("%w: what is left of %s ends at offset %d, %d was counted", log.ErrCorrupt, p.id, x.next, end)
	}
	if err == nil && x.loose {
		err = x.cutOff()
	}
	if err == nil {
		err = x.sync()
	}
	if err != nil {
		return err
	}
	x.finish(end)
	p.drained = 0
	e.removeStopped(p)
	return nil
}

// reviving is one partition on its way back: io of it is held.
type reviving struct {
	e        *Engine
	p        *partition
	segments []*segment
	loose    bool
	table    producer.Table // of a loose partition: what the batches that are left say

	at   int   // the segment that is written
	pos  int64 // where the next batch goes in it
	next int64 // the next offset
	from int   // the first segment that was written
	buf  []byte
}

// begin finds the place of the first batch behind the state in the ledger.
func (x *reviving) begin(s *partitionState) error {
	for x.at+1 < len(x.segments) && x.segments[x.at+1].base <= s.next {
		x.at++
	}
	x.from = x.at
	if base := x.segments[x.at].base; base < s.next {
		last := s.segments[len(s.segments)-1]
		if last.base != base {
			return fmt.Errorf("%w: the ledger's last segment of %s begins at %d, not at %d", log.ErrCorrupt, x.p.id, last.base, base)
		}
		x.pos = last.size
	}
	return nil
}

// put writes a batch to its place. What the files have already is skipped.
func (x *reviving) put(b record.Batch) error {
	h := b.Header()
	switch {
	case h.BaseOffset < x.next:
		return nil
	case h.BaseOffset > x.next:
		return fmt.Errorf("%w: a batch of %s is at offset %d, want %d", log.ErrCorrupt, x.p.id, h.BaseOffset, x.next)
	}
	if x.at+1 < len(x.segments) && x.segments[x.at+1].base == h.BaseOffset {
		if err := x.flush(); err != nil {
			return err
		}
		x.at, x.pos = x.at+1, 0
	}
	x.buf = append(x.buf, b...)
	x.pos += h.Size()
	x.next = h.NextOffset()
	if len(x.buf) >= tailFull {
		return x.flush()
	}
	return nil
}

// flush writes what was put. It does not take the reserve: there is room for that, or there is none yet.
func (x *reviving) flush() error {
	if len(x.buf) == 0 {
		return nil
	}
	h, created, err := x.e.files.get(x.segments[x.at], true)
	if err != nil {
		return err
	}
	defer x.e.files.put(h)
	x.p.newFiles = x.p.newFiles || created
	_, err = h.WriteAt(x.buf, x.pos-int64(len(x.buf)))
	x.buf = x.buf[:0]
	return err
}

// fromJournal puts the frames that no checkpoint has passed for this partition.
func (x *reviving) fromJournal() error {
	put := func(payload []byte) error {
		b, err := record.VerifyStored(payload)
		if err != nil {
			return fmt.Errorf("%w: a frame of %s: %w", log.ErrCorrupt, x.p.id, err)
		}
		return x.put(b)
	}
	if size := x.e.ledger.strandedLen(x.p.id); size > 0 {
		if err := readStranded(x.e.fs, x.e.strandedPath(x.p.id), size, put); err != nil {
			return err
		}
	}
	return x.e.journal.Walk(x.e.ledger.from(), x.e.journal.Next(), func(f *journal.Frame) error {
		if f.Topic != x.p.id.Topic || f.Partition != x.p.id.Index {
			return nil
		}
		return put(f.Payload)
	})
}

// fromSegments puts what is in the files up to end again, because a flush that failed may have lost it, and makes the producer
// table say what it would without the batches behind.
func (x *reviving) fromSegments(s *partitionState, end int64) error {
	table, _, err := producer.ReadSnapshot(s.producers)
	if err != nil {
		return err
	}
	q := &partition{producers: *table}
	now := x.e.now()
	for x.next < end {
		s, pos := x.segments[x.at], x.pos
		if x.at+1 < len(x.segments) && x.segments[x.at+1].base == x.next {
			s, pos = x.segments[x.at+1], 0
		}
		b, err := x.read(s, pos)
		if err != nil {
			return err
		}
		h := b.Header()
		if err := errors.Join(x.put(b), q.applied(b, &h, now)); err != nil {
			return err
		}
	}
	x.table = q.producers
	return nil
}

func (x *reviving) read(s *segment, pos int64) (record.Batch, error) {
	h, _, err := x.e.files.get(s, false)
	if err != nil {
		return nil, err
	}
	defer x.e.files.put(h)
	size, err := h.Size()
	if err != nil {
		return nil, err
	}
	return readBatch(h, pos, size, nil)
}

// cutOff takes away what a write that failed has left behind the end.
func (x *reviving) cutOff() error {
	h, created, err := x.e.files.get(x.segments[x.at], true)
	if err != nil {
		return err
	}
	x.p.newFiles = x.p.newFiles || created
	err = h.Truncate(x.pos)
	x.e.files.put(h)
	if err != nil {
		return err
	}
	rest := x.segments[x.at+1:]
	x.e.files.drop(rest)
	for _, s := range rest {
		if err := x.e.fs.Remove(s.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// sync flushes what was written, so that a disk that is full only when it flushes is found out before writes are taken.
func (x *reviving) sync() error {
	for _, s := range x.segments[x.from : x.at+1] {
		if err := x.e.syncSegment(s); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := x.e.fs.SyncDir(x.p.dir); err != nil {
		return err
	}
	x.p.newFiles = false
	return nil
}

// finish shows everything up to end and takes writes again.
func (x *reviving) finish(end int64) {
	p := x.p
	p.mu.Lock()
	if x.loose {
		x.forgetAborted()
		p.segments = p.segments[:len(p.segments)-(len(x.segments)-x.at-1)]
		p.active().size, p.next, p.producers = x.pos, end, x.table
		p.epochs = slices.DeleteFunc(slices.Clone(p.epochs), func(s epochStart) bool { return s.start >= end })
		p.producers.Trim(p.logStart)
	}
	for i := x.from; i <= x.at; i++ {
		s := x.segments[i]
		s.mu.Lock()
		if s.size > 0 {
			s.written, s.unsynced, s.exists = s.size, true, true
		}
		s.mu.Unlock()
	}
	p.high, p.visible = end, p.active()
	p.visiblePos = p.visible.size
	p.stable = p.producers.LastStable(p.high)
	p.stopped, p.forRoom = nil, false
	x.e.markDirty(p)
	ws := p.takeWatchers()
	p.mu.Unlock()
	wakeAll(ws)
}

// forgetAborted has the table forget what the partition's own has forgotten since the ledger's state: compaction may have dropped
// markers of aborted transactions, and a reader that was told of them would drop what their producers wrote later. mu is held.
func (x *reviving) forgetAborted() {
	gone := map[int64]bool{}
	for _, a := range x.table.Aborted() {
		gone[a.Marker] = true
	}
	for _, a := range x.p.producers.Aborted() {
		delete(gone, a.Marker)
	}
	x.table.ForgetAborted(gone)
}
