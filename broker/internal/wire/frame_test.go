package wire

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestHeadersAreKmsgs: headers that franz-go writes, for every key and version that it knows, are read as it meant them.
func TestHeadersAreKmsgs(t *testing.T) {
	for key := int16(0); key <= 92; key++ {
		req := kmsg.RequestForKey(key)
		if req == nil || key == 7 { // ControlledShutdown has a header of its own
			continue
		}
		for version := int16(0); version <= req.MaxVersion(); version++ {
			req.SetVersion(version)
			header := int8(1)
			if req.IsFlexible() {
				header = 2
			}
			for _, f := range []*kmsg.RequestFormatter{kmsg.NewRequestFormatter(), kmsg.NewRequestFormatter(kmsg.FormatterClientID("client"))} {
				b := f.AppendRequest(nil, req, 77)
				corr, client, n, err := parseHeader(b[8:], header)
				if err != nil || corr != 77 || string(client) != "" && string(client) != "client" {
					t.Fatalf("key %d version %d: %d %q %v", key, version, corr, client, err)
				}
				if body := req.AppendTo(nil); !bytes.Equal(b[8+n:], body) {
					t.Fatalf("key %d version %d: the body begins elsewhere", key, version)
				}
			}
		}
	}
}

// FuzzFrame feeds any bytes to the frame reader: it must not read past the frame, nor allocate much more than arrived.
func FuzzFrame(f *testing.F) {
	f.Add([]byte{0, 0, 0, 20}, int8(2))
	f.Add(frame(1, 2, 3, "body"), int8(2))
	f.Add(frame(1, 1, 3, "body"), int8(1))
	f.Add([]byte{0x7f, 0xff, 0xff, 0xff, 0, 1, 0, 1}, int8(1))
	f.Fuzz(func(t *testing.T, b []byte, version int8) {
		if version < 0 || version > 2 || len(b) < 4 {
			return
		}
		size := int(binary.BigEndian.Uint32(b) & (1<<31 - 1))
		l := newBudget(1<<40, true).lease()
		got, err := readBody(bufio.NewReader(bytes.NewReader(b[4:])), size, func(n int64) error { return l.grow(t.Context(), n) }, nil, nil)
		if most := int64(max(firstStep, growth*len(b))); l.held > most {
			t.Fatalf("%d bytes leased for %d that arrived", l.held, len(b))
		}
		if (err == nil) != (len(b)-4 >= size) {
			t.Fatalf("%d of %d bytes: %v", len(b)-4, size, err)
		}
		if err != nil {
			return
		}
		corr, client, n, err := parseHeader(got, version)
		if err == nil && (n > len(got) || len(client) > n || n < 4) {
			t.Fatalf("header of %d bytes in %d, correlation id %d", n, len(got), corr)
		}
	})
}

// TestNothingForAClaim: a claimed length alone allocates no more than the first step.
func TestNothingForAClaim(t *testing.T) {
	r := bufio.NewReader(&endless{}) // before the measurement
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		l := newBudget(1<<40, true).lease()
		if _, err := readBody(r, 1<<31-1, func(n int64) error { return l.grow(t.Context(), n) }, nil, nil); err == nil {
			t.Fatal("2 GiB were read from nothing")
		}
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 100*2*firstStep {
		t.Errorf("%d bytes allocated for 100 claims", grown)
	}
}

type endless struct{}

func (*endless) Read([]byte) (int, error) { return 0, io.EOF }

// TestBudget: the line is served in order, nothing is lost when a waiter gives up, and a lease that grows while others hold
// the rest gets through.
func TestBudget(t *testing.T) {
	t.Run("in order", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBudget(100, false)
			first := b.lease()
			first.grow(t.Context(), 80)
			var mu sync.Mutex
			var order []int
			for i, n := range []int64{50, 100, 10} { // the last would fit, but came later
				l := b.lease()
				go func() {
					l.grow(t.Context(), n)
					mu.Lock()
					order = append(order, i)
					mu.Unlock()
					time.Sleep(time.Second)
					l.release()
				}()
				synctest.Wait()
			}
			mu.Lock()
			if len(order) != 0 {
				t.Fatalf("%v did not wait", order)
			}
			mu.Unlock()
			first.release()
			time.Sleep(time.Minute)
			mu.Lock()
			defer mu.Unlock()
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.free != 100 || b.waiters.Len() != 0 || !slices.Equal(order, []int{0, 1, 2}) {
				t.Errorf("free %d, %d waiting, order %v", b.free, b.waiters.Len(), order)
			}
		})
	})
	t.Run("giving up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBudget(100, false)
			first, second := b.lease(), b.lease()
			first.grow(t.Context(), 100)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := second.grow(ctx, 1); err == nil {
				t.Fatal("granted from nothing")
			}
			first.release()
			if b.free != 100 || b.waiters.Len() != 0 {
				t.Errorf("free %d, %d waiting", b.free, b.waiters.Len())
			}
		})
	})
	t.Run("half grown", func(t *testing.T) {
		b := newBudget(100, true)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var done sync.WaitGroup
		half := make(chan struct{})
		var ready sync.WaitGroup
		for range 4 {
			ready.Add(1)
			done.Go(func() {
				l := b.lease()
				defer l.release()
				if err := l.grow(ctx, 25); err != nil {
					t.Error(err)
				}
				ready.Done()
				<-half
				if err := l.grow(ctx, 25); err != nil {
					t.Error("the leases wait for one another:", err)
				}
			})
		}
		ready.Wait()
		close(half)
		done.Wait()
		if b.free != 100 || b.drawn {
			t.Errorf("free %d, drawn %v", b.free, b.drawn)
		}
	})
}
