package main

import (
	"fmt"
	"sync"
)

// An id names one record: who wrote it and which one of its writer's for that partition it is, from 1 on.
type id struct {
	producer int32
	n        int32
}

func (i id) String() string { return fmt.Sprintf("producer %d's record %d", i.producer, i.n) }

// A place is a partition of a topic.
type place struct {
	topic     string
	partition int32
}

func (p place) String() string { return fmt.Sprintf("%s-%d", p.topic, p.partition) }

// account holds what the outside was told: which record has which offset, by an acknowledgement or by a read. It is
// pure bookkeeping. Its faults have the names that Jepsen's Kafka workload gave them. Safe for concurrent use.
type account struct {
	mu     sync.Mutex
	parts  map[place]*told
	acked  int64
	seen   int64
	faults []string
}

// told is what is known of one partition.
type told struct {
	at        []id             // by offset; zero: nobody was told
	polled    map[string]int64 // by reader: its next offset
	committed int64
	failed    map[id]bool // given up by the client: may be there once, or not at all
}

func newAccount() *account { return &account{parts: map[place]*told{}} }

// part is called with mu held.
func (a *account) part(p place) *told {
	t := a.parts[p]
	if t == nil {
		t = &told{polled: map[string]int64{}, failed: map[id]bool{}}
		a.parts[p] = t
	}
	return t
}

func (a *account) faultf(format string, args ...any) {
	if len(a.faults) < 50 {
		a.faults = append(a.faults, fmt.Sprintf(format, args...))
	}
}

// faulty returns what was found wrong so far.
func (a *account) faulty() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.faults...)
}

func (a *account) fault(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faultf(format, args...)
}

// note keeps that offset of p holds rec, and complains if something else was told before.
func (a *account) note(t *told, p place, offset int64, rec id, how string) {
	for int64(len(t.at)) <= offset {
		t.at = append(t.at, id{})
	}
	if was := t.at[offset]; was != (id{}) && was != rec {
		a.faultf("inconsistent offset: %s offset %d was %v, now %s as %v", p, offset, was, how, rec)
		return
	}
	t.at[offset] = rec
}

// acknowledged: the broker said that rec has this offset.
func (a *account) acknowledged(p place, offset int64, rec id) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.acked++
	if offset < 0 {
		a.faultf("%s: %v was acknowledged without an offset", p, rec)
		return
	}
	a.note(a.part(p), p, offset, rec, "acknowledged")
}

// gaveUp: the client does not know whether rec was written.
func (a *account) gaveUp(p place, rec id) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.part(p).failed[rec] = true
}

// polled: a reader that goes forward saw rec at this offset.
func (a *account) polled(reader string, p place, offset int64, rec id) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.part(p)
	a.seen++
	if want := t.polled[reader]; want != offset {
		a.faultf("non-monotonic poll: %s of %s saw offset %d after %d", reader, p, offset, want-1)
	}
	t.polled[reader] = offset + 1
	a.note(t, p, offset, rec, "read")
}

// committed: the broker acknowledged that the group is at offset.
func (a *account) commit(p place, offset int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.part(p)
	t.committed = max(t.committed, offset)
}

// commitNow compares the group's offset, as the broker tells it, with what was acknowledged before it was asked.
func (a *account) commitNow(p place, acknowledged, offset int64) {
	if offset < acknowledged {
		a.fault("lost commit: the group's offset of %s went back from %d to %d", p, acknowledged, offset)
	}
}

// want is what a reader from the beginning has to find, as of one moment.
type want struct {
	end       int64 // below it, every offset was told to somebody or precedes one that was
	committed int64
}

// wants returns for each partition what must be there from now on.
func (a *account) wants() map[place]want {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := map[place]want{}
	for p, t := range a.parts {
		out[p] = want{int64(len(t.at)), t.committed}
	}
	return out
}

// whole checks a partition that was read from offset 0 to its end: got[i] has offset i. w is what wants said before the
// read began.
func (a *account) whole(p place, w want, got []id) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.part(p)
	if int64(len(got)) < w.end {
		a.faultf("lost write: %s ends at %d, offset %d was acknowledged or read (%v)", p, len(got), w.end-1, t.at[w.end-1])
	}
	last := map[int32]int32{}
	for offset, rec := range got {
		a.note(t, p, int64(offset), rec, "found")
		switch before := last[rec.producer]; {
		case rec.n <= before:
			a.faultf("duplicate or out of order: %s offset %d is %v, after its record %d", p, offset, rec, before)
		default:
			for n := before + 1; n < rec.n; n++ {
				if !t.failed[id{rec.producer, n}] {
					a.faultf("lost write: %s has %v at offset %d, without the record before it (%d)", p, rec, offset, n)
					break
				}
			}
			last[rec.producer] = rec.n
		}
	}
}
