package group

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/log/memlog"
	"github.com/typelog/typelog/broker/internal/state"
)

// topics holds the internal topic over an engine.
type topics struct {
	engine log.Engine

	mu     sync.Mutex
	id     log.TopicID
	n      int32
	broken error
}

func (s *topics) FindInternal(context.Context, string) (log.TopicID, int32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id, s.n, nil
}

func (s *topics) EnsureInternal(ctx context.Context, name string, n int32, _ map[string]string) (log.TopicID, int32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil || s.n > 0 {
		return s.id, s.n, s.broken
	}
	s.id = log.TopicID{1}
	for i := range n {
		err := s.engine.Create(ctx, []log.Partition{{Topic: s.id, Index: i}}, log.Config{SegmentBytes: 1 << 30, RetentionMs: -1, RetentionBytes: -1, Compact: true})
		if err != nil {
			return s.id, 0, err
		}
	}
	s.n = n
	return s.id, n, nil
}

// lab is a broker's worth of groups, without the broker.
type lab struct {
	t      *testing.T
	engine *memlog.Engine
	topics *topics
	store  state.Store
	config Config
	*Coordinator
}

// inLab runs a test in a bubble of its own time.
func inLab(t *testing.T, test func(l *lab)) {
	synctest.Test(t, func(t *testing.T) {
		engine := memlog.New(memlog.Options{Delay: 5 * time.Millisecond})
		l := &lab{t: t, engine: engine, topics: &topics{engine: engine}}
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
	l.store = state.NewTopic(l.engine, l.topics, state.TopicConfig{Partitions: 5})
	l.Coordinator = NewCoordinator(l.store, l.config)
	l.Start()
}

// await waits for an answer; everything in the bubble is idle if there is none.
func await[A any](l *lab, ask func(done func(A))) A {
	l.t.Helper()
	reply := later(ask)
	select {
	case a := <-reply:
		return a
	case <-time.After(time.Hour):
		l.t.Fatal("no answer within an hour")
		panic("unreachable")
	}
}

func later[A any](ask func(done func(A))) <-chan A {
	reply := make(chan A, 1)
	ask(func(a A) { reply <- a })
	return reply
}

func joiner(id string) Join {
	return Join{MemberID: id, ClientID: "c", ProtocolType: "consumer", Protocols: []Protocol{{"range", subscription("t")}},
		Session: 10 * time.Second, Rebalance: 30 * time.Second}
}

func (l *lab) join(group, id string) Joined {
	l.t.Helper()
	return await(l, func(done func(Joined)) { l.Join(group, joiner(id), done) })
}

func (l *lab) sync(group string, j Joined, assign map[string][]byte) Synced {
	l.t.Helper()
	return await(l, func(done func(Synced)) {
		l.Sync(group, Sync{MemberID: j.MemberID, Generation: j.Generation, Assignments: assign}, done)
	})
}

func (l *lab) beat(group string, j Joined) error {
	l.t.Helper()
	return await(l, func(done func(Beaten)) {
		l.Heartbeat(group, Heartbeat{MemberID: j.MemberID, Generation: j.Generation}, done)
	}).Err
}

func at(topic string, partition int32, offset int64) state.Offset {
	return state.Offset{Topic: topic, TopicID: [16]byte{7}, Partition: partition, Offset: offset, LeaderEpoch: -1}
}

func simple(offsets ...state.Offset) Commit { return Commit{Generation: -1, Offsets: offsets} }

func (l *lab) commit(group string, c Commit) error {
	l.t.Helper()
	got := await(l, func(done func(Committed)) { l.Commit(group, c, done) })
	return errors.Join(append(got.Of, got.Err)...)
}

func (l *lab) fetch(group string) string {
	l.t.Helper()
	got := await(l, func(done func(Fetched)) { l.Fetch(group, Fetch{}, done) })
	if got.Err != nil {
		return got.Err.Error()
	}
	return offsetsText(got.Offsets)
}

func (l *lab) list() string {
	l.t.Helper()
	all, err := l.List(l.t.Context())
	if err != nil {
		return err.Error()
	}
	var texts []string
	for _, g := range all {
		texts = append(texts, g.ID+" "+g.State.String())
	}
	return strings.Join(texts, ", ")
}

func (l *lab) want(what string, got, want any) {
	l.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		l.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// stable forms a group of one.
func (l *lab) stable(group string) Joined {
	l.t.Helper()
	j := l.join(group, "")
	if s := l.sync(group, j, map[string][]byte{j.MemberID: []byte("all")}); s.Err != nil || string(s.Assignment) != "all" {
		l.t.Fatalf("sync: %+v", s)
	}
	return j
}

func TestRebalanceThroughTheStore(t *testing.T) {
	inLab(t, func(l *lab) {
		a := l.stable("g")
		second := later(func(done func(Joined)) { l.Join("g", joiner(""), done) })
		synctest.Wait()
		l.want("heartbeat", l.beat("g", a), ErrRebalancing)
		a = l.join("g", a.MemberID)
		b := <-second
		if a.Generation != 2 || b.Generation != 2 || len(a.Members) != 2 || a.Leader != a.MemberID {
			t.Fatalf("joined %+v and %+v", a, b)
		}
		bs := later(func(done func(Synced)) { l.Sync("g", Sync{MemberID: b.MemberID, Generation: 2}, done) })
		as := l.sync("g", a, map[string][]byte{a.MemberID: []byte("p0"), b.MemberID: []byte("p1")})
		l.want("assignments", string(as.Assignment)+" "+string((<-bs).Assignment), "p0 p1")
		l.want("commit", l.commit("g", Commit{MemberID: b.MemberID, Generation: 2, Offsets: []state.Offset{at("t", 1, 7)}}), nil)

		// Everything is there after a restart, and nobody has to rejoin.
		l.restart()
		l.want("list", l.list(), "g Stable")
		l.want("heartbeat of a", l.beat("g", a), nil)
		l.want("heartbeat of b", l.beat("g", b), nil)
		l.want("sync of b", string(l.sync("g", b, nil).Assignment), "p1")
		l.want("offsets", l.fetch("g"), "t/1=7")
		// Sessions end by themselves.
		time.Sleep(11 * time.Second)
		l.want("list", l.list(), "g Empty")
		l.restart()
		l.want("list", l.list(), "g Empty")
		l.want("offsets", l.fetch("g"), "t/1=7")
	})
}

func TestQuestionsCreateNothing(t *testing.T) {
	inLab(t, func(l *lab) {
		for range 2 {
			synctest.Wait()
			l.want("fetch", l.fetch("g"), "nothing")
			l.want("list", l.list(), "")
			l.want("describe", await(l, func(done func(Description)) { l.Describe("g", done) }).Err, ErrNotFound)
			l.want("delete", await(l, func(done func(Removed)) { l.Delete("g", done) }).Err, ErrNotFound)
			l.want("delete offsets", await(l, func(done func(Removed)) { l.DeleteOffsets("g", DeleteOffsets{}, done) }).Err, ErrNotFound)
			l.want("heartbeat", l.beat("g", Joined{MemberID: "m"}), ErrUnknownMember)
			l.want("sync", l.sync("g", Joined{MemberID: "m"}, nil).Err, ErrUnknownMember)
			l.want("rejoin", l.join("g", "m").Err, ErrUnknownMember)
			l.want("leave", await(l, func(done func(Left)) { l.Leave("g", Leave{Members: []Leaver{{"m", ""}}}, done) }).Of, []error{ErrUnknownMember})
			l.want("commit", l.commit("g", Commit{MemberID: "m", Generation: 3, Offsets: []state.Offset{at("t", 0, 1)}}), ErrNotFound)
			l.want("drop topic", l.DropTopic(l.t.Context(), "t", [16]byte{}), nil)
			if l.topics.n > 0 && l.list() == "" {
				return
			}
			l.want("internal topic's partitions", l.topics.n, 0)
			// The same with the topic there.
			l.want("commit", l.commit("other", simple(at("t", 0, 1))), nil)
			await(l, func(done func(Removed)) { l.Delete("other", done) })
		}
	})
}

func TestPrepareCreatesTheTopic(t *testing.T) {
	inLab(t, func(l *lab) {
		synctest.Wait()
		l.Prepare()
		l.Prepare()
		synctest.Wait()
		l.want("internal topic's partitions", l.topics.n, 5)
	})
}

func TestInvalidGroupID(t *testing.T) {
	inLab(t, func(l *lab) {
		l.want("join", l.join("", "").Err, ErrInvalidGroupID)
		l.want("sync", l.sync("", Joined{}, nil).Err, ErrInvalidGroupID)
		l.want("heartbeat", l.beat("", Joined{}), ErrInvalidGroupID)
		l.want("leave", await(l, func(done func(Left)) { l.Leave("", Leave{}, done) }).Err, ErrInvalidGroupID)
		// Simple consumers of old clients may have none.
		l.want("commit", l.commit("", simple(at("t", 0, 1))), nil)
		l.want("fetch", l.fetch(""), "t/0=1")
	})
}

// TestCommitsKeepTheirOrder: many commits of one connection, none waited for.
func TestCommitsKeepTheirOrder(t *testing.T) {
	inLab(t, func(l *lab) {
		var replies []<-chan Committed
		for i := range 500 {
			replies = append(replies, later(func(done func(Committed)) { l.Commit("g", simple(at("t", 0, int64(i))), done) }))
		}
		for _, r := range replies {
			if c := <-r; c.Err != nil {
				t.Fatal(c.Err)
			}
		}
		l.want("offset", l.fetch("g"), "t/0=499")
		l.restart()
		l.want("offset after a restart", l.fetch("g"), "t/0=499")
	})
}

func TestRemoval(t *testing.T) {
	inLab(t, func(l *lab) {
		j := l.stable("g")
		c := Commit{MemberID: j.MemberID, Generation: j.Generation, Offsets: []state.Offset{at("t", 0, 1), at("u", 0, 2), at("u", 1, 3)}}
		l.want("commit", l.commit("g", c), nil)
		l.want("commit", l.commit("h", simple(at("t", 0, 1), at("u", 0, 2))), nil)
		l.want("delete", await(l, func(done func(Removed)) { l.Delete("g", done) }).Err, ErrNotEmpty)
		d := DeleteOffsets{Partitions: []TopicPartition{{"t", 0}, {"u", 0}}}
		l.want("delete offsets", await(l, func(done func(Removed)) { l.DeleteOffsets("g", d, done) }).Of, []error{ErrSubscribed, nil})
		l.want("offsets", l.fetch("g"), "t/0=1 u/1=3")
		// Another topic of the same name is spared.
		l.want("drop topic", l.DropTopic(l.t.Context(), "u", [16]byte{9}), nil)
		l.want("offsets", l.fetch("g"), "t/0=1 u/1=3")
		l.want("drop topic", l.DropTopic(l.t.Context(), "u", [16]byte{7}), nil)
		l.want("offsets", l.fetch("g")+", "+l.fetch("h"), "t/0=1, t/0=1")
		await(l, func(done func(Left)) { l.Leave("g", Leave{Members: []Leaver{{j.MemberID, ""}}}, done) })
		l.want("list", l.list(), "g Empty, h Empty")
		l.want("delete", await(l, func(done func(Removed)) { l.Delete("g", done) }).Err, nil)
		l.want("delete again", await(l, func(done func(Removed)) { l.Delete("g", done) }).Err, ErrNotFound)
		l.restart()
		l.want("list", l.list(), "h Empty")
		l.want("offsets", l.fetch("g")+", "+l.fetch("h"), "nothing, t/0=1")
		// A group of the same name begins anew.
		l.want("generation", l.stable("g").Generation, 1)
	})
}

func TestLargeGroupIsRemovedInParts(t *testing.T) {
	inLab(t, func(l *lab) {
		for part := range 3 {
			var c Commit
			c.Generation = -1
			for i := range 900 {
				c.Offsets = append(c.Offsets, at("t", int32(900*part+i), 1))
			}
			l.want("commit", l.commit("g", c), nil)
		}
		l.want("delete", await(l, func(done func(Removed)) { l.Delete("g", done) }).Err, nil)
		l.restart()
		l.want("offsets", l.fetch("g"), "nothing")
		l.want("list", l.list(), "")
	})
}

func TestRetentionInTheBackground(t *testing.T) {
	inLab(t, func(l *lab) {
		l.config.Retention, l.config.CheckInterval = time.Hour, 10*time.Minute
		l.restart()
		l.want("commit", l.commit("g", simple(at("t", 0, 1))), nil)
		time.Sleep(50 * time.Minute)
		l.want("commit", l.commit("g", simple(at("t", 1, 1))), nil)
		time.Sleep(21 * time.Minute)
		l.want("offsets", l.fetch("g"), "t/1=1")
		time.Sleep(time.Hour)
		l.want("offsets", l.fetch("g"), "nothing")
		l.want("list", l.list(), "")
		l.restart()
		l.want("list after a restart", l.list(), "")
	})
}

// TestIdleGroupsAreForgotten: an id that nobody comes back with must not be remembered for ever.
func TestIdleGroupsAreForgotten(t *testing.T) {
	inLab(t, func(l *lab) {
		for i := range 100 {
			j := joiner("")
			j.NeedsID = true
			got := await(l, func(done func(Joined)) { l.Join(fmt.Sprint(i), j, done) })
			l.want("join", got.Err, ErrMemberIDRequired)
		}
		l.want("groups", len(strings.Split(l.list(), ", ")), 100)
		time.Sleep(11 * time.Second)
		l.want("list", l.list(), "")
	})
}

// TestMadeUpGroups: group ids that cost a client nothing must not cost the broker its memory.
func TestMadeUpGroups(t *testing.T) {
	inLab(t, func(l *lab) {
		j := joiner("")
		j.NeedsID = true
		refused := 0
		for i := range maxFleeting + 100 {
			got := await(l, func(done func(Joined)) { l.Join(fmt.Sprint(i), j, done) })
			if errors.Is(got.Err, ErrUnavailable) {
				refused++
			}
		}
		l.want("refused", refused, 100)
		l.want("a group that is there", await(l, func(done func(Joined)) { l.Join("7", j, done) }).Err, ErrMemberIDRequired)
		time.Sleep(11 * time.Second)
		l.want("list", l.list(), "")
		l.stable("real")
		l.want("groups of which nothing is stored", l.fleeting.Load(), 0)
		l.want("commit", l.commit("simple", simple(at("t", 0, 1))), nil)
		l.join("left", "")
		l.restart()
		l.want("groups of which nothing is stored, after a restart", l.fleeting.Load(), 0)
	})
}

// TestTakenOver: a second coordinator takes a shard over. The first notices with its next write and loads again.
func TestTakenOver(t *testing.T) {
	inLab(t, func(l *lab) {
		l.want("commit", l.commit("g", simple(at("t", 0, 1))), nil)
		other := &lab{t: t, engine: l.engine, topics: l.topics, store: l.store, Coordinator: NewCoordinator(l.store, Config{})}
		other.Start()
		l.want("the other's commit", other.commit("g", simple(at("t", 0, 2))), nil)
		l.want("commit", l.commit("g", simple(at("t", 0, 3))), ErrUnavailable)
		other.Close()
		l.want("fetch", l.fetch("g"), "t/0=2")
		l.want("commit", l.commit("g", simple(at("t", 0, 3))), nil)
		l.restart()
		l.want("fetch", l.fetch("g"), "t/0=3")
	})
}

func TestCloseAnswersWhoWaits(t *testing.T) {
	inLab(t, func(l *lab) {
		l.stable("g")
		waits := later(func(done func(Joined)) { l.Join("g", joiner(""), done) })
		synctest.Wait()
		l.Close()
		l.want("join", (<-waits).Err, ErrUnavailable)
		l.want("join after Close", l.join("g", "").Err, ErrUnavailable)
		l.want("fetch after Close", l.fetch("g"), ErrUnavailable)
		l.restart()
		l.want("list", l.list(), "g Stable")
	})
}

// TestManyGroups runs groups side by side, with the race detector in mind.
func TestManyGroups(t *testing.T) {
	inLab(t, func(l *lab) {
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				group := fmt.Sprintf("g%d", i)
				for n := range 10 {
					j := l.join(group, "")
					l.sync(group, j, nil)
					c := Commit{MemberID: j.MemberID, Generation: j.Generation, Offsets: []state.Offset{at("t", int32(i), int64(n))}}
					if err := l.commit(group, c); err != nil {
						t.Errorf("%s: %v", group, err)
					}
					await(l, func(done func(Left)) { l.Leave(group, Leave{Members: []Leaver{{j.MemberID, ""}}}, done) })
				}
			})
		}
		wg.Wait()
		l.restart()
		for i := range 20 {
			l.want("offset", l.fetch(fmt.Sprintf("g%d", i)), fmt.Sprintf("t/%d=9", i))
		}
		all, err := l.List(l.t.Context())
		if err != nil || len(all) != 20 || !slices.IsSortedFunc(all, func(a, b Listing) int { return strings.Compare(a.ID, b.ID) }) {
			t.Errorf("list: %v, %v", all, err)
		}
	})
}
