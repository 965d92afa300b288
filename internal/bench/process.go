package bench

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// usage is what a process has used so far, read from /proc on Linux; elsewhere nothing is seen.
type usage struct {
	seen bool
	cpu  float64 // seconds, user and system
	rss  float64 // MiB now
	peak float64 // MiB at most
}

// ticks is USER_HZ, which Linux fixes at 100 on every architecture that Go knows.
const ticks = 100

// use reads the usage of a process; pid 0 is nobody.
func use(pid int) usage {
	if pid == 0 {
		return usage{}
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return usage{}
	}
	u, ok := parseUsage(stat, status)
	if !ok {
		return usage{}
	}
	return u
}

// parseUsage reads proc(5)'s stat and status.
func parseUsage(stat, status []byte) (u usage, ok bool) {
	// The second field is a name in parentheses that may hold anything.
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return u, false
	}
	fields := strings.Fields(string(stat[end+1:]))
	const user, system = 14 - 3, 15 - 3 // counted from the third field
	if len(fields) <= system {
		return u, false
	}
	a, err1 := strconv.ParseUint(fields[user], 10, 64)
	b, err2 := strconv.ParseUint(fields[system], 10, 64)
	if err1 != nil || err2 != nil {
		return u, false
	}
	u.seen, u.cpu = true, float64(a+b)/ticks
	for line := range strings.Lines(string(status)) {
		name, rest, _ := strings.Cut(line, ":")
		kib, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
		switch name {
		case "VmRSS":
			u.rss = kib / 1024
		case "VmHWM":
			u.peak = kib / 1024
		}
	}
	return u, true
}

// Visible reports whether a process's usage can be read.
func Visible(pid int) bool { return use(pid).seen }

// machine says in a few words what everything ran on.
func machine() string {
	return fmt.Sprintf("%d cores, %s/%s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
}
