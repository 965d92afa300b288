package group

import (
	"bytes"
	"slices"
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

// newcomerTimeout is how long a member may wait for its first generation: it does not know its id yet and cannot
// send heartbeats, and its client may be gone.
const newcomerTimeout = 5 * time.Minute

// member is one member of a group.
type member struct {
	id               string
	instance         string // empty for a dynamic member
	clientID, host   string
	session          time.Duration
	rebalanceTimeout time.Duration
	protocols        []Protocol
	assignment       []byte

	newcomer bool      // it has not been through a generation
	expires  time.Time // when its session ends, unless it canExpire not
	joining  Token     // its waiting Join
	syncing  Token     // its waiting Sync
	synced   bool      // it has sent a Sync in this generation
}

func newMember(id string, j *Join) *member {
	m := &member{id: id, instance: j.InstanceID, clientID: j.ClientID, host: j.ClientHost, newcomer: true}
	m.update(j)
	return m
}

func restoreMember(s *state.Member, protocol string) *member {
	return &member{
		id:               s.ID,
		instance:         s.InstanceID,
		clientID:         s.ClientID,
		host:             s.ClientHost,
		session:          time.Duration(s.SessionTimeout) * time.Millisecond,
		rebalanceTimeout: time.Duration(s.RebalanceTimeout) * time.Millisecond,
		protocols:        []Protocol{{protocol, s.Subscription}},
		assignment:       s.Assignment,
		synced:           true,
	}
}

// update takes over what a Join says.
func (m *member) update(j *Join) {
	m.protocols = j.Protocols
	m.session = j.Session
	m.rebalanceTimeout = j.Rebalance
}

// alive begins the member's session anew.
func (m *member) alive(now time.Time) { m.expires = now.Add(m.session) }

// canExpire: a member that waits for us cannot send heartbeats meanwhile, so its session does not end; a newcomer's
// has a limit of its own.
func (m *member) canExpire() bool { return m.newcomer || m.joining == 0 && m.syncing == 0 }

// metadata is what the member says about itself under a protocol; nil if it does not support it.
func (m *member) metadata(protocol string) []byte {
	for i := range m.protocols {
		if m.protocols[i].Name == protocol {
			return m.protocols[i].Metadata
		}
	}
	return nil
}

func (m *member) supports(protocol string) bool {
	return slices.ContainsFunc(m.protocols, func(p Protocol) bool { return p.Name == protocol })
}

// matches reports whether a Join brings nothing new.
func (m *member) matches(protocols []Protocol) bool {
	return slices.EqualFunc(m.protocols, protocols, func(a, b Protocol) bool {
		return a.Name == b.Name && bytes.Equal(a.Metadata, b.Metadata)
	})
}

// find returns the member that a request speaks for. A request with an instance id must come from the member that holds
// it now (KIP-345).
func (g *Group) find(id, instance string) (*member, error) {
	if instance != "" {
		m := g.static[instance]
		if m == nil {
			return nil, ErrUnknownMember
		}
		if m.id != id {
			return nil, ErrFenced
		}
		return m, nil
	}
	if m := g.byID[id]; m != nil {
		return m, nil
	}
	return nil, ErrUnknownMember
}
