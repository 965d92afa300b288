package partlog

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/typelog/typelog/broker/contract"
	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
	"github.com/typelog/typelog/broker/internal/vfs"
	"github.com/typelog/typelog/broker/internal/vfs/lossy"
)

var (
	crashSeed  = flag.Uint64("crash.seed", 0, "seed of TestCrashes; 0 draws one")
	crashLives = flag.Int("crash.lives", 60, "data directories that TestCrashes runs, of eight crashes each")
)

// sent is one batch that a producer of the model sent.
type sent struct {
	seq    int32
	values []string
	keys   []string // of a compacted topic's records
	tombs  []bool   // likewise: which are tombstones
	dead   bool     // with a companion
	acked  bool
	base   int64
}

// modelled is what the outside world knows of a partition: what was acknowledged and what readers saw.
type modelled struct {
	id       log.Partition
	producer int64 // -1 for a topic with flush=os, whose batches may be lost in a power cut
	seq      int32
	batches  []*sent          // in order; those that are not acknowledged are at the end
	seen     map[int64]string // by offset, shown to a reader
	logStart int64            // trimmed, acknowledged
	tried    int64            // trimmed, perhaps
	compact  bool             // a compacted topic
	refused  bool             // a batch was refused: the producer waits for the next start and then sends all again, in order
}

// world is a broker's surroundings, which a crash does not touch.
type world struct {
	t      *testing.T
	rnd    *rand.Rand
	disk   *lossy.FS
	e      *Engine
	epoch  int32
	number int
	topics []Topic
	going  []log.TopicID // marked as deleted
	parts  map[log.Partition]*modelled

	now atomic.Int64 // the clock, which moves whenever it is looked at

	mu sync.Mutex // guards what callbacks touch
}

func (w *world) fatalf(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf(format, args...)
}

func (w *world) options() Options {
	return Options{Dir: "/data/log", FS: w.disk, Topics: w.topics, LeaderEpoch: w.epoch, JournalBound: 96 << 10,
		MaxOpenFiles: 4, CheckpointEvery: time.Hour, RetainEvery: time.Hour,
		CompactEvery: -1, Clock: func() time.Time { return time.UnixMilli(w.now.Add(1)) }}
}

func crashConfig(os bool) log.Config {
	return log.Config{SegmentBytes: 6000, SegmentMs: -1, RetentionMs: -1, RetentionBytes: -1, IndexInterval: 500, Delete: true, FlushOS: os}
}

func compactConfig() log.Config {
	c := crashConfig(false)
	c.SegmentBytes, c.Compact, c.Delete = 3000, true, false
	return c
}

// configOf is the config that a partition's topic has.
func configOf(m *modelled) log.Config {
	if m.compact {
		return compactConfig()
	}
	return crashConfig(m.producer < 0)
}

// TestCrashes runs a broker's life of appends, trims, deletions and checkpoints against a disk that loses what was not
// synced, crashes it at a random operation, recovery included, and checks what the next start finds.
func TestCrashes(t *testing.T) {
	seed, lives := *crashSeed, *crashLives
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-crash.seed=%d", seed)
	for life := range lives {
		t.Run(fmt.Sprintf("%d-%d", seed, life), func(t *testing.T) {
			live(t, rand.New(rand.NewPCG(seed, uint64(life))))
		})
	}
}

// live is one data directory's life of several crashes.
func live(t *testing.T, rnd *rand.Rand) {
	w := &world{t: t, rnd: rnd, disk: lossy.New(), parts: map[log.Partition]*modelled{}}
	if err := errors.Join(w.disk.MkdirAll("/data"), w.disk.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	for range 8 {
		w.epoch++
		w.disk.CrashAt(1 + rnd.IntN(400))
		if rnd.IntN(6) == 0 {
			w.disk.CrashAt(0)
		}
		if w.open() {
			if w.verify() {
				w.run()
			}
			_ = w.e.Close() // the disk has crashed; this only ends its goroutines
		}
		w.crash()
	}
	w.disk.CrashAt(0)
	if !w.open() {
		t.Fatal("the last start failed")
	}
	if !w.verify() {
		t.Fatal("the last start failed")
	}
	if err := w.e.Close(); err != nil {
		t.Fatal(err)
	}
}

// open starts the engine; false means that the machine crashed meanwhile.
func (w *world) open() bool {
	e, report, err := Open(w.options())
	if errors.Is(err, lossy.ErrCrashed) {
		return false
	}
	if err != nil {
		w.fatalf("open: %v", err)
	}
	w.e = e
	for _, f := range report.Faults {
		if !slices.Contains(w.going, f.Partition.Topic) {
			w.fatalf("a partition was lost: %v", f)
		}
	}
	for _, id := range slices.Clone(w.going) {
		w.remove(id)
	}
	for len(w.topics) < 3 && w.create(len(w.topics) == 2) {
	}
	return true
}

func (w *world) create(os bool) bool {
	w.number++
	compact := !os && w.rnd.IntN(2) == 0
	cfg := crashConfig(os)
	if compact {
		cfg = compactConfig()
	}
	topic := Topic{ID: log.TopicID{byte(w.number >> 8), byte(w.number), 7}, Partitions: 2, Config: cfg}
	var ids []log.Partition
	for i := range topic.Partitions {
		ids = append(ids, log.Partition{Topic: topic.ID, Index: i})
	}
	if err := w.e.Create(context.Background(), ids, topic.Config); err != nil {
		return false
	}
	w.topics = append(w.topics, topic)
	for _, id := range ids {
		w.parts[id] = &modelled{id: id, producer: int64(w.number), compact: compact, seen: map[int64]string{}}
		if os {
			w.parts[id].producer = -1
		}
	}
	return true
}

// remove deletes a topic as a catalogue does: the row is marked, and forgotten once the partitions are gone.
func (w *world) remove(id log.TopicID) {
	if !slices.Contains(w.going, id) {
		w.going = append(w.going, id)
	}
	for p := range w.parts {
		if p.Topic == id {
			delete(w.parts, p)
		}
	}
	if err := w.e.DeleteTopic(context.Background(), id); err != nil {
		return
	}
	w.topics = slices.DeleteFunc(w.topics, func(t Topic) bool { return t.ID == id })
	w.going = slices.DeleteFunc(w.going, func(g log.TopicID) bool { return g == id })
}

func (w *world) models() []*modelled {
	var all []*modelled
	for _, t := range w.topics {
		for i := range t.Partitions {
			if m := w.parts[log.Partition{Topic: t.ID, Index: i}]; m != nil {
				all = append(all, m)
			}
		}
	}
	return all
}

// run does random things until the machine crashes or enough were done.
func (w *world) run() {
	var pending sync.WaitGroup
	if w.rnd.IntN(4) == 0 {
		w.breakPartition()
	}
	if w.rnd.IntN(4) == 0 {
		w.disk.SetRoom(w.rnd.Int64N(150 << 10))
	}
	for range 30 + w.rnd.IntN(120) {
		all := w.models()
		if len(all) == 0 {
			break
		}
		m := all[w.rnd.IntN(len(all))]
		switch n := w.rnd.IntN(100); {
		case n < 70:
			w.produce(m, &pending)
		case n < 80:
			w.look(m)
		case n < 86:
			pending.Wait()
		case n < 91:
			if err := w.e.checkpoint(false); err != nil && w.e.failure() == nil {
				if !vfs.IsFull(err) {
					w.fatalf("checkpoint: %v", err)
				}
			}
		case n < 95:
			w.trim(m)
		case n < 96 && len(w.topics) > 2:
			pending.Wait()
			w.remove(m.id.Topic)
			w.create(w.rnd.IntN(3) == 0)
		case n < 97:
			w.room(&pending)
		case n < 98:
			w.e.Configure(m.id.Topic, configOf(m))
		default:
			w.compact()
		}
	}
	if w.rnd.IntN(2) == 0 {
		pending.Wait()
	}
	if w.rnd.IntN(5) == 0 {
		_ = w.e.Close()
	}
	w.disk.CrashAt(1) // now at the latest, in the middle of what is under way
	_ = w.e.Close()
	pending.Wait()
}

// compact compacts, mostly after a checkpoint, without which there is little to do.
func (w *world) compact() {
	if w.rnd.IntN(4) > 0 {
		_ = w.e.checkpoint(false)
	}
	w.e.opts.CompactKeys = 1 + w.rnd.IntN(30)
	if err := w.e.Compact(); errors.Is(err, log.ErrCorrupt) {
		w.fatalf("compaction: %v", err)
	}
	if w.rnd.IntN(2) == 0 {
		_ = w.e.checkpoint(false)
	}
}

// breakPartition makes one partition's files fail from some operation on, in every way or in one.
func (w *world) breakPartition() {
	all := w.models()
	if len(all) == 0 {
		return
	}
	dir := w.e.partitionDir(all[w.rnd.IntN(len(all))].id)
	err := []error{syscall.EIO, syscall.ENOSPC}[w.rnd.IntN(2)]
	skip, only := w.rnd.IntN(30), w.rnd.IntN(4)
	w.disk.Fail(func(op lossy.Op, name string) error {
		if name != dir && filepath.Dir(name) != dir || op != lossy.Write && op != lossy.Sync && op != lossy.SyncDir && op != lossy.Create {
			return nil
		}
		if skip--; skip >= 0 || only == 1 && op != lossy.Write || only == 2 && op != lossy.Sync {
			return nil
		}
		return err
	})
}

// room makes room on the disk: what was stopped for want of it comes back, and clients go on.
func (w *world) room(pending *sync.WaitGroup) {
	w.disk.SetRoom(-1)
	w.disk.Fail(nil)
	pending.Wait()
	_ = w.e.checkpoint(false) // what was on its way has found the disk as it was
	w.e.lookForRoom()         // takes appends again
	w.e.lookForRoom()         // brings partitions back
	if w.e.failure() != nil {
		return
	}
	for _, p := range w.e.stoppedNow() {
		p.mu.Lock()
		stopped := p.stopped
		p.mu.Unlock()
		if stopped != nil && !errors.Is(stopped, syscall.ENOSPC) {
			return // until the next start
		}
		if stopped != nil && !w.disk.Crashed() {
			w.fatalf("%s stays stopped although there is room: %v", p.id, stopped)
		}
	}
	refused := func(is bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, m := range w.parts {
			m.refused = is
		}
	}
	refused(false)
	if !w.verify() {
		refused(true) // the machine has crashed, or the disk is full again
	}
}

// crash takes the disk to the next start: by a power cut, or by kill -9, which loses nothing that was written.
func (w *world) crash() {
	for _, m := range w.parts {
		m.refused = false
	}
	if w.rnd.IntN(3) == 0 {
		w.disk = w.disk.Kill()
		return
	}
	keep := -1.0
	if w.rnd.IntN(3) == 0 {
		keep = 0
	}
	w.disk = w.disk.Crash(w.rnd, keep)
	for _, m := range w.parts {
		if m.producer < 0 {
			// What was not flushed may be gone, and readers may have seen it: that is what flush=os means.
			m.seen = map[int64]string{}
			for _, s := range m.batches {
				s.acked = false
			}
		}
	}
}

// produce sends a batch, or the oldest one again that was not answered.
func (w *world) produce(m *modelled, pending *sync.WaitGroup) {
	w.mu.Lock()
	refused := m.refused
	w.mu.Unlock()
	if refused {
		return
	}
	s := &sent{seq: m.seq}
	w.number++
	for i := range 1 + w.rnd.IntN(3) {
		s.values = append(s.values, fmt.Sprintf("%d.%d %0*d", w.number, i, 1+w.rnd.IntN(600), 0))
		if m.compact {
			s.keys = append(s.keys, fmt.Sprint("k", w.rnd.IntN(6)))
			s.tombs = append(s.tombs, w.rnd.IntN(4) == 0)
		}
	}
	s.dead = m.producer >= 0 && !m.compact && w.rnd.IntN(8) == 0
	m.seq += int32(len(s.values))
	w.mu.Lock()
	m.batches = append(m.batches, s)
	w.mu.Unlock()
	pending.Add(1)
	w.send(m, s, func(out log.Appended) {
		defer pending.Done()
		w.mu.Lock()
		defer w.mu.Unlock()
		if out.Err == nil {
			s.acked, s.base = true, out.BaseOffset
			return
		}
		follows := m.refused && errors.Is(out.Err, log.ErrOutOfOrderSequence)
		m.refused = true
		if !follows && !errors.Is(out.Err, log.ErrStorage) && !errors.Is(out.Err, log.ErrClosed) {
			w.t.Errorf("append to %s: %v", m.id, out.Err)
		}
	})
}

func (w *world) send(m *modelled, s *sent, done func(log.Appended)) {
	b := record.Builder{}
	if m.producer >= 0 {
		b.Producer = &record.Producer{ID: m.producer, Sequence: s.seq}
	}
	for i, v := range s.values {
		switch {
		case !m.compact:
			b.Add(record.KV(1000, nil, []byte(v)))
		case s.tombs[i]:
			b.Add(record.KV(1000, []byte(s.keys[i]), nil, contract.Header{Key: "is", Value: []byte(v)}))
		default:
			b.Add(record.KV(1000, []byte(s.keys[i]), []byte(v)))
		}
	}
	batch := log.Batch{Partition: m.id, Bytes: b.Build()}
	if s.dead {
		to := log.Partition{Topic: m.id.Topic, Index: 1 - m.id.Index}
		batch.Companions = func(base int64) ([]log.Batch, error) {
			return []log.Batch{{Partition: to, Bytes: record.Of(record.KV(1, nil, []byte("dead "+s.values[0])))}}, nil
		}
	}
	w.e.Append([]log.Batch{batch}, func(out []log.Appended) { done(out[0]) })
}

// look is a reader: what it sees may never vanish.
func (w *world) look(m *modelled) {
	got, _, err := w.read(m)
	if err != nil {
		return
	}
	for offset, v := range got {
		m.seen[offset] = v
	}
}

// read returns every record by offset.
func (w *world) read(m *modelled) (map[int64]string, log.Bounds, error) {
	b, err := w.e.Bounds(m.id)
	if err != nil {
		return nil, b, err
	}
	got := map[int64]string{}
	codecs := record.NewCodecs(0)
	for next := b.LogStart; next < b.HighWatermark; {
		r := w.e.Read([]log.ReadRequest{{Partition: m.id, Offset: next, MaxBytes: 3000}}, log.ReadLimits{MaxBytes: 3000})[0]
		if r.Err != nil {
			return nil, b, r.Err
		}
		var buf bytes.Buffer
		for _, c := range r.Chunks {
			_, err = c.WriteTo(&buf)
			c.Release()
			if err != nil {
				return nil, b, err
			}
		}
		data := buf.Bytes()
		if len(data) == 0 {
			w.fatalf("%s: nothing at %d, the bounds are %+v", m.id, next, b)
		}
		for len(data) > 0 {
			h, err := record.ParseHeader(data)
			if err != nil {
				w.fatalf("%s: half a batch at %d: %v", m.id, next, err)
			}
			batch, err := record.VerifyStored(data[:h.Size()])
			if err != nil {
				w.fatalf("%s: a damaged batch at %d: %v", m.id, next, err)
			}
			if h.BaseOffset > next && !m.compact {
				w.fatalf("%s: a hole from %d to %d", m.id, next, h.BaseOffset)
			}
			records, _ := codecs.Open(batch)
			if err := records.Walk(func(r *record.Record) bool {
				v := r.Value
				if len(r.Headers) > 0 {
					v = r.Headers[0].Value
				}
				if offset := h.BaseOffset + int64(r.OffsetDelta); offset >= b.LogStart || !m.compact {
					got[offset] = string(v)
				}
				return true
			}); err != nil {
				w.fatalf("%s: %v", m.id, err)
			}
			records.Close()
			next = h.NextOffset()
			data = data[h.Size():]
		}
	}
	return got, b, nil
}

func (w *world) trim(m *modelled) {
	b, err := w.e.Bounds(m.id)
	if err != nil || b.HighWatermark == b.LogStart {
		return
	}
	offset := b.LogStart + w.rnd.Int64N(b.HighWatermark-b.LogStart+1)
	m.tried = max(m.tried, offset)
	if got, err := w.e.Trim(context.Background(), m.id, offset); err == nil {
		m.logStart = max(m.logStart, got)
	}
}
