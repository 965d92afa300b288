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
}

// pass runs call behind the shard's gate, with its lock held.
func (s *shard) pass(call func(error)) {
	s.gate.pass(s.c.config.LoadWait, func() { s.c.work.Go(s.load) }, call)
}

// load rebuilds the groups from the store.
func (s *shard) load() {
	began := time.Now()
	b := builder{groups: map[string]*stored{}}
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
		s.epoch = epoch
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
	if g.meta == nil && len(g.offsets) == 0 {
		return nil
	}
	offsets := make([]state.Offset, 0, len(g.offsets))
	for _, o := range g.offsets {
		offsets = append(offsets, o)
	}
	return s.insert(id, Restore(id, g.meta, offsets, s.c.config.Settings, time.Now()))
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

// stored is what the store has of a group.
type stored struct {
	meta    *state.Group
	offsets map[TopicPartition]state.Offset
}

// builder puts together what a load visits.
type builder struct{ groups map[string]*stored }

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
		b.group(e.Group).offsets[TopicPartition{e.Offset.Topic, e.Offset.Partition}] = e.Offset
	case state.RemoveOffset:
		g := b.group(e.Group)
		delete(g.offsets, TopicPartition{e.Topic, e.Partition})
		b.tidy(e.Group, g)
	default:
		return fmt.Errorf("%w: %T", errUnknownEffect, e)
	}
	return nil
}

func (b *builder) group(id string) *stored {
	g := b.groups[id]
	if g == nil {
		g = &stored{offsets: map[TopicPartition]state.Offset{}}
		b.groups[id] = g
	}
	return g
}

// tidy forgets a group of which nothing is left, so that a load's memory is bounded by what lives.
func (b *builder) tidy(id string, g *stored) {
	if g.meta == nil && len(g.offsets) == 0 {
		delete(b.groups, id)
	}
}
