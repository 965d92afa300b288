package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Op is what a Change does (KIP-339), with Kafka's numbers.
type Op int8

// The operations of IncrementalAlterConfigs.
const (
	Set      Op = 0
	Delete   Op = 1 // back to what the broker says
	Append   Op = 2 // to a list
	Subtract Op = 3 // from a list
)

// Change is one change of a topic's own configs. Value does not matter to Delete.
type Change struct {
	Name  string
	Op    Op
	Value string
}

// Alter returns what a topic's own configs become by the changes, in order. own is not changed. Append and Subtract work
// on the value that holds, and make it the topic's own. The result as a whole is validated; the error wraps ErrUnknown or
// ErrInvalid.
func (b *Broker) Alter(own map[string]string, changes []Change) (map[string]string, error) {
	out := maps.Clone(own)
	if out == nil {
		out = make(map[string]string)
	}
	seen := make(map[string]bool, len(changes))
	for _, c := range changes {
		t := findTopic(c.Name)
		if t == nil {
			return nil, unknownTopic(c.Name)
		}
		if seen[c.Name] {
			return nil, fmt.Errorf("%w for %s: it is changed twice in one request", ErrInvalid, c.Name)
		}
		seen[c.Name] = true
		switch c.Op {
		case Set:
			out[c.Name] = c.Value
		case Delete:
			delete(out, c.Name)
		case Append, Subtract:
			if t.typ != List {
				return nil, fmt.Errorf("%w for %s: only lists can be added to or taken from, and it is a %s", ErrInvalid, c.Name, t.typ)
			}
			now, _, _ := b.topicValue(t, out)
			out[c.Name] = changeList(now, c)
		default:
			return nil, fmt.Errorf("%w for %s: there is no operation %d", ErrInvalid, c.Name, c.Op)
		}
	}
	if err := checkTopic(out); err != nil {
		return nil, err
	}
	return out, nil
}

// changeList adds items that are not there yet, or takes items away.
func changeList(list string, c Change) string {
	items := Items(list)
	for _, item := range Items(c.Value) {
		if c.Op == Subtract {
			items = slices.DeleteFunc(items, func(have string) bool { return have == item })
		} else if !slices.Contains(items, item) {
			items = append(items, item)
		}
	}
	return strings.Join(items, ",")
}
