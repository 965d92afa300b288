package partlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
	"github.com/typelog/typelog/broker/internal/vfs"
	"github.com/typelog/typelog/broker/internal/vfs/lossy"
)

func TestAcknowledgedSurvivesPowerLoss(t *testing.T) {
	r := newRig(t, lossy.New())
	p := r.create(keepAll())
	for i := range int32(7) {
		r.must(p, numbered(4, i, fmt.Sprint(i)))
	}
	report := r.crash()
	if report.Clean || report.ReplayedFrames != 7 {
		t.Errorf("%+v", report)
	}
	r.want(p, "0", "1", "2", "3", "4", "5", "6")
	for i := int32(2); i < 7; i++ {
		if out := r.append(p, numbered(4, i, "again")); !out.Duplicate || out.BaseOffset != int64(i) {
			t.Errorf("batch %d again: %+v", i, out)
		}
	}
	// Twice in a row, and with a checkpoint between.
	r.crash()
	if err := r.e.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	r.must(p, numbered(4, 7, "7"))
	if report := r.crash(); report.ReplayedFrames != 1 {
		t.Errorf("after a checkpoint: %+v", report)
	}
	r.want(p, "0", "1", "2", "3", "4", "5", "6", "7")
	if out := r.append(p, numbered(4, 4, "again")); !out.Duplicate || out.BaseOffset != 4 {
		t.Errorf("%+v", out)
	}
}

func TestFailedFlushStopsWrites(t *testing.T) {
	d := lossy.New()
	r := newRig(t, d)
	p, q := r.create(keepAll()), r.create(keepAll())
	r.must(p, one("a"))
	d.Fail(func(op lossy.Op, name string) error {
		if op == lossy.Sync && strings.Contains(name, "journal") {
			return syscall.EIO
		}
		return nil
	})
	if out := r.append(p, one("lost")); !errors.Is(out.Err, log.ErrStorage) {
		t.Fatalf("%+v", out)
	}
	d.Fail(nil)
	if out := r.append(q, one("late")); !errors.Is(out.Err, log.ErrStorage) || !errors.Is(out.Err, syscall.EIO) {
		t.Errorf("another partition: %+v", out)
	}
	r.want(p, "a")
	if !strings.Contains(r.logs.String(), "writes are refused until a restart") {
		t.Errorf("the log says nothing: %s", &r.logs)
	}
	r.crash()
	r.want(p, "a")
	r.must(q, one("b"))
	r.want(q, "b")
}

func TestTopicDeletedAndCreatedAgain(t *testing.T) {
	d := lossy.New()
	r := newRig(t, d)
	old := r.create(keepAll())
	r.must(old, numbered(1, 0, "old"))
	if err := r.e.DeleteTopic(context.Background(), old.Topic); err != nil {
		t.Fatal(err)
	}
	fresh := r.create(keepAll())
	r.must(fresh, numbered(1, 0, "new"))
	if report := r.crash(); len(report.Stray)+len(report.Faults) != 0 {
		t.Errorf("%+v", report)
	}
	r.want(fresh, "new")
	if _, err := r.e.Bounds(old); !errors.Is(err, log.ErrUnknownPartition) {
		t.Errorf("the old topic: %v", err)
	}
}

func TestStrayDirectoriesAreSetAside(t *testing.T) {
	r := newRig(t, vfs.OS{})
	p, q := r.create(keepAll()), r.create(keepAll())
	r.must(p, one("mine"))
	r.must(q, one("whose?"))
	r.opts.Topics = []Topic{{ID: p.Topic, Partitions: 1, Config: keepAll()}}
	if err := r.e.Close(); err != nil {
		t.Fatal(err)
	}
	report := r.open()
	if len(report.Stray) != 1 || !strings.Contains(report.Stray[0], fmt.Sprintf("%x", q.Topic)) {
		t.Fatalf("%+v", report)
	}
	kept, err := vfs.OS{}.Stat(filepath.Join(report.Stray[0], "0", fmt.Sprintf("%020d.log", 0)))
	if err != nil || kept.Size == 0 {
		t.Errorf("what was set aside: %+v, %v", kept, err)
	}
	r.want(p, "mine")
}

func TestMissingDirectoryRefuses(t *testing.T) {
	r := newRig(t, vfs.OS{})
	p, q := r.create(keepAll()), r.create(keepAll())
	r.must(p, one("a"))
	r.must(q, one("b"))
	r.opts.Topics = topicsOf(r.e)
	if err := r.e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := (vfs.OS{}).RemoveAll(r.e.topicDir(p.Topic)); err != nil {
		t.Fatal(err)
	}
	report := r.open()
	if len(report.Faults) != 1 || report.Faults[0].Partition != p {
		t.Fatalf("%+v", report)
	}
	if err := r.e.Create(context.Background(), []log.Partition{p}, keepAll()); err != nil {
		t.Errorf("a catalogue that hands its topics over: %v", err)
	}
	if out := r.append(p, one("c")); out.Err == nil || !strings.Contains(out.Err.Error(), "directory is missing") {
		t.Errorf("append: %+v", out)
	}
	if _, err := r.e.Bounds(p); err == nil {
		t.Error("bounds of a partition that is missing")
	}
	r.want(q, "b")
	if err := r.e.DeleteTopic(context.Background(), p.Topic); err != nil {
		t.Errorf("delete: %v", err)
	}
}

func TestMissingSegmentRefuses(t *testing.T) {
	r := newRig(t, vfs.OS{})
	cfg := keepAll()
	cfg.SegmentBytes = 2000
	p := r.create(cfg)
	for range 5 {
		r.must(p, one(strings.Repeat("x", 1500)))
	}
	r.opts.Topics = topicsOf(r.e)
	if err := r.e.Close(); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(r.e.partitionDir(p), r.segments(p)[2])
	if err := (vfs.OS{}).Remove(gone); err != nil {
		t.Fatal(err)
	}
	report := r.open()
	if len(report.Faults) != 1 || !errors.Is(report.Faults[0].Err, log.ErrCorrupt) || !strings.Contains(report.Faults[0].Err.Error(), gone) {
		t.Errorf("%+v", report)
	}
}

func TestMissingLedgerRefuses(t *testing.T) {
	r := newRig(t, vfs.OS{})
	r.must(r.create(keepAll()), one("a"))
	r.opts.Topics = topicsOf(r.e)
	if err := r.e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := (vfs.OS{}).Remove(filepath.Join(r.opts.Dir, "ledger")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(r.opts); !errors.Is(err, log.ErrCorrupt) {
		t.Errorf("open: %v", err)
	}
}

func TestRollAndRetain(t *testing.T) {
	r := newRig(t, lossy.New())
	cfg := keepAll()
	cfg.SegmentBytes, cfg.RetentionBytes, cfg.SegmentMs = 3000, 6000, 60_000
	p := r.create(cfg)
	for i := range 10 {
		r.must(p, one(fmt.Sprintf("%d%*d", i, 1400, 0)))
	}
	if got := r.segments(p); len(got) != 5 {
		t.Errorf("ten batches of 1.5 kB lie in %v", got)
	}
	if err := r.e.Retain(); err != nil {
		t.Fatal(err)
	}
	if b, _ := r.e.Bounds(p); b.LogStart != 0 {
		t.Errorf("segments went before they were flushed: %+v", b)
	}
	for range 2 { // and nothing more goes the second time
		if err := errors.Join(r.e.checkpoint(false), r.e.Retain()); err != nil {
			t.Fatal(err)
		}
		if b, _ := r.e.Bounds(p); b.LogStart != 4 || len(r.segments(p)) != 3 {
			t.Errorf("%+v, %v", b, r.segments(p))
		}
	}
	r.pass(2 * time.Minute)
	r.must(p, one("late"))
	if got := r.segments(p); len(got) != 4 {
		t.Errorf("a segment is older than segment.ms: %v", got)
	}
	r.crash()
	if b, _ := r.e.Bounds(p); b.LogStart != 4 || b.HighWatermark != 11 {
		t.Errorf("after a crash: %+v", b)
	}
	cfg.RetentionBytes, cfg.RetentionMs = -1, 1000
	r.e.Configure(p.Topic, cfg)
	r.pass(time.Minute)
	for range 2 { // the first rolls the active segment
		if err := errors.Join(r.e.checkpoint(false), r.e.Retain()); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(r.e.checkpoint(false), r.e.Retain()); err != nil {
		t.Fatal(err)
	}
	if b, _ := r.e.Bounds(p); b.LogStart != 11 || b.HighWatermark != 11 {
		t.Errorf("everything is too old: %+v", b)
	}
	r.must(p, one("fresh"))
	r.restart()
	r.want(p, "fresh")
}

func TestEpochs(t *testing.T) {
	r := newRig(t, lossy.New())
	p := r.create(keepAll())
	end := func(epoch, wantEpoch int32, want int64) {
		t.Helper()
		if got, err := r.e.EndOfEpoch(p, epoch); err != nil || got != (log.EpochEnd{Epoch: wantEpoch, EndOffset: want}) {
			t.Errorf("epoch %d ends at %+v, %v; want %d of epoch %d", epoch, got, err, want, wantEpoch)
		}
	}
	r.must(p, one("1"))
	r.must(p, one("1"))
	r.crash() // 2
	end(1, 1, 2)
	r.restart() // 3
	r.must(p, one("3"))
	r.crash() // 4
	end(1, 1, 2)
	end(2, 1, 2)
	end(3, 3, 3)
	end(4, 4, 3)
	end(5, -1, -1)
	r.must(p, one("4"))
	end(3, 3, 3)
	end(4, 4, 4)
}

func TestFlushOS(t *testing.T) {
	d := lossy.New()
	r := newRig(t, d)
	cfg := keepAll()
	cfg.FlushOS = true
	p := r.create(cfg)
	before := d.Syncs()
	for i := range 5 {
		r.must(p, one(fmt.Sprint(i)))
	}
	if n := d.Syncs() - before; n != 0 {
		t.Errorf("%d flushes", n)
	}
	r.want(p, "0", "1", "2", "3", "4")
	r.kill()
	r.want(p, "0", "1", "2", "3", "4")
	r.must(p, one("5"))
	if err := r.e.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	r.must(p, one("6"))
	r.crash()
	r.want(p, "0", "1", "2", "3", "4", "5")

	// Back to flushing: as soon as the ledger says so, everything survives.
	r.e.Configure(p.Topic, keepAll())
	if err := r.e.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	r.must(p, one("6"))
	r.crash()
	r.want(p, "0", "1", "2", "3", "4", "5", "6")
	// And away again.
	r.e.Configure(p.Topic, cfg)
	if err := r.e.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	r.must(p, one("7"))
	r.kill()
	r.want(p, "0", "1", "2", "3", "4", "5", "6", "7")
}

// TestLostTailIsNoticed: a power cut takes the tail of a topic with flush=os. A consumer that was past it finds out: its offset is
// out of range, and once others have taken the place of what was lost, the end of its epoch says where to go back to.
func TestLostTailIsNoticed(t *testing.T) {
	r := newRig(t, lossy.New())
	cfg := keepAll()
	cfg.FlushOS = true
	p := r.create(cfg)
	r.must(p, one("0"))
	r.must(p, one("1"))
	if err := r.e.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	for i := 2; i < 5; i++ {
		r.must(p, one(fmt.Sprint(i)))
	}
	epoch, _ := r.e.LeaderEpoch(p)
	r.crash()
	r.want(p, "0", "1")
	read := func(offset int64) error {
		res := r.e.Read([]log.ReadRequest{{Partition: p, Offset: offset, MaxBytes: 1 << 20}}, log.ReadLimits{MaxBytes: 1 << 20})[0]
		for _, c := range res.Chunks {
			c.Release()
		}
		return res.Err
	}
	if err := read(5); !errors.Is(err, log.ErrOffsetOutOfRange) {
		t.Errorf("past the end: %v", err)
	}
	for range 6 {
		r.must(p, one("other"))
	}
	if err := read(5); err != nil {
		t.Errorf("an offset that is there again: %v", err)
	}
	if end, err := r.e.EndOfEpoch(p, epoch); err != nil || end != (log.EpochEnd{Epoch: epoch, EndOffset: 2}) {
		t.Errorf("the epoch of what was lost ends at %+v, %v", end, err)
	}
	if now, _ := r.e.LeaderEpoch(p); now <= epoch {
		t.Errorf("the epoch is still %d, so that nobody who names it is fenced", now)
	}
}

// TestTailBehindALostOneSurvivesAKill: with flush=os, a power cut takes what was trimmed before it was flushed, but not the name of
// its file. The log goes on at its start, and what is appended there survives a crash of the process.
func TestTailBehindALostOneSurvivesAKill(t *testing.T) {
	r := newRig(t, lossy.New())
	cfg := keepAll()
	cfg.FlushOS = true
	p := r.create(cfg)
	r.must(p, one("lost"))
	if _, err := r.e.Trim(context.Background(), p, 1); err != nil {
		t.Fatal(err)
	}
	if err := r.e.fs.SyncDir(r.e.partitionDir(p)); err != nil {
		t.Fatal(err)
	}
	r.crash()
	if at := r.must(p, one("kept")); at != 1 {
		t.Errorf("it is at %d", at)
	}
	r.kill()
	r.want(p, "kept")
}

// TestOldProducersAreForgotten: a producer that has written nothing for long must begin anew; one that has is remembered.
func TestOldProducersAreForgotten(t *testing.T) {
	d := lossy.New()
	r := newRig(t, d)
	r.opts.ProducerExpiry = time.Hour
	p := r.create(keepAll())
	r.restart()
	r.must(p, numbered(1, 0, "old"))
	r.pass(50 * time.Minute)
	r.must(p, numbered(2, 0, "young"))
	r.pass(20 * time.Minute)
	if err := r.e.Retain(); err != nil {
		t.Fatal(err)
	}
	if out := r.append(p, numbered(2, 0, "young")); !out.Duplicate {
		t.Errorf("the young one's batch again: %+v", out)
	}
	if out := r.append(p, numbered(1, 1, "next")); !errors.Is(out.Err, log.ErrUnknownProducer) {
		t.Errorf("the old one goes on: %+v", out)
	}
	r.must(p, numbered(1, 0, "anew"))
	r.crash()
	r.want(p, "old", "young", "anew")
}

// TestJournalStaysBounded writes many times what the journal may hold.
func TestJournalStaysBounded(t *testing.T) {
	r := newRig(t, vfs.OS{})
	p := r.create(keepAll())
	var wg sync.WaitGroup
	for range 100 {
		wg.Add(1)
		r.e.Append([]log.Batch{{Partition: p, Bytes: one(strings.Repeat("x", 100_000))}}, func(out []log.Appended) {
			if out[0].Err != nil {
				t.Error(out[0].Err)
			}
			wg.Done()
		})
	}
	wg.Wait()
	var total int64
	dir := filepath.Join(r.opts.Dir, "journal")
	entries, err := vfs.OS{}.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, _ := vfs.OS{}.Stat(filepath.Join(dir, e.Name))
		total += info.Size
	}
	if total > r.opts.JournalBound*3/2 {
		t.Errorf("the journal has %d bytes, its bound is %d", total, r.opts.JournalBound)
	}
	r.restart()
	if b, _ := r.e.Bounds(p); b.HighWatermark != 100 {
		t.Errorf("%+v", b)
	}
}

// TestChunksToSockets sends one file's ranges to several connections at once.
func TestChunksToSockets(t *testing.T) {
	r := newRig(t, vfs.OS{})
	p := r.create(keepAll())
	var want bytes.Buffer
	for i := range 40 {
		b := one(strings.Repeat(fmt.Sprint(i%10), 20_000))
		r.must(p, b)
		want.Write(b) // patched by the append
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			got, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(got, want.Bytes()) {
				t.Errorf("a peer got %d bytes of %d, %v", len(got), want.Len(), err)
			}
		})
		wg.Go(func() {
			c, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			res := r.e.Read([]log.ReadRequest{{Partition: p, MaxBytes: 1 << 30}}, log.ReadLimits{MaxBytes: 1 << 30})[0]
			for _, chunk := range res.Chunks {
				if n, err := chunk.WriteTo(c); err != nil || n != chunk.Len() {
					t.Errorf("sent %d of %d: %v", n, chunk.Len(), err)
				}
				chunk.Release()
			}
		})
	}
	wg.Wait()
}

// TestDescriptorsAreBounded uses more partitions than files may be open.
func TestDescriptorsAreBounded(t *testing.T) {
	r := newRig(t, lossy.New())
	if err := r.e.Close(); err != nil {
		t.Fatal(err)
	}
	r.opts.MaxOpenFiles = 8
	r.open()
	var parts []log.Partition
	for i := range 50 {
		p := r.create(keepAll())
		parts = append(parts, p)
		r.must(p, one(fmt.Sprint(i)))
	}
	for i, p := range parts {
		r.want(p, fmt.Sprint(i))
	}
	r.e.files.mu.Lock()
	n := len(r.e.files.open)
	r.e.files.mu.Unlock()
	if n > 8 {
		t.Errorf("%d files are open", n)
	}
	r.crash()
	for i, p := range parts {
		r.want(p, fmt.Sprint(i))
	}
}

func TestDamagedBatchIsFoundByTime(t *testing.T) {
	r := newRig(t, vfs.OS{})
	p := r.create(keepAll())
	r.must(p, one("aaaa"))
	r.must(p, one("bbbb"))
	name := filepath.Join(r.e.partitionDir(p), r.segments(p)[0])
	f, err := vfs.OS{}.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("X"), record.HeaderSize+8); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	var corrupt *log.CorruptError
	if _, err := r.e.ByTime(p, 1, log.ReadUncommitted); !errors.As(err, &corrupt) || corrupt.File != name || corrupt.Offset != 0 {
		t.Errorf("%v", err)
	}
}

func FuzzState(f *testing.F) {
	p := newPartition(log.Partition{}, "", keepAll())
	p.epochs = []epochStart{{3, 0}}
	s := p.state()
	f.Add(s.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseState(b)
		if err != nil {
			return
		}
		again, err := parseState(s.append(nil))
		if err != nil || len(again.segments) != len(s.segments) || again.next != s.next {
			t.Fatalf("%+v became %+v, %v", s, again, err)
		}
	})
}

func FuzzLedger(f *testing.F) {
	b := appendRecord([]byte(ledgerMagic), startRecord(log.Partition{Index: 1}, 5))
	f.Add(appendRecord(b, commitRecord(commit{from: 7})))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := &ledger{room: func(do func() error) error { return do() }, states: map[log.Partition]span{}, starts: map[log.Partition]int64{}, stranded: map[log.Partition]int64{}}
		if err := l.parse(b, map[log.Partition][]byte{}); err != nil && !errors.Is(err, log.ErrCorrupt) {
			t.Fatal(err)
		}
	})
}
