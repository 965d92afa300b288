package vfs

import (
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// openDirect goes through the page cache; Sync (FlushFileBuffers) makes the bytes durable.
func openDirect(name string) (*os.File, error) { return os.OpenFile(name, os.O_RDWR, 0) }

// clearDirect does nothing: no write is refused for its alignment.
func clearDirect(*os.File) bool { return false }

// syncFile is FlushFileBuffers, which also tells the drive to write its cache.
func syncFile(f *os.File) error { return f.Sync() }

// startSync does nothing: Windows has no such call.
func startSync(*os.File, int64, int64) {}

// allocate sets the end of the file, for which NTFS reserves the clusters.
func allocate(f *os.File, size int64) error { return f.Truncate(size) }

// syncDir does nothing: Windows has no such call for users, and NTFS logs changes of names in their order, before
// FlushFileBuffers of a later file returns.
func syncDir(string) error { return nil }

func freeBytes(dir string) (int64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return 0, &os.PathError{Op: "free space", Path: dir, Err: err}
	}
	return int64(min(free, math.MaxInt64)), nil
}
