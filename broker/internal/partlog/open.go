package partlog

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/typelog/typelog/broker/internal/journal"
	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
	"github.com/typelog/typelog/broker/internal/vfs"
)

// Open opens the engine in its directory and brings every partition to where it was acknowledged. Partitions that
// cannot be served are in the report and refuse; an error means that nothing can be: the directory cannot be read or
// written, or ledger or journal are damaged.
func Open(opts Options) (*Engine, Report, error) {
	opts.defaults()
	e := &Engine{
		opts: opts, fs: opts.FS, log: opts.Logger, epoch: opts.LeaderEpoch,
		codecs: record.NewCodecs(0), files: newFiles(opts.FS, opts.MaxOpenFiles),
		kicked: make(chan struct{}, 1), stop: make(chan struct{}),
		parts: map[log.Partition]*partition{}, topics: map[log.TopicID][]*partition{},
	}
	e.queue.work.L = &e.queue.mu
	e.looseBound = opts.JournalBound / 2
	report, err := e.recover()
	if err != nil {
		e.files.close()
		return nil, report, fmt.Errorf("open partitions in %s: %w", opts.Dir, err)
	}
	e.behind = newBehind()
	e.running.Add(1)
	go e.write()
	e.running.Go(func() { e.behind.run(e.files) })
	e.background.Add(1)
	go e.maintain()
	if e.opts.CompactEvery > 0 {
		e.background.Add(1)
		go e.keepCompacting()
	}
	if e.opts.ScrubEvery > 0 {
		e.background.Add(1)
		go e.scrubAll()
	}
	if report.ReplayedBytes > opts.JournalBound/4 {
		e.kick()
	}
	return e, report, nil
}

// openFiles is how many segment files may be open for a limit of descriptors: half of it, so that the other half is left for
// connections and files that are being sent. 0 stands for an unknown limit.
func openFiles(limit int) int {
	if limit <= 0 {
		limit = 2 * 4096
	}
	return min(max(limit/2, 16), 1<<16)
}

func (o *Options) defaults() {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.FS == nil {
		o.FS = vfs.OS{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.JournalBound <= 0 {
		o.JournalBound = journal.DefaultBound
	}
	if o.MaxOpenFiles <= 0 {
		o.MaxOpenFiles = openFiles(vfs.OpenFiles())
	}
	if o.ProducerExpiry <= 0 {
		o.ProducerExpiry = 24 * time.Hour
	}
	if o.CheckpointEvery <= 0 {
		o.CheckpointEvery = time.Minute
	}
	if o.ScrubEvery == 0 {
		o.ScrubEvery = defaultScrubEvery
	}
	if o.ScrubFirst == 0 {
		o.ScrubFirst = min(defaultScrubFirst, o.ScrubEvery)
	}
	if o.ScrubRate <= 0 {
		o.ScrubRate = defaultScrubRate
	}
	if o.RoomEvery <= 0 {
		o.RoomEvery = 5 * time.Second
	}
	if o.CompactEvery == 0 {
		o.CompactEvery = 15 * time.Second
	}
	if o.CompactRate <= 0 {
		o.CompactRate = defaultCompactRate
	}
	if o.CompactKeys <= 0 {
		o.CompactKeys = defaultCompactKeys
	}
	if o.RetainEvery <= 0 {
		o.RetainEvery = 5 * time.Minute
	}
}

func (e *Engine) recover() (Report, error) {
	var report Report
	if err := e.prepare(); err != nil {
		return report, err
	}
	wanted := map[log.Partition]log.Config{}
	for _, t := range e.opts.Topics {
		for i := range t.Partitions {
			wanted[log.Partition{Topic: t.ID, Index: i}] = t.Config
		}
	}
	keep := func(id log.Partition) bool { _, ok := wanted[id]; return ok }
	ledger, states, fresh, err := openLedger(e.fs, e.opts.Dir, e.withRoom, keep)
	if err != nil {
		return report, err
	}
	e.ledger = ledger
	if fresh {
		if err := e.checkFresh(); err != nil {
			return report, errors.Join(err, ledger.close())
		}
	}
	strays, err := e.findStrays(keep)
	if err == nil {
		err = e.loadAll(states, ledger.last.clean)
	}
	if err == nil {
		err = e.replay(&report, strays)
	}
	if err == nil {
		report.Stray, err = strays.setAside()
	}
	if err == nil {
		report.Clean = (ledger.last.clean || fresh) && report.ReplayedFrames == 0
		err = ledger.commit(nil, commit{from: ledger.last.from})
	}
	if err != nil {
		if e.journal != nil {
			err = errors.Join(err, e.journal.Close())
		}
		return report, errors.Join(err, ledger.close())
	}
	if err := e.reserve.hold(e.journal.Total() + e.slack()); err != nil {
		if !vfs.IsFull(err) {
			return report, errors.Join(fmt.Errorf("reserve for a full disk: %w", err), e.journal.Close(), ledger.close())
		}
		e.declareFull(err)
	}
	for _, p := range e.parts {
		if p.err != nil {
			report.Faults = append(report.Faults, Fault{p.id, p.err})
		}
	}
	return report, nil
}

// prepare makes the engine's directories and finishes deletions.
func (e *Engine) prepare() error {
	if err := e.fs.MkdirAll(e.opts.Dir); err != nil {
		return err
	}
	trash := filepath.Join(e.opts.Dir, "trash")
	for _, dir := range []string{"topics", "stray", "stranded", "trash"} {
		if err := e.fs.MkdirAll(filepath.Join(e.opts.Dir, dir)); err != nil {
			return err
		}
	}
	e.reserve = newReserve(e.fs, e.opts.Dir, e.margin())
	if err := errors.Join(e.fs.SyncDir(e.opts.Dir), e.fs.SyncDir(filepath.Dir(e.opts.Dir))); err != nil {
		return err
	}
	entries, err := e.fs.List(trash)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := e.fs.RemoveAll(filepath.Join(trash, entry.Name)); err != nil {
			e.log.Warn("files of a deleted topic stay until the next start", "dir", entry.Name, "error", err)
		}
	}
	return nil
}

// checkFresh refuses to begin a ledger where there was one: without it nobody knows where logs begin and end.
func (e *Engine) checkFresh() error {
	entries, err := e.fs.List(filepath.Join(e.opts.Dir, "topics"))
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return &log.CorruptError{File: filepath.Join(e.opts.Dir, "ledger"), Reason: "it is missing, but there are topics"}
	}
	return nil
}

// loadAll makes every partition of the catalogue from its state in the ledger and its directory.
func (e *Engine) loadAll(states map[log.Partition][]byte, clean bool) error {
	for _, t := range e.opts.Topics {
		for i := range t.Partitions {
			id := log.Partition{Topic: t.ID, Index: i}
			p := newPartition(id, e.partitionDir(id), t.Config)
			e.put(p)
			err := e.load(p, states[id], clean)
			if err != nil && !refusable(err) && ownFault(err) && !e.ledger.broken() {
				err = e.errUnreadable(err)
			}
			if err != nil {
				if !refusable(err) {
					return fmt.Errorf("%s: %w", id, err)
				}
				e.refuse(p, err)
			}
		}
	}
	return nil
}

// refuse makes a partition refuse everything. Its frames are kept for a start that can use them.
func (e *Engine) refuse(p *partition, err error) {
	p.err = err
	e.addStopped(p)
	e.log.Error("a partition cannot be served", "partition", p.id.String(), "error", err)
}

// replay appends the journal's frames to the partitions they belong to.
func (e *Engine) replay(report *Report, strays *strays) error {
	now := e.now()
	tails := tails{e: e}
	if err := e.replayStranded(report, &tails, now); err != nil {
		return err
	}
	j, found, err := journal.Open(journal.Options{
		FS: e.fs, Dir: filepath.Join(e.opts.Dir, "journal"), Bound: e.opts.JournalBound,
		Complete: e.complete, Crowded: e.kick, Logger: e.log, Pending: e.slack() / 2, Grow: e.growJournal,
	}, e.ledger.last.from, func(unit []journal.Frame) error {
		for i := range unit {
			f := &unit[i]
			id := log.Partition{Topic: f.Topic, Index: f.Partition}
			p := e.parts[id]
			if p == nil {
				if err := strays.keep(id, f.Payload); err != nil {
					return err
				}
				continue
			}
			if p.err != nil {
				continue
			}
			if err := e.restore(p, f.Payload, &tails, now); err != nil {
				if !refusable(err) {
					return err
				}
				e.refuse(p, err)
			}
		}
		return nil
	})
	report.ReplayedFrames += found.Frames
	report.ReplayedBytes += found.Bytes
	if err != nil {
		return err
	}
	e.journal = j
	if err := tails.flush(); err != nil {
		return err
	}
	for _, p := range e.stopped {
		p.drained = j.Next()
	}
	for _, p := range e.parts {
		e.reveal(p)
	}
	return nil
}

// reveal makes everything that was recovered visible.
func (e *Engine) reveal(p *partition) {
	if p.err != nil {
		return
	}
	if p.stopped != nil {
		// What was replayed could not be written. The last checkpoint's part can be read.
		p.high = max(p.high, p.logStart)
		p.stable = p.producers.LastStable(p.high)
		return
	}
	if p.next < p.logStart {
		// What a power cut took was trimmed before; only batches that were not journalled can be lost.
		p.roll(p.logStart)
		p.next = p.logStart
	}
	p.high = p.next
	p.visible = p.active()
	p.visiblePos = p.visible.size
	p.stable = p.producers.LastStable(p.high)
	if p.unjournaled != p.cfg.FlushOS {
		p.unjournaled = p.unjournaled && p.cfg.FlushOS
		e.markDirty(p)
		e.kick()
	}
}

// restore appends a frame's batch to its partition, unless it is there.
func (e *Engine) restore(p *partition, payload []byte, t *tails, now int64) error {
	damaged := func(reason string) error {
		return &log.CorruptError{File: filepath.Join(e.opts.Dir, "journal"), Reason: fmt.Sprintf("a frame of %s: %s", p.id, reason)}
	}
	b, err := record.VerifyStored(payload)
	if err != nil {
		return damaged(err.Error())
	}
	h := b.Header()
	if h.BaseOffset < p.next {
		return nil
	}
	// Where batches were not journalled, those before this one may be lost.
	if h.BaseOffset > p.next && !p.unjournaled {
		return damaged(fmt.Sprintf("it begins at offset %d, the log ends at %d", h.BaseOffset, p.next))
	}
	s, pos := p.position(&h, now)
	if err := p.applied(b, &h, now); err != nil {
		return damaged(err.Error())
	}
	e.markDirty(p)
	return t.add(p, s, pos, b)
}

// tails collects what is appended to segments during recovery into larger writes.
type tails struct {
	e     *Engine
	open  []*tail
	total int
	last  map[*partition]*tail
}

type tail struct {
	p   *partition
	s   *segment
	pos int64
	buf []byte
}

const (
	tailFull  = 256 << 10 // bytes of one partition that are written together
	tailsFull = 32 << 20  // bytes of all
)

func (t *tails) add(p *partition, s *segment, pos int64, b []byte) error {
	last := t.last[p]
	if last == nil || last.s != s || len(last.buf) >= tailFull {
		if t.total >= tailsFull {
			if err := t.flush(); err != nil {
				return err
			}
		}
		last = &tail{p: p, s: s, pos: pos}
		t.open = append(t.open, last)
		if t.last == nil {
			t.last = map[*partition]*tail{}
		}
		t.last[p] = last
	}
	last.buf = append(last.buf, b...)
	t.total += len(b)
	return nil
}

func (t *tails) write(x *tail) error {
	h, created, err := t.e.files.get(x.s, true)
	if err != nil {
		return err
	}
	defer t.e.files.put(h)
	x.p.newFiles = x.p.newFiles || created
	_, err = h.WriteAt(x.buf, x.pos)
	return err
}

func (t *tails) flush() error {
	for _, x := range t.open {
		if x.p.isStopped() {
			continue
		}
		if err := t.e.withRoom(func() error { return t.write(x) }); err != nil {
			if !ownFault(err) {
				return err
			}
			t.e.halt(x.p, fmt.Errorf("what was recovered cannot be written: %w", err))
			continue
		}
		x.s.mu.Lock()
		x.s.written, x.s.unsynced, x.s.exists = x.pos+int64(len(x.buf)), true, true
		x.s.mu.Unlock()
	}
	t.open, t.last, t.total = slices.Delete(t.open, 0, len(t.open)), nil, 0
	return nil
}
