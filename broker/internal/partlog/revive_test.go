package partlog

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
	"github.com/typelog/typelog/broker/internal/vfs/lossy"
)

// noRoom makes operations on one partition's files find no room, whatever the reserve gives: others on the disk take it.
func (r *rig) noRoom(p log.Partition, ops ...lossy.Op) {
	dir := r.e.partitionDir(p)
	r.opts.FS.(*lossy.FS).Fail(func(op lossy.Op, name string) error {
		for _, o := range ops {
			if o == op && (name == dir || filepath.Dir(name) == dir) {
				return syscall.ENOSPC
			}
		}
		return nil
	})
}

// TestFullDiskStopsAndRevivesAPartition: others on the disk have taken the reserve's room, too, so that one partition cannot be
// written or flushed. It refuses, and what readers saw stays; other partitions go on, far beyond what the journal holds. Once
// there is room it comes back without a restart, with everything that was acknowledged.
func TestFullDiskStopsAndRevivesAPartition(t *testing.T) {
	for _, c := range []struct {
		name string
		ops  []lossy.Op
		os   bool
	}{
		{"write", []lossy.Op{lossy.Write}, false},
		{"flush", []lossy.Op{lossy.Sync}, false},
		{"new segment", []lossy.Op{lossy.Create}, false},
		{"directory", []lossy.Op{lossy.SyncDir}, false},
		{"write, flush=os", []lossy.Op{lossy.Write}, true},
		{"flush, flush=os", []lossy.Op{lossy.Sync}, true},
		{"new segment, flush=os", []lossy.Op{lossy.Create}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, lossy.New())
			cfg := keepAll()
			cfg.SegmentBytes, cfg.FlushOS = 400, c.os
			p, q := r.create(cfg), r.create(keepAll())
			var acked []string
			next := int32(0)
			put := func() error {
				v := fmt.Sprintf("%d %080d", next, 0)
				out := r.append(p, numbered(5, next, v))
				if out.Err == nil {
					acked = append(acked, v)
					next++
				}
				return out.Err
			}
			for range 7 {
				if err := put(); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.e.checkpoint(false); err != nil {
				t.Fatal(err)
			}
			_ = put()
			seen := len(r.values(p, 0))
			r.noRoom(p, c.ops...)
			for range 5 {
				_ = put() // acknowledged if it is journalled
			}
			// Another partition has to go on for long, as soon as the broker sees that there is room for it.
			fill := record.Of(record.KV(1, nil, make([]byte, 50<<10)))
			for range 4 * r.opts.JournalBound / int64(len(fill)) {
				for r.append(q, append([]byte(nil), fill...)).Err != nil {
					r.e.lookForRoom()
				}
			}
			if err := r.e.checkpoint(false); err != nil {
				t.Fatal(err)
			}
			r.e.lookForRoom()
			if err := put(); !errors.Is(err, log.ErrStorage) || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("an append while there is no room: %v", err)
			}
			if got := r.values(p, 0); len(got) < seen {
				t.Errorf("readers saw %d records, now %d", seen, len(got))
			}
			if !strings.Contains(r.logs.String(), "a partition's writes are refused until there is room on the disk") {
				t.Errorf("the log says nothing: %s", &r.logs)
			}
			r.opts.FS.(*lossy.FS).Fail(nil)
			r.e.lookForRoom()
			r.e.lookForRoom()
			r.want(p, acked...)
			if !strings.Contains(r.logs.String(), "a partition takes writes again") {
				t.Errorf("the log does not say that it is over: %s", &r.logs)
			}
			for range 5 {
				if err := put(); err != nil {
					t.Fatal(err)
				}
			}
			if out := r.append(p, numbered(5, next-1, "again")); !out.Duplicate {
				t.Errorf("sent again: %+v", out)
			}
			r.want(p, acked...)
			if err := r.e.checkpoint(false); err != nil {
				t.Fatal(err)
			}
			if left, err := r.e.fs.List(r.e.strandedDir()); err != nil || len(left) != 0 {
				t.Errorf("stranded frames stay: %v, %v", left, err)
			}
			if err := put(); err != nil {
				t.Fatal(err)
			}
			if c.os {
				r.kill()
			} else {
				r.crash()
			}
			r.want(p, acked...)
			if report := r.restart(); !report.Clean {
				t.Errorf("%+v", report)
			}
			r.want(p, acked...)
		})
	}
}

// TestRevivalForgetsWhatCompactionDropped: compaction has dropped the marker of an aborted transaction since the last checkpoint.
// Readers of the partition that has come back are not told of the transaction: they would drop what its producer wrote later.
func TestRevivalForgetsWhatCompactionDropped(t *testing.T) {
	r := newRig(t, lossy.New())
	cfg := compacted()
	cfg.FlushOS = true
	p := r.create(cfg)
	r.txn(p, 1, 0, "a", "aborted")
	r.end(p, 1, false)
	r.sealed(p)
	r.compact()
	r.pass(time.Minute)
	r.sealed(p)
	r.compact() // the marker gets its horizon
	r.pass(2 * time.Second)
	r.txn(p, 1, 1, "b", "later")
	r.end(p, 1, true)
	r.sealed(p)
	if err := errors.Join(r.e.checkpoint(false), r.e.Compact()); err != nil {
		t.Fatal(err)
	}
	if n := r.aborted(p); n != 0 {
		t.Fatalf("after compaction: %d aborted", n)
	}
	r.noRoom(p, lossy.Write)
	if out := r.append(p, pair("c", "no")); !errors.Is(out.Err, log.ErrStorage) {
		t.Fatalf("%+v", out)
	}
	r.opts.FS.(*lossy.FS).Fail(nil)
	r.e.lookForRoom()
	r.e.lookForRoom()
	r.must(p, pair("c", "yes"))
	if n := r.aborted(p); n != 0 {
		t.Errorf("after the revival: %d aborted", n)
	}
}

// TestFullDiskAtStartStopsAndRevives: at a start there is no room for what has to be replayed, not even with the reserve.
func TestFullDiskAtStartStopsAndRevives(t *testing.T) {
	d := lossy.New()
	r := newRig(t, d)
	p := r.create(keepAll())
	var acked []string
	for i := range 8 {
		acked = append(acked, fmt.Sprintf("%d %0900d", i, 0))
		r.must(p, one(acked[i]))
	}
	r.opts.Topics = topicsOf(r.e)
	dir := r.e.partitionDir(p)
	d.CrashAt(1)
	_ = r.e.Close()
	d = d.Crash(newRand(), 0)
	d.Fail(func(op lossy.Op, name string) error {
		if op == lossy.Write && filepath.Dir(name) == dir {
			return syscall.ENOSPC
		}
		return nil
	})
	r.opts.FS = d
	r.open()
	if out := r.append(p, one("no")); !errors.Is(out.Err, log.ErrStorage) {
		t.Errorf("%+v", out)
	}
	d.Fail(nil)
	r.e.lookForRoom()
	r.e.lookForRoom()
	r.want(p, acked...)
	r.must(p, one("more"))
	r.crash()
	r.want(p, append(acked, "more")...)
}

// TestRevivalThatFailsForGood: what is left does not fit together. The partition waits for a start and an operator.
func TestRevivalThatFailsForGood(t *testing.T) {
	r := newRig(t, lossy.New())
	p, q := r.create(keepAll()), r.create(keepAll())
	r.noRoom(p, lossy.Create, lossy.Write)
	r.must(p, one("a"))
	r.e.lookForRoom()
	r.must(q, one("b"))
	if err := r.e.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	f, err := r.e.fs.Open(r.e.strandedPath(p))
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte("X"), 60)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	r.opts.FS.(*lossy.FS).Fail(nil)
	r.e.lookForRoom()
	if out := r.append(p, one("c")); !errors.Is(out.Err, log.ErrStorage) {
		t.Errorf("%+v", out)
	}
	if !strings.Contains(r.logs.String(), "cannot be brought back; its writes are refused until a restart") {
		t.Errorf("the log says nothing: %s", &r.logs)
	}
	r.must(q, one("c"))
}
