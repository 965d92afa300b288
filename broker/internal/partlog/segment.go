package partlog

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/typelog/typelog/broker/internal/record"
)

// segment is one segment file. Its first fields are guarded by the partition's lock; they count batches from the moment
// they have their place, before anything is written.
type segment struct {
	dir     string // of the partition
	base    int64
	gen     uint32 // how often compaction has written it; with base, its name
	size    int64  // bytes
	created int64  // of its first append, milliseconds since the epoch; 0 while it is empty
	maxTime int64  // of its batches, milliseconds since the epoch; -1 if none has one

	// building is held while the index is brought up to date from the file, before mu.
	building sync.Mutex

	// behind is the end of what the system was asked to bring to the disk; only the writer uses it.
	behind int64

	// mu guards what follows; the partition's lock may be held when it is taken, never the other way round.
	mu       sync.Mutex
	written  int64 // bytes in the file
	unsynced bool
	exists   bool  // the file was created, or found
	index    index // of the first indexed bytes
	indexed  int64
	bad      []damage // replaced, never changed in place
}

const segmentSuffix = ".log"

func (s *segment) path() string {
	if s.gen == 0 {
		return filepath.Join(s.dir, fmt.Sprintf("%020d%s", s.base, segmentSuffix))
	}
	return filepath.Join(s.dir, fmt.Sprintf("%020d-%d%s", s.base, s.gen, segmentSuffix))
}

// parseSegmentName returns what the name of a segment file says: its base offset, and how often compaction has written it.
func parseSegmentName(name string) (base int64, gen uint32, ok bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok {
		return 0, 0, false
	}
	digits, times, compacted := strings.Cut(digits, "-")
	if len(digits) != 20 {
		return 0, 0, false
	}
	base, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || base < 0 || !compacted {
		return base, 0, err == nil && base >= 0
	}
	n, err := strconv.ParseUint(times, 10, 32)
	return base, uint32(n), err == nil && n > 0
}

// count adds a batch that got its place in the segment. The partition's lock is held.
func (s *segment) count(h *record.Header, now int64) {
	if s.size == 0 {
		s.created = now
	}
	s.size += h.Size()
	s.maxTime = max(s.maxTime, h.MaxTimestamp)
}

// wrote tells that a batch lies in the file at pos, after everything before it.
func (s *segment) wrote(h *record.Header, pos, interval int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written = pos + h.Size()
	s.unsynced = true
	s.exists = true
	if s.indexed == pos {
		s.index.add(h, s.base, pos, interval)
		s.indexed = s.written
	}
}

// index is a sparse index of a segment's first bytes: batches by offset, and the largest timestamp up to each.
type index struct {
	entries []entry
	bytes   int64 // of log since the last entry
	maxTime int64 // of everything that was added; meaningless without entries
}

// entry is a batch in an index.
type entry struct {
	offset  uint32 // of its first record, from the segment's base
	pos     uint32 // in the file
	maxTime int64  // up to and including this batch
}

const entrySize = 16

// defaultInterval is the bytes of log for each entry where the config says nothing.
const defaultInterval = 4096

func (x *index) add(h *record.Header, base, pos, interval int64) {
	if interval <= 0 {
		interval = defaultInterval
	}
	if len(x.entries) == 0 {
		x.maxTime = h.MaxTimestamp
	}
	x.maxTime = max(x.maxTime, h.MaxTimestamp)
	if len(x.entries) == 0 || x.bytes >= interval {
		x.entries = append(x.entries, entry{uint32(h.BaseOffset - base), uint32(pos), x.maxTime})
		x.bytes = 0
	}
	x.bytes += h.Size()
}

// byOffset returns the position of the last indexed batch that begins at or before offset.
func (x *index) byOffset(base, offset int64) int64 {
	i := x.search(func(e entry) bool { return base+int64(e.offset) > offset })
	if i == 0 {
		return 0
	}
	return int64(x.entries[i-1].pos)
}

// byPos returns the position of the last indexed batch that begins at or before pos.
func (x *index) byPos(pos int64) int64 {
	i := x.search(func(e entry) bool { return int64(e.pos) > pos })
	if i == 0 {
		return 0
	}
	return int64(x.entries[i-1].pos)
}

// byTime returns a position before which no batch has a timestamp at or after ts.
func (x *index) byTime(ts int64) int64 {
	i := x.search(func(e entry) bool { return e.maxTime >= ts })
	if i == 0 {
		return 0
	}
	return int64(x.entries[i-1].pos)
}

// search returns the first entry for which f is true; f is false up to some entry and true from there on.
func (x *index) search(f func(entry) bool) int {
	lo, hi := 0, len(x.entries)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if f(x.entries[mid]) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}
