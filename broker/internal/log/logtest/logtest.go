// Package logtest is the conformance suite of log.Engine: what every engine must do, whatever lies under it. An
// engine's own tests call Run, and add what only that engine can do (crashes, full disks, compaction).
//
// The suite waits for answers and wake-ups; it assumes nothing about how long a commit takes.
package logtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
)

// Patience is how long the suite waits for what must happen. It is reached only by an engine that fails.
const Patience = 30 * time.Second

// Option tells the suite about abilities that not every engine shows.
type Option func(*options)

type options struct {
	hold   func(log.Engine) (release func())
	reopen func(*testing.T, log.Engine) log.Engine
	fake   bool
}

// WithHold adds the tests of what is not committed yet. hold keeps the engine from committing (or flushing) anything
// until release is called.
func WithHold(hold func(log.Engine) (release func())) Option {
	return func(o *options) { o.hold = hold }
}

// WithReopen adds the tests of what survives. reopen closes the engine and opens another one on the same data.
func WithReopen(reopen func(*testing.T, log.Engine) log.Engine) Option {
	return func(o *options) { o.reopen = reopen }
}

// WithFakeTime runs each test in a bubble of testing/synctest, so that an engine's delays cost nothing. It suits engines
// whose goroutines wait only for channels and timers, and all end by Close.
func WithFakeTime() Option { return func(o *options) { o.fake = true } }

// Run runs the suite. open returns a new, empty engine for each test; the suite closes it. Tests run in parallel, unless
// time is faked.
func Run(t *testing.T, open func(*testing.T) log.Engine, opts ...Option) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	tests := slices.Concat(appendTests, idempotenceTests, readTests, transactionTests, lifecycleTests)
	if o.hold != nil {
		tests = append(tests, holdTests...)
	}
	if o.reopen != nil {
		tests = append(tests, reopenTests...)
	}
	for _, test := range tests {
		run := func(t *testing.T) {
			s := &suite{t: t, e: open(t), options: o}
			t.Cleanup(func() {
				if err := s.e.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			test.run(s)
		}
		t.Run(test.name, func(t *testing.T) {
			if o.fake {
				synctest.Test(t, run)
				return
			}
			t.Parallel()
			run(t)
		})
	}
}

type test struct {
	name string
	run  func(*suite)
}

// suite is one running test.
type suite struct {
	t *testing.T
	e log.Engine
	options
}

// plain is the config of a topic that keeps everything.
func plain() log.Config {
	return log.Config{SegmentBytes: 1 << 30, SegmentMs: -1, RetentionMs: -1, RetentionBytes: -1, IndexInterval: 4096, Delete: true}
}

// topic creates n partitions of a new topic.
func (s *suite) topic(n int, cfg log.Config) []log.Partition {
	s.t.Helper()
	var id log.TopicID
	if _, err := rand.Read(id[:]); err != nil {
		s.t.Fatal(err)
	}
	parts := make([]log.Partition, n)
	for i := range parts {
		parts[i] = log.Partition{Topic: id, Index: int32(i)}
	}
	if err := s.e.Create(s.ctx(), parts, cfg); err != nil {
		s.t.Fatalf("create: %v", err)
	}
	return parts
}

func (s *suite) one() log.Partition { return s.topic(1, plain())[0] }

func (s *suite) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	s.t.Cleanup(cancel)
	return ctx
}

// values builds a batch of records with these values.
func values(vs ...string) record.Batch {
	recs := make([]record.Record, len(vs))
	for i, v := range vs {
		recs[i] = record.KV(1_700_000_000_000+int64(i), nil, []byte(v))
	}
	return record.Of(recs...)
}

// produced builds a batch of n records of an idempotent producer.
func produced(id int64, epoch int16, seq int32, n int, transactional bool) record.Batch {
	b := record.Builder{Producer: &record.Producer{ID: id, Epoch: epoch, Sequence: seq}, Transactional: transactional}
	for i := range n {
		b.Add(record.KV(1_700_000_000_000, nil, fmt.Appendf(nil, "%d/%d/%d", id, epoch, record.AddSequence(seq, int32(i)))))
	}
	return b.Build()
}

// pending is an append under way.
type pending struct {
	s     *suite
	ready chan []log.Appended
}

// start begins an append. done being called twice fails the test.
func (s *suite) start(batches ...log.Batch) *pending {
	p := s.pending()
	s.e.Append(batches, p.done)
	return p
}

func (s *suite) startControl(markers ...log.Control) *pending {
	p := s.pending()
	s.e.AppendControl(markers, p.done)
	return p
}

func (s *suite) pending() *pending { return &pending{s: s, ready: make(chan []log.Appended, 2)} }

func (p *pending) done(out []log.Appended) {
	select {
	case p.ready <- slices.Clone(out):
	default:
		p.s.t.Error("done was called three times")
	}
}

// wait returns the outcomes.
func (p *pending) wait() []log.Appended {
	p.s.t.Helper()
	select {
	case out := <-p.ready:
		return out
	case <-time.After(Patience):
		p.s.t.Fatal("done was never called")
		return nil
	}
}

// once fails the test if done was called again after wait.
func (p *pending) once() {
	p.s.t.Helper()
	if len(p.ready) != 0 {
		p.s.t.Error("done was called twice")
	}
}

func (s *suite) append(id log.Partition, b record.Batch) log.Appended {
	s.t.Helper()
	p := s.start(log.Batch{Partition: id, Bytes: b})
	out := p.wait()
	if len(out) != 1 {
		s.t.Fatalf("%d outcomes for one batch", len(out))
	}
	return out[0]
}

// mustAppend appends and wants the base offset.
func (s *suite) mustAppend(id log.Partition, b record.Batch, offset int64) {
	s.t.Helper()
	if out := s.append(id, b); out.Err != nil || out.BaseOffset != offset || out.Duplicate {
		s.t.Fatalf("append: %+v, want offset %d", out, offset)
	}
}

// read returns what one partition holds from offset on, and checks that it is whole batches, the first of which
// contains the offset.
func (s *suite) read(id log.Partition, offset int64, iso log.Isolation) (log.ReadResult, []record.Batch) {
	s.t.Helper()
	rs := s.e.Read([]log.ReadRequest{{Partition: id, Offset: offset, MaxBytes: 1 << 30}}, log.ReadLimits{MaxBytes: 1 << 30, Isolation: iso})
	if len(rs) != 1 {
		s.t.Fatalf("%d results for one request", len(rs))
	}
	return rs[0], s.batches(&rs[0], offset)
}

// batches takes the chunks of a result apart and releases them.
func (s *suite) batches(r *log.ReadResult, offset int64) []record.Batch {
	s.t.Helper()
	var buf bytes.Buffer
	for _, c := range r.Chunks {
		n, err := c.WriteTo(&buf)
		if err != nil || n != c.Len() {
			s.t.Fatalf("a chunk of %d bytes wrote %d: %v", c.Len(), n, err)
		}
		c.Release()
	}
	return s.split(buf.Bytes(), offset)
}

func (s *suite) split(b []byte, offset int64) []record.Batch {
	s.t.Helper()
	var out []record.Batch
	for len(b) > 0 {
		h, err := record.ParseHeader(b)
		if err != nil || h.Size() > int64(len(b)) {
			s.t.Fatalf("not whole batches: %+v, %d bytes are left, %v", h, len(b), err)
		}
		v, err := record.VerifyStored(b[:h.Size()])
		if err != nil {
			s.t.Fatalf("a batch at offset %d: %v", h.BaseOffset, err)
		}
		if len(out) == 0 && (offset < h.BaseOffset && h.BaseOffset != 0 || offset > h.LastOffset()) {
			s.t.Fatalf("the first batch holds %d to %d, not %d", h.BaseOffset, h.LastOffset(), offset)
		}
		out = append(out, v)
		b = b[h.Size():]
	}
	return out
}

// all returns the values of every data record from offset on, and wants their offsets to be dense.
func (s *suite) all(id log.Partition, offset int64) []string {
	s.t.Helper()
	r, batches := s.read(id, offset, log.ReadUncommitted)
	if r.Err != nil {
		s.t.Fatalf("read at %d: %v", offset, r.Err)
	}
	var out []string
	codecs := record.NewCodecs(0)
	for i, b := range batches {
		if i > 0 && b.BaseOffset() != batches[i-1].LastOffset()+1 {
			s.t.Fatalf("a batch at %d follows one that ends at %d", b.BaseOffset(), batches[i-1].LastOffset())
		}
		if b.Attributes().Control() {
			continue
		}
		recs, err := codecs.Open(b)
		if err != nil {
			s.t.Fatal(err)
		}
		err = recs.Walk(func(rec *record.Record) bool {
			if b.BaseOffset()+int64(rec.OffsetDelta) >= offset {
				out = append(out, string(rec.Value))
			}
			return true
		})
		recs.Close()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return out
}

func (s *suite) wantAll(id log.Partition, offset int64, want ...string) {
	s.t.Helper()
	if got := s.all(id, offset); !slices.Equal(got, want) {
		s.t.Fatalf("records from %d are %q, want %q", offset, got, want)
	}
}

func (s *suite) wantBounds(id log.Partition, start, high, stable int64) {
	s.t.Helper()
	want := log.Bounds{LogStart: start, HighWatermark: high, LastStable: stable}
	if got, err := s.e.Bounds(id); err != nil || got != want {
		s.t.Fatalf("bounds are %+v, %v; want %+v", got, err, want)
	}
}

func (s *suite) wantErr(what string, err, want error) {
	s.t.Helper()
	if !errors.Is(err, want) {
		s.t.Fatalf("%s: %v, want %v", what, err, want)
	}
}

// woken waits for a wake-up.
func (s *suite) woken(what string, wake <-chan struct{}) {
	s.t.Helper()
	select {
	case <-wake:
	case <-time.After(Patience):
		s.t.Fatalf("%s woke nobody", what)
	}
}
