package partlog

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	mathrand "math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
	"github.com/typelog/typelog/broker/internal/vfs"
	"github.com/typelog/typelog/broker/internal/vfs/lossy"
)

// rig is an engine on some disk, with a clock that tests move.
type rig struct {
	t    *testing.T
	e    *Engine
	opts Options
	logs logLines

	mu  sync.Mutex
	now time.Time
}

// logLines is what the engine has logged. Its background goroutines log while a test looks.
type logLines struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(p)
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.String()
}

func newRig(t *testing.T, fs vfs.FS) *rig {
	t.Helper()
	r := &rig{t: t, now: time.UnixMilli(1_700_000_000_000)}
	r.opts = Options{Dir: filepath.Join(t.TempDir(), "log"), FS: fs, JournalBound: 1 << 20, LeaderEpoch: 1, Clock: r.clock, CompactEvery: -1,
		Logger: slog.New(slog.NewTextHandler(&r.logs, nil))}
	if l, ok := fs.(*lossy.FS); ok {
		r.opts.Dir = "/data/log"
		if err := errors.Join(l.MkdirAll("/data"), l.SyncDir("/")); err != nil {
			t.Fatal(err)
		}
	}
	r.open()
	t.Cleanup(func() { _ = r.e.Close() })
	return r
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func (r *rig) open() Report {
	r.t.Helper()
	e, report, err := Open(r.opts)
	if err != nil {
		r.t.Fatal(err)
	}
	r.e = e
	return report
}

// restart closes the engine and opens it again with the topics that it had.
func (r *rig) restart() Report {
	r.t.Helper()
	r.opts.Topics = topicsOf(r.e)
	if err := r.e.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.opts.LeaderEpoch++
	return r.open()
}

// crash cuts the power: only what was synced is left. kill loses the process only.
func (r *rig) crash() Report { return r.die(true) }
func (r *rig) kill() Report  { return r.die(false) }

func (r *rig) die(power bool) Report {
	r.t.Helper()
	r.opts.Topics = topicsOf(r.e)
	d := r.opts.FS.(*lossy.FS)
	d.CrashAt(1)
	_ = r.e.Close()
	if power {
		r.opts.FS = d.Crash(mathrand.New(mathrand.NewPCG(1, 1)), 0)
	} else {
		r.opts.FS = d.Kill()
	}
	r.opts.LeaderEpoch++
	return r.open()
}

func keepAll() log.Config {
	return log.Config{SegmentBytes: 1 << 20, SegmentMs: -1, RetentionMs: -1, RetentionBytes: -1, IndexInterval: 4096, Delete: true}
}

func (r *rig) create(cfg log.Config) log.Partition {
	r.t.Helper()
	var id log.TopicID
	_, _ = rand.Read(id[:])
	p := log.Partition{Topic: id}
	if err := r.e.Create(context.Background(), []log.Partition{p}, cfg); err != nil {
		r.t.Fatal(err)
	}
	return p
}

func (r *rig) append(p log.Partition, b []byte) log.Appended {
	r.t.Helper()
	done := make(chan log.Appended, 1)
	r.e.Append([]log.Batch{{Partition: p, Bytes: b}}, func(out []log.Appended) { done <- out[0] })
	return <-done
}

func (r *rig) must(p log.Partition, b []byte) int64 {
	r.t.Helper()
	out := r.append(p, b)
	if out.Err != nil {
		r.t.Fatal(out.Err)
	}
	return out.BaseOffset
}

func one(value string) []byte { return record.Of(record.KV(1_700_000_000_000, nil, []byte(value))) }

func numbered(id int64, seq int32, value string) []byte {
	b := record.Builder{Producer: &record.Producer{ID: id, Sequence: seq}}
	b.Add(record.KV(1_700_000_000_000, nil, []byte(value)))
	return b.Build()
}

// values reads everything from offset on.
func (r *rig) values(p log.Partition, offset int64) []string {
	r.t.Helper()
	res := r.e.Read([]log.ReadRequest{{Partition: p, Offset: offset, MaxBytes: 1 << 30}}, log.ReadLimits{MaxBytes: 1 << 30})[0]
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
	var out []string
	codecs := record.NewCodecs(0)
	for b := buf.Bytes(); len(b) > 0; {
		h, err := record.ParseHeader(b)
		if err != nil {
			r.t.Fatal(err)
		}
		recs, err := codecs.Open(record.Batch(b[:h.Size()]))
		if err != nil {
			r.t.Fatal(err)
		}
		if err := recs.Walk(func(rec *record.Record) bool { out = append(out, string(rec.Value)); return true }); err != nil {
			r.t.Fatal(err)
		}
		recs.Close()
		b = b[h.Size():]
	}
	return out
}

func (r *rig) want(p log.Partition, want ...string) {
	r.t.Helper()
	b, err := r.e.Bounds(p)
	if err != nil {
		r.t.Fatal(err)
	}
	if got := r.values(p, b.LogStart); strings.Join(got, ",") != strings.Join(want, ",") {
		r.t.Errorf("%s holds %.200q, want %.200q", p, got, want)
	}
}

func (r *rig) segments(p log.Partition) []string {
	r.t.Helper()
	entries, err := r.e.fs.List(r.e.partitionDir(p))
	if err != nil {
		r.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
	}
	return names
}

func newRand() *mathrand.Rand { return mathrand.New(mathrand.NewPCG(1, 1)) }
