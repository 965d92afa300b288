//go:build !linux

package pulse

import "time"

// block only passes the time: what the monitor costs was measured on Linux.
func block(d time.Duration) { time.Sleep(d) }
