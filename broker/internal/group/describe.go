package group

import "time"

func (d Describe) apply(g *Group, _ time.Time) {
	if g.state == Dead {
		g.reply(d.Token, Description{Err: ErrNotFound, State: Dead})
		return
	}
	out := Description{State: g.state, ProtocolType: g.protocolType}
	stable := g.state == Stable
	if stable {
		out.Protocol = g.protocol
	}
	for _, m := range g.members {
		dm := DescribedMember{ID: m.id, InstanceID: m.instance, ClientID: m.clientID, ClientHost: m.host}
		if stable {
			dm.Metadata, dm.Assignment = m.metadata(g.protocol), m.assignment
		}
		out.Members = append(out.Members, dm)
	}
	g.reply(d.Token, out)
}
