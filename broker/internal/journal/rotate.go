package journal

import (
	"fmt"
	"path/filepath"

	"github.com/typelog/typelog/broker/internal/vfs"
)

// rotate flushes the current file and begins another with room for need bytes of frames.
func (j *Journal) rotate(need int64) error {
	if j.current != nil {
		if err := j.current.f.Sync(); err != nil {
			return err
		}
	}
	j.mu.Lock()
	if j.current != nil {
		j.current.next = j.next
		j.live = append(j.live, j.current)
		j.current = nil
	}
	var f *file
	for i, candidate := range j.free {
		if candidate.size >= blockSize+need {
			f = candidate
			j.free = append(j.free[:i:i], j.free[i+1:]...)
			break
		}
	}
	size := max(min(max(roundUp(j.total), j.opts.First), j.largest()), blockSize+need)
	j.mu.Unlock()
	if f == nil {
		var err error
		if f, err = j.grow(size); err != nil {
			return err
		}
	}
	if err := j.begin(f); err != nil {
		if f.f != nil {
			_ = f.f.Close()
		}
		return err
	}
	j.mu.Lock()
	j.current = f
	j.taken += f.pos
	j.mu.Unlock()
	return nil
}

// grow makes a file of size bytes, as the caller of Open allows.
func (j *Journal) grow(size int64) (f *file, err error) {
	if j.opts.Grow == nil {
		return j.create(size)
	}
	final, err := j.opts.Grow(j.Total()+size, func() (err error) {
		f, err = j.create(size)
		return err
	})
	if final {
		j.mu.Lock()
		j.bound = max(min(j.bound, j.total), 2*j.opts.First)
		j.mu.Unlock()
	}
	return f, err
}

// create makes a file of size bytes; its name is durable when create returns.
func (j *Journal) create(size int64) (*file, error) {
	j.number++
	name := filepath.Join(j.opts.Dir, fmt.Sprintf("%08d.journal", j.number))
	f, err := j.opts.FS.Create(name)
	if err != nil {
		return nil, err
	}
	err = f.Preallocate(size)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = j.opts.FS.SyncDir(j.opts.Dir)
	}
	if err != nil {
		_ = j.opts.FS.Remove(name)
		return nil, err
	}
	j.mu.Lock()
	j.total += size
	j.mu.Unlock()
	return &file{name: name, size: size}, nil
}

// begin opens a file for a new generation and makes its header durable.
func (j *Journal) begin(f *file) error {
	if f.f == nil {
		opened, err := j.opts.FS.OpenDirect(f.name)
		if err != nil {
			return err
		}
		f.f = opened
	}
	j.maxGen++
	f.header = header{generation: j.maxGen, first: j.next}
	f.next = 0
	block := vfs.Aligned(blockSize)
	f.header.encode(block)
	if _, err := f.f.WriteAt(block, 0); err != nil {
		return err
	}
	f.pos = blockSize
	return f.f.Sync()
}
