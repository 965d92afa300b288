package vfs

import (
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// open opens a file that may be deleted and renamed while it is open, as everywhere else: retention, compaction and the deletion
// of topics take files away that are being read. os.OpenFile does not share a file for that. On NTFS (from Windows 10 on)
// the name of a deleted file is free at once; what is open can be read until it is closed. Paths may be long: the Go runtime
// makes the process aware of them.
func open(name string, access, disposition uint32) (*os.File, error) {
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	h, err := windows.CreateFile(path, access, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, disposition, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(h), name), nil
}

func createFile(name string) (*os.File, error) {
	return open(name, windows.GENERIC_READ|windows.GENERIC_WRITE, windows.CREATE_NEW)
}

func openFile(name string) (*os.File, error) {
	return open(name, windows.GENERIC_READ|windows.GENERIC_WRITE, windows.OPEN_EXISTING)
}

func openRead(name string) (*os.File, error) {
	return open(name, windows.GENERIC_READ, windows.OPEN_EXISTING)
}

// openDirect goes through the page cache; Sync (FlushFileBuffers) makes the bytes durable.
func openDirect(name string) (*os.File, error) { return openFile(name) }

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
