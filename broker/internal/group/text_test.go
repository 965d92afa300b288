package group

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/typelog/typelog/broker/internal/state"
)

// How the scripts print things.

func stateText(g *Group) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, generation %d", g.state, g.generation)
	if g.protocol != "" {
		fmt.Fprintf(&b, ", protocol %s", g.protocol)
	}
	if g.leader != "" {
		fmt.Fprintf(&b, ", leader %s", g.leader)
	}
	for i, m := range g.members {
		if i == 0 {
			b.WriteString(", members")
		}
		fmt.Fprintf(&b, " %s", m.id)
		if m.instance != "" {
			fmt.Fprintf(&b, "/%s", m.instance)
		}
		if m.joining != 0 {
			b.WriteString("(joining)")
		}
		if m.syncing != 0 {
			b.WriteString("(syncing)")
		}
	}
	for i, id := range slices.Sorted(maps.Keys(g.pending)) {
		if i == 0 {
			b.WriteString(", pending")
		}
		fmt.Fprintf(&b, " %s", id)
	}
	return b.String()
}

func answerText(a Answer) string {
	switch a := a.(type) {
	case Joined:
		return joinedText(a)
	case Synced:
		if a.Err != nil {
			return a.Err.Error()
		}
		return fmt.Sprintf("ok, %s %s, assignment %q", a.ProtocolType, a.Protocol, a.Assignment)
	case Beaten:
		return okOr(a.Err)
	case Left:
		return several(a.Err, a.Of)
	case Committed:
		return several(a.Err, a.Of)
	case Removed:
		return several(a.Err, a.Of)
	case Fetched:
		text := offsetsText(a.Offsets)
		for _, p := range a.Unstable {
			text += fmt.Sprintf(" %s/%d unstable", p.Topic, p.Partition)
		}
		return text
	case Ended:
		return okOr(a.Err)
	case Description:
		return descriptionText(a)
	}
	panic(fmt.Sprintf("unknown answer %T", a))
}

func joinedText(a Joined) string {
	if a.Err != nil {
		return fmt.Sprintf("%v, member %q", a.Err, a.MemberID)
	}
	text := fmt.Sprintf("ok, member %s, generation %d, %s %s, leader %s", a.MemberID, a.Generation, a.ProtocolType, a.Protocol, a.Leader)
	if a.SkipAssignment {
		text += ", skip the assignment"
	}
	for i, m := range a.Members {
		if i == 0 {
			text += ", of"
		}
		text += " " + m.ID
	}
	return text
}

func okOr(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}

func several(err error, of []error) string {
	if err != nil || len(of) == 0 {
		return okOr(err)
	}
	var texts []string
	for _, err := range of {
		texts = append(texts, okOr(err))
	}
	return strings.Join(texts, "; ")
}

func offsetsText(offsets []state.Offset) string {
	if len(offsets) == 0 {
		return "nothing"
	}
	var texts []string
	for _, o := range offsets {
		texts = append(texts, offsetText(o))
	}
	return strings.Join(texts, " ")
}

func offsetText(o state.Offset) string {
	text := fmt.Sprintf("%s/%d=%d", o.Topic, o.Partition, o.Offset)
	if o.Metadata != "" {
		text += ":" + o.Metadata
	}
	return text
}

func descriptionText(d Description) string {
	if d.Err != nil {
		return d.Err.Error()
	}
	text := fmt.Sprintf("%s, type %q, protocol %q", d.State, d.ProtocolType, d.Protocol)
	for _, m := range d.Members {
		text += fmt.Sprintf("; %s %s@%s metadata %q assignment %q", m.ID, m.ClientID, m.ClientHost, m.Metadata, m.Assignment)
	}
	return text
}

func effectText(e state.Effect) string {
	switch e := e.(type) {
	case state.PutGroup:
		text := fmt.Sprintf("generation %d", e.Group.Generation)
		for _, m := range e.Group.Members {
			text += fmt.Sprintf(", %s has %q", m.ID, m.Assignment)
		}
		return text
	case state.RemoveGroup:
		return "remove the group"
	case state.PutOffset:
		return offsetText(e.Offset)
	case state.PutPending:
		return fmt.Sprintf("%s when producer %d commits", offsetText(e.Offset), e.Producer.ID)
	case state.RemoveOffset:
		return fmt.Sprintf("remove %s/%d", e.Topic, e.Partition)
	}
	panic(fmt.Sprintf("unknown effect %T", e))
}
