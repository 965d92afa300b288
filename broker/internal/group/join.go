package group

import "time"

const (
	// maxPending bounds the member ids that are given out and not used yet.
	maxPending = 10_000
	// maxProtocols bounds what a member supports; clients name one to three.
	maxProtocols = 100
)

func (j Join) apply(g *Group, now time.Time) {
	if err := g.refusesJoin(&j); err != nil {
		g.refuseJoin(&j, j.MemberID, err)
		return
	}
	if !g.hasRoom(&j) {
		if m := g.byID[j.MemberID]; m != nil {
			g.remove(m, ErrFull)
		}
		delete(g.pending, j.MemberID)
		g.refuseJoin(&j, "", ErrFull)
		return
	}
	if j.MemberID == "" {
		g.joinNew(&j, now)
	} else {
		g.joinAgain(&j, now)
	}
}

func (g *Group) refuseJoin(j *Join, memberID string, err error) {
	g.reply(j.Token, Joined{Err: err, MemberID: memberID, Generation: noGeneration})
}

// refusesJoin says what is wrong with a Join whoever sends it.
func (g *Group) refusesJoin(j *Join) error {
	switch {
	case j.Session < g.settings.MinSession || j.Session > g.settings.MaxSession:
		return ErrInvalidSession
	case g.state == Dead:
		return ErrUnavailable
	case j.ProtocolType == "" || len(j.Protocols) == 0 || len(j.Protocols) > maxProtocols:
		return ErrInconsistentProtocol
	case len(g.members) == 0:
		return nil
	case j.ProtocolType != g.protocolType || !g.shareProtocol(j.Protocols):
		return ErrInconsistentProtocol
	}
	return nil
}

// shareProtocol reports whether one of the protocols is supported by all members.
func (g *Group) shareProtocol(protocols []Protocol) bool {
	for _, p := range protocols {
		if g.allSupport(p.Name) {
			return true
		}
	}
	return false
}

func (g *Group) allSupport(protocol string) bool {
	for _, m := range g.members {
		if !m.supports(protocol) {
			return false
		}
	}
	return true
}

// hasRoom holds the group to its maximum size (KIP-389). While a rebalance gathers members, whoever is first gets in.
func (g *Group) hasRoom(j *Join) bool {
	m := g.byID[j.MemberID]
	switch g.state {
	case PreparingRebalance:
		if m != nil && m.joining != 0 {
			return true
		}
		joined := 0
		for _, m := range g.members {
			if m.joining != 0 {
				joined++
			}
		}
		return joined < g.settings.MaxSize
	case CompletingRebalance, Stable:
		replaces := j.InstanceID != "" && g.static[j.InstanceID] != nil
		return m != nil || replaces || len(g.members) < g.settings.MaxSize
	}
	return true
}

// joinNew is a Join without a member id.
func (g *Group) joinNew(j *Join, now time.Time) {
	switch {
	case j.InstanceID != "" && g.static[j.InstanceID] != nil:
		g.replace(g.static[j.InstanceID], j, now)
	case j.InstanceID == "" && j.NeedsID:
		if len(g.pending) >= maxPending {
			g.refuseJoin(j, "", ErrUnavailable)
			return
		}
		g.pending[j.NewMemberID] = now.Add(j.Session)
		g.refuseJoin(j, j.NewMemberID, ErrMemberIDRequired)
	default:
		g.add(j.NewMemberID, j, now)
	}
}

// joinAgain is a Join with a member id.
func (g *Group) joinAgain(j *Join, now time.Time) {
	if _, ok := g.pending[j.MemberID]; ok && j.InstanceID == "" {
		delete(g.pending, j.MemberID)
		g.add(j.MemberID, j, now)
		return
	}
	m, err := g.find(j.MemberID, j.InstanceID)
	if err != nil {
		g.refuseJoin(j, j.MemberID, err)
		return
	}
	switch g.state {
	case CompletingRebalance:
		if m.matches(j.Protocols) {
			// It has missed the answer to its first Join.
			m.alive(now)
			g.reply(j.Token, g.joined(m))
			return
		}
	case Stable:
		// A leader that joins again asks for a rebalance: it has seen something that the metadata does not show, such as
		// new partitions.
		if m.id != g.leader && m.matches(j.Protocols) {
			m.alive(now)
			g.reply(j.Token, g.joined(m))
			return
		}
	}
	m.update(j)
	g.await(m, j.Token)
	g.prepareRebalance(now)
}

// add makes a newcomer a member.
func (g *Group) add(id string, j *Join, now time.Time) {
	if len(g.members) == 0 {
		g.protocolType = j.ProtocolType
	}
	m := newMember(id, j)
	m.joining = j.Token
	m.expires = now.Add(newcomerTimeout)
	g.insert(m)
	g.rebalance.newcomer = true
	g.prepareRebalance(now)
}

// await makes a Join wait for the next generation; an earlier one of the same member is answered.
func (g *Group) await(m *member, token Token) {
	g.reply(m.joining, Joined{Err: ErrRebalancing, MemberID: m.id, Generation: noGeneration})
	m.joining = token
}

// joined is what a member is told about the current generation.
func (g *Group) joined(m *member) Joined {
	answer := Joined{
		MemberID:     m.id,
		Generation:   g.generation,
		ProtocolType: g.protocolType,
		Protocol:     g.protocol,
		Leader:       g.leader,
	}
	if m.id == g.leader {
		answer.Members = g.forLeader()
	}
	return answer
}

func (g *Group) forLeader() []JoinedMember {
	members := make([]JoinedMember, 0, len(g.members))
	for _, m := range g.members {
		members = append(members, JoinedMember{m.id, m.instance, m.metadata(g.protocol)})
	}
	return members
}

// replace gives a static member's place to a newcomer with its instance id (KIP-345): the client has restarted. While
// the group is stable and the protocol stays, it gets the old one's assignment, and nobody else notices.
func (g *Group) replace(m *member, j *Join, now time.Time) {
	before, led := *m, g.leader == m.id
	g.abandon(m, ErrFenced)
	g.rename(m, j.NewMemberID)
	m.clientID, m.host = j.ClientID, j.ClientHost
	m.update(j)
	m.alive(now)
	if g.state != Stable || g.selectProtocol() != g.protocol {
		g.await(m, j.Token)
		g.prepareRebalance(now)
		return
	}
	answer := g.joined(m)
	answer.Members = nil
	switch {
	case led && j.CanSkip:
		// It leads, but must not assign anew: a stable group would ignore that (KIP-814).
		answer.SkipAssignment = true
		answer.Members = g.forLeader()
	case led:
		// Naming its former self as the leader keeps a client that cannot skip from assigning.
		answer.Leader = before.id
	}
	g.put(g.snapshot(), func(now time.Time, err error) {
		if err == nil {
			g.reply(j.Token, answer)
			return
		}
		if g.byID[j.NewMemberID] == m {
			g.rename(m, before.id)
			m.protocols, m.session, m.rebalanceTimeout = before.protocols, before.session, before.rebalanceTimeout
		}
		g.refuseJoin(j, "", ErrUnavailable)
	})
}

func (g *Group) rename(m *member, id string) {
	if g.leader == m.id {
		g.leader = id
	}
	delete(g.byID, m.id)
	m.id = id
	g.byID[id] = m
}
