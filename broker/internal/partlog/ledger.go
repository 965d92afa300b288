package partlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"sync"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/vfs"
)

const (
	ledgerMagic  = "tlledgr1"
	recordHeader = 29

	kindState    = 1
	kindLogStart = 2
	kindCommit   = 3
	kindStranded = 4
	kindFrame    = 5 // in files of stranded frames only

	commitClean = 1

	// rewriteSlack is how much old matter the ledger may hold beyond twice its live size, in bytes.
	rewriteSlack = 1 << 20
)

// ledgerRecord is one record on its way into the ledger.
type ledgerRecord struct {
	kind byte
	id   log.Partition
	body []byte
}

// commit is what the last commit record says.
type commit struct {
	from  uint64 // journal sequence
	clean bool
}

// ledger is the open ledger file. It is safe for concurrent use.
type ledger struct {
	fs   vfs.FS
	dir  string
	room func(do func() error) error // does something that takes room on the disk

	mu     sync.Mutex
	f      vfs.File
	size   int64
	live   int64 // size after the last rewrite
	states map[log.Partition]span
	starts map[log.Partition]int64
	// stranded are the bytes of the partitions' files of stranded frames that the next start must replay.
	stranded map[log.Partition]int64
	last     commit
	failed   error
}

// span is where a state's body lies in the file.
type span struct {
	off int64
	n   int
}

func (l *ledger) path() string { return filepath.Join(l.dir, "ledger") }

// openLedger reads the ledger of a directory, or begins one. fresh reports that there was none. keep says which
// partitions to carry over. It leaves a rewritten file behind.
func openLedger(fsys vfs.FS, dir string, room func(func() error) error, keep func(log.Partition) bool) (l *ledger, states map[log.Partition][]byte, fresh bool, err error) {
	l = &ledger{fs: fsys, dir: dir, room: room, states: map[log.Partition]span{}, starts: map[log.Partition]int64{}, stranded: map[log.Partition]int64{}}
	states = map[log.Partition][]byte{}
	b, err := readFile(fsys, l.path())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		fresh = true
	case err != nil:
		return nil, nil, false, err
	default:
		if err := l.parse(b, states); err != nil {
			return nil, nil, false, err
		}
	}
	for id := range states {
		if !keep(id) {
			delete(states, id)
			delete(l.starts, id)
			delete(l.stranded, id)
		}
	}
	err = l.replace(func(put func(ledgerRecord) error) error {
		for id, body := range states {
			if err := put(ledgerRecord{kindState, id, body}); err != nil {
				return err
			}
		}
		return nil
	})
	return l, states, fresh, err
}

// maxLedger bounds what is read into memory at a start, in bytes.
const maxLedger = 4 << 30

func readFile(fsys vfs.FS, name string) ([]byte, error) {
	f, err := fsys.OpenRead(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > maxLedger {
		return nil, fmt.Errorf("%s has %d bytes, more than a ledger ever has", name, size)
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, size), b); err != nil {
		return nil, err
	}
	return b, nil
}

// parse applies every record that a commit follows. The bodies in states alias b.
func (l *ledger) parse(b []byte, states map[log.Partition][]byte) error {
	damaged := func(reason string) error {
		return &log.CorruptError{File: l.path(), Offset: 0, Reason: reason}
	}
	if len(b) < len(ledgerMagic) || string(b[:len(ledgerMagic)]) != ledgerMagic {
		return damaged("it does not begin as a ledger does")
	}
	var open []ledgerRecord
	committed := false
	for at := len(ledgerMagic); ; {
		r, n := parseRecord(b[at:])
		if n == 0 {
			break
		}
		at += n
		if r.kind != kindCommit {
			open = append(open, r)
			continue
		}
		if len(r.body) != 9 {
			return damaged("a commit of another length")
		}
		for _, o := range open {
			l.apply(o, states)
		}
		open, committed = open[:0], true
		l.last = commit{from: binary.BigEndian.Uint64(r.body), clean: r.body[8]&commitClean != 0}
	}
	if !committed {
		return damaged("no commit can be read")
	}
	return nil
}

func (l *ledger) apply(r ledgerRecord, states map[log.Partition][]byte) {
	switch r.kind {
	case kindState:
		states[r.id] = r.body
		delete(l.stranded, r.id)
	case kindLogStart:
		if len(r.body) == 8 {
			l.starts[r.id] = max(l.starts[r.id], int64(binary.BigEndian.Uint64(r.body)))
		}
	case kindStranded:
		if len(r.body) == 8 {
			l.stranded[r.id] = int64(binary.BigEndian.Uint64(r.body))
		}
	}
}

func appendRecord(dst []byte, r ledgerRecord) []byte {
	be := binary.BigEndian
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = be.AppendUint32(dst, uint32(len(r.body)))
	dst = append(dst, r.kind)
	dst = append(dst, r.id.Topic[:]...)
	dst = be.AppendUint32(dst, uint32(r.id.Index))
	dst = append(dst, r.body...)
	be.PutUint32(dst[at:], crc32.Checksum(dst[at+4:], crc32.MakeTable(crc32.Castagnoli)))
	return dst
}

// parseRecord returns the record at the start of b and its length, or 0 if there is no valid one.
func parseRecord(b []byte) (ledgerRecord, int) {
	if len(b) < recordHeader {
		return ledgerRecord{}, 0
	}
	be := binary.BigEndian
	n := uint64(be.Uint32(b[4:])) + recordHeader
	if n > uint64(len(b)) || be.Uint32(b) != crc32.Checksum(b[4:n], crc32.MakeTable(crc32.Castagnoli)) {
		return ledgerRecord{}, 0
	}
	r := ledgerRecord{kind: b[8], body: b[recordHeader:n:n]}
	copy(r.id.Topic[:], b[9:])
	r.id.Index = int32(be.Uint32(b[25:]))
	return r, int(n)
}

func commitRecord(c commit) ledgerRecord {
	body := binary.BigEndian.AppendUint64(nil, c.from)
	if c.clean {
		return ledgerRecord{kind: kindCommit, body: append(body, commitClean)}
	}
	return ledgerRecord{kind: kindCommit, body: append(body, 0)}
}

func startRecord(id log.Partition, offset int64) ledgerRecord {
	return ledgerRecord{kindLogStart, id, binary.BigEndian.AppendUint64(nil, uint64(offset))}
}

func strandedRecord(id log.Partition, size int64) ledgerRecord {
	return ledgerRecord{kindStranded, id, binary.BigEndian.AppendUint64(nil, uint64(size))}
}

// state returns the body of a partition's latest state.
func (l *ledger) state(id log.Partition) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, ok := l.states[id]
	if l.failed != nil || !ok {
		return nil, errors.Join(l.failed, fmt.Errorf("%w: the ledger has no state of %s", log.ErrCorrupt, id))
	}
	body := make([]byte, s.n)
	_, err := l.f.ReadAt(body, s.off)
	return body, err
}

// strandedLen is how many bytes of a partition's file of stranded frames count.
func (l *ledger) strandedLen(id log.Partition) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stranded[id]
}

func (l *ledger) strandedAll() map[log.Partition]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.stranded)
}

// commit appends records and a commit and returns once they are durable. After a failure it refuses for ever: nobody
// knows what the file holds.
func (l *ledger) commit(records []ledgerRecord, c commit) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.commitLocked(records, c)
}

// commitStarts makes log starts durable without moving the journal's position.
func (l *ledger) commitStarts(starts map[log.Partition]int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var records []ledgerRecord
	for id, offset := range starts {
		records = append(records, startRecord(id, offset))
	}
	return l.commitLocked(records, l.last)
}

// commitStates adds partitions without moving the journal's position.
func (l *ledger) commitStates(records []ledgerRecord) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.commitLocked(records, l.last)
}

func (l *ledger) commitLocked(records []ledgerRecord, c commit) error {
	if l.failed != nil {
		return l.failed
	}
	var buf []byte
	for _, r := range append(records, commitRecord(c)) {
		buf = appendRecord(buf, r)
	}
	at := l.size
	err := l.room(func() error { _, err := l.f.WriteAt(buf, at); return err })
	if vfs.IsFull(err) {
		// The commit at the end is not whole, so nothing counts, and the next one goes to the same place.
		_ = l.f.Truncate(at)
		return fmt.Errorf("ledger: %w", err)
	}
	if err != nil {
		return l.fail(err)
	}
	if err := l.f.Sync(); err != nil {
		return l.fail(err)
	}
	for _, r := range records {
		l.note(r, at)
		at += int64(recordHeader + len(r.body))
	}
	l.size += int64(len(buf))
	l.last = c
	if l.size > 2*l.live+rewriteSlack {
		return l.rewrite()
	}
	return nil
}

func (l *ledger) fail(err error) error {
	l.failed = fmt.Errorf("ledger: %w", err)
	return l.failed
}

// note remembers where a record lies whose first byte is at off.
func (l *ledger) note(r ledgerRecord, off int64) {
	switch r.kind {
	case kindState:
		l.states[r.id] = span{off: off + recordHeader, n: len(r.body)}
		delete(l.stranded, r.id)
	case kindLogStart:
		l.starts[r.id] = max(l.starts[r.id], int64(binary.BigEndian.Uint64(r.body)))
	case kindStranded:
		l.stranded[r.id] = int64(binary.BigEndian.Uint64(r.body))
	}
}

// forget drops partitions that were deleted; the file loses them at its next rewrite.
func (l *ledger) forget(ids []log.Partition) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		delete(l.states, id)
		delete(l.starts, id)
		delete(l.stranded, id)
	}
}

// rewrite replaces the file by one that holds the latest records only.
func (l *ledger) rewrite() error {
	old, states, stranded := l.f, l.states, maps.Clone(l.stranded)
	l.states = map[log.Partition]span{}
	err := l.replace(func(put func(ledgerRecord) error) error {
		for id, s := range states {
			body := make([]byte, s.n)
			if _, err := old.ReadAt(body, s.off); err != nil {
				return err
			}
			if err := put(ledgerRecord{kindState, id, body}); err != nil {
				return err
			}
		}
		return nil
	})
	if vfs.IsFull(err) && l.f == old {
		// Nothing has changed; it is tried again when there is much more to gain.
		l.states, l.stranded, l.live = states, stranded, l.size
		_ = l.fs.Remove(l.path() + ".new")
		return nil
	}
	if err != nil {
		return l.fail(err)
	}
	return nil
}

// replace writes a new file: what fill puts, the log starts and the last commit.
func (l *ledger) replace(fill func(put func(ledgerRecord) error) error) error {
	name := l.path() + ".new"
	if err := l.fs.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var f vfs.File
	err := l.room(func() (err error) { f, err = l.fs.Create(name); return err })
	if err != nil {
		return err
	}
	w := &ledgerWriter{f: f, room: l.room, buf: []byte(ledgerMagic)}
	put := func(r ledgerRecord) error {
		l.note(r, w.size())
		return w.put(r)
	}
	stranded := maps.Clone(l.stranded) // states that are put before them delete them
	err = fill(put)
	for id, size := range stranded {
		if err == nil {
			err = put(strandedRecord(id, size))
		}
	}
	for id, offset := range l.starts {
		if err == nil {
			err = put(startRecord(id, offset))
		}
	}
	if err == nil {
		err = errors.Join(put(commitRecord(l.last)), w.flush())
	}
	if err == nil {
		err = f.Sync()
	}
	// Closed before it is moved, and so is the old one: Windows does not rename open files.
	err = errors.Join(err, f.Close())
	if err == nil && l.f != nil {
		err = l.f.Close()
		l.f = nil
	}
	if err == nil {
		err = l.fs.Rename(name, l.path())
	}
	if err == nil {
		err = l.fs.SyncDir(l.dir)
	}
	if err == nil {
		l.f, err = l.fs.Open(l.path())
	}
	if err == nil {
		l.size, l.live = w.size(), w.size()
	}
	return err
}

// ledgerWriter collects records into larger writes.
type ledgerWriter struct {
	f    vfs.File
	room func(func() error) error
	buf  []byte
	off  int64
}

func (w *ledgerWriter) size() int64 { return w.off + int64(len(w.buf)) }

func (w *ledgerWriter) put(r ledgerRecord) error {
	w.buf = appendRecord(w.buf, r)
	if len(w.buf) < 256<<10 {
		return nil
	}
	return w.flush()
}

func (w *ledgerWriter) flush() error {
	err := w.room(func() error { _, err := w.f.WriteAt(w.buf, w.off); return err })
	w.off += int64(len(w.buf))
	w.buf = w.buf[:0]
	return err
}

func (l *ledger) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return nil
	}
	err := l.f.Close()
	l.f = nil
	if l.failed == nil {
		l.failed = fs.ErrClosed
	}
	return err
}

// broken reports whether the ledger refuses everything.
func (l *ledger) broken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed != nil
}

// from is the journal sequence of the last commit.
func (l *ledger) from() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last.from
}
