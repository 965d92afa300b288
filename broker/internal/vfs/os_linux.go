package vfs

import (
	"errors"
	"io"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// openDirect falls back to the page cache where the file system refuses O_DIRECT (tmpfs before Linux 6.6, some network
// and user-space file systems).
func openDirect(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|unix.O_DIRECT, 0)
	if errors.Is(err, unix.EINVAL) {
		return os.OpenFile(name, os.O_RDWR, 0)
	}
	return f, err
}

// clearDirect turns O_DIRECT off and reports whether it was on.
func clearDirect(f *os.File) bool {
	cleared := false
	err := control(f, func(fd int) error {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if err != nil || flags&unix.O_DIRECT == 0 {
			return err
		}
		_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags&^unix.O_DIRECT)
		cleared = err == nil
		return err
	})
	return err == nil && cleared
}

// maxPieces is how many pieces the system takes in one call (UIO_MAXIOV).
const maxPieces = 1024

// writeVec is pwritev, again and again for what it leaves over.
func writeVec(f *os.File, pieces [][]byte, off int64) error {
	for len(pieces) > 0 {
		var n int
		batch := pieces[:min(len(pieces), maxPieces)]
		if err := control(f, func(fd int) (err error) {
			n, err = unix.Pwritev(fd, batch, off)
			return err
		}); err != nil {
			return err
		}
		if n == 0 {
			return io.ErrShortWrite
		}
		off += int64(n)
		for n > 0 && n >= len(pieces[0]) {
			n -= len(pieces[0])
			pieces = pieces[1:]
		}
		if n > 0 { // cut off in the middle of a piece
			if _, err := f.WriteAt(pieces[0][n:], off); err != nil {
				return err
			}
			off += int64(len(pieces[0]) - n)
			pieces = pieces[1:]
		}
	}
	return nil
}

// syncFile is fdatasync: bytes, and as much metadata as is needed to read them back (the size), but not times.
func syncFile(f *os.File) error {
	return control(f, func(fd int) error { return unix.Fdatasync(fd) })
}

// startSync begins to write what is dirty in the range. An error would say nothing that Sync does not say later.
func startSync(f *os.File, off, n int64) {
	_ = control(f, func(fd int) error { return unix.SyncFileRange(fd, off, n, unix.SYNC_FILE_RANGE_WRITE) })
}

func allocate(f *os.File, size int64) error {
	err := control(f, func(fd int) error { return unix.Fallocate(fd, 0, 0, size) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return f.Truncate(size)
	}
	return err
}

func control(f *os.File, call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var callErr error
	if err := conn.Control(func(fd uintptr) {
		for {
			if callErr = call(int(fd)); callErr != unix.EINTR {
				return
			}
		}
	}); err != nil {
		return err
	}
	return callErr
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
