package journal

import (
	"errors"
	"fmt"
	"io"
)

// errEnough ends a scan.
var errEnough = errors.New("enough")

// Walk calls f for each frame from sequence number from on up to, not including, to, in order. All of them must have been
// completed (to is at most Next) and none released, and none may be released meanwhile. The payload is valid during the
// call. It returns an error that wraps ErrCorrupt if a frame cannot be read.
func (j *Journal) Walk(from, to uint64, f func(*Frame) error) error {
	due := max(from, 1)
	if to <= due {
		return nil
	}
	j.mu.Lock()
	files := make([]file, 0, len(j.live)+1)
	for _, old := range j.live {
		if old.next > due {
			files = append(files, file{name: old.name, size: old.pos, header: old.header})
		}
	}
	if c := j.current; c != nil {
		files = append(files, file{name: c.name, size: c.pos, header: c.header})
	}
	j.mu.Unlock()
	var buf []byte
	for i := range files {
		if due >= to {
			break
		}
		b, err := j.contents(&files[i], buf)
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		buf = b
		_, _, err = scan(b, files[i].header, func(unit []Frame) error {
			for k := range unit {
				switch s := unit[k].Sequence; {
				case s >= to:
					return errEnough
				case s < due:
					continue
				case s > due:
					return fmt.Errorf("%w: %s: frame %d is missing", ErrCorrupt, files[i].name, due)
				}
				due++
				if err := f(&unit[k]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
	}
	if due < to {
		return fmt.Errorf("%w: frame %d cannot be read again", ErrCorrupt, due)
	}
	return nil
}

// contents reads the part of a file that holds frames.
func (j *Journal) contents(f *file, buf []byte) ([]byte, error) {
	r, err := j.opts.FS.OpenRead(f.name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if int64(cap(buf)) < f.size {
		buf = make([]byte, f.size)
	}
	n, err := r.ReadAt(buf[:f.size], 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	return buf[:n], nil
}
