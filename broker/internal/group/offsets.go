package group

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

func (c Commit) apply(g *Group, now time.Time) {
	if err := g.checkCommit(&c, now); err != nil {
		g.reply(c.Token, Committed{Err: err})
		return
	}
	offsets, of := g.acceptable(c.Offsets, c.Retention, now)
	if len(offsets) == 0 {
		g.reply(c.Token, Committed{Of: of})
		return
	}
	effects := make([]state.Effect, len(offsets))
	for i, o := range offsets {
		effects[i] = state.PutOffset{Group: g.id, Offset: o}
	}
	g.undecided(offsets, 1)
	place := g.next()
	g.save(effects, func(_ time.Time, err error) {
		if err == nil {
			for _, o := range offsets {
				g.take(o, place)
			}
		}
		g.undecided(offsets, -1)
		g.reply(c.Token, Committed{Err: commitError(err), Of: of})
	})
}

// acceptable returns the offsets that can be stored, with their times, and what is wrong with each one that was asked for.
func (g *Group) acceptable(asked []state.Offset, retention time.Duration, now time.Time) (offsets []state.Offset, of []error) {
	of = make([]error, len(asked))
	for i, o := range asked {
		if len(o.Metadata) > g.settings.MaxOffsetMetadata {
			of[i] = ErrMetadataTooLarge
			continue
		}
		o.CommitTime, o.ExpireTime = now.UnixMilli(), -1
		if retention > 0 {
			o.ExpireTime = o.CommitTime + retention.Milliseconds()
		}
		offsets = append(offsets, o)
	}
	return offsets, of
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
	case errors.Is(err, state.ErrProducerFenced):
		return ErrProducerFenced
	}
	return ErrUnavailable
}

// undecided counts commits that are given to the store, or no longer, by 1 or -1.
func (g *Group) undecided(offsets []state.Offset, by int) {
	for _, o := range offsets {
		c := g.offset(keyOf(o))
		c.pending += by
		g.forget(keyOf(o), c)
	}
}

// apply of a TxnCommit is that of a Commit, but that what it commits waits for the end of the transaction. Its sender is
// not asked for its state: it commits what it has read before a rebalance, and whoever gets its partitions waits for the
// end of the transaction (KIP-447).
func (c TxnCommit) apply(g *Group, now time.Time) {
	if err := g.checkTxnCommit(&c, now); err != nil {
		g.reply(c.Token, Committed{Err: err})
		return
	}
	offsets, of := g.acceptable(c.Offsets, 0, now)
	if len(offsets) == 0 {
		g.reply(c.Token, Committed{Of: of})
		return
	}
	effects := make([]state.Effect, len(offsets))
	before := map[TopicPartition]pendingOffset{}
	place := g.next()
	for i, o := range offsets {
		effects[i] = state.PutPending{Producer: c.Producer, Group: g.id, Offset: o}
		if p, ok := g.txns[c.Producer.ID][keyOf(o)]; ok {
			before[keyOf(o)] = p
		}
		g.hold(c.Producer.ID, o, place, false)
	}
	g.save(effects, func(_ time.Time, err error) {
		for _, o := range offsets {
			p, ok := g.txns[c.Producer.ID][keyOf(o)]
			switch {
			case !ok || p.place != place: // another came after it, or it was removed
			case err == nil:
				g.hold(c.Producer.ID, o, place, true)
			default:
				g.lose(c.Producer.ID, keyOf(o))
				if b, ok := before[keyOf(o)]; ok {
					g.hold(c.Producer.ID, b.Offset, b.place, b.stored)
				}
			}
		}
		g.reply(c.Token, Committed{Err: commitError(err), Of: of})
	})
}

// checkTxnCommit says whether the sender may commit. Old producers do not say who they are, and may always.
func (g *Group) checkTxnCommit(c *TxnCommit, now time.Time) error {
	if g.state == Dead {
		return ErrUnavailable
	}
	if c.Generation < 0 && (g.state == Empty || c.MemberID == "" && c.InstanceID == "") {
		return nil
	}
	m, err := g.find(c.MemberID, c.InstanceID)
	if err != nil {
		return err
	}
	if c.Generation != g.generation {
		return ErrIllegalGeneration
	}
	m.alive(now)
	return nil
}

func (e TxnEnd) apply(g *Group, _ time.Time) {
	g.end(e.ProducerID, e.Commit)
	g.reply(e.Token, Ended{})
}

func (f Fetch) apply(g *Group, _ time.Time) {
	var out Fetched
	add := func(at TopicPartition) {
		if f.Stable && g.unstable(at) {
			out.Unstable = append(out.Unstable, at)
		} else if c := g.offsets[at]; c != nil && c.stored {
			out.Offsets = append(out.Offsets, c.Offset)
		}
	}
	if f.Topics == nil {
		for at, c := range g.offsets {
			if c.stored {
				add(at)
			}
		}
	}
	for topic, partitions := range f.Topics {
		for _, p := range partitions {
			add(TopicPartition{topic, p})
		}
	}
	slices.SortFunc(out.Offsets, func(a, b state.Offset) int { return compare(keyOf(a), keyOf(b)) })
	slices.SortFunc(out.Unstable, compare)
	g.reply(f.Token, out)
}

func compare(a, b TopicPartition) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
}
