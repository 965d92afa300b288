package group

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

// committed is the offset of one partition.
type committed struct {
	state.Offset
	stored  bool // Offset is set, and durable
	pending int  // commits that the store has not decided
}

func (c Commit) apply(g *Group, now time.Time) {
	if err := g.checkCommit(&c, now); err != nil {
		g.reply(c.Token, Committed{Err: err})
		return
	}
	of := make([]error, len(c.Offsets))
	var effects []state.Effect
	for i, o := range c.Offsets {
		if len(o.Metadata) > g.settings.MaxOffsetMetadata {
			of[i] = ErrMetadataTooLarge
			continue
		}
		o.CommitTime, o.ExpireTime = now.UnixMilli(), -1
		if c.Retention > 0 {
			o.ExpireTime = o.CommitTime + c.Retention.Milliseconds()
		}
		effects = append(effects, state.PutOffset{Group: g.id, Offset: o})
	}
	if len(effects) == 0 {
		g.reply(c.Token, Committed{Of: of})
		return
	}
	for _, e := range effects {
		g.offset(e.(state.PutOffset).Offset).pending++
	}
	g.save(effects, func(_ time.Time, err error) {
		for _, e := range effects {
			g.committed(e.(state.PutOffset).Offset, err)
		}
		g.reply(c.Token, Committed{Err: commitError(err), Of: of})
	})
}

// checkCommit says whether the sender may commit. From outside the group, only while it has no members.
func (g *Group) checkCommit(c *Commit, now time.Time) error {
	if g.state == Dead {
		return ErrUnavailable
	}
	if c.Generation < 0 && g.state == Empty {
		return nil
	}
	m, err := g.find(c.MemberID, c.InstanceID)
	if err != nil {
		return err
	}
	if c.Generation != g.generation {
		return ErrIllegalGeneration
	}
	if g.state == CompletingRebalance {
		return ErrRebalancing
	}
	m.alive(now)
	return nil
}

func commitError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, state.ErrTooLarge):
		return ErrCommitTooLarge
	}
	return ErrUnavailable
}

// offset is the entry of a partition, made if there is none.
func (g *Group) offset(o state.Offset) *committed {
	at := TopicPartition{o.Topic, o.Partition}
	c := g.offsets[at]
	if c == nil {
		c = &committed{}
		g.offsets[at] = c
	}
	return c
}

// committed takes in the outcome of a commit.
func (g *Group) committed(o state.Offset, err error) {
	c := g.offset(o)
	c.pending--
	if err == nil {
		c.Offset, c.stored = o, true
	}
	g.forget(TopicPartition{o.Topic, o.Partition}, c)
}

// forget removes an entry that holds nothing.
func (g *Group) forget(at TopicPartition, c *committed) {
	if !c.stored && c.pending == 0 {
		delete(g.offsets, at)
	}
}

func (f Fetch) apply(g *Group, _ time.Time) {
	var found []state.Offset
	if f.Topics == nil {
		for _, c := range g.offsets {
			if c.stored {
				found = append(found, c.Offset)
			}
		}
	}
	for topic, partitions := range f.Topics {
		for _, p := range partitions {
			if c := g.offsets[TopicPartition{topic, p}]; c != nil && c.stored {
				found = append(found, c.Offset)
			}
		}
	}
	slices.SortFunc(found, func(a, b state.Offset) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	g.reply(f.Token, Fetched{Offsets: found})
}
