package pulse

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// block stays in the system for d. time.Sleep would give the processor back. Afterwards others may have it: the monitor would
// take it from a goroutine that has it for 10 ms without a break.
func block(d time.Duration) {
	ts := unix.NsecToTimespec(d.Nanoseconds())
	_ = unix.Nanosleep(&ts, nil) // a signal only makes it shorter
	runtime.Gosched()
}
