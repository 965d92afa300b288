package lossy

import (
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"unsafe"

	"github.com/typelog/typelog/broker/internal/vfs"
)

// file is an open file.
type file struct {
	fs       *FS
	n        *node
	name     string
	readOnly bool
	direct   bool
	closed   bool
}

func (f *file) OS() *os.File { return nil }

func (f *file) ready(op Op) error {
	if f.closed {
		return &os.PathError{Op: string(op), Path: f.name, Err: fs.ErrClosed}
	}
	if f.readOnly {
		return &os.PathError{Op: string(op), Path: f.name, Err: fs.ErrPermission}
	}
	return f.fs.check(op, f.name)
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return 0, &os.PathError{Op: "read", Path: f.name, Err: fs.ErrClosed}
	}
	if f.fs.crashed {
		return 0, ErrCrashed
	}
	if f.direct && (off%vfs.BlockSize != 0 || len(p)%vfs.BlockSize != 0) {
		return 0, &os.PathError{Op: "read", Path: f.name, Err: syscall.EINVAL}
	}
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.direct && (off%vfs.BlockSize != 0 || len(p)%vfs.BlockSize != 0) {
		return 0, &os.PathError{Op: "write", Path: f.name, Err: syscall.EINVAL}
	}
	if err := f.ready(Write); err != nil {
		// Half of it may be there all the same, also when the machine crashes in the middle.
		if !f.closed && !f.readOnly && (!f.fs.crashed || f.fs.ops == f.fs.last) {
			f.write(p[:len(p)/2], off)
		}
		return 0, err
	}
	if err := f.grow(off + int64(len(p)) - int64(len(f.n.data))); err != nil {
		return 0, err
	}
	f.write(p, off)
	return len(p), nil
}

// WriteVec implements vfs.File: one operation, which fails and is torn as a whole.
func (f *file) WriteVec(pieces [][]byte, off int64) error {
	if f.direct {
		for _, p := range pieces {
			if len(p)%vfs.BlockSize != 0 || uintptr(unsafe.Pointer(unsafe.SliceData(p)))%vfs.BlockSize != 0 {
				return &os.PathError{Op: "write", Path: f.name, Err: syscall.EINVAL}
			}
		}
	}
	_, err := f.WriteAt(slices.Concat(pieces...), off)
	return err
}

// grow takes n bytes of the room that is left.
func (f *file) grow(n int64) error {
	if f.fs.room < 0 || n <= 0 {
		return nil
	}
	if n > f.fs.room {
		return &os.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC}
	}
	f.fs.room -= n
	return nil
}

func (f *file) write(p []byte, off int64) {
	if len(p) == 0 {
		return
	}
	if end := off + int64(len(p)); end > int64(len(f.n.data)) {
		f.n.data = resize(f.n.data, end)
	}
	copy(f.n.data[off:], p)
	f.n.writes = append(f.n.writes, write{off: off, data: slices.Clone(p)})
}

func (f *file) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return &os.PathError{Op: "close", Path: f.name, Err: fs.ErrClosed}
	}
	f.closed = true
	return nil
}

// Sync makes the file durable. When it is made to fail, what was not synced is as good as lost: it stays visible until
// a crash, and no later Sync saves it.
func (f *file) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.ready(Sync); err != nil {
		if !f.closed && !f.readOnly && !f.fs.crashed {
			f.n.writes = nil
		}
		return err
	}
	f.fs.syncs++
	n := f.n
	// A later sync must not save what a failed one dropped, so the writes are played again instead of copying.
	for _, w := range n.writes {
		if w.data == nil {
			n.durable = resize(n.durable, w.size)
			continue
		}
		if end := w.off + int64(len(w.data)); end > int64(len(n.durable)) {
			n.durable = resize(n.durable, end)
		}
		copy(n.durable[w.off:], w.data)
	}
	n.writes = nil
	return nil
}

// StartSync implements vfs.File. It does nothing: nothing is durable before Sync.
func (f *file) StartSync(int64, int64) {}

func (f *file) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.ready(Truncate); err != nil {
		return err
	}
	f.n.data = resize(f.n.data, size)
	f.n.writes = append(f.n.writes, write{size: size})
	return nil
}

func (f *file) Preallocate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.ready(Preallocate); err != nil {
		return err
	}
	if size <= int64(len(f.n.data)) {
		return nil
	}
	if err := f.grow(size - int64(len(f.n.data))); err != nil {
		return err
	}
	f.n.data = resize(f.n.data, size)
	f.n.writes = append(f.n.writes, write{size: size})
	return nil
}

func (f *file) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.n.data)), nil
}
