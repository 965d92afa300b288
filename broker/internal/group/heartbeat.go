package group

import "time"

func (h Heartbeat) apply(g *Group, now time.Time) {
	g.reply(h.Token, Beaten{g.beat(&h, now)})
}

func (g *Group) beat(h *Heartbeat, now time.Time) error {
	if g.state == Dead {
		return ErrUnavailable
	}
	m, err := g.find(h.MemberID, h.InstanceID)
	if err != nil {
		return err
	}
	if h.Generation != g.generation {
		return ErrIllegalGeneration
	}
	m.alive(now)
	if g.state == PreparingRebalance {
		return ErrRebalancing
	}
	return nil
}

func (l Leave) apply(g *Group, now time.Time) {
	if g.state == Dead {
		g.reply(l.Token, Left{Err: ErrUnavailable})
		return
	}
	of := make([]error, len(l.Members))
	for i, who := range l.Members {
		of[i] = g.leave(who, now)
	}
	g.reply(l.Token, Left{Of: of})
}

func (g *Group) leave(who Leaver, now time.Time) error {
	if _, ok := g.pending[who.MemberID]; ok && who.InstanceID == "" {
		delete(g.pending, who.MemberID)
		return nil
	}
	id := who.MemberID
	if m := g.static[who.InstanceID]; m != nil && id == "" {
		id = m.id // an administrator names the instance only
	}
	m, err := g.find(id, who.InstanceID)
	if err != nil {
		return err
	}
	g.remove(m, ErrUnknownMember)
	g.prepareRebalance(now)
	return nil
}
