package bench

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// openDirect opens a file past the page cache, where the file system allows it.
func openDirect(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_DIRECT, 0o600)
	if errors.Is(err, unix.EINVAL) {
		return os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	}
	return f, err
}

// settle waits until everything that is written on this machine is on its disks, if pid, a process to measure, is on it.
func settle(pid int) {
	if pid != 0 {
		unix.Sync()
	}
}

func syncData(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }
