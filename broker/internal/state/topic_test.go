package state_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/log/memlog"
	"github.com/typelog/typelog/broker/internal/record"
	"github.com/typelog/typelog/broker/internal/state"
	"github.com/typelog/typelog/broker/internal/state/statetest"
)

// topics holds internal topics over an engine.
type topics struct {
	engine log.Engine

	mu      sync.Mutex
	id      log.TopicID
	n       int32
	configs map[string]string
}

func (s *topics) FindInternal(context.Context, string) (log.TopicID, int32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id, s.n, nil
}

func (s *topics) EnsureInternal(ctx context.Context, name string, n int32, configs map[string]string) (log.TopicID, int32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n > 0 {
		return s.id, s.n, nil
	}
	id := log.TopicID{1: 0xaa, 15: 1}
	var parts []log.Partition
	for i := range n {
		parts = append(parts, log.Partition{Topic: id, Index: i})
	}
	if err := s.engine.Create(ctx, parts, log.Config{SegmentBytes: 1 << 20, SegmentMs: 1 << 40, RetentionMs: -1, RetentionBytes: -1,
		IndexInterval: 4096, Compact: true}); err != nil {
		return log.TopicID{}, 0, err
	}
	s.id, s.n, s.configs = id, n, configs
	return id, n, nil
}

func TestTopicOnMemlog(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Millisecond} {
		t.Run(fmt.Sprintf("commits after %s", delay), func(t *testing.T) {
			statetest.Run(t, func(t *testing.T) statetest.Opener {
				engine := memlog.New(memlog.Options{Delay: delay})
				t.Cleanup(func() { engine.Close() })
				held := &topics{engine: engine}
				return func() state.Store { return state.NewTopic(engine, held, state.TopicConfig{Partitions: 3}) }
			})
		})
	}
}

func TestTopicIsCreatedAsKafkaDoes(t *testing.T) {
	engine := memlog.New(memlog.Options{})
	defer engine.Close()
	held := &topics{engine: engine}
	n, err := state.NewTopic(engine, held, state.TopicConfig{}).Shards(t.Context(), true)
	if err != nil || n != 50 {
		t.Fatalf("%d shards, %v, want Kafka's 50", n, err)
	}
	want := map[string]string{"cleanup.policy": "compact", "compression.type": "producer", "segment.bytes": "104857600"}
	if fmt.Sprint(held.configs) != fmt.Sprint(want) {
		t.Errorf("created with %v, want %v", held.configs, want)
	}
	// The number of partitions is that of the topic, whatever the setting says later.
	n, err = state.NewTopic(engine, held, state.TopicConfig{Partitions: 7}).Shards(t.Context(), true)
	if err != nil || n != 50 {
		t.Errorf("%d shards, %v, want the topic's 50", n, err)
	}
}

func TestTransactionTopic(t *testing.T) {
	engine := memlog.New(memlog.Options{})
	defer engine.Close()
	held := &topics{engine: engine}
	s := state.NewTransactionTopic(engine, held, state.TopicConfig{})
	if n, err := s.Shards(t.Context(), true); err != nil || n != 50 {
		t.Fatalf("%d shards, %v, want Kafka's 50", n, err)
	}
	if want := map[string]string{"cleanup.policy": "compact", "compression.type": "uncompressed", "segment.bytes": "104857600"}; fmt.Sprint(held.configs) != fmt.Sprint(want) {
		t.Errorf("created with %v, want %v", held.configs, want)
	}
	full := state.Transaction{ID: "x", ProducerID: 4, PreviousProducerID: 3, NextProducerID: 5, Epoch: 32767, LastEpoch: -1, Timeout: 1000,
		Status: state.TransactionPrepareCommit, Partitions: []state.TopicPartition{{Topic: "t", Partition: 2}}, Started: 1, Updated: 2, Version: 2}
	epoch, err := s.Load(t.Context(), 0, func(state.Effect) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	for _, e := range []state.Effect{state.PutTransaction{Transaction: state.Transaction{ID: "y"}}, state.PutTransaction{Transaction: full},
		state.RemoveTransaction{ID: "y"}} {
		s.Apply(0, epoch, []state.Effect{e}, func(err error) { done <- err })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]state.Transaction{}
	_, err = s.Load(t.Context(), 0, func(e state.Effect) error {
		switch e := e.(type) {
		case state.PutTransaction:
			got[e.Transaction.ID] = e.Transaction
		case state.RemoveTransaction:
			delete(got, e.ID)
		}
		return nil
	})
	if err != nil || len(got) != 1 || !reflect.DeepEqual(got["x"], full) {
		t.Errorf("loaded %+v, %v, want %+v", got, err, full)
	}
}

func store(t *testing.T) (*state.Topic, *memlog.Engine, log.Partition) {
	t.Helper()
	engine := memlog.New(memlog.Options{})
	t.Cleanup(func() { engine.Close() })
	held := &topics{engine: engine}
	s := state.NewTopic(engine, held, state.TopicConfig{Partitions: 1})
	if _, err := s.Shards(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	return s, engine, log.Partition{Topic: held.id, Index: 0}
}

func appendTo(t *testing.T, engine *memlog.Engine, p log.Partition, records ...record.Record) {
	t.Helper()
	result := make(chan error, 1)
	engine.Append([]log.Batch{{Partition: p, Bytes: record.Of(records...)}}, func(out []log.Appended) { result <- out[0].Err })
	if err := <-result; err != nil {
		t.Fatal(err)
	}
}

// What is not ours is skipped; what is ours and cannot be read stops the load: a group's state must never be forgotten
// because a record was damaged or is from a newer version.
func TestLoadOfForeignRecords(t *testing.T) {
	group := []byte{0, 2, 0, 1, 'g'}
	for _, tc := range []struct {
		name       string
		key, value []byte
		ok         bool
	}{
		{"a consumer group of KIP-848", []byte{0, 3, 0, 1, 'g'}, []byte{0, 0, 1, 2, 3}, true},
		{"no key", nil, []byte{1}, false},
		{"a short key", []byte{0}, []byte{1}, false},
		{"a cut key", []byte{0, 2, 0, 9, 'g'}, []byte{1}, false},
		{"an empty value", group, []byte{}, false},
		{"a value from the future", group, []byte{0, 5, 0, 0}, false},
		{"a cut value", group, []byte{0, 3, 0, 8, 'c'}, false},
		{"members that cannot be there", group, []byte{0, 3, 0, 0, 0, 0, 0, 1, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 255, 255, 255}, false},
		{"a tombstone", group, nil, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, engine, p := store(t)
			appendTo(t, engine, p, record.KV(1, tc.key, tc.value))
			_, err := s.Load(t.Context(), 0, statetest.NewShard().Visit)
			if tc.ok != (err == nil) {
				t.Errorf("load: %v", err)
			}
		})
	}
}

// TestLoadOfOldVersions reads what old brokers have written, as when a directory is taken over.
func TestLoadOfOldVersions(t *testing.T) {
	s, engine, p := store(t)
	key := []byte{0, 1, 0, 1, 'g', 0, 1, 't', 0, 0, 0, 5}
	v0 := []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 42, 0, 1, 'm', 0, 0, 0, 0, 0, 0, 3, 232}
	v1 := append(append([]byte{0, 1}, v0[2:]...), 0, 0, 0, 0, 0, 0, 7, 208)
	for _, tc := range []struct {
		value []byte
		want  state.Offset
	}{
		{v0, state.Offset{Topic: "t", Partition: 5, Offset: 42, Metadata: "m", CommitTime: 1000, ExpireTime: -1, LeaderEpoch: -1}},
		{v1, state.Offset{Topic: "t", Partition: 5, Offset: 42, Metadata: "m", CommitTime: 1000, ExpireTime: 2000, LeaderEpoch: -1}},
	} {
		appendTo(t, engine, p, record.KV(1, key, tc.value))
		got := statetest.NewShard()
		if _, err := s.Load(t.Context(), 0, got.Visit); err != nil {
			t.Fatal(err)
		}
		if got.Offsets["g t 5"] != tc.want {
			t.Errorf("got %+v, want %+v", got.Offsets["g t 5"], tc.want)
		}
	}
}

// TestEngineFails: what the engine refuses is not applied, and says so.
func TestEngineFails(t *testing.T) {
	s, engine, _ := store(t)
	epoch, err := s.Load(t.Context(), 0, statetest.NewShard().Visit)
	if err != nil {
		t.Fatal(err)
	}
	engine.Close()
	result := make(chan error, 1)
	s.Apply(0, epoch, []state.Effect{state.RemoveGroup{Group: "g"}}, func(err error) { result <- err })
	if err := <-result; !errors.Is(err, state.ErrUnavailable) {
		t.Errorf("Apply on a closed engine: %v, want ErrUnavailable", err)
	}
}
