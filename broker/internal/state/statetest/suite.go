// Package statetest says what every state.Store must do. A store's own tests call Run.
package statetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/typelog/typelog/broker/internal/state"
)

// Opener opens a store on the same data each time it is called. What was opened before is closed, or killed, first.
// Stores that lose everything when they are closed return the one that is open.
type Opener func() state.Store

// Run runs the suite. newOpener is called once for each test and returns an Opener of an empty store.
func Run(t *testing.T, newOpener func(t *testing.T) Opener) {
	tests := []struct {
		name string
		run  func(t *testing.T, open Opener)
	}{
		{"nothing stored", nothingStored},
		{"round trip", roundTrip},
		{"the last effect counts", lastCounts},
		{"removal", removal},
		{"shards are apart", shardsApart},
		{"old epochs are fenced", fenced},
		{"a load sees what was applied before", loadSees},
		{"order of one caller", order},
		{"too large is all or nothing", tooLarge},
		{"visit can stop a load", visitStops},
		{"offsets of transactions", pending},
		{"effects that do not go together", mixed},
		{"random effects", randomEffects},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) { tc.run(t, newOpener(t)) })
	}
}

// Shard is the state of a shard, as a coordinator would build it.
type Shard struct {
	Groups  map[string]state.Group
	Offsets map[string]state.Offset // by "group topic partition"
	// Pending are those of open transactions, by producer id.
	Pending map[int64]map[string]state.Offset
}

// NewShard returns an empty Shard.
func NewShard() *Shard {
	return &Shard{Groups: map[string]state.Group{}, Offsets: map[string]state.Offset{}, Pending: map[int64]map[string]state.Offset{}}
}

// Visit takes in one effect.
func (s *Shard) Visit(e state.Effect) error {
	switch e := e.(type) {
	case state.PutGroup:
		s.Groups[e.Group.ID] = e.Group
	case state.RemoveGroup:
		delete(s.Groups, e.Group)
	case state.PutOffset:
		s.Offsets[fmt.Sprintf("%s %s %d", e.Group, e.Offset.Topic, e.Offset.Partition)] = e.Offset
	case state.RemoveOffset:
		delete(s.Offsets, fmt.Sprintf("%s %s %d", e.Group, e.Topic, e.Partition))
	case state.PutPending:
		if s.Pending[e.Producer.ID] == nil {
			s.Pending[e.Producer.ID] = map[string]state.Offset{}
		}
		s.Pending[e.Producer.ID][fmt.Sprintf("%s %s %d", e.Group, e.Offset.Topic, e.Offset.Partition)] = e.Offset
	case state.EndPending:
		if e.Commit {
			maps.Copy(s.Offsets, s.Pending[e.Producer.ID])
		}
		delete(s.Pending, e.Producer.ID)
	default:
		return fmt.Errorf("unknown effect %T", e)
	}
	return nil
}

func load(t *testing.T, s state.Store, shard int) (*Shard, state.Epoch) {
	t.Helper()
	out := NewShard()
	epoch, err := s.Load(t.Context(), shard, out.Visit)
	if err != nil {
		t.Fatalf("load shard %d: %v", shard, err)
	}
	return out, epoch
}

func create(t *testing.T, s state.Store) int {
	t.Helper()
	n, err := s.Shards(t.Context(), true)
	if err != nil || n <= 0 {
		t.Fatalf("Shards(create): %d, %v", n, err)
	}
	return n
}

// reopen opens the store again, as a broker does that finds something stored.
func reopen(t *testing.T, open Opener) state.Store {
	t.Helper()
	s := open()
	if n, err := s.Shards(t.Context(), false); err != nil || n == 0 {
		t.Fatalf("Shards after opening it again: %d, %v", n, err)
	}
	return s
}

func apply(s state.Store, shard int, epoch state.Epoch, effects ...state.Effect) error {
	result := make(chan error, 1)
	s.Apply(shard, epoch, effects, func(err error) { result <- err })
	return <-result
}

func mustApply(t *testing.T, s state.Store, shard int, epoch state.Epoch, effects ...state.Effect) {
	t.Helper()
	if err := apply(s, shard, epoch, effects...); err != nil {
		t.Fatalf("apply: %v", err)
	}
}

func check(t *testing.T, s state.Store, shard int, want *Shard) {
	t.Helper()
	got, _ := load(t, s, shard)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("shard %d\n got %+v\nwant %+v", shard, got, want)
	}
}

func want(effects ...state.Effect) *Shard {
	s := NewShard()
	for _, e := range effects {
		if err := s.Visit(e); err != nil {
			panic(err)
		}
	}
	return s
}

func offset(topic string, partition int32, at int64) state.Offset {
	return state.Offset{Topic: topic, Partition: partition, Offset: at, LeaderEpoch: -1, CommitTime: 1000, ExpireTime: -1}
}

func nothingStored(t *testing.T, open Opener) {
	s := open()
	if n, err := s.Shards(t.Context(), false); n != 0 || err != nil {
		t.Errorf("Shards before anything was stored: %d, %v", n, err)
	}
	if err := apply(s, 0, 1, state.RemoveGroup{Group: "g"}); !errors.Is(err, state.ErrUnavailable) {
		t.Errorf("Apply to a shard that is not there: %v, want ErrUnavailable", err)
	}
	n := create(t, s)
	again, err := s.Shards(t.Context(), false)
	if again != n || err != nil {
		t.Errorf("Shards: %d, %v, was %d", again, err, n)
	}
	for i := range n {
		check(t, s, i, NewShard())
	}
	if _, err := s.Load(t.Context(), n, NewShard().Visit); err == nil {
		t.Errorf("there are %d shards, and one more could be loaded", n)
	}
	if n := create(t, open()); n != again {
		t.Errorf("%d shards after opening it again, were %d", n, again)
	}
}

func fullGroup() state.Group {
	return state.Group{
		ID: "group ü", ProtocolType: "consumer", Generation: 7, Protocol: "range", Leader: "m1", StateTime: 123456,
		Members: []state.Member{
			{ID: "m1", InstanceID: "static", ClientID: "c", ClientHost: "/127.0.0.1", RebalanceTimeout: 60000,
				SessionTimeout: 45000, Subscription: []byte{0, 1, 2}, Assignment: []byte("a")},
			{ID: "m2", ClientID: "", ClientHost: "/::1", RebalanceTimeout: 1, SessionTimeout: 2, Subscription: []byte{9},
				Assignment: bytes.Repeat([]byte{7}, 10_000)},
		},
	}
}

func roundTrip(t *testing.T, open Opener) {
	s := open()
	create(t, s)
	_, epoch := load(t, s, 0)
	effects := []state.Effect{
		state.PutGroup{Group: fullGroup()},
		state.PutGroup{Group: state.Group{ID: "empty", ProtocolType: "connect", Generation: 2, StateTime: -1}},
		state.PutOffset{Group: "group ü", Offset: offset("t", 0, 0)},
		state.PutOffset{Group: "group ü", Offset: state.Offset{Topic: "t", TopicID: [16]byte{1, 15: 2}, Partition: 1,
			Offset: 1 << 40, LeaderEpoch: 3, Metadata: "näh", CommitTime: 1700000000000, ExpireTime: -1}},
		state.PutOffset{Group: "", Offset: state.Offset{Topic: "t", Partition: 2, Offset: -1, LeaderEpoch: -1,
			Metadata: strings.Repeat("m", 4096), CommitTime: 5, ExpireTime: 1800000000000}},
	}
	mustApply(t, s, 0, epoch, effects...)
	check(t, s, 0, want(effects...))
	check(t, reopen(t, open), 0, want(effects...))
}

func lastCounts(t *testing.T, open Opener) {
	s := open()
	create(t, s)
	_, epoch := load(t, s, 0)
	last := []state.Effect{
		state.PutOffset{Group: "g", Offset: offset("t", 0, 3)},
		state.PutGroup{Group: state.Group{ID: "g", Generation: 3, StateTime: 1}},
	}
	mustApply(t, s, 0, epoch, state.PutOffset{Group: "g", Offset: offset("t", 0, 1)})
	mustApply(t, s, 0, epoch,
		state.PutOffset{Group: "g", Offset: offset("t", 0, 2)}, last[0],
		state.PutGroup{Group: fullGroup()}, state.RemoveGroup{Group: fullGroup().ID}, last[1])
	check(t, reopen(t, open), 0, want(last...))
}

func removal(t *testing.T, open Opener) {
	s := open()
	create(t, s)
	_, epoch := load(t, s, 0)
	stays := state.PutOffset{Group: "g", Offset: offset("t", 1, 1)}
	mustApply(t, s, 0, epoch, state.PutGroup{Group: fullGroup()}, state.PutOffset{Group: "g", Offset: offset("t", 0, 1)}, stays)
	mustApply(t, s, 0, epoch, state.RemoveGroup{Group: fullGroup().ID}, state.RemoveOffset{Group: "g", Topic: "t"},
		state.RemoveOffset{Group: "never", Topic: "was", Partition: 9})
	mustApply(t, s, 0, epoch)
	check(t, s, 0, want(stays))
	check(t, reopen(t, open), 0, want(stays))
}

func shardsApart(t *testing.T, open Opener) {
	s := open()
	n := create(t, s)
	for i := range n {
		_, epoch := load(t, s, i)
		mustApply(t, s, i, epoch, state.PutOffset{Group: "g", Offset: offset("t", 0, int64(i))})
	}
	s = reopen(t, open)
	for i := range n {
		check(t, s, i, want(state.PutOffset{Group: "g", Offset: offset("t", 0, int64(i))}))
	}
}

func fenced(t *testing.T, open Opener) {
	s := open()
	create(t, s)
	kept := state.PutOffset{Group: "g", Offset: offset("t", 0, 1)}
	_, old := load(t, s, 0)
	mustApply(t, s, 0, old, kept)
	_, epoch := load(t, s, 0)
	if epoch <= old {
		t.Fatalf("epoch %d after %d", epoch, old)
	}
	if err := apply(s, 0, old, state.PutOffset{Group: "g", Offset: offset("t", 0, 2)}); !errors.Is(err, state.ErrFenced) {
		t.Errorf("Apply under an old epoch: %v, want ErrFenced", err)
	}
	check(t, s, 0, want(kept))
}

// loadSees takes a shard over while its former coordinator is writing: whatever was answered as applied is seen.
func loadSees(t *testing.T, open Opener) {
	s := open()
	create(t, s)
	for round := range 20 {
		_, epoch := load(t, s, 0)
		var (
			mu      sync.Mutex
			applied = map[int32]bool{}
			writers sync.WaitGroup
		)
		for w := range 4 {
			writers.Go(func() {
				for i := range 5 {
					p := int32(w*5 + i)
					if apply(s, 0, epoch, state.PutOffset{Group: "g", Offset: offset("t", p, int64(round))}) == nil {
						mu.Lock()
						applied[p] = true
						mu.Unlock()
					}
				}
			})
		}
		got, _ := load(t, s, 0)
		mu.Lock()
		before := maps.Clone(applied)
		mu.Unlock()
		writers.Wait()
		final, _ := load(t, s, 0)
		for p := range before {
			if o := final.Offsets[fmt.Sprintf("g t %d", p)]; o.Offset != int64(round) {
				t.Fatalf("round %d: partition %d was applied and is lost: %+v", round, p, o)
			}
		}
		// Nothing of the old epoch comes in behind the load.
		if !reflect.DeepEqual(got, final) {
			t.Fatalf("round %d: an old epoch wrote behind a load", round)
		}
	}
}

func order(t *testing.T, open Opener) {
	s := open()
	create(t, s)
	_, epoch := load(t, s, 0)
	const n = 200
	results := make(chan error, n)
	for i := range n {
		s.Apply(0, epoch, []state.Effect{state.PutOffset{Group: "g", Offset: offset("t", 0, int64(i))}}, func(err error) { results <- err })
	}
	for range n {
		if err := <-results; err != nil {
			t.Fatal(err)
		}
	}
	check(t, reopen(t, open), 0, want(state.PutOffset{Group: "g", Offset: offset("t", 0, n-1)}))
}

func tooLarge(t *testing.T, open Opener) {
	s := open()
	create(t, s)
	_, epoch := load(t, s, 0)
	var effects []state.Effect
	metadata := strings.Repeat("x", 30_000)
	for i := range 2000 {
		o := offset("t", int32(i), 1)
		o.Metadata = metadata
		effects = append(effects, state.PutOffset{Group: "g", Offset: o})
	}
	if err := apply(s, 0, epoch, effects...); !errors.Is(err, state.ErrTooLarge) {
		t.Errorf("60 MB in one change: %v, want ErrTooLarge", err)
	}
	check(t, s, 0, NewShard())
	_, epoch = load(t, s, 0)
	// 7.5 MB are more than any request to commit or to sync can bring.
	mustApply(t, s, 0, epoch, effects[:250]...)
	check(t, reopen(t, open), 0, want(effects[:250]...))
}

func visitStops(t *testing.T, open Opener) {
	s := open()
	create(t, s)
	_, epoch := load(t, s, 0)
	mustApply(t, s, 0, epoch, state.PutOffset{Group: "g", Offset: offset("t", 0, 1)})
	stop := errors.New("stop")
	if _, err := s.Load(t.Context(), 0, func(state.Effect) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("Load: %v, want the visitor's error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Load(ctx, 0, NewShard().Visit); err == nil {
		t.Error("Load went on although its context had ended")
	}
	if err := apply(s, 0, epoch, state.RemoveGroup{Group: "g"}); !errors.Is(err, state.ErrFenced) {
		t.Errorf("Apply under the epoch before loads that failed: %v, want ErrFenced", err)
	}
}

func randomEffects(t *testing.T, open Opener) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	s := open()
	n := create(t, s)
	model := make([]*Shard, n)
	epochs := make([]state.Epoch, n)
	for i := range n {
		model[i] = NewShard()
		_, epochs[i] = load(t, s, i)
	}
	for range 5 {
		for range 40 {
			i := r.IntN(n)
			var effects []state.Effect
			for range 1 + r.IntN(6) {
				effects = append(effects, randomEffect(r))
			}
			mustApply(t, s, i, epochs[i], effects...)
			for _, e := range effects {
				if err := model[i].Visit(e); err != nil {
					t.Fatal(err)
				}
			}
		}
		s = open()
		create(t, s)
		for i := range n {
			check(t, s, i, model[i])
			_, epochs[i] = load(t, s, i)
		}
	}
}

func randomEffect(r *rand.Rand) state.Effect {
	id := fmt.Sprintf("g%d", r.IntN(3))
	topic, partition := fmt.Sprintf("t%d", r.IntN(2)), int32(r.IntN(3))
	switch r.IntN(6) {
	case 0:
		return state.RemoveGroup{Group: id}
	case 1:
		return state.RemoveOffset{Group: id, Topic: topic, Partition: partition}
	case 2, 3:
		g := fullGroup()
		g.ID, g.Generation = id, r.Int32()
		g.Members = slices.Clone(g.Members[:1+r.IntN(2)])
		return state.PutGroup{Group: g}
	}
	o := offset(topic, partition, r.Int64N(1<<50))
	if r.IntN(2) == 0 {
		o.TopicID = [16]byte{byte(1 + r.IntN(200))}
	}
	return state.PutOffset{Group: id, Offset: o}
}

func pending(t *testing.T, open Opener) {
	s := open()
	create(t, s)
	_, epoch := load(t, s, 0)
	put := func(producer int64, partition int32, at int64) state.Effect {
		return state.PutPending{Producer: state.Producer{ID: producer}, Group: "g", Offset: offset("t", partition, at)}
	}
	effects := [][]state.Effect{
		{state.PutOffset{Group: "g", Offset: offset("t", 0, 1)}},
		{put(7, 0, 10), put(7, 1, 20)},
		{put(8, 2, 30)},
		{put(7, 0, 11)}, // a transaction may commit a partition again
		{state.EndPending{Producer: state.Producer{ID: 7}, Commit: true}},
		{put(7, 1, 21)},
		{state.EndPending{Producer: state.Producer{ID: 8, Epoch: 1}}},
		{put(9, 4, 40)},
	}
	model := NewShard()
	for _, change := range effects {
		mustApply(t, s, 0, epoch, change...)
		for _, e := range change {
			if err := model.Visit(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	fenced := state.PutPending{Producer: state.Producer{ID: 8}, Group: "g", Offset: offset("t", 2, 31)}
	if err := apply(s, 0, epoch, fenced); !errors.Is(err, state.ErrProducerFenced) {
		t.Errorf("a fenced producer: %v", err)
	}
	if err := apply(s, 0, epoch, state.EndPending{Producer: state.Producer{ID: 8}, Commit: true}); !errors.Is(err, state.ErrProducerFenced) {
		t.Errorf("the end of a fenced producer's transaction: %v", err)
	}
	check(t, s, 0, model)
	s = reopen(t, open)
	check(t, s, 0, model)
	_, epoch = load(t, s, 0)
	end := state.EndPending{Producer: state.Producer{ID: 9}, Commit: true}
	mustApply(t, s, 0, epoch, end)
	if err := model.Visit(end); err != nil {
		t.Fatal(err)
	}
	check(t, reopen(t, open), 0, model)
}

func mixed(t *testing.T, open Opener) {
	s := open()
	create(t, s)
	_, epoch := load(t, s, 0)
	plain := state.PutOffset{Group: "g", Offset: offset("t", 0, 1)}
	one := state.PutPending{Producer: state.Producer{ID: 1}, Group: "g", Offset: offset("t", 0, 1)}
	two := state.PutPending{Producer: state.Producer{ID: 2}, Group: "g", Offset: offset("t", 0, 1)}
	end := state.EndPending{Producer: state.Producer{ID: 1}}
	for _, effects := range [][]state.Effect{{plain, one}, {one, plain}, {one, two}, {end, plain}, {one, end}, {end, end}} {
		if err := apply(s, 0, epoch, effects...); err == nil {
			t.Errorf("%T and %T were one change", effects[0], effects[1])
		}
	}
	check(t, s, 0, NewShard())
}
