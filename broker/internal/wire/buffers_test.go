package wire

import (
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

func TestBufferClasses(t *testing.T) {
	for n := 1; n <= biggestBuffer; n = n*2 + 1 {
		var b buffers
		got := b.get(n)
		if len(got) != n || cap(got) < n || cap(got) > max(firstStep, 2*n) {
			t.Fatalf("%d: len %d cap %d", n, len(got), cap(got))
		}
		if c := class(n); firstStep<<c < n || c > 0 && firstStep<<(c-1) >= n {
			t.Fatalf("%d is in class %d", n, c)
		}
	}
}

// TestLargeBuffersAreKept: what is given back is found again, up to a bound, and let go once nobody uses it.
func TestLargeBuffersAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b buffers
		held := func() int {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.held
		}
		first := b.get(5 << 20)
		b.put(first)
		if again := b.get(6 << 20); unsafe.SliceData(again) != unsafe.SliceData(first) {
			t.Error("the buffer was not found again")
		} else {
			b.put(again)
		}
		for range 10 {
			b.put(make([]byte, biggestBuffer))
		}
		if n := held(); n > maxHeld {
			t.Errorf("%d bytes are held", n)
		}
		time.Sleep(idleBuffers - time.Second)
		if b.put(b.get(5 << 20)); held() == 0 {
			t.Error("buffers in use were let go")
		}
		time.Sleep(idleBuffers - time.Second)
		if synctest.Wait(); held() == 0 {
			t.Error("buffers were let go too early")
		}
		time.Sleep(2 * time.Second)
		if synctest.Wait(); held() != 0 || b.spare(5<<20) != nil {
			t.Errorf("%d bytes are held for nothing", held())
		}
	})
}
