package wire

import (
	"math/bits"
	"sync"
	"time"
)

// buffers recycles the buffers of Bulk frames, by size: classes of firstStep, twice that, and so on. A collection of garbage
// takes what lies in a sync.Pool, and a new buffer of some MiB costs more (zeroing, page faults) than all that is done with
// its bytes later, so large ones are kept until they were idle for a while.
type buffers struct {
	small [largeClass]sync.Pool

	mu    sync.Mutex
	large [classes - largeClass][][]byte
	held  int       // bytes in large
	used  time.Time // when large was last touched
	timed bool      // expire is due
}

const (
	classes       = 13 // 4 KiB, 8 KiB, … 16 MiB
	largeClass    = 6  // from 256 KiB on
	biggestBuffer = firstStep << (classes - 1)
	maxHeld       = 32 << 20
	idleBuffers   = 10 * time.Second
)

// class is the index of the smallest class whose buffers hold n bytes.
func class(n int) int {
	if n <= firstStep {
		return 0
	}
	return bits.Len(uint(n-1)) - bits.Len(firstStep-1)
}

// get returns a buffer of n bytes, whose contents are anything.
func (b *buffers) get(n int) []byte {
	if p := b.spare(n); p != nil {
		return p[:n]
	}
	if n > biggestBuffer {
		return make([]byte, n)
	}
	return make([]byte, n, firstStep<<class(n))
}

// spare returns a recycled buffer for n bytes, or nil if there is none.
func (b *buffers) spare(n int) []byte {
	if n > biggestBuffer {
		return nil
	}
	c := class(n)
	if c < largeClass {
		if p, ok := b.small[c].Get().(*[]byte); ok {
			return *p
		}
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	list := &b.large[c-largeClass]
	last := len(*list) - 1
	if last < 0 {
		return nil
	}
	p := (*list)[last]
	(*list)[last] = nil
	*list = (*list)[:last]
	b.held -= len(p)
	b.used = time.Now()
	return p
}

// put takes a buffer back. Nobody may use it any more.
func (b *buffers) put(p []byte) {
	p = p[:cap(p)]
	if len(p) < firstStep || len(p) > biggestBuffer {
		return
	}
	c := class(len(p))
	switch {
	case len(p) != firstStep<<c:
	case c < largeClass:
		b.small[c].Put(&p)
	default:
		b.keep(c-largeClass, p)
	}
}

func (b *buffers) keep(i int, p []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held+len(p) > maxHeld {
		return
	}
	b.large[i] = append(b.large[i], p)
	b.held += len(p)
	b.used = time.Now()
	if !b.timed {
		b.timed = true
		time.AfterFunc(idleBuffers, b.expire)
	}
}

// expire gives the large buffers back to the garbage collector once they were idle for long enough.
func (b *buffers) expire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if left := idleBuffers - time.Since(b.used); left > 0 {
		time.AfterFunc(left, b.expire)
		return
	}
	clear(b.large[:])
	b.held, b.timed = 0, false
}
