package group

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

// TestRandomEvents throws events at a group in any order, with writes that are decided late or fail, and restarts. It
// checks what must hold whatever happens.
func TestRandomEvents(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for i := range uint64(150) {
		r := &chaos{
			t: t, rand: rand.New(rand.NewPCG(seed, i)), now: time.UnixMilli(1_000_000),
			store: kept{offsets: map[TopicPartition]state.Offset{}}, waiting: map[Token]string{},
		}
		if r.rand.IntN(3) == 0 {
			r.settings.InitialDelay = 3 * time.Second
		}
		if r.rand.IntN(3) == 0 {
			r.settings.MaxSize = 3
		}
		r.group = New("g", r.settings, r.now)
		for range 300 {
			r.round()
			r.check()
		}
		r.settle()
		if t.Failed() {
			t.Fatalf("group %d", i)
		}
	}
}

type chaos struct {
	t        *testing.T
	rand     *rand.Rand
	now      time.Time
	settings Settings
	group    *Group
	store    kept
	inStore  []Write // not applied yet; applied in order
	outcomes []Written
	waiting  map[Token]string
	last     Token
	ids      []string // that were ever handed out
	trace    []string
}

func (r *chaos) token(what string) Token {
	r.last++
	r.waiting[r.last] = what
	return r.last
}

func (r *chaos) step(ev Event) {
	r.trace = append(r.trace, fmt.Sprintf("%v %T%+v", r.now.UnixMilli(), ev, ev))
	for _, e := range r.group.Step(r.now, ev) {
		switch e := e.(type) {
		case Reply:
			if _, ok := r.waiting[e.To]; !ok {
				r.fail("request %d was answered twice, or never asked", e.To)
			}
			delete(r.waiting, e.To)
			if j, ok := e.Answer.(Joined); ok && j.MemberID != "" {
				r.ids = append(r.ids, j.MemberID)
			}
		case Write:
			r.inStore = append(r.inStore, e)
		}
	}
}

func (r *chaos) fail(format string, args ...any) {
	r.t.Helper()
	if !r.t.Failed() {
		for _, line := range r.trace[max(0, len(r.trace)-30):] {
			r.t.Log(line)
		}
	}
	r.t.Errorf(format, args...)
}

func (r *chaos) id() string {
	if len(r.ids) == 0 || r.rand.IntN(10) == 0 {
		return "nobody"
	}
	return r.ids[max(0, len(r.ids)-1-r.rand.IntN(5))]
}

func (r *chaos) instance() string {
	if r.rand.IntN(3) > 0 {
		return ""
	}
	return fmt.Sprintf("i%d", r.rand.IntN(2))
}

func (r *chaos) generation() int32 { return r.group.generation - int32(r.rand.IntN(8)/7) }

func (r *chaos) round() {
	switch r.rand.IntN(16) {
	case 0, 1, 2:
		r.join("")
	case 3, 4, 5:
		r.join(r.id())
	case 6, 7, 8:
		id := r.id()
		if r.rand.IntN(2) == 0 && r.group.leader != "" {
			id = r.group.leader
		}
		s := Sync{Token: r.token("sync"), MemberID: id, InstanceID: r.instanceOf(id), Generation: r.generation(), Assignments: map[string][]byte{}}
		for _, m := range r.group.members {
			s.Assignments[m.id] = []byte(m.id)
		}
		r.step(s)
	case 9:
		id := r.id()
		r.step(Heartbeat{r.token("heartbeat"), id, r.instanceOf(id), r.generation()})
	case 10:
		r.step(Leave{r.token("leave"), []Leaver{{r.id(), ""}, {"", r.instance()}}})
	case 11:
		c := Commit{Token: r.token("commit"), MemberID: r.id(), Generation: r.generation()}
		if r.rand.IntN(2) == 0 {
			c.MemberID, c.Generation = "", -1
		}
		for range 1 + r.rand.IntN(3) {
			c.Offsets = append(c.Offsets, state.Offset{Topic: "t", Partition: r.rand.Int32N(3), Offset: int64(r.last)})
		}
		r.step(c)
	case 12:
		r.rare()
	case 13:
		r.wait(time.Duration(r.rand.IntN(4000)) * time.Millisecond)
	default:
		r.decide()
	}
}

func (r *chaos) rare() {
	switch r.rand.IntN(8) {
	case 0:
		r.step(Delete{r.token("delete")})
	case 1:
		r.step(DeleteOffsets{r.token("delete offsets"), []TopicPartition{{"t", r.rand.Int32N(3)}, {"u", 0}}})
	case 2:
		r.step(DropTopic{Token: r.token("drop topic"), Topic: "t"})
	case 3:
		r.now = r.now.Add(8 * 24 * time.Hour)
		r.wait(0)
		r.step(Expire{})
	case 4:
		r.restart()
	case 5:
		r.step(Fetch{Token: r.token("fetch")})
	case 6:
		r.step(Describe{r.token("describe")})
	case 7:
		r.wait(time.Minute)
	}
}

func (r *chaos) instanceOf(id string) string {
	if m := r.group.byID[id]; m != nil && r.rand.IntN(8) > 0 {
		return m.instance
	}
	return r.instance()
}

func (r *chaos) join(id string) {
	j := Join{
		Token: r.token("join"), MemberID: id, NewMemberID: fmt.Sprintf("m%d", r.last), InstanceID: r.instanceOf(id),
		ProtocolType: "consumer", Session: 10 * time.Second, Rebalance: time.Duration(1+r.rand.IntN(20)) * time.Second,
		NeedsID: r.rand.IntN(2) == 0, CanSkip: r.rand.IntN(2) == 0,
	}
	for _, p := range [][]string{{"range"}, {"sticky", "range"}, {"range", "sticky"}}[r.rand.IntN(3)] {
		j.Protocols = append(j.Protocols, Protocol{p, subscription("t")})
	}
	r.step(j)
}

// decide lets the store work: it applies the next write or refuses it, or an outcome arrives, not always in order.
func (r *chaos) decide() {
	if len(r.inStore) > 0 && r.rand.IntN(3) > 0 {
		w := r.inStore[0]
		r.inStore = r.inStore[1:]
		if r.rand.IntN(10) == 0 {
			r.outcomes = append(r.outcomes, Written{w.ID, state.ErrUnavailable})
			return
		}
		for _, e := range w.Effects {
			r.store.apply(e)
		}
		r.outcomes = append(r.outcomes, Written{w.ID, nil})
		return
	}
	if len(r.outcomes) > 0 {
		i := r.rand.IntN(min(2, len(r.outcomes)))
		o := r.outcomes[i]
		r.outcomes = slices.Delete(r.outcomes, i, i+1)
		r.step(o)
	}
}

func (r *chaos) restart() {
	r.trace = append(r.trace, "restart")
	clear(r.waiting)
	r.inStore, r.outcomes = nil, nil
	r.group = r.store.restore(r.settings, r.now)
	r.step(Restored{})
}

func (r *chaos) wait(d time.Duration) {
	until := r.now.Add(d)
	for range 1000 {
		at := r.group.Deadline()
		if at.IsZero() || at.After(until) {
			r.now = until
			return
		}
		if at.After(r.now) {
			r.now = at
		}
		r.step(Tick{})
		r.check()
	}
	r.fail("after 1000 ticks the group is still due at %v, now %v", r.group.Deadline(), r.now)
}

// check holds the group to what is true in every state.
func (r *chaos) check() {
	g := r.group
	if len(g.members) != len(g.byID) {
		r.fail("%d members, %d by id", len(g.members), len(g.byID))
	}
	static := 0
	for _, m := range g.members {
		if g.byID[m.id] != m {
			r.fail("%s is not found by its id", m.id)
		}
		if m.instance != "" {
			static++
			if g.static[m.instance] != m {
				r.fail("%s is not found by its instance", m.id)
			}
		}
		if m.joining != 0 && g.state != PreparingRebalance {
			r.fail("%s waits for a rebalance in %s", m.id, g.state)
		}
		if m.syncing != 0 && g.state != CompletingRebalance {
			r.fail("%s waits for its assignment in %s", m.id, g.state)
		}
		if _, ok := g.pending[m.id]; ok {
			r.fail("%s is a member and pending", m.id)
		}
	}
	if static != len(g.static) {
		r.fail("%d static members, %d by instance", static, len(g.static))
	}
	if (len(g.members) == 0) != (g.leader == "") || g.leader != "" && g.byID[g.leader] == nil {
		r.fail("leader %q of %d members", g.leader, len(g.members))
	}
	if (g.state == Empty || g.state == Dead) != (len(g.members) == 0) && g.state != PreparingRebalance {
		r.fail("%s with %d members", g.state, len(g.members))
	}
	if (g.state == CompletingRebalance || g.state == Stable) && !g.allSupport(g.protocol) {
		r.fail("not all members support %s", g.protocol)
	}
	if len(r.waiting) > 0 && len(g.writes) == 0 && g.Deadline().IsZero() {
		r.fail("requests wait for nothing: %v", r.waiting)
	}
}

// settle lets everything end: the store answers, and time passes. No request may be left without an answer, and what is
// committed is what is stored.
func (r *chaos) settle() {
	for range 10 {
		for len(r.inStore) > 0 || len(r.outcomes) > 0 {
			r.decide()
		}
		r.wait(time.Hour)
	}
	if len(r.waiting) > 0 {
		r.fail("requests that were never answered: %v", r.waiting)
	}
	got := map[TopicPartition]state.Offset{}
	for at, c := range r.group.offsets {
		if !c.stored || c.pending != 0 {
			r.fail("%v is half committed: %+v", at, c)
		}
		got[at] = c.Offset
	}
	if !maps.Equal(got, r.store.offsets) {
		r.fail("the group has %v, the store %v", got, r.store.offsets)
	}
	if r.group.state == Dead && r.store.meta != nil {
		r.fail("a dead group is still stored: %+v", r.store.meta)
	}
}
