package journal

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/typelog/typelog/broker/internal/vfs"
)

// Defaults of Options.
const (
	DefaultBound = 256 << 20
	DefaultFirst = 8 << 20
)

// ErrClosed is the answer to what comes after Close.
var ErrClosed = errors.New("journal closed")

// ErrCorrupt: frames that were durable cannot be read.
var ErrCorrupt = errors.New("journal damaged")

// Options of Open. FS, Dir and Complete are needed.
type Options struct {
	FS  vfs.FS
	Dir string
	// Bound is what all files together should not exceed, in bytes; 0 means DefaultBound. Admit holds appenders back
	// at three quarters of it, so only a unit that is larger than what remains, and the padding of files, go beyond it.
	Bound int64
	// First is the size of the first file in bytes; 0 means DefaultFirst.
	First int64
	// Complete is called by the journal's one goroutine with each group in the order of Append, once it is durable (nil) or has
	// failed. The slice is the journal's again afterwards.
	Complete func(group []Entry, err error)
	// Crowded, if set, is called when more than half of the bound is taken by frames that were not released. It must
	// not block or call the journal.
	Crowded func()
	// Pending is about how many bytes may be admitted and not yet in a file; 0 means that only the bound counts.
	Pending int64
	// Grow, if set, is called by the journal's goroutine when a file must be made, with what all files have then, in bytes. It
	// calls create once, or again if that failed, and returns its error. final says that the journal should not grow
	// beyond this.
	Grow func(total int64, create func() error) (final bool, err error)
	// Logger may be nil.
	Logger *slog.Logger
}

// Entry is one payload on its way to the disk.
type Entry struct {
	Topic     [16]byte
	Partition int32
	// Payload may not change until the entry is completed. An entry with a nil payload is not written: it takes
	// its place in the order only and is completed after everything before it, without causing a flush.
	Payload []byte
	// Sum is the CRC-32C of the payload from byte SumFrom on, if that is above 0: what the caller has checked already is not
	// read again, and a byte that changes in between is found.
	Sum     uint32
	SumFrom int
	// More joins the next entry of the same Append call to this one's unit.
	More bool
	// Owner is the appender's.
	Owner any
}

// Journal is an open journal. It is safe for concurrent use.
type Journal struct {
	opts   Options
	next   uint64        // sequence number of the next frame; the flusher's
	done   atomic.Uint64 // every frame below it was completed
	maxGen uint64        // the flusher's after Open
	out    outgoing      // the flusher's
	exited chan struct{}

	mu      sync.Mutex
	work    sync.Cond // something is queued, or the journal closes
	room    sync.Cond // something was released, or the journal failed
	queue   []Entry
	spare   []Entry
	failed  error
	closing bool
	current *file
	live    []*file // before current, oldest first
	free    []*file
	number  int   // highest in a file's name
	total   int64 // bytes of all files
	bound   int64 // the option, or less if there is no room on the disk
	pending int64 // bytes that were admitted and are not yet in a file
	taken   int64 // bytes of live files and of current that hold frames
}

// file is one of the journal's files.
type file struct {
	name   string
	f      vfs.File // nil while it is neither read nor written
	size   int64
	header header
	next   uint64 // one past its last frame, once it is not current any more
	pos    int64  // where the next write goes
}

// maxWrite is about how much goes to the disk in one write, in bytes. Larger gains nothing.
const maxWrite = 4 << 20

// keepBuffer is the largest write buffer that is kept.
const keepBuffer = 16 << 20

// Next returns the sequence number below which every frame has been completed. What the caller made durable elsewhere
// after asking need not be kept: see Release.
func (j *Journal) Next() uint64 { return j.done.Load() }

// Err returns why the journal refuses entries, or nil.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.failed
}

// Fail makes the journal refuse everything from now on, because of a failure elsewhere. What is queued is completed with
// the error.
func (j *Journal) Fail(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed == nil {
		j.failed = err
	}
	j.room.Broadcast()
}

// Admit waits until there is room for n bytes of payload below three quarters of the bound, and takes it; Append uses it
// up. What does not fit at all is let in once nothing is pending and everything that can be released is. It fails once
// the journal has.
func (j *Journal) Admit(n int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.failed == nil && !j.closing && j.full(n) {
		j.room.Wait()
	}
	switch {
	case j.failed != nil:
		return j.failed
	case j.closing:
		return ErrClosed
	}
	j.pending += n
	return nil
}

// full reports whether n more bytes have to wait. mu is held.
func (j *Journal) full(n int64) bool {
	if j.taken+j.pending+n > j.bound/4*3 && (j.pending > 0 || len(j.live) > 0) {
		j.crowd()
		return true
	}
	return j.opts.Pending > 0 && j.pending > 0 && j.pending+n > j.opts.Pending
}

// Total returns the bytes of all files.
func (j *Journal) Total() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.total
}

// Forget gives back what Admit took and Append will not use.
func (j *Journal) Forget(n int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pending -= n
	j.room.Broadcast()
}

// Charge counts n bytes that Append will be given although nobody asked Admit for them.
func (j *Journal) Charge(n int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pending += n
}

func (j *Journal) crowd() {
	if j.opts.Crowded != nil {
		j.opts.Crowded()
	}
}

// Append enqueues entries, all of them or, if it returns an error, none. It does not wait and does not look at
// Admit's count. Entries are completed even if the journal fails or is closed meanwhile.
func (j *Journal) Append(entries []Entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed != nil {
		return j.failed
	}
	if j.closing {
		return ErrClosed
	}
	j.queue = append(j.queue, entries...)
	j.work.Signal()
	return nil
}

// Release says that frames below sequence are durable elsewhere. Files that hold nothing else are used again.
func (j *Journal) Release(sequence uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.live) > 0 && j.live[0].next <= sequence {
		old := j.live[0]
		j.live = j.live[1:]
		j.taken -= old.pos
		old.pos = 0
		if old.size > j.largest() || j.total > j.bound {
			j.drop(old)
			continue
		}
		j.free = append(j.free, old)
	}
	j.room.Broadcast()
}

// drop removes a file. A name that comes back after a crash does no harm: its frames are all released.
func (j *Journal) drop(old *file) {
	if old.f != nil {
		_ = old.f.Close()
	}
	if err := j.opts.FS.Remove(old.name); err != nil {
		j.opts.Logger.Warn("a journal file that is not needed any more stays", "file", old.name, "err", err)
	}
	j.total -= old.size
}

func (j *Journal) largest() int64 { return max(roundUp(j.opts.Bound/8), j.opts.First) }

func roundUp(n int64) int64 { return (n + blockSize - 1) / blockSize * blockSize }

// Close completes what is queued, ends the journal's goroutine and closes the files.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closing {
		j.mu.Unlock()
		<-j.exited
		return nil
	}
	j.closing = true
	j.work.Broadcast()
	j.room.Broadcast()
	j.mu.Unlock()
	<-j.exited
	var errs []error
	for _, f := range append(append(j.live, j.free...), j.current) {
		if f != nil && f.f != nil {
			errs = append(errs, f.f.Close())
			f.f = nil
		}
	}
	return errors.Join(errs...)
}

// run is the journal's goroutine.
func (j *Journal) run() {
	defer close(j.exited)
	for {
		j.mu.Lock()
		for len(j.queue) == 0 && !j.closing {
			j.work.Wait()
		}
		if len(j.queue) == 0 {
			j.mu.Unlock()
			return
		}
		group, err := j.queue, j.failed
		j.queue, j.spare = j.spare[:0], nil
		j.mu.Unlock()

		if err == nil {
			err = j.flush(group)
		}
		j.settle(group, err)
		j.opts.Complete(group, err)
		clear(group)
		j.spare = group[:0]
	}
}

// settle keeps the books for a group, before it is completed.
func (j *Journal) settle(group []Entry, err error) {
	var n int64
	for i := range group {
		n += int64(len(group[i].Payload))
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pending -= n
	if err != nil && j.failed == nil {
		j.failed = err
		j.opts.Logger.Error("the journal cannot be written: writes are refused until a restart, reads go on", "err", err)
	}
	if err == nil {
		j.done.Store(j.next)
	}
	if j.taken > j.bound/2 {
		j.crowd()
	}
	j.room.Broadcast()
}

// flush writes the group's frames and makes them durable.
func (j *Journal) flush(group []Entry) error {
	wrote := false
	for len(group) > 0 {
		n, size, staged := unit(group)
		if size > 0 {
			if err := j.makeRoom(size, staged); err != nil {
				return err
			}
			j.encode(group[:n])
			wrote = true
		}
		group = group[n:]
	}
	if !wrote {
		return nil
	}
	if err := j.writeOut(); err != nil {
		return err
	}
	return j.current.f.Sync()
}

// unit returns how many entries the first unit has, the most bytes that its frames take, and how many of them are staged.
func unit(group []Entry) (n int, size, staged int64) {
	for i := range group {
		if group[i].Payload != nil {
			size += room(len(group[i].Payload))
			staged += stagedRoom(group[i].Payload)
		}
		if !group[i].More {
			return i + 1, size, staged
		}
	}
	return len(group), size, staged
}

// makeRoom sees to it that a unit of size bytes fits into the current file and, its staged part, into the buffer.
func (j *Journal) makeRoom(size, staged int64) error {
	need := roundUp(j.out.size() + size)
	switch c := j.current; {
	case c == nil || c.pos+need > c.size:
		if err := j.writeOut(); err != nil {
			return err
		}
		if err := j.rotate(roundUp(size)); err != nil {
			return err
		}
	case need > maxWrite && j.out.size() > 0:
		if err := j.writeOut(); err != nil {
			return err
		}
	}
	j.out.reserve(staged)
	return nil
}

func (j *Journal) encode(entries []Entry) {
	last := len(entries) - 1
	for last >= 0 && entries[last].Payload == nil {
		last--
	}
	for i := range entries[:last+1] {
		e := &entries[i]
		if e.Payload == nil {
			continue
		}
		j.out.take(&Frame{
			Sequence: j.next, Topic: e.Topic, Partition: e.Partition, Payload: e.Payload,
			generation: j.current.header.generation, kind: kindData, more: i < last,
		}, e.Sum, e.SumFrom)
		j.next++
	}
}

// writeOut writes what is outgoing, padded to whole blocks.
func (j *Journal) writeOut() error {
	if j.out.size() == 0 {
		return nil
	}
	c := j.current
	pieces := j.out.finish(c.header.generation, j.next)
	n := j.out.size()
	err := c.f.WriteVec(pieces, c.pos)
	j.out.reset()
	if err != nil {
		return err
	}
	j.mu.Lock()
	c.pos += n
	j.taken += n
	j.mu.Unlock()
	return nil
}
