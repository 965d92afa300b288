package journal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"

	"github.com/typelog/typelog/broker/internal/vfs"
)

func TestCombine(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 300000)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	for range 200 {
		cut, end := rnd.IntN(len(b)), rnd.IntN(len(b)+1)
		if cut > end {
			cut, end = end, cut
		}
		if got, want := combine(checksum(5, b[:cut]), checksum(0, b[cut:end]), end-cut), checksum(5, b[:end]); got != want {
			t.Fatalf("%d of %d bytes: %08x, want %08x", cut, end, got, want)
		}
	}
}

// TestLentPayloads: payloads of all sizes and places in memory, some of which are written from where they lie, are read back
// as they were, after a crash too; and a payload that is not what its checksum says does not come back.
func TestLentPayloads(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	d := disk(t)
	u, _ := open(t, d, 1, 64<<20)
	memory := make([]byte, 1<<20)
	for i := range memory {
		memory[i] = byte(rnd.Uint32())
	}
	var want []string
	for range 60 {
		entries := make([]Entry, 1+rnd.IntN(4))
		for i := range entries {
			at, n := rnd.IntN(len(memory)/2), 1+rnd.IntN(3*lendFrom)
			if rnd.IntN(8) == 0 {
				n = 1 + rnd.IntN(len(memory)/2)
			}
			e := Entry{Payload: memory[at : at+n], More: rnd.IntN(2) == 0 && i < len(entries)-1}
			if n > 30 && rnd.IntN(2) == 0 {
				e.SumFrom = 1 + rnd.IntN(29)
				e.Sum = checksum(0, e.Payload[e.SumFrom:])
			}
			entries[i] = e
			want = append(want, string(e.Payload))
		}
		if err := u.j.Append(entries); err != nil {
			t.Fatal(err)
		}
		if rnd.IntN(3) > 0 {
			continue // so that several are one write
		}
		u.wait(len(want) - u.waited)
		u.waited = len(want)
	}
	u.wait(len(want) - u.waited)
	_, got := open(t, d.Crash(rnd, 0), 1, 64<<20)
	if len(got) != len(want) {
		t.Fatalf("%d payloads came back of %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("payload %d of %d bytes is another", i, len(want[i]))
		}
	}
}

// TestStagedRoom: wherever a payload lies, what is staged of it fits what was reserved, so that the buffer stays the aligned one.
func TestStagedRoom(t *testing.T) {
	memory := vfs.Aligned(4*lendFrom + blockSize)
	for at := range 4 * frameHeader { // and as many at the end of a block
		if at >= 2*frameHeader {
			at += blockSize - 4*frameHeader
		}
		payload := memory[at : at+4*lendFrom-at%7]
		var o outgoing
		o.reserve(stagedRoom(payload))
		before := unsafe.SliceData(o.staged[:1])
		o.take(&Frame{Payload: payload, kind: kindData}, 0, 0)
		if o.finish(1, 2); unsafe.SliceData(o.staged) != before {
			t.Fatalf("a payload at %d has outgrown what was reserved", at)
		}
	}
}

// TestKnownSum: a payload that has changed since its checksum was taken is not replayed.
func TestKnownSum(t *testing.T) {
	d := disk(t)
	u, _ := open(t, d, 1, 0)
	payload := bytes.Repeat([]byte("x"), 2*lendFrom)
	sum := checksum(0, payload[9:])
	payload[lendFrom]++
	if err := u.j.Append([]Entry{{Payload: payload, Sum: sum, SumFrom: 9}}); err != nil {
		t.Fatal(err)
	}
	u.wait(1)
	if _, got := open(t, d.Kill(), 1, 0); len(got) != 0 {
		t.Errorf("%d payloads came back", len(got))
	}
}

func BenchmarkOutgoing(b *testing.B) {
	for _, known := range []bool{false, true} {
		b.Run(fmt.Sprintf("known=%v", known), func(b *testing.B) {
			payload := make([]byte, 256<<10)
			f := Frame{Payload: payload, kind: kindData}
			sum, from := checksum(0, payload[21:]), 0
			if known {
				from = 21
			}
			var o outgoing
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				o.reserve(stagedRoom(payload))
				o.take(&f, sum, from)
				o.finish(1, 2)
				o.reset()
			}
		})
	}
}
