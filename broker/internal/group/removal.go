package group

import (
	"cmp"
	"slices"
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

// removalChunk is how many offsets one change removes; larger removals take several.
const removalChunk = 1000

// removeOffsets removes the offsets of partitions, and then the metadata if withGroup says so, in as many changes as it
// takes. then is called when all are decided, with the first error; it must not rely on all having failed.
func (g *Group) removeOffsets(at []TopicPartition, withGroup bool, then func(now time.Time, err error)) {
	slices.SortFunc(at, compare)
	var first error
	for {
		chunk := at[:min(len(at), removalChunk)]
		at = at[len(chunk):]
		last := len(at) == 0
		var effects []state.Effect
		for _, p := range chunk {
			effects = append(effects, state.RemoveOffset{Group: g.id, Topic: p.Topic, Partition: p.Partition})
		}
		if last && withGroup {
			effects = append(effects, state.RemoveGroup{Group: g.id})
		}
		place := g.next()
		g.save(effects, func(now time.Time, err error) {
			if err != nil {
				first = cmp.Or(first, err)
			} else {
				for _, p := range chunk {
					g.erase(p, place)
				}
			}
			if last {
				then(now, first)
			}
		})
		if last {
			return
		}
	}
}

// die removes the group and everything that it holds; then is called with the outcome.
func (g *Group) die(now time.Time, then func(err error)) {
	g.become(Dead, now)
	clear(g.pending)
	at := g.partitions()
	if len(at) == 0 && !g.kept {
		then(nil)
		return
	}
	g.removeOffsets(at, g.kept, func(now time.Time, err error) {
		if err != nil {
			g.become(Empty, now)
		}
		then(err)
	})
}

func (d Delete) apply(g *Group, now time.Time) {
	switch g.state {
	case Dead:
		g.reply(d.Token, Removed{Err: ErrNotFound})
	case Empty:
		g.die(now, func(err error) { g.reply(d.Token, Removed{Err: storeError(err)}) })
	default:
		g.reply(d.Token, Removed{Err: ErrNotEmpty})
	}
}

func (d DeleteOffsets) apply(g *Group, _ time.Time) {
	if g.state == Dead {
		g.reply(d.Token, Removed{Err: ErrNotFound})
		return
	}
	if len(g.members) > 0 && g.protocolType != consumerProtocol {
		// What its members read is not known.
		g.reply(d.Token, Removed{Err: ErrNotEmpty})
		return
	}
	of := make([]error, len(d.Partitions))
	var at []TopicPartition
	for i, p := range d.Partitions {
		if g.subscribed(p.Topic) {
			of[i] = ErrSubscribed
		} else if g.offsets[p] != nil {
			at = append(at, p)
		}
	}
	g.removeThen(at, func(err error) { g.reply(d.Token, Removed{Err: err, Of: of}) })
}

func (d DropTopic) apply(g *Group, _ time.Time) {
	var at []TopicPartition
	for p, c := range g.offsets {
		spared := d.ID != [16]byte{} && c.TopicID != [16]byte{} && c.TopicID != d.ID
		if p.Topic == d.Topic && c.stored && !spared {
			at = append(at, p)
		}
	}
	if g.state == Dead {
		at = nil // they go with the group
	}
	g.removeThen(at, func(err error) { g.reply(d.Token, Removed{Err: err}) })
}

func (g *Group) removeThen(at []TopicPartition, then func(err error)) {
	if len(at) == 0 {
		then(nil)
		return
	}
	g.removeOffsets(at, false, func(_ time.Time, err error) { then(storeError(err)) })
}

func storeError(err error) error {
	if err != nil {
		return ErrUnavailable
	}
	return nil
}

func (Expire) apply(g *Group, now time.Time) {
	if g.state != Empty || len(g.pending) > 0 || len(g.txns) > 0 {
		return
	}
	var at []TopicPartition
	for p, c := range g.offsets {
		if c.pending == 0 && !now.Before(g.expiry(c)) {
			at = append(at, p)
		}
	}
	if len(at) == len(g.offsets) && len(g.writes) == 0 {
		g.die(now, func(error) {})
		return
	}
	g.removeThen(at, func(error) {})
}

// expiry is when an offset's retention ends (KIP-211): counted from the commit, but not while the group had members.
func (g *Group) expiry(c *committed) time.Time {
	if c.ExpireTime >= 0 {
		return time.UnixMilli(c.ExpireTime)
	}
	from := c.CommitTime
	if g.protocolType != "" {
		from = max(from, g.since)
	}
	return time.UnixMilli(from).Add(g.settings.Retention)
}
