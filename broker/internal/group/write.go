package group

import (
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

// write is a change that was given to the store.
type write struct {
	id      uint64
	decided bool
	err     error
	// then is what follows. Writes are followed up in the order in which they were made, whatever order their outcomes
	// arrive in.
	then func(now time.Time, err error)
}

// save asks the store for a change.
func (g *Group) save(effects []state.Effect, then func(now time.Time, err error)) {
	g.written++
	g.writes = append(g.writes, &write{id: g.written, then: then})
	g.out = append(g.out, Write{g.written, effects})
}

// put saves the group's metadata.
func (g *Group) put(meta state.Group, then func(now time.Time, err error)) {
	g.kept = true
	g.save([]state.Effect{state.PutGroup{Group: meta}}, then)
}

func (w Written) apply(g *Group, now time.Time) {
	for _, o := range g.writes {
		if o.id == w.ID {
			o.decided, o.err = true, w.Err
		}
	}
	for len(g.writes) > 0 && g.writes[0].decided {
		o := g.writes[0]
		g.writes = g.writes[1:]
		o.then(now, o.err)
	}
}
