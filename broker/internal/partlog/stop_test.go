package partlog

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
	"github.com/typelog/typelog/broker/internal/vfs/lossy"
)

// breakFiles makes operations on one partition's files fail.
func (r *rig) breakFiles(p log.Partition, ops ...lossy.Op) {
	dir := r.e.partitionDir(p)
	r.opts.FS.(*lossy.FS).Fail(func(op lossy.Op, name string) error {
		for _, o := range ops {
			if o == op && (name == dir || filepath.Dir(name) == dir) {
				return syscall.EIO
			}
		}
		return nil
	})
}

// TestSegmentFailsForEver: one partition's segment cannot be written, or not be flushed, while another one writes ten times
// what the journal holds.
func TestSegmentFailsForEver(t *testing.T) {
	for name, op := range map[string]lossy.Op{"write": lossy.Write, "flush": lossy.Sync} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, lossy.New())
			p, q := r.create(keepAll()), r.create(keepAll())
			r.must(p, numbered(5, 0, "0"))
			if err := r.e.checkpoint(false); err != nil {
				t.Fatal(err)
			}
			acked := []string{"0"}
			next := int32(1)
			put := func() error {
				out := r.append(p, numbered(5, next, fmt.Sprint(next)))
				if out.Err == nil {
					acked = append(acked, fmt.Sprint(next))
					next++
				}
				return out.Err
			}
			for range 3 {
				if err := put(); err != nil {
					t.Fatal(err)
				}
			}
			r.breakFiles(p, op)
			_ = put() // journalled, so it may be acknowledged; nobody sees it before the next start
			fill := record.Of(record.KV(1, nil, make([]byte, 50<<10)))
			for range 10 * r.opts.JournalBound / int64(len(fill)) {
				r.must(q, append([]byte(nil), fill...))
			}
			if err := r.e.checkpoint(false); err != nil {
				t.Fatal(err)
			}
			if err := put(); !errors.Is(err, log.ErrStorage) || !errors.Is(err, syscall.EIO) {
				t.Errorf("an append to the stopped partition: %v", err)
			}
			if got := r.values(p, 0); len(got) < 4 {
				t.Errorf("what was readable before: %q", got)
			}
			if !strings.Contains(r.logs.String(), "a partition's writes are refused until a restart") {
				t.Errorf("the log says nothing: %s", &r.logs)
			}
			if err := r.e.checkpoint(false); err != nil { // nothing is stranded twice
				t.Fatal(err)
			}
			report := r.crash()
			if len(report.Faults) != 0 || report.ReplayedBytes > r.opts.JournalBound {
				t.Errorf("%+v", report)
			}
			r.want(p, acked...)
			if b, _ := r.e.Bounds(q); b.HighWatermark != 10*r.opts.JournalBound/int64(len(fill)) {
				t.Errorf("the other partition: %+v", b)
			}
			if out := r.append(p, numbered(5, next-1, "again")); !out.Duplicate {
				t.Errorf("sent again: %+v", out)
			}
			if err := put(); err != nil {
				t.Fatal(err)
			}
			if err := r.e.checkpoint(false); err != nil {
				t.Fatal(err)
			}
			if left, err := r.e.fs.List(r.e.strandedDir()); err != nil || len(left) != 0 {
				t.Errorf("stranded frames stay although the ledger has the state: %v, %v", left, err)
			}
			r.restart()
			r.want(p, acked...)
		})
	}
}

// TestSegmentFailsAtRecovery: the disk is still broken at the next starts, and well again at a later one.
func TestSegmentFailsAtRecovery(t *testing.T) {
	r := newRig(t, lossy.New())
	p, q := r.create(keepAll()), r.create(keepAll())
	r.must(p, one("a"))
	if err := r.e.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	r.must(p, one("b"))
	r.breakFiles(p, lossy.Write, lossy.Sync)
	if out := r.append(p, one("c")); out.Err != nil {
		t.Fatal(out.Err)
	}
	for i := range 3 {
		r.must(q, one(fmt.Sprint(i)))
		dir := r.e.partitionDir(p)
		r.opts.Topics = topicsOf(r.e)
		if err := r.e.Close(); err != nil {
			t.Fatal(err)
		}
		d := r.opts.FS.(*lossy.FS).Kill()
		d.Fail(func(op lossy.Op, name string) error {
			if op == lossy.Write && filepath.Dir(name) == dir {
				return syscall.EIO
			}
			return nil
		})
		r.opts.FS = d
		if report := r.open(); report.Clean {
			t.Errorf("%+v", report)
		}
		r.want(p, "a")
		if out := r.append(p, one("d")); !errors.Is(out.Err, log.ErrStorage) {
			t.Errorf("%+v", out)
		}
		if err := r.e.checkpoint(false); err != nil {
			t.Fatal(err)
		}
	}
	r.crash()
	r.want(p, "a", "b", "c")
	r.want(q, "0", "1", "2")
}

// TestUnitAcrossStoppedPartition: a batch and its companion stay together although the companion's partition fails.
func TestUnitAcrossStoppedPartition(t *testing.T) {
	r := newRig(t, lossy.New())
	p, q := r.create(keepAll()), r.create(keepAll())
	r.breakFiles(q, lossy.Create, lossy.Write)
	unit := func(v string) log.Appended {
		done := make(chan log.Appended, 1)
		r.e.Append([]log.Batch{{Partition: p, Bytes: one(v), Companions: func(int64) ([]log.Batch, error) {
			return []log.Batch{{Partition: q, Bytes: one("dead " + v)}}, nil
		}}}, func(out []log.Appended) { done <- out[0] })
		return <-done
	}
	if out := unit("a"); out.Err != nil {
		t.Fatal(out.Err)
	}
	r.want(p, "a")
	if out := unit("b"); !errors.Is(out.Err, log.ErrStorage) {
		t.Errorf("%+v", out)
	}
	r.must(p, one("c"))
	if err := r.e.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	r.crash()
	r.want(p, "a", "c")
	r.want(q, "dead a")
}

func TestDamagedStrandedFileRefuses(t *testing.T) {
	r := newRig(t, lossy.New())
	p, q := r.create(keepAll()), r.create(keepAll())
	r.breakFiles(p, lossy.Create, lossy.Write)
	r.must(p, one("a"))
	r.must(q, one("b"))
	if err := r.e.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	name := r.e.strandedPath(p)
	f, err := r.e.fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("X"), 60); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
	report := r.crash()
	var corrupt *log.CorruptError
	if len(report.Faults) != 1 || !errors.As(report.Faults[0].Err, &corrupt) || corrupt.File != name || corrupt.Offset != 8 {
		t.Errorf("%+v", report)
	}
	r.want(q, "b")
}

// TestRefusedPartitionKeepsItsFrames: a segment is missing at a start, and is put back by the operator before the next one.
func TestRefusedPartitionKeepsItsFrames(t *testing.T) {
	d := lossy.New()
	r := newRig(t, d)
	p, q := r.create(keepAll()), r.create(keepAll())
	r.must(p, one("a"))
	if err := r.e.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	r.must(p, one("b"))
	name := filepath.Join(r.e.partitionDir(p), r.segments(p)[0])
	if err := errors.Join(d.Rename(name, "/data/lost"), d.SyncDir(filepath.Dir(name)), d.SyncDir("/data")); err != nil {
		t.Fatal(err)
	}
	if report := r.crash(); len(report.Faults) != 1 {
		t.Fatalf("%+v", report)
	}
	for i := range 3 {
		r.must(q, one(fmt.Sprint(i)))
		if err := r.e.checkpoint(false); err != nil {
			t.Fatal(err)
		}
	}
	d = r.opts.FS.(*lossy.FS)
	if err := errors.Join(d.Rename("/data/lost", name), d.SyncDir(filepath.Dir(name)), d.SyncDir("/data")); err != nil {
		t.Fatal(err)
	}
	if report := r.crash(); len(report.Faults) != 0 {
		t.Fatalf("%+v", report)
	}
	r.want(p, "a", "b")
	r.want(q, "0", "1", "2")
}
