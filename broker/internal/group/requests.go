package group

import (
	"crypto/rand"
	"errors"
	"fmt"
)

// request sends a request to a group. If there is no such group and it does not create one, refuse is called with
// missing.
func (c *Coordinator) request(group string, create bool, missing error, question func(Token) Event, waiting call) {
	c.within(group, create, func(s *shard, err error) {
		var e *entry
		if s != nil {
			e, err = s.find(group, create)
		}
		switch {
		case err != nil:
			waiting.refuse(err)
		case e == nil:
			waiting.refuse(missing)
		default:
			e.ask(question, waiting)
		}
	})
}

// answering makes a call of a typed done; refused turns an error into an answer.
func answering[A Answer](done func(A), refused func(error) A) call {
	return call{
		answer: func(a Answer) { done(a.(A)) },
		refuse: func(err error) { done(refused(err)) },
	}
}

// Join answers when the member is in a generation, or is refused. j.Token and j.NewMemberID are set here.
func (c *Coordinator) Join(group string, j Join, done func(Joined)) {
	refused := func(err error) Joined { return Joined{Err: err, MemberID: j.MemberID, Generation: noGeneration} }
	if group == "" {
		done(refused(ErrInvalidGroupID))
		return
	}
	j.NewMemberID = newMemberID(&j)
	c.request(group, j.MemberID == "", ErrUnknownMember,
		func(t Token) Event { j.Token = t; return j }, answering(done, refused))
}

// newMemberID makes up a member id as Apache Kafka does: readable, and not to be guessed.
func newMemberID(j *Join) string {
	var u [16]byte
	rand.Read(u[:]) // never fails
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	name := j.InstanceID
	if name == "" {
		name = j.ClientID
	}
	return fmt.Sprintf("%s-%x-%x-%x-%x-%x", name, u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// Sync answers when the leader's assignment is stored. s.Token is set here.
func (c *Coordinator) Sync(group string, s Sync, done func(Synced)) {
	refused := func(err error) Synced {
		if errors.Is(err, ErrLoading) {
			// The rebalance that it belongs to is lost; the member joins again without looking for the coordinator.
			err = ErrRebalancing
		}
		return Synced{Err: err}
	}
	if group == "" {
		done(refused(ErrInvalidGroupID))
		return
	}
	c.request(group, false, ErrUnknownMember,
		func(t Token) Event { s.Token = t; return s }, answering(done, refused))
}

// Heartbeat answers at once. h.Token is set here.
func (c *Coordinator) Heartbeat(group string, h Heartbeat, done func(Beaten)) {
	refused := func(err error) Beaten {
		if errors.Is(err, ErrLoading) {
			err = nil // sessions begin when the group is loaded
		}
		return Beaten{err}
	}
	if group == "" {
		done(refused(ErrInvalidGroupID))
		return
	}
	c.request(group, false, ErrUnknownMember,
		func(t Token) Event { h.Token = t; return h }, answering(done, refused))
}

// Leave answers at once. l.Token is set here.
func (c *Coordinator) Leave(group string, l Leave, done func(Left)) {
	refused := func(err error) Left {
		if !errors.Is(err, ErrUnknownMember) {
			return Left{Err: err}
		}
		of := make([]error, len(l.Members))
		for i := range of {
			of[i] = err
		}
		return Left{Of: of}
	}
	if group == "" {
		done(refused(ErrInvalidGroupID))
		return
	}
	c.request(group, false, ErrUnknownMember,
		func(t Token) Event { l.Token = t; return l }, answering(done, refused))
}

// Commit answers when the offsets are durable. A member's commit to a group that does not exist is ErrNotFound. o.Token is
// set here.
func (c *Coordinator) Commit(group string, o Commit, done func(Committed)) {
	c.request(group, o.Generation < 0, ErrNotFound,
		func(t Token) Event { o.Token = t; return o },
		answering(done, func(err error) Committed { return Committed{Err: err} }))
}

// Fetch answers with what is committed; a group that does not exist has nothing. f.Token is set here.
func (c *Coordinator) Fetch(group string, f Fetch, done func(Fetched)) {
	refused := func(err error) Fetched {
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		return Fetched{Err: err}
	}
	c.request(group, false, ErrNotFound,
		func(t Token) Event { f.Token = t; return f }, answering(done, refused))
}

// Describe answers at once.
func (c *Coordinator) Describe(group string, done func(Description)) {
	c.request(group, false, ErrNotFound,
		func(t Token) Event { return Describe{t} },
		answering(done, func(err error) Description { return Description{Err: err, State: Dead} }))
}

// Delete removes a group without members, and its offsets. It answers when that is durable.
func (c *Coordinator) Delete(group string, done func(Removed)) {
	c.request(group, false, ErrNotFound,
		func(t Token) Event { return Delete{t} }, answering(done, refusedRemoval))
}

// DeleteOffsets removes committed offsets. It answers when that is durable. d.Token is set here.
func (c *Coordinator) DeleteOffsets(group string, d DeleteOffsets, done func(Removed)) {
	c.request(group, false, ErrNotFound,
		func(t Token) Event { d.Token = t; return d }, answering(done, refusedRemoval))
}

func refusedRemoval(err error) Removed { return Removed{Err: err} }
