package partlog

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
	"github.com/typelog/typelog/broker/internal/vfs/lossy"
)

func compacted() log.Config {
	c := keepAll()
	c.Compact, c.Delete, c.SegmentBytes, c.DeleteRetentionMs = true, false, 400, 1000
	return c
}

const noon = 1_700_000_000_000

// pair is a batch of one record; an empty value is a tombstone.
func pair(key, value string) []byte {
	var v []byte
	if value != "" {
		v = []byte(value)
	}
	return record.Of(record.KV(noon, []byte(key), v))
}

// sealed appends records that make the rig roll, so that what came before can be compacted.
func (r *rig) sealed(p log.Partition) {
	r.t.Helper()
	r.must(p, pair("filler", strings.Repeat("x", 500)))
	r.must(p, pair("filler", strings.Repeat("y", 500)))
}

// compact makes a checkpoint, compacts, and makes another one, so that the old files go.
func (r *rig) compact() {
	r.t.Helper()
	for _, f := range []func() error{func() error { return r.e.checkpoint(false) }, r.e.Compact, func() error { return r.e.checkpoint(false) }} {
		if err := f(); err != nil {
			r.t.Fatal(err)
		}
	}
}

// pairs reads all records as "offset key=value", without the filler.
func (r *rig) pairs(p log.Partition) string {
	r.t.Helper()
	var out []string
	for _, rec := range r.records(p) {
		if rec.key != "filler" {
			out = append(out, fmt.Sprintf("%d %s=%s", rec.offset, rec.key, rec.value))
		}
	}
	return strings.Join(out, " ")
}

type readRecord struct {
	offset     int64
	key, value string
	batch      record.Header
}

// records reads as a client does, from offset to offset up to the high watermark.
func (r *rig) records(p log.Partition) []readRecord {
	r.t.Helper()
	b, err := r.e.Bounds(p)
	if err != nil {
		r.t.Fatal(err)
	}
	var out []readRecord
	codecs := record.NewCodecs(0)
	for next := b.LogStart; next < b.HighWatermark; {
		res := r.e.Read([]log.ReadRequest{{Partition: p, Offset: next, MaxBytes: 700}}, log.ReadLimits{MaxBytes: 700})[0]
		if res.Err != nil {
			r.t.Fatal(res.Err)
		}
		var buf bytes.Buffer
		for _, c := range res.Chunks {
			if _, err := c.WriteTo(&buf); err != nil {
				r.t.Fatal(err)
			}
			c.Release()
		}
		if buf.Len() == 0 {
			r.t.Fatalf("nothing at %d of %+v", next, b)
		}
		for data := buf.Bytes(); len(data) > 0; {
			h, err := record.ParseHeader(data)
			if err != nil {
				r.t.Fatal(err)
			}
			batch, err := record.VerifyStored(data[:h.Size()])
			if err != nil {
				r.t.Fatal(err)
			}
			recs, err := codecs.Open(batch)
			if err != nil {
				r.t.Fatal(err)
			}
			if err := recs.Walk(func(rec *record.Record) bool {
				if at := h.BaseOffset + int64(rec.OffsetDelta); at >= b.LogStart {
					out = append(out, readRecord{at, string(rec.Key), string(rec.Value), h})
				}
				return true
			}); err != nil {
				r.t.Fatal(err)
			}
			recs.Close()
			next, data = h.NextOffset(), data[h.Size():]
		}
	}
	return out
}

func (r *rig) wantPairs(p log.Partition, want string) {
	r.t.Helper()
	if got := r.pairs(p); got != want {
		r.t.Errorf("%s\nwant %s", got, want)
	}
}

func TestCompactionKeepsTheLatestOfEachKeyAtItsOffset(t *testing.T) {
	r := newRig(t, lossy.New())
	p := r.create(compacted())
	for i := range 30 {
		r.must(p, pair(fmt.Sprintf("k%d", i%3), fmt.Sprint(i)))
	}
	r.sealed(p)
	before := len(r.segments(p))
	r.compact()
	want := "27 k0=27 28 k1=28 29 k2=29"
	r.wantPairs(p, want)
	r.restart()
	r.wantPairs(p, want)
	r.must(p, pair("k1", "new"))
	r.sealed(p)
	r.compact()
	r.wantPairs(p, "27 k0=27 29 k2=29 32 k1=new")
	if after := len(r.segments(p)); after >= before {
		t.Errorf("%d segment files, %d before", after, before)
	}
	r.crash()
	r.wantPairs(p, "27 k0=27 29 k2=29 32 k1=new")
}

func TestOnlyTopicsWithThePolicyAreCompacted(t *testing.T) {
	r := newRig(t, lossy.New())
	cfg := compacted()
	cfg.Compact, cfg.Delete = false, true
	p := r.create(cfg)
	for i := range 5 {
		r.must(p, pair("k", fmt.Sprint(i)))
	}
	r.sealed(p)
	r.compact()
	r.wantPairs(p, "0 k=0 1 k=1 2 k=2 3 k=3 4 k=4")
}

func TestTheActiveSegmentAndWhatNoCheckpointHasPassedAreNotCompacted(t *testing.T) {
	r := newRig(t, lossy.New())
	p := r.create(compacted())
	r.must(p, pair("k", "0"))
	r.must(p, pair("k", "1"))
	q := r.create(compacted())
	r.must(q, pair("k", "0"))
	r.must(q, pair("k", "1"))
	r.sealed(p)
	if err := r.e.Compact(); err != nil { // no checkpoint since
		t.Fatal(err)
	}
	r.wantPairs(p, "0 k=0 1 k=1")
	r.compact()
	r.wantPairs(p, "1 k=1")
	r.wantPairs(q, "0 k=0 1 k=1")
}

func TestTombstonesGoAfterTheirRetention(t *testing.T) {
	r := newRig(t, lossy.New())
	p := r.create(compacted())
	r.must(p, pair("a", "1"))
	r.must(p, pair("b", "2"))
	r.must(p, pair("a", ""))
	r.sealed(p)
	r.compact()
	r.wantPairs(p, "1 b=2 2 a=")
	r.pass(900 * time.Millisecond)
	r.sealed(p)
	r.compact()
	r.wantPairs(p, "1 b=2 2 a=")
	r.pass(200 * time.Millisecond)
	r.sealed(p)
	r.compact()
	r.wantPairs(p, "1 b=2")
	r.restart()
	r.wantPairs(p, "1 b=2")
}

func TestReadersGetToTheEndWhenEverythingIsGone(t *testing.T) {
	r := newRig(t, lossy.New())
	cfg := compacted()
	cfg.DeleteRetentionMs, cfg.MaxCompactionLagMs = 0, 1
	p := r.create(cfg)
	r.must(p, pair("a", "1"))
	r.must(p, pair("a", ""))
	for range 3 {
		r.pass(time.Second)
		r.must(p, pair("b", ""))
		r.pass(time.Second)
		r.compact() // the first one rolls
		r.compact()
	}
	if got := r.pairs(p); got != "4 b=" { // pairs fails if it does not get to the high watermark
		t.Error(got)
	}
	r.e.Configure(p.Topic, func() log.Config { cfg.MaxCompactionLagMs = 0; return cfg }())
	r.pass(time.Second)
	r.must(p, pair("c", ""))
	r.sealed(p)
	r.compact()
	if got := r.pairs(p); got != "5 c=" {
		t.Error(got)
	}
	r.restart()
	if got := r.pairs(p); got != "5 c=" {
		t.Error(got)
	}
}

func TestLagsAndRatioSayWhenToCompact(t *testing.T) {
	r := newRig(t, lossy.New())
	cfg := compacted()
	cfg.MinCompactionLagMs = 1000
	p := r.create(cfg)
	lazy := compacted()
	lazy.MinCleanableRatio, lazy.MaxCompactionLagMs = 0.99, 10_000
	q := r.create(lazy)
	for _, x := range []log.Partition{p, q} {
		r.must(x, pair("k", "0"))
		r.must(x, pair("k", "1"))
		r.sealed(x)
	}
	r.compact()
	r.wantPairs(p, "0 k=0 1 k=1") // too young
	r.wantPairs(q, "1 k=1")       // all of it is dirty
	r.must(q, pair("k", "2"))
	r.pass(2 * time.Second)
	r.compact()
	r.wantPairs(p, "1 k=1")
	r.wantPairs(q, "1 k=1 4 k=2")
	r.pass(9 * time.Second)
	r.compact() // rolls what is too old, which a checkpoint must pass
	r.compact()
	r.wantPairs(q, "4 k=2")
}

func TestALargeSetOfKeysTakesSeveralPasses(t *testing.T) {
	fs := lossy.New()
	r := newRig(t, fs)
	p := r.create(compacted())
	want := []string{}
	for i := range 100 {
		r.must(p, pair(fmt.Sprint("k", i%50), fmt.Sprint(i)))
		if i >= 50 {
			want = append(want, fmt.Sprintf("%d k%d=%d", i, i%50, i))
		}
	}
	r.sealed(p)
	r.e.opts.CompactKeys = 7
	r.compact()
	r.wantPairs(p, strings.Join(want, " "))
}

func TestCompactionKeepsProducersAndCompression(t *testing.T) {
	r := newRig(t, lossy.New())
	p := r.create(compacted())
	codecs := record.NewCodecs(0)
	batch := func(seq int32, n int) record.Batch {
		b := record.Builder{Producer: &record.Producer{ID: 7, Epoch: 1, Sequence: seq}}
		for i := range n {
			b.Add(record.KV(noon+int64(seq), []byte{byte('a' + i)}, []byte(fmt.Sprint(seq))))
		}
		out, err := codecs.Repack(b.Build(), record.Zstd)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	r.must(p, batch(0, 3)) // a b c
	r.must(p, batch(3, 2)) // a b
	r.must(p, batch(5, 1)) // a
	r.sealed(p)
	r.compact()
	r.wantPairs(p, "2 c=0 4 b=3 5 a=5")
	for _, rec := range r.records(p)[:2] {
		h := rec.batch
		if h.Attributes.Compression() != record.Zstd || h.ProducerID != 7 || h.ProducerEpoch != 1 {
			t.Errorf("%+v", h)
		}
		if rec.offset == 2 && (h.BaseOffset != 0 || h.LastOffset() != 2 || h.LastSequence() != 2) {
			t.Errorf("%+v", h)
		}
	}
	r.crash()
	for _, again := range []struct {
		b    record.Batch
		base int64
	}{{batch(0, 3), 0}, {batch(3, 2), 3}, {batch(5, 1), 5}} {
		if out := r.append(p, again.b); out.Err != nil || !out.Duplicate || out.BaseOffset != again.base {
			t.Errorf("%+v, want a duplicate of %d", out, again.base)
		}
	}
	if out := r.append(p, batch(6, 1)); out.Err != nil || out.Duplicate {
		t.Errorf("%+v", out)
	}
}

func (r *rig) txn(p log.Partition, producer int64, seq int32, key, value string) {
	r.t.Helper()
	b := record.Builder{Producer: &record.Producer{ID: producer, Sequence: seq}, Transactional: true}
	b.Add(record.KV(noon, []byte(key), []byte(value)))
	r.must(p, b.Build())
}

func (r *rig) end(p log.Partition, producer int64, commit bool) {
	r.t.Helper()
	done := make(chan log.Appended, 1)
	r.e.AppendControl([]log.Control{{Partition: p, ProducerID: producer, Commit: commit}}, func(out []log.Appended) { done <- out[0] })
	if out := <-done; out.Err != nil {
		r.t.Fatal(out.Err)
	}
}

// markers counts control records.
func (r *rig) markers(p log.Partition) (n int) {
	r.t.Helper()
	for _, rec := range r.records(p) {
		if rec.batch.Attributes.Control() {
			n++
		}
	}
	return n
}

func (r *rig) aborted(p log.Partition) int {
	r.t.Helper()
	res := r.e.Read([]log.ReadRequest{{Partition: p, MaxBytes: 1 << 20}}, log.ReadLimits{MaxBytes: 1 << 20, Isolation: log.ReadCommitted})[0]
	for _, c := range res.Chunks {
		c.Release()
	}
	if res.Err != nil {
		r.t.Fatal(res.Err)
	}
	return len(res.Aborted)
}

func TestTransactionsAndTheirMarkersAreCompacted(t *testing.T) {
	r := newRig(t, lossy.New())
	cfg := compacted()
	p := r.create(cfg)
	data := func() string {
		var out []string
		for _, rec := range r.records(p) {
			if !rec.batch.Attributes.Control() && rec.key != "filler" {
				out = append(out, rec.key+"="+rec.value)
			}
		}
		return strings.Join(out, " ")
	}
	r.must(p, pair("a", "before"))
	r.txn(p, 1, 0, "a", "aborted")
	r.end(p, 1, false)
	r.txn(p, 2, 0, "b", "committed")
	r.end(p, 2, true)
	r.sealed(p)
	r.compact()
	// An aborted record supersedes nothing, and goes; its marker stays for readers who have it already.
	if got := data(); got != "a=before b=committed" || r.markers(p) != 2 || r.aborted(p) != 1 {
		t.Errorf("%s, %d markers, %d aborted", got, r.markers(p), r.aborted(p))
	}
	r.pass(time.Minute)
	r.sealed(p)
	r.compact() // the abort marker gets its horizon
	r.pass(2 * time.Second)
	r.txn(p, 1, 1, "c", "later")
	r.end(p, 1, true)
	r.sealed(p)
	r.compact()
	if got := data(); got != "a=before b=committed c=later" || r.markers(p) != 2 || r.aborted(p) != 0 {
		t.Errorf("%s, %d markers, %d aborted", got, r.markers(p), r.aborted(p))
	}
	r.crash()
	if got := data(); got != "a=before b=committed c=later" || r.aborted(p) != 0 {
		t.Errorf("%s, %d aborted", got, r.aborted(p))
	}
	r.txn(p, 3, 0, "a", "open")
	r.must(p, pair("b", "newer"))
	r.sealed(p)
	r.compact() // what is behind the last stable offset does not count
	if got := data(); !strings.HasPrefix(got, "a=before b=committed c=later") {
		t.Error(got)
	}
}

func TestChunksOutliveCompaction(t *testing.T) {
	r := newRig(t, lossy.New())
	p := r.create(compacted())
	for i := range 10 {
		r.must(p, pair("k", fmt.Sprint(i)))
	}
	r.sealed(p)
	res := r.e.Read([]log.ReadRequest{{Partition: p, MaxBytes: 1 << 20}}, log.ReadLimits{MaxBytes: 1 << 20})[0]
	r.compact()
	r.wantPairs(p, "9 k=9")
	var buf bytes.Buffer
	for _, c := range res.Chunks {
		if _, err := c.WriteTo(&buf); err != nil {
			t.Fatal(err)
		}
		c.Release()
	}
	for i, b := 0, buf.Bytes(); i < 10; i++ {
		h, err := record.ParseHeader(b)
		if err != nil || h.BaseOffset != int64(i) {
			t.Fatalf("%d: %+v, %v", i, h, err)
		}
		b = b[h.Size():]
	}
}

func TestLookUpsAfterCompaction(t *testing.T) {
	r := newRig(t, lossy.New())
	p := r.create(compacted())
	for i := range 20 {
		r.must(p, record.Of(record.KV(noon+int64(i), fmt.Appendf(nil, "k%d", i%4), []byte(fmt.Sprint(i)))))
	}
	r.sealed(p)
	r.compact()
	for _, c := range []struct{ ts, offset, at int64 }{
		{noon + 3, 16, noon + 16}, {noon + 17, 17, noon + 17}, {noon + 100, -1, -1}, {log.MaxTimestamp, 19, noon + 19}, {log.Earliest, 0, -1}, {log.Latest, 22, -1},
	} {
		got, err := r.e.ByTime(p, c.ts, log.ReadUncommitted)
		if err != nil || got.Offset != c.offset || got.Timestamp != c.at {
			t.Errorf("by time %d: %+v, %v; want %d at %d", c.ts, got, err, c.offset, c.at)
		}
	}
	if end, err := r.e.EndOfEpoch(p, 1); err != nil || end.EndOffset != 22 {
		t.Errorf("%+v, %v", end, err)
	}
}

func TestCompactionAndRetentionTogether(t *testing.T) {
	r := newRig(t, lossy.New())
	cfg := compacted()
	cfg.Delete, cfg.RetentionMs = true, 60_000
	p := r.create(cfg)
	for i := range 6 {
		r.must(p, pair("k", fmt.Sprint(i)))
	}
	r.sealed(p)
	r.compact()
	r.wantPairs(p, "5 k=5")
	r.pass(2 * time.Minute)
	r.must(p, record.Of(record.KV(r.clock().UnixMilli(), []byte("k"), []byte("young"))))
	if err := r.e.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	if err := r.e.Retain(); err != nil {
		t.Fatal(err)
	}
	if got := r.pairs(p); got != "8 k=young" {
		t.Error(got)
	}
	r.crash()
	if got := r.pairs(p); got != "8 k=young" {
		t.Error(got)
	}
}

// TestRecordsWithoutKeysGo: they came when the topic had another policy.
func TestRecordsWithoutKeysGo(t *testing.T) {
	r := newRig(t, lossy.New())
	p := r.create(compacted())
	r.must(p, one("no key"))
	r.must(p, pair("k", "v"))
	r.sealed(p)
	r.compact()
	r.wantPairs(p, "1 k=v")
}

func TestDamagedBytesEndCompactionAndAreNamed(t *testing.T) {
	r := newRig(t, lossy.New())
	p := r.create(compacted())
	r.must(p, pair("k", "0"))
	r.must(p, pair("k", "1"))
	r.sealed(p)
	if err := r.e.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	f, err := r.e.fs.Open((&segment{dir: r.e.partitionDir(p)}).path())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{0xee}, record.HeaderSize+3); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	err = r.e.Compact()
	if err == nil || !strings.Contains(err.Error(), "00000000000000000000.log") {
		t.Errorf("%v", err)
	}
	if err := r.e.Compact(); err != nil {
		t.Errorf("said twice: %v", err)
	}
	if names := strings.Join(r.segments(p), " "); strings.Contains(names, "-1.log") {
		t.Errorf("half of a new segment stays: %s", names)
	}
}

// TestCompactionAgainstAModel compacts random logs again and again, with random bounds.
func TestCompactionAgainstAModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 20 {
		r := newRig(t, lossy.New())
		cfg := compacted()
		cfg.DeleteRetentionMs, cfg.SegmentBytes = int64(rnd.IntN(3)), int64(150+rnd.IntN(1500))
		p := r.create(cfg)
		latest := map[string]string{}
		for step := range 150 {
			switch n := rnd.IntN(30); {
			case n == 0:
				r.e.opts.CompactKeys = 1 + rnd.IntN(40)
				r.compact()
			case n == 1:
				r.restart()
			default:
				b := record.Builder{}
				for range 1 + rnd.IntN(4) {
					k, v := fmt.Sprint("k", rnd.IntN(12)), fmt.Sprint(step, ".", rnd.IntN(1000))
					rec := record.KV(r.clock().UnixMilli(), []byte(k), []byte(v))
					if rnd.IntN(4) == 0 {
						v, rec.Value = "", nil
					}
					latest[k] = v
					b.Add(rec)
				}
				r.must(p, b.Build())
			}
			r.pass(time.Millisecond)
		}
		got := map[string]string{}
		for _, rec := range r.records(p) {
			got[rec.key] = rec.value
		}
		for k, v := range latest {
			if got[k] != v {
				t.Fatalf("%s is %q, want %q", k, got[k], v)
			}
		}
	}
}
