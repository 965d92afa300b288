package vfs

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// openDirect turns the page cache off for the file (F_NOCACHE), which is advice and takes any alignment.
func openDirect(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	_, _ = unix.FcntlInt(f.Fd(), unix.F_NOCACHE, 1)
	return f, nil
}

// clearDirect does nothing: no write is refused for its alignment.
func clearDirect(*os.File) bool { return false }

// syncFile is F_FULLFSYNC, which os.File.Sync uses on macOS: plain fsync leaves the bytes in the drive's own cache.
func syncFile(f *os.File) error { return f.Sync() }

// startSync does nothing: macOS has no such call.
func startSync(*os.File, int64, int64) {}

// allocate asks for the blocks; a file system that cannot reserve them still gets the size.
func allocate(f *os.File, size int64) error {
	store := unix.Fstore_t{Flags: unix.F_ALLOCATEALL, Posmode: unix.F_PEOFPOSMODE, Length: size}
	err := unix.FcntlFstore(f.Fd(), unix.F_PREALLOCATE, &store)
	if errors.Is(err, unix.ENOSPC) {
		return err
	}
	return f.Truncate(size)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

func freeBytes(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(min(s.Bavail, math.MaxInt64/uint64(s.Bsize)) * uint64(s.Bsize)), nil
}
