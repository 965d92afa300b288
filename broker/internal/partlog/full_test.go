package partlog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/vfs/lossy"
)

// fill appends until the disk is full and returns what was acknowledged.
func (r *rig) fill(p log.Partition, size int) (acked []string) {
	r.t.Helper()
	for i := range 1000 {
		v := fmt.Sprintf("%d %0*d", i, size, 0)
		out := r.append(p, one(v))
		if out.Err == nil {
			acked = append(acked, v)
			continue
		}
		if !errors.Is(out.Err, log.ErrStorage) || !errors.Is(out.Err, syscall.ENOSPC) {
			r.t.Fatalf("append %d: %+v", i, out)
		}
		return acked
	}
	r.t.Fatal("the disk is never full")
	return nil
}

func essential() log.Config {
	cfg := keepAll()
	cfg.Essential = true
	return cfg
}

// TestFullDisk: appends are refused, everything that frees room or is small goes on, and once there is room appends are
// taken again without a restart.
func TestFullDisk(t *testing.T) {
	d := lossy.New()
	r := newRig(t, d)
	p, q, offsets, old := r.create(keepAll()), r.create(keepAll()), r.create(essential()), r.create(keepAll())
	r.must(old, one(strings.Repeat("x", 100<<10)))
	r.must(q, one("q"))
	d.SetRoom(300 << 10)
	acked := r.fill(p, 20<<10)
	if len(acked) < 2 {
		t.Errorf("%d batches fit", len(acked))
	}
	r.want(p, acked...)
	if out := r.append(q, one("no")); !errors.Is(out.Err, log.ErrStorage) {
		t.Errorf("another partition: %+v", out)
	}
	for i := range 50 {
		if got := r.must(offsets, one(fmt.Sprint(i))); got != int64(i) {
			t.Errorf("offset commit %d is at %d", i, got)
		}
	}
	if _, err := r.e.Trim(context.Background(), p, 3); err != nil {
		t.Errorf("trim: %v", err)
	}
	if err := r.e.DeleteTopic(context.Background(), old.Topic); err != nil {
		t.Errorf("delete: %v", err)
	}
	if err := r.e.checkpoint(false); err != nil {
		t.Errorf("checkpoint: %v", err)
	}
	if !strings.Contains(r.logs.String(), "the disk is full: appends are refused until there is room again") {
		t.Errorf("the log says nothing: %s", &r.logs)
	}
	r.want(p, acked[3:]...)
	d.SetRoom(-1)
	r.e.refill()
	r.must(p, one("more"))
	r.must(q, one("more"))
	if !strings.Contains(r.logs.String(), "there is room on the disk again") {
		t.Errorf("the log does not say that it is over: %s", &r.logs)
	}
	r.crash()
	r.want(p, append(acked[3:], "more")...)
	r.want(q, "q", "more")
	if b, _ := r.e.Bounds(offsets); b.HighWatermark != 50 {
		t.Errorf("offset commits: %+v", b)
	}
}

// TestFullDiskRecoversByItself: it is the deletion of a topic that makes room.
func TestFullDiskRecoversByItself(t *testing.T) {
	d := lossy.New()
	r := newRig(t, d)
	p, old := r.create(keepAll()), r.create(keepAll())
	for range 30 {
		r.must(old, one(strings.Repeat("x", 100<<10)))
	}
	d.SetRoom(100 << 10)
	acked := r.fill(p, 20<<10)
	if err := r.e.DeleteTopic(context.Background(), old.Topic); err != nil {
		t.Fatal(err)
	}
	for r.append(p, one("more")).Err != nil { // the deletion has asked for it
	}
	r.kill()
	r.want(p, append(acked, "more")...)
}

// TestFullDiskByOthers: something else has filled the disk, and the catalogue needs a little room on it.
func TestFullDiskByOthers(t *testing.T) {
	d := lossy.New()
	r := newRig(t, d)
	p := r.create(keepAll())
	r.must(p, one("a"))
	r.e.lookForRoom()
	r.must(p, one("b"))
	d.SetRoom(10)
	r.e.lookForRoom()
	if out := r.append(p, one("no")); !errors.Is(out.Err, log.ErrStorage) {
		t.Errorf("%+v", out)
	}
	if free, _ := d.Free("/"); free < r.e.slack() {
		t.Errorf("%d bytes are left for others", free)
	}
	d.SetRoom(-1)
	r.e.lookForRoom()
	r.must(p, one("c"))
	r.want(p, "a", "b", "c")
}

// TestFullDiskWhileTheJournalGrows: the journal may not grow without its part of the reserve.
func TestFullDiskWhileTheJournalGrows(t *testing.T) {
	for _, what := range []string{"reserve", ".journal"} {
		t.Run(what, func(t *testing.T) {
			d := lossy.New()
			r := newRig(t, d)
			p := r.create(keepAll())
			r.must(p, one("a"))
			given := false
			d.Fail(func(op lossy.Op, name string) error {
				given = given || op == lossy.Remove && strings.HasSuffix(name, "reserve")
				if op != lossy.Preallocate {
					return nil
				}
				// What the reserve gives up the journal takes, so there is no room for the reserve until the test makes some.
				if strings.HasSuffix(name, what) && !given || strings.HasSuffix(name, "reserve") && (given || what == "reserve") {
					return syscall.ENOSPC
				}
				return nil
			})
			acked := r.fill(p, 50<<10)
			d.Fail(nil)
			r.want(p, append([]string{"a"}, acked...)...)
			r.e.refill()
			for i := range 40 { // the journal does without more files
				v := fmt.Sprintf("%d %050000d", i, 0)
				r.must(p, one(v))
				acked = append(acked, v)
			}
			if err := r.e.failure(); err != nil {
				t.Errorf("writes are refused for good: %v", err)
			}
			r.crash()
			r.want(p, append([]string{"a"}, acked...)...)
		})
	}
}

// TestFullDiskAtStart: what was acknowledged is recovered into the room of the reserve, and is served.
func TestFullDiskAtStart(t *testing.T) {
	d := lossy.New()
	r := newRig(t, d)
	p := r.create(keepAll())
	var acked []string
	for i := range 8 {
		v := fmt.Sprintf("%d %020000d", i, 0)
		r.must(p, one(v))
		acked = append(acked, v)
	}
	r.opts.Topics = topicsOf(r.e)
	d.CrashAt(1)
	_ = r.e.Close()
	d = d.Crash(newRand(), 0)
	d.SetRoom(0)
	r.opts.FS = d
	if report := r.open(); len(report.Faults) != 0 {
		t.Errorf("%+v", report)
	}
	r.want(p, acked...)
	if out := r.append(p, one("no")); !errors.Is(out.Err, log.ErrStorage) {
		t.Errorf("%+v", out)
	}
	d.SetRoom(-1)
	r.e.refill()
	r.must(p, one("more"))
	r.crash()
	r.want(p, append(acked, "more")...)
}

// TestLedgerOnFullDisk: even the reserve is used up. What cannot be noted is refused, and can be done later.
func TestLedgerOnFullDisk(t *testing.T) {
	d := lossy.New()
	r := newRig(t, d)
	p := r.create(keepAll())
	for i := range 3 {
		r.must(p, one(fmt.Sprint(i)))
	}
	full := func(op lossy.Op, name string) error {
		if op == lossy.Write && strings.HasSuffix(name, "ledger") || op == lossy.Preallocate {
			return syscall.ENOSPC
		}
		return nil
	}
	d.Fail(full)
	if _, err := r.e.Trim(context.Background(), p, 2); !errors.Is(err, log.ErrStorage) {
		t.Errorf("trim: %v", err)
	}
	if err := r.e.checkpoint(false); !errors.Is(err, log.ErrStorage) {
		t.Errorf("checkpoint: %v", err)
	}
	r.want(p, "0", "1", "2")
	d.Fail(nil)
	r.e.refill()
	if _, err := r.e.Trim(context.Background(), p, 1); err != nil {
		t.Errorf("trim: %v", err)
	}
	r.must(p, one("3"))
	r.crash()
	r.want(p, "1", "2", "3")
}

func TestOpenFilesWithinTheLimit(t *testing.T) {
	for limit, want := range map[int]int{0: 4096, 20: 16, 1024: 512, 1 << 20: 1 << 16} {
		if got := openFiles(limit); got != want {
			t.Errorf("of %d descriptors %d are used, want %d", limit, got, want)
		}
	}
}
