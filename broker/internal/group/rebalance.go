package group

import (
	"slices"
	"time"
)

// prepareRebalance begins to gather members for the next generation, unless that is under way.
func (g *Group) prepareRebalance(now time.Time) {
	from := g.state
	switch from {
	case PreparingRebalance, Dead:
		return
	case CompletingRebalance:
		g.refuseSyncs(now, ErrRebalancing)
	}
	g.become(PreparingRebalance, now)
	timeout, delay := g.rebalanceTimeout(), g.settings.InitialDelay
	if from == Empty && delay > 0 {
		g.rebalance = rebalance{by: now.Add(delay), initial: true, remaining: max(timeout-delay, 0)}
		return
	}
	g.rebalance = rebalance{by: now.Add(timeout)}
}

// refuseSyncs answers all waiting Syncs with an error and forgets the assignments.
func (g *Group) refuseSyncs(now time.Time, err error) {
	for _, m := range g.members {
		m.assignment = nil
		if m.syncing != 0 {
			g.reply(m.syncing, Synced{Err: err})
			m.syncing = 0
			m.alive(now)
		}
	}
}

// rebalanceTimeout is how long the slowest member may take to rejoin.
func (g *Group) rebalanceTimeout() time.Duration {
	var timeout time.Duration
	for _, m := range g.members {
		timeout = max(timeout, m.rebalanceTimeout)
	}
	return timeout
}

// allJoined reports that nobody is waited for.
func (g *Group) allJoined() bool {
	return len(g.pending) == 0 &&
		!slices.ContainsFunc(g.members, func(m *member) bool { return m.joining == 0 })
}

// joinDue is called when the time to rejoin is over.
func (g *Group) joinDue(now time.Time) {
	if r := &g.rebalance; r.initial && r.newcomer && r.remaining > 0 {
		delay := min(g.settings.InitialDelay, r.remaining)
		r.remaining -= delay
		r.by = now.Add(delay)
		r.newcomer = false
		return
	}
	g.completeJoin(now)
}

// completeJoin makes a generation of those who have joined. Static members stay even if they have not; their
// session decides.
func (g *Group) completeJoin(now time.Time) {
	for _, m := range slices.Clone(g.members) {
		if m.joining == 0 && m.instance == "" {
			g.drop(m, "it did not rejoin within the rebalance timeout", now)
		}
	}
	if len(g.members) == 0 {
		g.becomeEmpty(now)
		return
	}
	if !g.elect() {
		// Only static members, and none is back: wait on.
		g.rebalance = rebalance{by: now.Add(g.rebalanceTimeout())}
		return
	}
	g.generation++
	g.protocol = g.selectProtocol()
	g.become(CompletingRebalance, now)
	for _, m := range g.members {
		g.reply(m.joining, g.joined(m))
		m.joining = 0
		m.newcomer = false
		m.synced = false
		m.alive(now)
	}
	g.syncBy = now.Add(g.rebalanceTimeout())
}

// becomeEmpty ends the last generation.
func (g *Group) becomeEmpty(now time.Time) {
	g.generation++
	g.protocol = ""
	g.leader = ""
	g.become(Empty, now)
	// If this is lost, the group comes back with members that are gone; their sessions end then.
	g.put(g.snapshot(), func(time.Time, error) {})
}

// elect makes sure that the leader has joined. It reports false if nobody has.
func (g *Group) elect() bool {
	if m := g.byID[g.leader]; m != nil && m.joining != 0 {
		return true
	}
	for _, m := range g.members {
		if m.joining != 0 {
			g.leader = m.id
			return true
		}
	}
	return false
}

// selectProtocol lets each member vote for the first of its protocols that all support. The most votes win; among
// equals, the one that the earliest member voted for.
func (g *Group) selectProtocol() string {
	support := map[string]int{}
	for _, m := range g.members {
		for i, p := range m.protocols {
			if !slices.ContainsFunc(m.protocols[:i], func(q Protocol) bool { return q.Name == p.Name }) {
				support[p.Name]++
			}
		}
	}
	var order []string
	votes := map[string]int{}
	for _, m := range g.members {
		i := slices.IndexFunc(m.protocols, func(p Protocol) bool { return support[p.Name] == len(g.members) })
		if i < 0 {
			continue
		}
		name := m.protocols[i].Name
		if votes[name] == 0 {
			order = append(order, name)
		}
		votes[name]++
	}
	best := ""
	for _, name := range order {
		if best == "" || votes[name] > votes[best] {
			best = name
		}
	}
	return best
}

// drop gives a member up, and lets the others share what it had.
func (g *Group) drop(m *member, why string, now time.Time) {
	g.out = append(g.out, Dropped{m.id, m.clientID, m.host, why})
	g.remove(m, ErrUnknownMember)
	g.prepareRebalance(now)
}

func (Restored) apply(g *Group, now time.Time) {
	// The maximum may have been lowered while the broker was down.
	if len(g.members) > g.settings.MaxSize {
		g.prepareRebalance(now)
	}
}

func (Tick) apply(g *Group, now time.Time) {
	due := func(t time.Time) bool { return !t.IsZero() && !t.After(now) }
	for id, by := range g.pending {
		if due(by) {
			delete(g.pending, id)
		}
	}
	for _, m := range slices.Clone(g.members) {
		if m.canExpire() && due(m.expires) {
			g.drop(m, "it was not heard of within its session timeout", now)
		}
	}
	if g.state == PreparingRebalance && due(g.rebalance.by) {
		g.joinDue(now)
	}
	if due(g.syncBy) {
		g.syncDue(now)
	}
}
