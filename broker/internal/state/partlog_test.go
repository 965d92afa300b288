package state_test

import (
	"context"
	"os"
	"testing"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/partlog"
	"github.com/typelog/typelog/broker/internal/state"
	"github.com/typelog/typelog/broker/internal/state/statetest"
)

// TestTopicOnPartlog runs the suite on the real engine. Each time the store is opened again, the engine was shut down,
// or killed, and has read its files.
func TestTopicOnPartlog(t *testing.T) {
	for name, how := range map[string]rebooting{"shut down": {}, "killed": {killed: true}, "compacted": {compacted: true}} {
		t.Run(name, func(t *testing.T) {
			statetest.Run(t, func(t *testing.T) statetest.Opener {
				r := &rebooting{t: t, dir: t.TempDir(), killed: how.killed, compacted: how.compacted}
				t.Cleanup(r.close)
				return func() state.Store {
					r.boot()
					return state.NewTopic(r.engine, r, state.TopicConfig{Partitions: 3})
				}
			})
		})
	}
}

// rebooting holds the internal topic over an engine that can be restarted. It is what a catalogue would be.
type rebooting struct {
	t      *testing.T
	dir    string
	killed bool // the engine is not shut down: the next one gets its files as they are
	// compacted: segments are small, and each start begins with a compaction
	compacted bool
	topics    []partlog.Topic
	engine    *partlog.Engine
	starts    int32
}

func (r *rebooting) close() {
	if r.engine == nil {
		return
	}
	if err := r.engine.Close(); err != nil {
		r.t.Errorf("close: %v", err)
	}
	r.engine = nil
}

func (r *rebooting) boot() {
	r.t.Helper()
	if r.killed && r.engine != nil {
		dir := r.t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(r.dir)); err != nil {
			r.t.Fatal(err)
		}
		r.close()
		r.dir = dir
	}
	r.close()
	r.starts++
	engine, report, err := partlog.Open(partlog.Options{Dir: r.dir, Topics: r.topics, LeaderEpoch: r.starts, JournalBound: 16 << 20})
	if err != nil {
		r.t.Fatal(err)
	}
	if len(report.Stray)+len(report.Faults) > 0 {
		r.t.Fatalf("%+v", report)
	}
	r.engine = engine
	if r.compacted {
		if err := engine.Compact(); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *rebooting) FindInternal(context.Context, string) (log.TopicID, int32, error) {
	if len(r.topics) == 0 {
		return log.TopicID{}, 0, nil
	}
	return r.topics[0].ID, r.topics[0].Partitions, nil
}

func (r *rebooting) EnsureInternal(ctx context.Context, name string, n int32, _ map[string]string) (log.TopicID, int32, error) {
	if len(r.topics) == 0 {
		cfg := log.Config{SegmentBytes: 64 << 10, SegmentMs: 1 << 40, RetentionMs: -1, RetentionBytes: -1, IndexInterval: 4096, Compact: true}
		if r.compacted {
			cfg.SegmentBytes = 300
		}
		id := log.TopicID{1: 0xaa, 15: 1}
		for i := range n {
			if err := r.engine.Create(ctx, []log.Partition{{Topic: id, Index: i}}, cfg); err != nil {
				return log.TopicID{}, 0, err
			}
		}
		r.topics = []partlog.Topic{{ID: id, Partitions: n, Config: cfg}}
	}
	return r.topics[0].ID, r.topics[0].Partitions, nil
}

// TestLoadingDoesNotGrowWithTheNumberOfCommits: what a start reads is what holds, and little of what held before.
func TestLoadingDoesNotGrowWithTheNumberOfCommits(t *testing.T) {
	r := &rebooting{t: t, dir: t.TempDir(), compacted: true}
	t.Cleanup(r.close)
	r.boot()
	store := state.NewTopic(r.engine, r, state.TopicConfig{Partitions: 1})
	ctx := t.Context()
	if _, err := store.Shards(ctx, true); err != nil {
		t.Fatal(err)
	}
	epoch, err := store.Load(ctx, 0, func(state.Effect) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	const commits = 500
	done := make(chan error, commits)
	for i := range commits {
		store.Apply(0, epoch, []state.Effect{state.PutOffset{Group: "g", Offset: state.Offset{Topic: "t", Offset: int64(i), LeaderEpoch: -1}}},
			func(err error) { done <- err })
	}
	for range commits {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	r.boot()
	store = state.NewTopic(r.engine, r, state.TopicConfig{Partitions: 1})
	if _, err := store.Shards(ctx, false); err != nil {
		t.Fatal(err)
	}
	var visited int
	var last state.PutOffset
	if _, err := store.Load(ctx, 0, func(e state.Effect) error { visited++; last = e.(state.PutOffset); return nil }); err != nil {
		t.Fatal(err)
	}
	if visited > 10 || last.Offset.Offset != commits-1 {
		t.Errorf("%d records were read, the last is %+v", visited, last)
	}
}
