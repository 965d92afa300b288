// Package group is the classic consumer group protocol: who is a member, which generation it is, what the leader
// assigned, and which offsets are committed.
//
// Group is a pure state machine: Step takes an event and the time and returns effects (answers to requests, and changes of
// state to be stored). It does no I/O, starts no goroutine and reads no clock; scripts in testdata show what it does.
// Coordinator surrounds groups with what is not pure: timers, the state store, and waiting requests.
//
// The room must not know the protocol's encodings (api translates), nor how state is kept (package state).
//
// Flow: api -> Coordinator -> Group.Step -> state.Store; the store's answer is an event too.
//
// # States
//
//	Empty                no members; offsets may be there. Simple consumers commit here.
//	PreparingRebalance   waiting for all members to (re)join
//	CompletingRebalance  members have joined and know their generation; waiting for the leader's assignment
//	Stable               every member can get its assignment
//	Dead                 removed
//
//	Empty -join-> Preparing -all joined, or timeout-> Completing -leader syncs, stored-> Stable
//	Stable or Completing -join, leave, expiry-> Preparing -nobody left, stored-> Empty
//	Empty -delete, or nothing left to keep-> Dead
//
// Offsets that a transaction commits wait for its marker; until then whoever asks for stable offsets is told to come back.
//
// An answer that promises something (an assignment, a commit) is given only after the store has it.
//
// Sources: KIP-62 (rebalance timeout), KIP-134 (initial delay), KIP-211 (retention), KIP-345 (static members), KIP-389
// (maximum size), KIP-394 (member id required), KIP-429 (cooperative), KIP-447 (offsets in transactions), KIP-814 (skip
// assignment).
package group

import (
	"math"
	"slices"
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

// State of a group.
type State uint8

// The states, as in the package comment.
const (
	Empty State = iota
	PreparingRebalance
	CompletingRebalance
	Stable
	Dead
)

// String is the state's name in DescribeGroups and ListGroups.
func (s State) String() string {
	return [...]string{"Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"}[s]
}

// Settings are the broker settings that groups obey. Zero values mean the defaults in the comments; MinSession may be 0 if
// MaxSession is set.
type Settings struct {
	MinSession        time.Duration // group.min.session.timeout.ms, 6 s
	MaxSession        time.Duration // group.max.session.timeout.ms, 30 min
	InitialDelay      time.Duration // group.initial.rebalance.delay.ms, 0
	MaxSize           int           // group.max.size, 2147483647 members
	MaxOffsetMetadata int           // offset.metadata.max.bytes, 4096
	Retention         time.Duration // offsets.retention.minutes, 7 days
}

func (s Settings) withDefaults() Settings {
	if s.MaxSession == 0 {
		orDefault(&s.MinSession, 6*time.Second)
		s.MaxSession = 30 * time.Minute
	}
	orDefault(&s.MaxSize, math.MaxInt32)
	orDefault(&s.MaxOffsetMetadata, 4096)
	orDefault(&s.Retention, 7*24*time.Hour)
	return s
}

func orDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// Group is one group's state machine. It is used by one goroutine at a time.
type Group struct {
	id       string
	settings Settings

	state        State
	since        int64 // when it came to this state, in milliseconds since the epoch
	protocolType string
	generation   int32
	protocol     string // empty if the generation has none
	leader       string
	// kept: the store has a record of this group, or is being given one.
	kept bool

	members []*member // in order of their joining
	byID    map[string]*member
	static  map[string]*member // by instance id
	// pending holds the ids that were given out (KIP-394) and have not come back, with the time they are forgotten.
	pending map[string]time.Time

	rebalance rebalance
	// syncBy is when members of a generation that have not synced are dropped; zero if none is awaited.
	syncBy time.Time

	ledger
	writes  []*write // in the order they were given to the store; the first ones are not decided
	written uint64   // the number of writes so far

	out []Effect // of the step under way
}

// rebalance is what PreparingRebalance remembers.
type rebalance struct {
	by time.Time // when it ends, with whoever has joined
	// initial: a first generation is being formed (KIP-134): it waits for the delay even if all known members have
	// joined, and again for each delay in which one came, up to remaining.
	initial   bool
	remaining time.Duration
	newcomer  bool // since the last delay began
}

// New returns an empty group.
func New(id string, settings Settings, now time.Time) *Group {
	return &Group{
		id:       id,
		settings: settings.withDefaults(),
		since:    now.UnixMilli(),
		byID:     map[string]*member{},
		static:   map[string]*member{},
		pending:  map[string]time.Time{},
		ledger:   newLedger(),
	}
}

// Restore returns a group as the store has it: its metadata, which may be nil, and its offsets, which it keeps. Every member's session
// begins now, so that a broker's restart makes nobody rejoin.
func Restore(id string, meta *state.Group, offsets ledger, settings Settings, now time.Time) *Group {
	g := New(id, settings, now)
	g.ledger = offsets
	if meta == nil {
		return g
	}
	g.kept = true
	g.protocolType = meta.ProtocolType
	g.generation = meta.Generation
	if meta.StateTime >= 0 {
		g.since = meta.StateTime
	}
	if len(meta.Members) == 0 {
		return g
	}
	g.state = Stable
	g.protocol = meta.Protocol
	g.leader = meta.Leader
	for i := range meta.Members {
		m := restoreMember(&meta.Members[i], meta.Protocol)
		g.insert(m)
		m.alive(now)
	}
	return g
}

// State returns the group's state.
func (g *Group) State() State { return g.state }

// Idle reports that nothing would be lost if the group were forgotten.
func (g *Group) Idle() bool {
	if len(g.writes) > 0 {
		return false
	}
	if g.state == Dead {
		return true
	}
	return g.state == Empty && g.fleeting() && len(g.pending) == 0
}

// fleeting reports that nothing of the group is stored, nor on its way.
func (g *Group) fleeting() bool { return !g.kept && g.empty() }

// Step changes the group by one event and returns what is to be done about it, in order.
func (g *Group) Step(now time.Time, ev Event) []Effect {
	g.out = nil
	ev.apply(g, now)
	if g.state == PreparingRebalance && !g.rebalance.initial && g.allJoined() {
		g.completeJoin(now)
	}
	return g.out
}

// Deadline is when the group next needs a Tick; zero if it waits for nothing.
func (g *Group) Deadline() time.Time {
	var first time.Time
	earlier := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for _, by := range g.pending {
		earlier(by)
	}
	for _, m := range g.members {
		if m.canExpire() {
			earlier(m.expires)
		}
	}
	if g.state == PreparingRebalance {
		earlier(g.rebalance.by)
	}
	earlier(g.syncBy)
	return first
}

func (g *Group) become(s State, now time.Time) {
	g.state = s
	g.since = now.UnixMilli()
	if s != CompletingRebalance && s != Stable {
		g.syncBy = time.Time{}
	}
}

// reply answers a request. Token 0 is nobody.
func (g *Group) reply(to Token, answer Answer) {
	if to != 0 {
		g.out = append(g.out, Reply{to, answer})
	}
}

// snapshot is what the store keeps of the group.
func (g *Group) snapshot() state.Group {
	s := state.Group{
		ID:           g.id,
		ProtocolType: g.protocolType,
		Generation:   g.generation,
		Protocol:     g.protocol,
		Leader:       g.leader,
		StateTime:    g.since,
	}
	for _, m := range g.members {
		s.Members = append(s.Members, state.Member{
			ID:               m.id,
			InstanceID:       m.instance,
			ClientID:         m.clientID,
			ClientHost:       m.host,
			RebalanceTimeout: int32(m.rebalanceTimeout.Milliseconds()),
			SessionTimeout:   int32(m.session.Milliseconds()),
			Subscription:     m.metadata(g.protocol),
			Assignment:       m.assignment,
		})
	}
	return s
}

// insert adds a member; the first one leads.
func (g *Group) insert(m *member) {
	if g.leader == "" {
		g.leader = m.id
	}
	g.members = append(g.members, m)
	g.byID[m.id] = m
	if m.instance != "" {
		g.static[m.instance] = m
	}
}

// remove takes a member away and answers what it waits for. If it led, the longest member leads.
func (g *Group) remove(m *member, err error) {
	g.abandon(m, err)
	g.members = slices.DeleteFunc(g.members, func(o *member) bool { return o == m })
	delete(g.byID, m.id)
	if g.static[m.instance] == m {
		delete(g.static, m.instance)
	}
	if g.leader == m.id {
		g.leader = ""
		if len(g.members) > 0 {
			g.leader = g.members[0].id
		}
	}
}

// abandon answers a member's waiting requests with an error.
func (g *Group) abandon(m *member, err error) {
	g.reply(m.joining, Joined{Err: err, MemberID: m.id, Generation: noGeneration})
	g.reply(m.syncing, Synced{Err: err})
	m.joining, m.syncing = 0, 0
}

// noGeneration is the generation of whoever has none.
const noGeneration = -1
