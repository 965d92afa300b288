package partlog

import (
	"errors"
	"fmt"
	"io"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
)

// damage is a range of a segment's file that was found to be bad: a batch, or everything from a byte on if nobody can tell
// where the next batch begins.
type damage struct {
	from, to int64
	reason   string
}

// markBad remembers damage, so that it is never served.
func (s *segment) markBad(d damage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, known := range s.bad {
		if known.from == d.from {
			return
		}
	}
	s.bad = append(s.bad[:len(s.bad):len(s.bad)], d)
}

// clip shortens a range to what lies before known damage. An error says that the range begins with it.
func (s *segment) clip(off, n int64) (int64, error) {
	s.mu.Lock()
	bad := s.bad
	s.mu.Unlock()
	for _, d := range bad {
		switch {
		case d.to <= off || d.from >= off+n:
		case d.from <= off:
			return 0, &log.CorruptError{File: s.path(), Offset: d.from, Reason: d.reason}
		default:
			n = d.from - off
		}
	}
	return n, nil
}

// reader reads batches of a file.
type reader interface{ io.ReaderAt }

// verify reads the first size bytes of a segment's file and calls found for each damaged range. between is called after each
// batch with its bytes; if it returns false, verify ends.
func (s *segment) verify(f reader, size int64, between func(n int64) bool, found func(damage)) error {
	var buf []byte
	last := s.base - 1
	for pos := int64(0); pos < size; {
		b, err := readBatch(f, pos, size, buf)
		if errors.Is(err, io.EOF) {
			found(damage{pos, size, "the file ends here"})
			return nil
		}
		if err != nil && !errors.Is(err, record.ErrCorrupt) {
			return err
		}
		d := damage{from: pos, to: size}
		switch {
		case err != nil:
			d.reason = err.Error()
			d.to = s.next(f, pos, size)
		case b.BaseOffset() <= last:
			d.reason = fmt.Sprintf("a batch at offset %d follows offset %d", b.BaseOffset(), last)
			d.to = pos + int64(len(b))
		default:
			h := b.Header()
			last = h.LastOffset()
			d.to = pos + int64(len(b))
		}
		if d.reason != "" {
			found(d)
		}
		if b != nil {
			buf = b
		}
		if !between(d.to - pos) {
			return nil
		}
		pos = d.to
	}
	return nil
}

// next guesses where the batch after a bad one begins: where its length says, if a sound batch is there; otherwise nobody knows.
func (s *segment) next(f reader, pos, size int64) int64 {
	head := make([]byte, record.HeaderSize)
	if size-pos < record.HeaderSize {
		return size
	}
	if _, err := f.ReadAt(head, pos); err != nil {
		return size
	}
	h, err := record.ParseHeader(head)
	if err != nil || h.Size() <= 0 || h.Size() > size-pos {
		return size
	}
	if after := pos + h.Size(); after < size {
		if _, err := readBatch(f, after, size, nil); err != nil {
			return size
		}
	}
	return pos + h.Size()
}
