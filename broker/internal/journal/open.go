package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/typelog/typelog/broker/internal/vfs"
)

// Recovered is what Open found.
type Recovered struct {
	Frames int
	Bytes  int64 // of their payloads
}

// Open opens the journal in a directory, which it makes if it is missing, and calls replay for each unit of frames from
// sequence number from on, in order; from is what was passed to Release last before the caller made that durable (1, or 0, at first).
// What replay is handed is durable already. It returns an error that wraps ErrCorrupt if frames at or after from were
// durable once and cannot be read, and the error of replay if that failed.
func Open(opts Options, from uint64, replay func(unit []Frame) error) (*Journal, Recovered, error) {
	if opts.Bound <= 0 {
		opts.Bound = DefaultBound
	}
	if opts.First <= 0 {
		opts.First = min(DefaultFirst, roundUp(opts.Bound/8))
	}
	opts.First = max(roundUp(opts.First), 2*blockSize)
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	j := &Journal{opts: opts, bound: opts.Bound, exited: make(chan struct{}), next: max(from, 1)}
	j.work.L, j.room.L = &j.mu, &j.mu
	files, err := j.list()
	if err != nil {
		return nil, Recovered{}, fmt.Errorf("journal: %w", err)
	}
	found, err := j.recover(files, j.next, replay)
	if err != nil {
		return nil, found, fmt.Errorf("journal: %w", err)
	}
	j.done.Store(j.next)
	go j.run()
	return j, found, nil
}

// list returns the files with a header by generation; others go to the free list.
func (j *Journal) list() ([]*file, error) {
	if err := makeDir(j.opts.FS, j.opts.Dir); err != nil {
		return nil, err
	}
	// A file that an earlier process removed without a trace on the disk must not come back beside a younger one of
	// the same generation.
	if err := j.opts.FS.SyncDir(j.opts.Dir); err != nil {
		return nil, err
	}
	entries, err := j.opts.FS.List(j.opts.Dir)
	if err != nil {
		return nil, err
	}
	var files []*file
	for _, e := range entries {
		digits, ok := strings.CutSuffix(e.Name, ".journal")
		number, err := strconv.Atoi(digits)
		if !ok || err != nil || e.Dir {
			continue
		}
		j.number = max(j.number, number)
		f := &file{name: filepath.Join(j.opts.Dir, e.Name)}
		switch err := j.readHeader(f); {
		case errors.Is(err, errHeader):
			// Never begun, or cut off while it was: no frame of it was ever flushed.
			if f.size < 2*blockSize {
				if err := j.opts.FS.Remove(f.name); err != nil {
					return nil, err
				}
				continue
			}
			j.free = append(j.free, f)
		case err != nil:
			return nil, err
		default:
			files = append(files, f)
		}
		j.total += f.size
	}
	slices.SortFunc(files, func(a, b *file) int { return cmp.Compare(a.header.generation, b.header.generation) })
	return files, nil
}

func makeDir(fs vfs.FS, dir string) error {
	if err := fs.MkdirAll(dir); err != nil {
		return err
	}
	return fs.SyncDir(filepath.Dir(dir))
}

func (j *Journal) readHeader(f *file) error {
	r, err := j.opts.FS.OpenRead(f.name)
	if err != nil {
		return err
	}
	defer r.Close()
	if f.size, err = r.Size(); err != nil {
		return err
	}
	// Blocks only, as all that is written are.
	f.size = f.size / blockSize * blockSize
	block := make([]byte, blockSize)
	if n, err := r.ReadAt(block, 0); err != nil && err != io.EOF {
		return err
	} else if f.header, err = parseHeader(block[:n]); err != nil {
		return err
	}
	j.maxGen = max(j.maxGen, f.header.generation)
	return nil
}

// recover reads the files and leaves j ready to be written.
func (j *Journal) recover(files []*file, from uint64, replay func([]Frame) error) (Recovered, error) {
	var found Recovered
	var buf []byte
	due := from
	for i, f := range files {
		if i+1 < len(files) && files[i+1].header.first <= from {
			j.free = append(j.free, f)
			continue
		}
		if f.header.first > due {
			return found, fmt.Errorf("%w: %s begins at frame %d, frame %d is missing; what the segments hold can be "+
				"served after the journal's directory is moved aside", ErrCorrupt, f.name, f.header.first, due)
		}
		if f.header.first < due && f.header.first > from {
			return found, fmt.Errorf("%w: %s begins at frame %d, which lies before it already", ErrCorrupt, f.name, f.header.first)
		}
		b, err := j.read(f, buf)
		if err != nil {
			return found, err
		}
		buf = b
		next, end, err := scan(b, f.header, func(unit []Frame) error {
			if unit[0].Sequence < from {
				return nil
			}
			for k := range unit {
				found.Frames++
				found.Bytes += int64(len(unit[k].Payload))
			}
			return replay(unit)
		})
		if err != nil {
			return found, err
		}
		due = max(due, next)
		f.next, f.pos = due, roundUp(int64(end))
		if due == from && next <= from {
			j.free = append(j.free, f) // nothing in it is needed
			f.pos = 0
			continue
		}
		j.live = append(j.live, f)
		j.taken += f.pos
	}
	j.next = due
	return found, nil
}

// read returns a whole file, flushed first: what the page cache still holds of a process that was killed could be lost
// after it has been served.
func (j *Journal) read(f *file, buf []byte) ([]byte, error) {
	r, err := j.opts.FS.Open(f.name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if err := r.Sync(); err != nil {
		return nil, err
	}
	if int64(cap(buf)) < f.size {
		buf = make([]byte, f.size)
	}
	buf = buf[:f.size]
	n, err := r.ReadAt(buf, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	return buf[:n], nil
}
