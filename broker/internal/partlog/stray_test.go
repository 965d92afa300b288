package partlog

import (
	"fmt"
	"testing"

	"github.com/typelog/typelog/broker/internal/vfs/lossy"
)

// TestStrayKeepsItsFrames: the catalogue does not know a topic whose records are in the journal only.
func TestStrayKeepsItsFrames(t *testing.T) {
	d := lossy.New()
	r := newRig(t, d)
	p, q := r.create(keepAll()), r.create(keepAll())
	r.must(p, one("mine"))
	for i := range 3 {
		r.must(q, one(fmt.Sprint(i)))
	}
	d.CrashAt(1)
	_ = r.e.Close()
	r.opts.FS = d.Crash(newRand(), 0)
	r.opts.Topics = []Topic{{ID: p.Topic, Partitions: 1, Config: keepAll()}}
	report := r.open()
	if len(report.Stray) != 1 {
		t.Fatalf("%+v", report)
	}
	if err := r.e.checkpoint(false); err != nil { // the journal's frames are released
		t.Fatal(err)
	}
	r.crash()
	r.want(p, "mine")

	name := report.Stray[0] + "-0.frames"
	info, err := r.opts.FS.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := readStranded(r.opts.FS, name, info.Size, func([]byte) error { n++; return nil }); err != nil || n != 3 {
		t.Errorf("%d batches are beside the directory, %v", n, err)
	}
}
