package group

import (
	"errors"
	"fmt"
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

// shard holds the groups of one of the store's shards.
type shard struct {
	c      *Coordinator
	index  int
	gate   gate // opens when the shard is loaded; its lock guards what follows
	epoch  state.Epoch
	groups map[string]*entry
	txns   participants // may name a group that has none
}

// pass runs call behind the shard's gate, with its lock held.
func (s *shard) pass(call func(error)) {
	s.gate.pass(s.c.config.LoadWait, func() { s.c.work.Go(s.load) }, call)
}

// load rebuilds the groups from the store.
func (s *shard) load() {
	began := time.Now()
	b := builder{groups: map[string]*stored{}, txns: participants{}}
	epoch, err := s.c.store.Load(s.c.ctx, s.index, b.add)
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	if err != nil {
		if s.c.ctx.Err() == nil {
			s.c.log.Error("consumer groups could not be loaded; their clients will be told to try again",
				"shard", s.index, "error", err)
		}
		s.gate.settle(ErrUnavailable)
		return
	}
	if !s.gate.closed {
		s.epoch, s.txns = epoch, b.txns
		for id, g := range b.groups {
			if e := s.restore(id, g); e != nil {
				e.post(Restored{})
			}
		}
	}
	if took := time.Since(began); took > time.Second {
		s.c.log.Info("loaded consumer groups", "shard", s.index, "groups", len(s.groups), "took", took.Round(time.Millisecond))
	}
	s.gate.settle(nil)
}

func (s *shard) restore(id string, g *stored) *entry {
	if g.meta == nil && g.empty() {
		return nil
	}
	return s.insert(id, Restore(id, g.meta, g.ledger, s.c.config.Settings, time.Now()))
}

// insert puts a group in. The lock must be held.
func (s *shard) insert(id string, g *Group) *entry {
	e := &entry{shard: s, id: id, epoch: s.epoch, group: g, calls: map[Token]call{}}
	e.count(g.fleeting())
	e.list()
	s.groups[id] = e
	return e
}

// find returns a group's entry; nil if there is none and create is false. The lock must be held.
func (s *shard) find(id string, create bool) (*entry, error) {
	if e := s.groups[id]; e != nil || !create {
		return e, nil
	}
	if s.c.fleeting.Load() >= maxFleeting {
		return nil, ErrUnavailable
	}
	return s.insert(id, New(id, s.c.config.Settings, time.Now())), nil
}

// post hands an event to all groups.
func (s *shard) post(ev Event) {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	for _, e := range s.groups {
		e.post(ev)
	}
}

// fenced forgets everything: another coordinator has loaded the shard. The next request loads it again.
func (s *shard) fenced(epoch state.Epoch) {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	if epoch != s.epoch || !s.gate.open {
		return
	}
	s.c.log.Warn("the shard's consumer groups were taken over; loading them again", "shard", s.index)
	s.gate.shut()
	s.stop()
}

func (s *shard) close() {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	s.gate.close()
	s.stop()
}

// stop ends all groups. The lock must be held.
func (s *shard) stop() {
	for _, e := range s.groups {
		e.stop()
	}
	s.groups = map[string]*entry{}
}

// participants are the groups that have offsets in a producer's transaction, by producer id.
type participants map[int64]map[string]bool

func (p participants) joins(producer int64, group string) {
	if p[producer] == nil {
		p[producer] = map[string]bool{}
	}
	p[producer][group] = true
}

// stored is what the store has of a group.
type stored struct {
	meta *state.Group
	ledger
}

// builder puts together what a load visits.
type builder struct {
	groups map[string]*stored
	txns   participants
}

var errUnknownEffect = errors.New("unknown effect")

func (b *builder) add(e state.Effect) error {
	switch e := e.(type) {
	case state.PutGroup:
		b.group(e.Group.ID).meta = &e.Group
	case state.RemoveGroup:
		g := b.group(e.Group)
		g.meta = nil
		b.tidy(e.Group, g)
	case state.PutOffset:
		g := b.group(e.Group)
		g.take(e.Offset, g.next())
	case state.RemoveOffset:
		g := b.group(e.Group)
		g.erase(TopicPartition{e.Topic, e.Partition}, g.next())
		b.tidy(e.Group, g)
	case state.PutPending:
		g := b.group(e.Group)
		g.hold(e.Producer.ID, e.Offset, g.next(), true)
		b.txns.joins(e.Producer.ID, e.Group)
	case state.EndPending:
		for id := range b.txns[e.Producer.ID] {
			g := b.group(id)
			g.end(e.Producer.ID, e.Commit)
			b.tidy(id, g)
		}
		delete(b.txns, e.Producer.ID)
	default:
		return fmt.Errorf("%w: %T", errUnknownEffect, e)
	}
	return nil
}

func (b *builder) group(id string) *stored {
	g := b.groups[id]
	if g == nil {
		g = &stored{ledger: newLedger()}
		b.groups[id] = g
	}
	return g
}

// tidy forgets a group of which nothing is left, so that a load's memory is bounded by what lives.
func (b *builder) tidy(id string, g *stored) {
	if g.meta == nil && g.empty() {
		delete(b.groups, id)
	}
}
