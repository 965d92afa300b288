package vfs

import (
	"errors"
	"os"
	"syscall"
)

// OS is the operating system's file system.
type OS struct{}

var _ FS = OS{}

const filePerm, dirPerm = 0o600, 0o700

// Create implements FS.
func (OS) Create(name string) (File, error) { return wrap(createFile(name)) }

// Open implements FS.
func (OS) Open(name string) (File, error) { return wrap(openFile(name)) }

// OpenRead implements FS.
func (OS) OpenRead(name string) (File, error) { return wrap(openRead(name)) }

// OpenDirect implements FS.
func (OS) OpenDirect(name string) (File, error) {
	f, err := openDirect(name)
	if err != nil {
		return nil, err
	}
	return directFile{osFile{f}}, nil
}

// Rename implements FS.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove implements FS.
func (OS) Remove(name string) error { return os.Remove(name) }

// RemoveAll implements FS.
func (OS) RemoveAll(name string) error { return os.RemoveAll(name) }

// MkdirAll implements FS.
func (OS) MkdirAll(name string) error { return os.MkdirAll(name, dirPerm) }

// List implements FS.
func (OS) List(dir string) ([]Entry, error) {
	found, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, len(found))
	for i, e := range found {
		entries[i] = Entry{Name: e.Name(), Dir: e.IsDir()}
	}
	return entries, nil
}

// Stat implements FS.
func (OS) Stat(name string) (Info, error) {
	info, err := os.Stat(name)
	if err != nil {
		return Info{}, err
	}
	return Info{Size: info.Size(), Dir: info.IsDir()}, nil
}

// Free implements FS.
func (OS) Free(dir string) (int64, error) { return freeBytes(dir) }

// SyncDir implements FS.
func (OS) SyncDir(dir string) error { return syncDir(dir) }

// osFile is a File of the operating system. Sync and Preallocate differ by platform.
type osFile struct{ *os.File }

func wrap(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// directFile is a file that was opened for direct I/O. Some file systems take the flag and refuse the writes; it goes
// through the page cache then.
type directFile struct{ osFile }

func (f directFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p, off)
	if n == 0 && errors.Is(err, syscall.EINVAL) && clearDirect(f.File) {
		return f.File.WriteAt(p, off)
	}
	return n, err
}

func (f osFile) WriteVec(pieces [][]byte, off int64) error {
	if err := writeVec(f.File, pieces, off); err != nil {
		return &os.PathError{Op: "write", Path: f.Name(), Err: err}
	}
	return nil
}

func (f directFile) WriteVec(pieces [][]byte, off int64) error {
	err := f.osFile.WriteVec(pieces, off)
	if errors.Is(err, syscall.EINVAL) && clearDirect(f.File) {
		return f.osFile.WriteVec(pieces, off)
	}
	return err
}

func (f osFile) OS() *os.File { return f.File }

func (f osFile) Sync() error {
	if err := syncFile(f.File); err != nil {
		return &os.PathError{Op: "sync", Path: f.Name(), Err: err}
	}
	return nil
}

func (f osFile) StartSync(off, n int64) { startSync(f.File, off, n) }

func (f osFile) Preallocate(size int64) error {
	have, err := f.Size()
	if err != nil || have >= size {
		return err
	}
	if err := allocate(f.File, size); err != nil {
		return &os.PathError{Op: "preallocate", Path: f.Name(), Err: err}
	}
	return nil
}

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
