package partlog

import (
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/typelog/typelog/broker/internal/vfs"
)

// maxSlack is the most that the reserve holds beyond the journal's size, in bytes.
const maxSlack = 32 << 20

// reserve is a file that only takes room, so that what was acknowledged still fits once the disk is full.
type reserve struct {
	fs   vfs.FS
	name string
	// margin is what must be left on the disk beside it when it is made, in bytes.
	margin int64

	mu    sync.Mutex
	size  int64 // bytes that it holds, 0 if it was given up
	given int   // how often it was
}

func newReserve(fsys vfs.FS, dir string, margin int64) *reserve {
	r := &reserve{fs: fsys, margin: margin, name: filepath.Join(dir, "reserve")}
	if info, err := fsys.Stat(r.name); err == nil {
		r.size = info.Size
	}
	return r
}

// hold makes it size bytes at least. If that fails it is as large as before.
func (r *reserve) hold(size int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size >= size {
		return nil
	}
	// Asked first, because an attempt takes all the room that there is, if only for a moment.
	if err := r.room(size - r.size + r.margin); err != nil {
		return err
	}
	f, err := r.fs.Open(r.name)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = r.fs.Create(r.name)
	}
	if err != nil {
		return err
	}
	if err = f.Preallocate(size); err == nil {
		err = f.Sync()
	}
	if err != nil {
		_ = f.Truncate(r.size) // it may have taken all the room that there is
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = r.fs.SyncDir(filepath.Dir(r.name))
	}
	if err != nil {
		if r.size == 0 {
			_ = r.fs.Remove(r.name)
		}
		return err
	}
	r.size = size
	return nil
}

// room returns an error if less than n bytes are left on the disk.
func (r *reserve) room(n int64) error {
	free, err := r.fs.Free(filepath.Dir(r.name))
	if err != nil || free >= n {
		return nil // an error says nothing: the attempt will
	}
	return &fs.PathError{Op: "reserve", Path: r.name, Err: syscall.ENOSPC}
}

// giveUp removes it, unless that was done since it had been given up so many times. It reports whether there is more room
// than before.
func (r *reserve) giveUp(since int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.given != since {
		return true
	}
	if r.size == 0 {
		return false
	}
	if err := r.fs.Remove(r.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	// With the name durable, file systems hand the blocks out again at once.
	_ = r.fs.SyncDir(filepath.Dir(r.name))
	r.size = 0
	r.given++
	return true
}

func (r *reserve) times() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.given
}
