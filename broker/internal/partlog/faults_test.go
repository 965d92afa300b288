package partlog

import (
	"context"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"testing"

	"github.com/typelog/typelog/broker/internal/vfs/lossy"
)

// powerCut ends the rig's disk with each unsynced change kept with the given probability, and starts again.
func (r *rig) powerCut(rnd *mathrand.Rand, keep float64) Report {
	r.t.Helper()
	r.opts.Topics = topicsOf(r.e)
	d := r.opts.FS.(*lossy.FS)
	d.CrashAt(1)
	_ = r.e.Close()
	r.opts.FS = d.Crash(rnd, keep)
	r.opts.LeaderEpoch++
	return r.open()
}

// TestTornSectors cuts the power while a write of many sectors is on its way to the journal: it is found whole or not at
// all, and what comes after it never meets its rest.
func TestTornSectors(t *testing.T) {
	seed := mathrand.Uint64()
	t.Logf("seed %d", seed)
	big := strings.Repeat("torn", 5000)
	for i, keep := range []float64{0, 0.1, 0.5, 0.9, 0.95, 0.99, 0.99, 0.99, 1} {
		rnd := mathrand.New(mathrand.NewPCG(seed, uint64(i)))
		d := lossy.New()
		r := newRig(t, d)
		p := r.create(keepAll())
		r.must(p, one(big+"1"))
		d.CrashAt(0)
		r.must(p, one(big+"2"))
		d.CrashAt(d.Ops()) // the next one's flush
		if out := r.append(p, one(big+"3")); out.Err == nil {
			t.Fatal("acknowledged without a flush")
		}
		r.powerCut(rnd, keep)
		got := r.values(p, 0)
		whole := len(got) == 3
		if whole && keep == 0 || !whole && (keep == 1 || len(got) != 2) {
			t.Fatalf("keep %v: %d records", keep, len(got))
		}
		for n, v := range got {
			if v != fmt.Sprint(big, n+1) {
				t.Fatalf("keep %v: offset %d holds %.10q and so on", keep, n, v)
			}
		}
		r.must(p, one("b"))
		r.powerCut(rnd, keep)
		r.want(p, append(got, "b")...)
	}
}

// TestLostDirectoryEntries rolls segments whose names and whose directory never reached the disk by themselves.
func TestLostDirectoryEntries(t *testing.T) {
	seed := mathrand.Uint64()
	t.Logf("seed %d", seed)
	for i := range 20 {
		rnd := mathrand.New(mathrand.NewPCG(seed, uint64(i)))
		r := newRig(t, lossy.New())
		cfg := keepAll()
		cfg.SegmentBytes = 300
		p := r.create(cfg)
		var want []string
		for range 3 {
			for range 8 {
				want = append(want, fmt.Sprintf("%03d%s", len(want), strings.Repeat("x", 90)))
				r.must(p, one(want[len(want)-1]))
			}
			if rnd.IntN(2) == 0 {
				if err := r.e.checkpoint(false); err != nil {
					t.Fatal(err)
				}
			}
			if n := len(r.segments(p)); n < 3 {
				t.Fatalf("%d segments: nothing was rolled", n)
			}
			keep := 0.0
			if i%2 == 1 {
				keep = rnd.Float64()
			}
			if report := r.powerCut(rnd, keep); len(report.Faults) > 0 {
				t.Fatalf("%+v", report)
			}
			r.want(p, want...)
		}
	}
}

// TestTrimNearTheCheckpoint crashes at every single operation of a trim between appends and checkpoints: a log start that
// was acknowledged stays, and no record at or above it is lost.
func TestTrimNearTheCheckpoint(t *testing.T) {
	cfg := keepAll()
	cfg.SegmentBytes = 300
	whole := false
	for point := 1; !whole; point++ {
		d := lossy.New()
		r := newRig(t, d)
		p := r.create(cfg)
		var acked []string
		add := func() bool {
			v := fmt.Sprintf("%03d%s", len(acked), strings.Repeat("x", 90))
			if r.append(p, one(v)).Err != nil {
				return false
			}
			acked = append(acked, v)
			return true
		}
		for range 8 {
			if !add() {
				t.Fatal("could not append")
			}
		}
		trimmed, asked := int64(0), int64(0)
		trim := func(to int64) bool {
			asked = to
			if _, err := r.e.Trim(context.Background(), p, to); err != nil {
				return false
			}
			trimmed = to
			return true
		}
		checkpoint := func() bool { return r.e.checkpoint(false) == nil }
		d.CrashAt(point)
		whole = trim(3) && add() && checkpoint() && trim(7) && add() && add() && trim(9) && checkpoint() && add()
		r.powerCut(mathrand.New(mathrand.NewPCG(1, uint64(point))), []float64{0, 0.5, 1}[point%3])
		b, err := r.e.Bounds(p)
		if err != nil {
			t.Fatalf("point %d: %v", point, err)
		}
		if b.LogStart != trimmed && b.LogStart != asked {
			t.Fatalf("point %d: the log starts at %d, acknowledged %d, asked %d", point, b.LogStart, trimmed, asked)
		}
		got := r.values(p, b.LogStart)
		if len(got) < len(acked)-int(b.LogStart) || len(got) > len(acked)-int(b.LogStart)+1 {
			t.Fatalf("point %d: %d records from %d on, %d were acknowledged", point, len(got), b.LogStart, len(acked))
		}
		for i, v := range acked[b.LogStart:] {
			if got[i] != v {
				t.Fatalf("point %d: offset %d holds %.10q, want %.10q", point, i, got[i], v)
			}
		}
		if point > 5000 {
			t.Fatal("the sequence never ends")
		}
		_ = r.e.Close()
	}
}
