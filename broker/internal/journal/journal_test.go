package journal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/typelog/typelog/broker/internal/vfs"
	"github.com/typelog/typelog/broker/internal/vfs/lossy"
)

// user is what lies above a journal.
type user struct {
	t    *testing.T
	disk vfs.FS
	j    *Journal

	waited int // by tests that count

	mu     sync.Mutex
	groups int
	done   chan error
}

func disk(t *testing.T) *lossy.FS {
	t.Helper()
	d := lossy.New()
	if err := errors.Join(d.MkdirAll("/d"), d.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	return d
}

// open opens the journal and returns it with the payloads that were replayed.
func open(t *testing.T, disk vfs.FS, from uint64, bound int64) (*user, []string) {
	t.Helper()
	u := &user{t: t, disk: disk, done: make(chan error, 1000)}
	var replayed []string
	j, _, err := Open(Options{FS: disk, Dir: "/d/journal", Bound: bound, Complete: u.complete}, from,
		func(unit []Frame) error {
			for _, f := range unit {
				replayed = append(replayed, string(f.Payload))
			}
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	u.j = j
	t.Cleanup(func() { _ = j.Close() })
	return u, replayed
}

func (u *user) complete(group []Entry, err error) {
	u.mu.Lock()
	u.groups++
	u.mu.Unlock()
	for range group {
		u.done <- err
	}
}

// put appends a unit.
func (u *user) put(payloads ...string) {
	u.t.Helper()
	entries := make([]Entry, len(payloads))
	for i, p := range payloads {
		entries[i] = Entry{Topic: [16]byte{0xaa}, Partition: 7, Payload: []byte(p), More: i < len(payloads)-1}
	}
	if err := u.j.Append(entries); err != nil {
		u.t.Fatal(err)
	}
}

func (u *user) wait(n int) {
	u.t.Helper()
	for range n {
		if err := <-u.done; err != nil {
			u.t.Fatal(err)
		}
	}
}

// contents returns a file as a process sees it.
func contents(t *testing.T, disk vfs.FS, name string) []byte {
	t.Helper()
	f, err := disk.OpenRead(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, _ := f.Size()
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return b
}

func overwrite(t *testing.T, disk vfs.FS, name string, b []byte, off int64) {
	t.Helper()
	f, err := disk.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, off); err != nil {
		t.Fatal(err)
	}
}

const firstFile = "/d/journal/00000001.journal"

// TestFormat pins the bytes that the package comment draws.
func TestFormat(t *testing.T) {
	u, _ := open(t, disk(t), 1, 0)
	u.put("hello", "world!")
	u.wait(2)
	b := contents(t, u.disk, firstFile)
	if len(b) != DefaultFirst {
		t.Errorf("the first file has %d bytes", len(b))
	}
	for _, part := range []struct {
		what string
		from int
		want string
	}{
		{"header", 0, "746c6a6f75726e31" + "0000000000000001" + "0000000000000001" + "00001000" + "aaf3f02e"},
		{"first frame", 4096, "ca36bdbc" + "00000005" + "0000000000000001" + "0000000000000001" + "01010000" + "00000007" +
			"aa000000000000000000000000000000" + hex.EncodeToString([]byte("hello"))},
		{"second frame", 4096 + 53, "318d1db3" + "00000006" + "0000000000000001" + "0000000000000002" + "01000000" + "00000007" +
			"aa000000000000000000000000000000" + hex.EncodeToString([]byte("world!"))},
		{"padding", 4096 + 53 + 54, "f8583d0a" + "00000f65" + "0000000000000001" + "0000000000000003" + "02000000" + "00000000" +
			"00000000000000000000000000000000"},
	} {
		want, err := hex.DecodeString(part.want)
		if err != nil {
			t.Fatal(err)
		}
		if got := b[part.from : part.from+len(want)]; !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %x\nwant %x", part.what, got, want)
		}
	}
}

// TestReplay reopens a journal with frames of every awkward length, so that headers meet the ends of blocks.
func TestReplay(t *testing.T) {
	d := disk(t)
	u, _ := open(t, d, 1, 64<<20)
	var want []string
	for n := 3900; n < 4100; n++ {
		p := fmt.Sprintf("%0*d", n, n)
		want = append(want, p, "x", p[:n-3950+60])
		u.put(p, "x", p[:n-3950+60])
	}
	u.put(strings.Repeat("y", 20<<20)) // larger than a file
	want = append(want, strings.Repeat("y", 20<<20))
	u.wait(len(want))
	for range 2 {
		_ = u.j.Close()
		var got []string
		u, got = open(t, d, 1, 64<<20)
		if !slices.Equal(got, want) {
			t.Fatalf("%d payloads, want %d", len(got), len(want))
		}
	}
	_ = u.j.Close()
	u, got := open(t, d, uint64(len(want)), 64<<20)
	if len(got) != 1 || u.j.Next() != uint64(len(want)+1) {
		t.Errorf("from the last frame on: %d payloads, next %d", len(got), u.j.Next())
	}
}

// TestCutOff damages a byte in the middle: what follows may never come back, not even after new frames were written.
func TestCutOff(t *testing.T) {
	d := disk(t)
	u, _ := open(t, d, 1, 0)
	for _, p := range []string{"one", "two", "three"} {
		u.put(p)
		u.wait(1)
	}
	_ = u.j.Close()
	overwrite(t, d, firstFile, []byte{'X'}, 2*blockSize+frameHeader)
	u, got := open(t, d, 1, 0)
	if !slices.Equal(got, []string{"one"}) {
		t.Fatalf("replayed %q", got)
	}
	u.put("new")
	u.wait(1)
	_ = u.j.Close()
	_, got = open(t, d, 1, 0)
	if !slices.Equal(got, []string{"one", "new"}) {
		t.Errorf("replayed %q", got)
	}
}

// TestUnitsAreWhole cuts a unit's second frame.
func TestUnitsAreWhole(t *testing.T) {
	d := disk(t)
	u, _ := open(t, d, 1, 0)
	u.put("alone")
	u.wait(1)
	u.put("half", "other half")
	u.wait(2)
	_ = u.j.Close()
	overwrite(t, d, firstFile, []byte{'X'}, 2*blockSize+frameHeader+4+frameHeader)
	u, got := open(t, d, 1, 0)
	if !slices.Equal(got, []string{"alone"}) {
		t.Fatalf("replayed %q", got)
	}
	u.put("next")
	u.wait(1)
	_ = u.j.Close()
	if _, got = open(t, d, 1, 0); !slices.Equal(got, []string{"alone", "next"}) {
		t.Errorf("replayed %q", got)
	}
}

// TestRecycledFiles fills files again and again; what they held before must never be replayed.
func TestRecycledFiles(t *testing.T) {
	const bound = 256 << 10
	d := disk(t)
	u, _ := open(t, d, 1, bound)
	from := uint64(1)
	for round := range 40 {
		for i := range 10 {
			p := fmt.Sprintf("%d.%d %2000d", round, i, 0)
			if err := u.j.Admit(int64(len(p))); err != nil {
				t.Fatal(err)
			}
			u.put(p)
			u.wait(1)
		}
		from = u.j.Next()
		u.j.Release(from)
	}
	u.put("last")
	u.wait(1)
	_ = u.j.Close()
	names, err := d.List("/d/journal")
	if err != nil {
		t.Fatal(err)
	}
	var total int64
	for _, n := range names {
		info, _ := d.Stat(path.Join("/d/journal", n.Name))
		total += info.Size
	}
	if total > bound || len(names) < 2 {
		t.Errorf("%d files of %d bytes, the bound is %d", len(names), total, bound)
	}
	if _, got := open(t, d, from, bound); !slices.Equal(got, []string{"last"}) {
		t.Errorf("replayed %d payloads, want the last", len(got))
	}
}

// TestMissingFile: durable frames that are gone are corruption, not an end.
func TestMissingFile(t *testing.T) {
	d := disk(t)
	u, _ := open(t, d, 1, 64<<10)
	for i := range 20 {
		u.put(fmt.Sprintf("%d %3000d", i, 0))
		u.wait(1)
	}
	_ = u.j.Close()
	if err := d.Remove(firstFile); err != nil {
		t.Fatal(err)
	}
	_, _, err := Open(Options{FS: d, Dir: "/d/journal", Complete: u.complete}, 1, func([]Frame) error { return nil })
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("open: %v", err)
	}
}

// TestFailedFlush: after one failed flush the journal refuses everything, and never flushes again.
func TestFailedFlush(t *testing.T) {
	for _, op := range []lossy.Op{lossy.Sync, lossy.Write} {
		d := disk(t)
		u, _ := open(t, d, 1, 0)
		u.put("before")
		u.wait(1)
		boom := errors.New("boom")
		var mu sync.Mutex
		ops := 0
		d.Fail(func(o lossy.Op, _ string) error {
			mu.Lock()
			defer mu.Unlock()
			ops++
			if o == op {
				return boom
			}
			return nil
		})
		u.put("lost")
		if err := <-u.done; !errors.Is(err, boom) {
			t.Fatalf("%s: completed with %v", op, err)
		}
		mu.Lock()
		before := ops
		mu.Unlock()
		d.Fail(nil)
		if err := u.j.Append([]Entry{{Payload: []byte("late")}}); !errors.Is(err, boom) {
			t.Errorf("%s: append: %v", op, err)
		}
		if err := u.j.Admit(1); !errors.Is(err, boom) {
			t.Errorf("%s: admit: %v", op, err)
		}
		_ = u.j.Close()
		if ops != before || u.j.Next() != 2 {
			t.Errorf("%s: %d operations after the failure, next is %d", op, ops-before, u.j.Next())
		}
		again := d.Crash(rand.New(rand.NewPCG(1, 1)), 0)
		if _, got := open(t, again, 1, 0); !slices.Equal(got, []string{"before"}) {
			t.Errorf("%s: replayed %q", op, got)
		}
	}
}

// TestOneFlushForWhatWaits holds a flush up; everything that comes meanwhile shares the next one.
func TestOneFlushForWhatWaits(t *testing.T) {
	d := disk(t)
	u, _ := open(t, d, 1, 0)
	u.put("first")
	u.wait(1)
	held, let := make(chan struct{}), make(chan struct{})
	var once sync.Once
	d.Fail(func(op lossy.Op, _ string) error {
		if op == lossy.Sync {
			once.Do(func() { close(held); <-let })
		}
		return nil
	})
	u.put("second")
	<-held
	before := u.groups // the journal's goroutine is in the flush
	for i := range 50 {
		u.put(fmt.Sprint(i))
	}
	close(let)
	u.wait(51)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.groups != before+2 {
		t.Errorf("%d groups", u.groups-before)
	}
	if u.groups > 3 {
		t.Errorf("%d flushes for three rounds", u.groups)
	}
}

// TestAdmitHoldsBack: a full journal holds appenders back until something is released.
func TestAdmitHoldsBack(t *testing.T) {
	d := disk(t)
	crowded := make(chan struct{}, 1)
	done := make(chan error, 100)
	j, _, err := Open(Options{FS: d, Dir: "/d/journal", Bound: 64 << 10,
		Complete: func(g []Entry, err error) {
			for range g {
				done <- err
			}
		},
		Crowded: func() {
			select {
			case crowded <- struct{}{}:
			default:
			}
		}}, 1, func([]Frame) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	admitted := make(chan int, 100)
	go func() {
		for i := range 40 {
			if j.Admit(3000) != nil {
				return
			}
			_ = j.Append([]Entry{{Payload: make([]byte, 3000)}})
			<-done
			admitted <- i
		}
		close(admitted)
	}()
	<-crowded
	last := 0
	for released := false; ; {
		select {
		case i, ok := <-admitted:
			if !ok {
				if !released || last != 39 {
					t.Errorf("ended at %d, released %v", last, released)
				}
				return
			}
			last = i
		case <-crowded:
			released = true
			j.Release(j.Next())
		}
	}
}

func FuzzScan(f *testing.F) {
	block := make([]byte, blockSize)
	h := header{generation: 3, first: 9}
	h.encode(block)
	var o outgoing
	o.reserve(blockSize)
	o.take(&Frame{Sequence: 9, Payload: []byte("abc"), generation: 3, kind: kindData, more: true}, 0, 0)
	o.take(&Frame{Sequence: 10, Payload: []byte("def"), generation: 3, kind: kindData}, 0, 0)
	f.Add(slices.Concat(append([][]byte{block}, o.finish(3, 11)...)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHeader(b)
		if err != nil {
			return
		}
		frames := uint64(0)
		next, end, err := scan(b, h, func(unit []Frame) error {
			frames += uint64(len(unit))
			return nil
		})
		if err != nil || next != h.first+frames || end > len(b) && end != blockSize {
			t.Fatalf("next %d after %d frames from %d, end %d of %d, %v", next, frames, h.first, end, len(b), err)
		}
	})
}
