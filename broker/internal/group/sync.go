package group

import (
	"errors"
	"slices"
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

func (s Sync) apply(g *Group, now time.Time) {
	m, err := g.checkSync(&s)
	if err != nil {
		g.reply(s.Token, Synced{Err: err})
		return
	}
	switch g.state {
	case PreparingRebalance:
		g.reply(s.Token, Synced{Err: ErrRebalancing})
	case CompletingRebalance:
		g.reply(m.syncing, Synced{Err: ErrRebalancing})
		m.syncing = s.Token
		m.synced = true
		if m.id == g.leader {
			g.assign(s.Assignments)
		}
	case Stable:
		m.synced = true
		m.alive(now)
		g.reply(s.Token, g.syncedOf(m))
	}
	if !slices.ContainsFunc(g.members, func(m *member) bool { return !m.synced }) {
		g.syncBy = time.Time{}
	}
}

func (g *Group) checkSync(s *Sync) (*member, error) {
	if g.state == Dead {
		return nil, ErrUnavailable
	}
	m, err := g.find(s.MemberID, s.InstanceID)
	switch {
	case err != nil:
		return nil, err
	case s.Generation != g.generation:
		return nil, ErrIllegalGeneration
	case s.ProtocolType != "" && s.ProtocolType != g.protocolType,
		s.Protocol != "" && s.Protocol != g.protocol:
		return nil, ErrInconsistentProtocol
	}
	return m, nil
}

func (g *Group) syncedOf(m *member) Synced {
	return Synced{ProtocolType: g.protocolType, Protocol: g.protocol, Assignment: m.assignment}
}

// assign stores what the leader has assigned; everybody is told once that is done.
func (g *Group) assign(assignments map[string][]byte) {
	meta := g.snapshot()
	for i := range meta.Members {
		meta.Members[i].Assignment = assignments[meta.Members[i].ID]
	}
	generation := g.generation
	g.put(meta, func(now time.Time, err error) {
		// Somebody may have joined or left meanwhile; this generation is over then, and its Syncs are answered.
		if g.state != CompletingRebalance || g.generation != generation {
			return
		}
		if err != nil {
			g.refuseSyncs(now, assignError(err))
			g.prepareRebalance(now)
			return
		}
		syncBy := g.syncBy
		g.become(Stable, now)
		g.syncBy = syncBy
		for _, m := range g.members {
			m.assignment = assignments[m.id]
			if m.syncing != 0 {
				g.reply(m.syncing, g.syncedOf(m))
				m.syncing = 0
				m.alive(now)
			}
		}
	})
}

// assignError tells members that trying again will help, or that it will not.
func assignError(err error) error {
	if errors.Is(err, state.ErrTooLarge) {
		return ErrTooLarge
	}
	return ErrUnavailable
}

// syncDue drops the members that have joined the generation but never came for their assignment.
func (g *Group) syncDue(now time.Time) {
	g.syncBy = time.Time{}
	for _, m := range slices.Clone(g.members) {
		if !m.synced {
			g.drop(m, "it did not ask for its assignment within the rebalance timeout", now)
		}
	}
}
