//go:build linux || darwin

package vfs

import "golang.org/x/sys/unix"

// OpenFiles returns how many descriptors this process may have, or 0 if that is not known.
func OpenFiles() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(limit.Cur, 1<<30))
}
