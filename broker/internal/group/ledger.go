package group

import (
	"maps"
	"slices"

	"github.com/typelog/typelog/broker/internal/state"
)

// ledger is the committed offsets of a group, and those that wait for the end of a transaction. What counts is the order of
// the records in the log: of two commits of one partition the later record wins, whenever its transaction ended. That is
// what compaction keeps, so that a reload comes to the same.
type ledger struct {
	offsets map[TopicPartition]*committed
	// txns are the offsets of open transactions, by producer id.
	txns   map[int64]map[TopicPartition]pendingOffset
	placed uint64 // records so far
}

// committed is the offset of one partition.
type committed struct {
	state.Offset
	stored  bool   // Offset is set, and durable
	place   uint64 // of its record
	pending int    // commits that the store has not decided
}

// pendingOffset is an offset that a transaction commits.
type pendingOffset struct {
	state.Offset
	stored bool
	place  uint64
}

func newLedger() ledger {
	return ledger{offsets: map[TopicPartition]*committed{}, txns: map[int64]map[TopicPartition]pendingOffset{}}
}

// next is the place of the next record.
func (l *ledger) next() uint64 {
	l.placed++
	return l.placed
}

// offset is the entry of a partition, made if there is none.
func (l *ledger) offset(at TopicPartition) *committed {
	c := l.offsets[at]
	if c == nil {
		c = &committed{}
		l.offsets[at] = c
	}
	return c
}

// forget removes an entry that holds nothing.
func (l *ledger) forget(at TopicPartition, c *committed) {
	if !c.stored && c.pending == 0 {
		delete(l.offsets, at)
	}
}

// take takes in a commit that is durable, unless a later one has been taken in.
func (l *ledger) take(o state.Offset, place uint64) {
	if c := l.offset(keyOf(o)); place > c.place {
		c.Offset, c.stored, c.place = o, true, place
	}
}

// erase takes in that an offset is gone, and with it what was written for it before.
func (l *ledger) erase(at TopicPartition, place uint64) {
	if c := l.offsets[at]; c != nil && place > c.place {
		c.stored = false
		l.forget(at, c)
	}
	for producer, of := range l.txns {
		if p, ok := of[at]; ok && p.place < place {
			l.lose(producer, at)
		}
	}
}

// hold takes in an offset that counts at the end of the producer's transaction.
func (l *ledger) hold(producer int64, o state.Offset, place uint64, stored bool) {
	of := l.txns[producer]
	if of == nil {
		of = map[TopicPartition]pendingOffset{}
		l.txns[producer] = of
	}
	of[keyOf(o)] = pendingOffset{Offset: o, stored: stored, place: place}
}

// lose forgets one offset of a transaction.
func (l *ledger) lose(producer int64, at TopicPartition) {
	of := l.txns[producer]
	delete(of, at)
	if len(of) == 0 {
		delete(l.txns, producer)
	}
}

// end ends a transaction.
func (l *ledger) end(producer int64, commit bool) {
	if commit {
		for _, p := range l.txns[producer] {
			if p.stored {
				l.take(p.Offset, p.place)
			}
		}
	}
	delete(l.txns, producer)
}

// unstable reports whether a transaction may yet commit another offset of the partition (KIP-447).
func (l *ledger) unstable(at TopicPartition) bool {
	for _, of := range l.txns {
		if _, ok := of[at]; ok {
			return true
		}
	}
	return false
}

// empty reports that there is nothing, and nothing to come.
func (l *ledger) empty() bool { return len(l.offsets) == 0 && len(l.txns) == 0 }

// partitions are those of which anything is there.
func (l *ledger) partitions() []TopicPartition {
	all := maps.Clone(l.offsets)
	for _, of := range l.txns {
		for at := range of {
			all[at] = nil
		}
	}
	return slices.Collect(maps.Keys(all))
}

func keyOf(o state.Offset) TopicPartition { return TopicPartition{o.Topic, o.Partition} }
