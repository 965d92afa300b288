package txn

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/log/memlog"
	"github.com/typelog/typelog/broker/internal/record"
	"github.com/typelog/typelog/broker/internal/state"
)

// topics holds the internal topic, and the partitions of one topic that is written to, over an engine.
type topics struct {
	engine log.Engine

	mu    sync.Mutex
	n     int32
	broke error // nothing is found, with it
}

// hide lets nothing be found, until it is called with nil.
func (s *topics) hide(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broke = err
}

var (
	internalID = log.TopicID{1}
	writtenID  = log.TopicID{2}
)

const writtenParts = 3

func (s *topics) FindInternal(context.Context, string) (log.TopicID, int32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return internalID, s.n, s.broke
}

func (s *topics) EnsureInternal(ctx context.Context, _ string, n int32, _ map[string]string) (log.TopicID, int32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n > 0 {
		return internalID, s.n, nil
	}
	err := s.create(ctx, internalID, n, true)
	s.n = n
	return internalID, n, err
}

func (s *topics) create(ctx context.Context, id log.TopicID, n int32, compact bool) error {
	var parts []log.Partition
	for i := range n {
		parts = append(parts, log.Partition{Topic: id, Index: i})
	}
	return s.engine.Create(ctx, parts, log.Config{SegmentBytes: 1 << 30, RetentionMs: -1, RetentionBytes: -1, Compact: compact})
}

// lab is a broker's worth of transactions, without the broker. The topic "t" has three partitions.
type lab struct {
	t      *testing.T
	engine *memlog.Engine
	topics *topics
	config Config
	ids    *counter
	starts int32

	mu    sync.Mutex
	broke error         // markers fail with it
	stuck chan struct{} // markers wait for it

	*Coordinator
}

// inLab runs a test in a bubble of its own time.
func inLab(t *testing.T, test func(l *lab)) {
	synctest.Test(t, func(t *testing.T) {
		engine := memlog.New(memlog.Options{Delay: 5 * time.Millisecond})
		l := &lab{t: t, engine: engine, topics: &topics{engine: engine}, ids: &counter{next: 1000}}
		if err := l.topics.create(t.Context(), writtenID, writtenParts, false); err != nil {
			t.Fatal(err)
		}
		l.restart()
		test(l)
		l.Close()
		engine.Close()
	})
}

// restart stops the coordinator, if one runs, and starts another on what is stored.
func (l *lab) restart() {
	if l.Coordinator != nil {
		l.Close()
	}
	l.starts++
	c := l.config
	c.Epoch = l.starts
	store := state.NewTransactionTopic(l.engine, l.topics, state.TopicConfig{Partitions: 4})
	l.Coordinator = NewCoordinator(store, l, NewProducers(l.ids, 0), c)
	l.Start()
}

// WriteMarkers implements Markers.
func (l *lab) WriteMarkers(ctx context.Context, m Marker, partitions []state.TopicPartition) ([]state.TopicPartition, error) {
	l.mu.Lock()
	broke, stuck := l.broke, l.stuck
	l.mu.Unlock()
	if stuck != nil {
		select {
		case <-stuck:
		case <-ctx.Done():
			return partitions, ctx.Err()
		}
	}
	if broke != nil {
		return partitions, broke
	}
	var controls []log.Control
	for _, p := range partitions {
		controls = append(controls, log.Control{Partition: log.Partition{Topic: writtenID, Index: p.Partition}, ProducerID: m.ProducerID,
			ProducerEpoch: m.Epoch, CoordinatorEpoch: m.CoordinatorEpoch, Commit: m.Commit})
	}
	done := make(chan []log.Appended, 1)
	l.engine.AppendControl(controls, func(out []log.Appended) { done <- out })
	for _, a := range <-done {
		if a.Err != nil {
			l.t.Errorf("a marker: %v", a.Err)
		}
	}
	return nil, nil
}

func (l *lab) hinder(broke error, stuck chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broke, l.stuck = broke, stuck
}

func partOf(i int32) []state.TopicPartition {
	return []state.TopicPartition{{Topic: "t", Partition: i}}
}

func (l *lab) init(id string) Identity {
	l.t.Helper()
	for {
		who, err := l.Init(l.t.Context(), id, nobody, 60_000)
		if errors.Is(err, ErrConcurrent) || errors.Is(err, ErrLoading) {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if err != nil {
			l.t.Fatalf("init %s: %v", id, err)
		}
		return who
	}
}

// write appends one record in a transaction of transaction.version 2.
func (l *lab) write(id string, who Identity, p, sequence int32, value string) error {
	release, err := l.Enter(l.t.Context(), id, Add{who, partOf(p), 2})
	if err != nil {
		return err
	}
	defer release()
	return l.append(who, p, sequence, value)
}

func (l *lab) append(who Identity, p, sequence int32, value string) error {
	b := record.Builder{Producer: &record.Producer{ID: who.ProducerID, Epoch: who.Epoch, Sequence: sequence}, Transactional: true}
	b.Add(record.KV(1, nil, []byte(value)))
	done := make(chan error, 1)
	l.engine.Append([]log.Batch{{Partition: log.Partition{Topic: writtenID, Index: p}, Bytes: b.Build()}},
		func(out []log.Appended) { done <- out[0].Err })
	return <-done
}

func (l *lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) wantErr(what string, err, want error) {
	l.t.Helper()
	if !errors.Is(err, want) {
		l.t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func (l *lab) wantStatus(id string, want state.TransactionStatus) {
	l.t.Helper()
	if got, err := l.Describe(l.t.Context(), id); err != nil || got.Status != want {
		l.t.Errorf("%s is %v, %v, want %v", id, got.Status, err, want)
	}
}

// open is how far a partition is not stable.
func (l *lab) open(p int32) int64 {
	l.t.Helper()
	b, err := l.engine.Bounds(log.Partition{Topic: writtenID, Index: p})
	l.must(err)
	return b.HighWatermark - b.LastStable
}

func TestCommit(t *testing.T) {
	inLab(t, func(l *lab) {
		who := l.init("x")
		l.must(l.write("x", who, 0, 0, "a"))
		l.must(l.write("x", who, 1, 0, "b"))
		if l.open(0) != 1 || l.open(1) != 1 {
			t.Error("the transaction is not open")
		}
		next, err := l.End(l.t.Context(), "x", End{Identity: who, Commit: true, Version: 2})
		l.must(err)
		// The markers are there when the end is answered.
		if l.open(0) != 0 || l.open(1) != 0 {
			t.Error("the transaction is open after its end was answered")
		}
		l.wantStatus("x", state.TransactionCompleteCommit)
		l.wantErr("the old epoch", l.write("x", who, 0, 1, "c"), ErrFenced)
		l.must(l.write("x", next, 0, 0, "d"))
		l.restart()
		l.must(l.write("x", next, 0, 1, "e"))
		l.wantStatus("x", state.TransactionOngoing)
		_, err = l.End(l.t.Context(), "nobody", End{Identity: who, Version: 2})
		l.wantErr("a transactional id that nobody has", err, ErrUnknownID)
	})
}

// TestResume: a coordinator that stops between the outcome and the markers goes on at the next start.
func TestResume(t *testing.T) {
	for _, commit := range []bool{true, false} {
		inLab(t, func(l *lab) {
			who := l.init("x")
			l.must(l.write("x", who, 0, 0, "a"))
			l.must(l.write("x", who, 2, 0, "b"))
			l.hinder(nil, make(chan struct{}))
			l.config.EndWait = time.Second
			_, err := l.End(l.t.Context(), "x", End{Identity: who, Commit: commit, Version: 2})
			l.must(err) // it is decided
			if l.open(0) != 1 {
				t.Fatal("the marker was written")
			}
			_, err = l.Init(l.t.Context(), "x", nobody, 1000)
			l.wantErr("while markers are written", err, ErrConcurrent)
			l.restart()
			l.hinder(nil, nil)
			l.restart()
			synctest.Wait()
			time.Sleep(time.Second)
			if l.open(0) != 0 || l.open(2) != 0 {
				t.Error("the transaction is still open after a restart")
			}
			want := state.TransactionCompleteAbort
			if commit {
				want = state.TransactionCompleteCommit
			}
			l.wantStatus("x", want)
		})
	}
}

// TestMarkersAreTriedAgain, until they are there.
func TestMarkersAreTriedAgain(t *testing.T) {
	inLab(t, func(l *lab) {
		who := l.init("x")
		l.must(l.write("x", who, 0, 0, "a"))
		l.hinder(errors.New("the disk is full"), nil)
		began := time.Now()
		next, err := l.End(l.t.Context(), "x", End{Identity: who, Commit: true, Version: 2})
		l.must(err)
		if took := time.Since(began); took < 4*time.Second {
			t.Errorf("answered after %v", took)
		}
		l.wantErr("while the markers are missing", l.write("x", next, 0, 0, "b"), ErrConcurrent)
		l.hinder(nil, nil)
		time.Sleep(lastRetry + time.Second)
		l.wantStatus("x", state.TransactionCompleteCommit)
		l.must(l.write("x", next, 0, 0, "b"))
	})
}

// TestLateWrite: what has entered gets its place before the marker does, and nothing enters behind the outcome.
func TestLateWrite(t *testing.T) {
	inLab(t, func(l *lab) {
		who := l.init("x")
		l.must(l.Add(l.t.Context(), "x", Add{who, partOf(0), 0}))
		release, err := l.Enter(l.t.Context(), "x", Add{who, partOf(0), 0})
		l.must(err)
		_, err = l.Enter(l.t.Context(), "x", Add{who, partOf(1), 0})
		l.wantErr("a partition that has not joined", err, ErrNotPart)
		ended := make(chan error, 1)
		go func() {
			_, err := l.End(l.t.Context(), "x", End{Identity: who, Commit: true})
			ended <- err
		}()
		time.Sleep(time.Second)
		l.wantStatus("x", state.TransactionPrepareCommit)
		l.wantErr("behind the outcome", l.Verify(l.t.Context(), "x", Verify{who, partOf(0)}), ErrConcurrent)
		l.must(l.append(who, 0, 0, "late"))
		release()
		l.must(<-ended)
		if l.open(0) != 0 {
			t.Error("the late write hangs")
		}
	})
}

// TestJoinWaits a moment for the transaction before to be complete.
func TestJoinWaits(t *testing.T) {
	inLab(t, func(l *lab) {
		l.config.EndWait, l.config.JoinWait = time.Millisecond, 100*time.Millisecond
		l.restart()
		who := l.init("x")
		l.must(l.write("x", who, 0, 0, "a"))
		stuck := make(chan struct{})
		l.hinder(nil, stuck)
		next, err := l.End(l.t.Context(), "x", End{Identity: who, Commit: true, Version: 2})
		l.must(err)
		l.wantErr("too early", l.write("x", next, 0, 0, "b"), ErrConcurrent)
		time.AfterFunc(50*time.Millisecond, func() { close(stuck) })
		l.must(l.write("x", next, 0, 0, "b"))
	})
}

// TestTimeout aborts a transaction whose producer went away.
func TestTimeout(t *testing.T) {
	inLab(t, func(l *lab) {
		who, err := l.Init(l.t.Context(), "x", nobody, 30_000)
		l.must(err)
		l.must(l.write("x", who, 0, 0, "a"))
		time.Sleep(25 * time.Second)
		l.restart()
		l.must(l.write("x", who, 0, 1, "b"))
		time.Sleep(20 * time.Second)
		l.wantStatus("x", state.TransactionCompleteAbort)
		if l.open(0) != 0 {
			t.Error("the transaction is still open")
		}
		l.wantErr("after the timeout", l.write("x", who, 0, 2, "c"), ErrFenced)
		for _, timeout := range []int32{0, -1, 900_001} {
			_, err := l.Init(l.t.Context(), "x", nobody, timeout)
			l.wantErr(fmt.Sprintf("a timeout of %d", timeout), err, ErrInvalidTimeout)
		}
	})
}

// TestTimeoutAfterAFailedLoad: what could not be loaded at the start is loaded later, although nobody asks for it, and aborted.
func TestTimeoutAfterAFailedLoad(t *testing.T) {
	inLab(t, func(l *lab) {
		who, err := l.Init(l.t.Context(), "x", nobody, 30_000)
		l.must(err)
		l.must(l.write("x", who, 0, 0, "a"))
		l.topics.hide(errors.New("too many open files"))
		l.restart()
		synctest.Wait()
		l.topics.hide(nil)
		time.Sleep(time.Minute)
		if l.open(0) != 0 {
			t.Error("the transaction is still open")
		}
		l.wantStatus("x", state.TransactionCompleteAbort)
	})
}

// TestNobodyWaits: of a transactional id whose client goes away before anything is stored of it, nothing is kept.
func TestNobodyWaits(t *testing.T) {
	inLab(t, func(l *lab) {
		for i := range 20 {
			l.init(fmt.Sprint(i)) // so that all shards are loaded
		}
		ctx, cancel := context.WithCancel(l.t.Context())
		cancel()
		for i := range 100 {
			_, _ = l.Init(ctx, fmt.Sprint("gone ", i), nobody, 1000)
		}
		for _, e := range l.entries() {
			if e.now() == nil {
				t.Errorf("%s is kept", e.id)
			}
		}
	})
}

func TestForget(t *testing.T) {
	inLab(t, func(l *lab) {
		l.init("x")
		time.Sleep(6 * 24 * time.Hour)
		l.init("y")
		all, err := l.List(l.t.Context(), Filter{Duration: -1})
		if l.must(err); len(all) != 2 {
			t.Errorf("%d transactional ids", len(all))
		}
		time.Sleep(2 * 24 * time.Hour)
		for range 2 {
			_, err := l.Describe(l.t.Context(), "x")
			l.wantErr("what was not used for seven days", err, ErrNotFound)
			l.wantStatus("y", state.TransactionEmpty)
			l.restart()
		}
	})
}

func TestList(t *testing.T) {
	inLab(t, func(l *lab) {
		if all, err := l.List(l.t.Context(), Filter{Duration: -1}); len(all) != 0 || err != nil {
			t.Errorf("before anything was stored: %v, %v", all, err)
		}
		_, err := l.Describe(l.t.Context(), "x")
		l.wantErr("before anything was stored", err, ErrNotFound)
		a, b := l.init("a"), l.init("b")
		l.must(l.write("b", b, 0, 0, "v"))
		time.Sleep(5 * time.Second)
		for _, tc := range []struct {
			f    Filter
			want string
		}{
			{Filter{Duration: -1}, "ab"},
			{Filter{Duration: -1, ProducerIDs: []int64{a.ProducerID}}, "a"},
			{Filter{Duration: -1, States: []state.TransactionStatus{state.TransactionOngoing}}, "b"},
			{Filter{Duration: -1, States: []state.TransactionStatus{}}, ""},
			{Filter{Duration: 2 * time.Second, States: []state.TransactionStatus{state.TransactionOngoing}}, "b"},
			{Filter{Duration: 20 * time.Second, States: []state.TransactionStatus{state.TransactionOngoing}}, ""},
		} {
			all, err := l.List(l.t.Context(), tc.f)
			got := ""
			for _, x := range all {
				got += x.ID
			}
			if got != tc.want || err != nil {
				t.Errorf("%+v: %q, %v, want %q", tc.f, got, err, tc.want)
			}
		}
	})
}

// TestUnavailable: what cannot be stored has not happened.
func TestUnavailable(t *testing.T) {
	inLab(t, func(l *lab) {
		who := l.init("x")
		l.engine.Fail(log.ErrStorage)
		_, err := l.Init(l.t.Context(), "y", nobody, 1000)
		l.wantErr("init", err, ErrUnavailable)
		l.wantErr("write", l.write("x", who, 0, 0, "a"), ErrUnavailable)
		l.engine.Fail(nil)
		_, err = l.Describe(l.t.Context(), "y")
		l.wantErr("what was not stored", err, ErrNotFound)
		l.must(l.write("x", who, 0, 0, "a"))
		l.init("y")
		l.Close()
		_, err = l.Init(l.t.Context(), "x", nobody, 1000)
		l.wantErr("after the end", err, ErrUnavailable)
	})
}
