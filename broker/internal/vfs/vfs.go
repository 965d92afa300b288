// Package vfs is the small file-system interface that all disk I/O of the partition log and its journal goes through.
// OS is the real one; package lossy is one for tests that loses what was not synced, tears and fails writes, and fills
// up. It knows nothing of what is stored.
//
// The contract that callers may rely on, and that lossy holds them to:
//
//   - bytes written are durable after File.Sync has returned nil, and not before. After a failed Sync nothing is
//     known about them, and calling it again proves nothing;
//   - a name that was created, renamed or removed is durable after SyncDir of its directory (of either directory, for a
//     rename between two), and not before, whatever was synced inside;
//   - a write may reach the disk in part: sectors of 512 bytes are written or not, in any order.
package vfs

import (
	"io"
	"os"
	"unsafe"
)

// BlockSize is what offsets, lengths and memory of direct I/O are multiples of, in bytes.
const BlockSize = 4096

// FS names files by paths of the operating system. It is safe for concurrent use. Errors are those of package os, so
// that errors.Is(err, fs.ErrNotExist) and the like work.
type FS interface {
	// Create makes a file for reading and writing; it must not exist.
	Create(name string) (File, error)
	// Open opens a file for reading and writing.
	Open(name string) (File, error)
	// OpenRead opens a file for reading.
	OpenRead(name string) (File, error)
	// OpenDirect opens a file for reading and writing past the page cache, where platform and file system can do
	// that, otherwise as Open does. Offsets, lengths and memory (Aligned) of all reads and writes must be multiples of
	// BlockSize.
	OpenDirect(name string) (File, error)
	// Rename moves a file or directory; a file at the new name is replaced. Windows neither replaces a file that is open nor
	// moves a directory in which one is.
	Rename(from, to string) error
	// Remove takes a name away. A file that is open can be read until it is closed.
	Remove(name string) error
	// RemoveAll removes a tree; it is no error if there is none.
	RemoveAll(name string) error
	// MkdirAll makes a directory and its parents.
	MkdirAll(name string) error
	// List returns the entries of a directory, sorted by name.
	List(dir string) ([]Entry, error)
	Stat(name string) (Info, error)
	// Free returns how many bytes the file system of a directory has left for this process.
	Free(dir string) (int64, error)
	// SyncDir makes the names in a directory durable.
	SyncDir(dir string) error
}

// Entry is a name in a directory.
type Entry struct {
	Name string
	Dir  bool
}

// Info is what is known of a file.
type Info struct {
	Size int64
	Dir  bool
}

// File is an open file. Reads and writes at different places may run concurrently.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// WriteVec writes the pieces one after another from off on, in one operation where the platform has one. It returns an
	// error unless all was written. For a file of OpenDirect each piece must be as WriteAt's argument has to be.
	WriteVec(pieces [][]byte, off int64) error
	// Sync makes the file's bytes and size durable (fdatasync, F_FULLFSYNC, FlushFileBuffers).
	Sync() error
	// StartSync asks the system to begin bringing n bytes from off on to the disk, so that a later Sync has less to do. It
	// promises nothing and may do nothing. It can wait while the disk has too much to do already.
	StartSync(off, n int64)
	Truncate(size int64) error
	// Preallocate makes the file at least size bytes long, with room on the disk for them where the file system can
	// promise that. What is read there before it is written is not defined.
	Preallocate(size int64) error
	Size() (int64, error)
	// OS is the file for the operating system's own calls (sendfile), or nil if there is none. It must not be closed,
	// and its position must not be used.
	OS() *os.File
}

// Aligned returns n bytes at an address that direct I/O takes.
func Aligned(n int) []byte {
	b := make([]byte, n+BlockSize)
	skip := 0
	if rest := int(uintptr(unsafe.Pointer(unsafe.SliceData(b))) % BlockSize); rest != 0 {
		skip = BlockSize - rest
	}
	return b[skip : skip+n : skip+n]
}
