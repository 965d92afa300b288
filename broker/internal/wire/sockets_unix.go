//go:build unix

package wire

import (
	"math"
	"syscall"
)

// maxSockets is half of the descriptors that the process may have.
func maxSockets() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil || uint64(l.Cur) > math.MaxInt32 {
		return math.MaxInt32
	}
	return max(int(l.Cur)/2, 1)
}
