package partlog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/typelog/typelog/broker/internal/journal"
	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/vfs"
)

const (
	strandedMagic = "tlstrnd1"
	// strandedFull is how many bytes are collected before they are written.
	strandedFull = 8 << 20
)

func (e *Engine) strandedDir() string { return filepath.Join(e.opts.Dir, "stranded") }

func strandedName(id log.Partition) string { return fmt.Sprintf("%x-%d", id.Topic[:], id.Index) }

func (e *Engine) strandedPath(id log.Partition) string {
	return filepath.Join(e.strandedDir(), strandedName(id))
}

// strander copies frames of the journal to files of their own, one for each partition.
type strander struct {
	fs    vfs.FS
	room  func(func() error) error
	path  func(log.Partition) string
	open  map[log.Partition]*strand
	total int // bytes that are collected
	fresh map[string]bool
}

// strand is one such file.
type strand struct {
	off int64
	buf []byte
}

func (e *Engine) newStrander(path func(log.Partition) string) *strander {
	return &strander{fs: e.fs, room: e.withRoom, path: path, open: map[log.Partition]*strand{}, fresh: map[string]bool{}}
}

// add takes a frame's payload. from is where the partition's file goes on, in bytes.
func (x *strander) add(id log.Partition, payload []byte, from int64) error {
	s := x.open[id]
	if s == nil {
		s = &strand{off: from}
		if from == 0 {
			s.buf = []byte(strandedMagic)
		}
		x.open[id] = s
	}
	before := len(s.buf)
	s.buf = appendRecord(s.buf, ledgerRecord{kindFrame, id, payload})
	if x.total += len(s.buf) - before; x.total < strandedFull {
		return nil
	}
	return x.write()
}

func (x *strander) write() error {
	for id, s := range x.open {
		if len(s.buf) == 0 {
			continue
		}
		if err := x.room(func() error { return x.writeOne(x.path(id), s) }); err != nil {
			return err
		}
	}
	x.total = 0
	return nil
}

func (x *strander) writeOne(name string, s *strand) error {
	f, err := x.fs.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = x.fs.Create(name)
		x.fresh[filepath.Dir(name)] = true
	}
	if err != nil {
		return err
	}
	_, err = f.WriteAt(s.buf, s.off)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	s.off += int64(len(s.buf))
	s.buf = nil
	return nil
}

// finish makes everything durable.
func (x *strander) finish() error {
	if err := x.write(); err != nil {
		return err
	}
	for dir := range x.fresh {
		if err := x.fs.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// strand copies the frames below upTo that the checkpoint is about to release and that belong to partitions which are
// stopped, and returns what the ledger must say of them. checkpointing is held.
func (e *Engine) strand(upTo uint64) ([]ledgerRecord, error) {
	from := e.ledger.from()
	var wanted map[log.Partition]bool
	for _, p := range e.stoppedNow() {
		if p.drained == 0 || from < p.drained {
			if wanted == nil {
				wanted = map[log.Partition]bool{}
			}
			wanted[p.id] = true
		}
	}
	if wanted == nil {
		return nil, nil
	}
	x := e.newStrander(e.strandedPath)
	err := e.journal.Walk(from, upTo, func(f *journal.Frame) error {
		id := log.Partition{Topic: f.Topic, Index: f.Partition}
		if !wanted[id] {
			return nil
		}
		return x.add(id, f.Payload, e.ledger.strandedLen(id))
	})
	if err == nil {
		err = x.finish()
	}
	if err != nil {
		return nil, fmt.Errorf("copying the frames of stopped partitions: %w", err)
	}
	var records []ledgerRecord
	for id, s := range x.open {
		records = append(records, strandedRecord(id, s.off))
	}
	return records, nil
}

// noteDrained remembers for the partitions that were stopped before a barrier that all of their frames lie below the
// journal's position after it. checkpointing is held.
func (e *Engine) noteDrained(stopped []*partition) {
	next := e.journal.Next()
	for _, p := range stopped {
		if p.drained == 0 {
			p.drained = next
		}
	}
}

// replayStranded appends the frames that an earlier process copied to the partitions that they belong to.
func (e *Engine) replayStranded(report *Report, t *tails, now int64) error {
	for id, size := range e.ledger.strandedAll() {
		p := e.parts[id]
		if p == nil || p.err != nil {
			continue
		}
		p.mu.Lock()
		e.markDirty(p) // so that a checkpoint says that they are not needed any more
		p.mu.Unlock()
		err := readStranded(e.fs, e.strandedPath(id), size, func(payload []byte) error {
			report.ReplayedFrames++
			report.ReplayedBytes += int64(len(payload))
			return e.restore(p, payload, t, now)
		})
		if err != nil {
			if !refusable(err) {
				return err
			}
			e.refuse(p, err)
		}
	}
	return nil
}

// readStranded calls f for each payload in the first size bytes of a file.
func readStranded(fsys vfs.FS, name string, size int64, f func(payload []byte) error) error {
	damaged := func(at int, reason string) error {
		return &log.CorruptError{File: name, Offset: int64(at), Reason: reason}
	}
	file, err := fsys.OpenRead(name)
	if errors.Is(err, fs.ErrNotExist) {
		return damaged(0, "the file is missing")
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if have, err := file.Size(); err != nil || have < size {
		return errors.Join(err, damaged(int(have), fmt.Sprintf("the file ends here, %d bytes were flushed", size)))
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(file, 0, size), b); err != nil {
		return err
	}
	if len(b) < len(strandedMagic) || string(b[:len(strandedMagic)]) != strandedMagic {
		return damaged(0, "it does not begin as a file of stranded frames does")
	}
	for at := len(strandedMagic); at < len(b); {
		r, n := parseRecord(b[at:])
		if n == 0 || r.kind != kindFrame {
			return damaged(at, "a frame does not match its checksum")
		}
		if err := f(r.body); err != nil {
			return err
		}
		at += n
	}
	return nil
}

// dropStranded removes the files of partitions whose state in the ledger has what they held.
func (e *Engine) dropStranded(ids []log.Partition) {
	for _, id := range ids {
		if err := e.fs.Remove(e.strandedPath(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			e.log.Warn("a file of stranded frames that is not needed any more stays", "file", e.strandedPath(id), "error", err)
		}
	}
}
