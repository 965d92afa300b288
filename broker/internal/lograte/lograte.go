// Package lograte keeps a log readable when the same thing happens a thousand times a second: a Limiter lets one line
// through now and then and says how many it held back. What has to be exact is counted elsewhere; this is for people.
//
// It knows nothing of what is logged.
package lograte

import (
	"sync"
	"time"
)

// Limiter lets the first burst of lines in each period through. Its zero value lets nothing be held back. It is safe for
// concurrent use.
type Limiter struct {
	every time.Duration
	burst int

	mu    sync.Mutex
	since time.Time
	let   int
	held  int
}

// New makes a Limiter that lets burst lines through in each period.
func New(every time.Duration, burst int) *Limiter { return &Limiter{every: every, burst: burst} }

// Allow reports whether a line may be logged at now, and how many were held back since the last one that was.
func (l *Limiter) Allow(now time.Time) (held int, ok bool) {
	if l.every <= 0 {
		return 0, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.since) >= l.every {
		l.since, l.let = now, 0
	}
	if l.let >= l.burst {
		l.held++
		return 0, false
	}
	l.let++
	held, l.held = l.held, 0
	return held, true
}
