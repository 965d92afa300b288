// Package pulse spares a server what Go's runtime does around short blocking calls.
//
// The runtime has a monitor thread, which takes processors away from goroutines that block in the system. It sleeps while all
// processors are idle, is woken by the first that is not, and then looks every 20 microseconds until it has found nothing to do
// fifty times. A server whose requests each wait for a disk goes idle and busy thousands of times a second, so
// the monitor never rests: its timers and wake-ups are a fifth of what a small request costs, on a virtual machine more.
//
// While there are requests, Run keeps one processor of the runtime in a blocking call of some milliseconds, over and over. To
// the monitor the program is never idle then and never stuck, and it settles at one look every ten milliseconds. Because it
// is also slower to notice a goroutine that blocks for long, there are some more processors than cores (Spare), for the few
// goroutines that do.
//
// It knows nothing of what the requests are. Flow: wire -> Beat; cmd -> Run.
package pulse

import (
	"context"
	"sync/atomic"
	"time"
)

// Spare is how many processors (GOMAXPROCS) a program should have beyond its cores while it uses a Pulse: one that Run keeps,
// and one each for the goroutines of the log that are often in the system: journal and segments.
const Spare = 3

const (
	// hold is how long one call blocks. The monitor takes a processor away after 10 ms.
	hold = 8 * time.Millisecond
	// linger is how long the program counts as busy after a request.
	linger = time.Second
)

// Pulse knows whether there are requests. The zero value is not ready; New makes one.
type Pulse struct {
	beaten atomic.Bool // since it was last looked at
	asleep atomic.Bool
	wake   chan struct{}
}

// New returns a Pulse.
func New() *Pulse { return &Pulse{wake: make(chan struct{}, 1)} }

// Beat says that there is a request. It is safe for concurrent use and costs a load of memory that is rarely written.
func (p *Pulse) Beat() {
	if !p.beaten.Load() {
		p.beaten.Store(true)
	}
	if p.asleep.Load() && p.asleep.CompareAndSwap(true, false) {
		p.wake <- struct{}{}
	}
}

// Run works until ctx ends. Only one may run.
func (p *Pulse) Run(ctx context.Context) {
	for {
		for p.beaten.Swap(false) {
			for range linger / hold {
				if ctx.Err() != nil {
					return
				}
				block(hold)
			}
		}
		p.asleep.Store(true)
		if p.beaten.Load() && p.asleep.CompareAndSwap(true, false) {
			continue // it came between the look and the sleep
		}
		select {
		case <-p.wake:
		case <-ctx.Done():
			return
		}
	}
}
