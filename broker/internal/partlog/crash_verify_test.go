package partlog

import (
	"errors"
	"math"
	"slices"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/vfs/lossy"
)

// verify holds what the engine has against what the world knows.
// It returns false if the machine crashed meanwhile.
func (w *world) verify() bool {
	for _, m := range w.models() {
		got, b, err := w.read(m)
		if errors.Is(err, lossy.ErrCrashed) {
			return false
		}
		if err != nil {
			w.fatalf("%s cannot be read: %v", m.id, err)
		}
		if b.LogStart < m.logStart || b.LogStart > m.tried {
			w.fatalf("%s begins at %d, trimmed to between %d and %d", m.id, b.LogStart, m.logStart, m.tried)
		}
		for offset, v := range m.seen {
			if there, ok := got[offset]; offset >= b.LogStart && there != v && (ok || !m.compact) {
				w.fatalf("%s: a reader saw %.20q at %d, now it is %.20q", m.id, v, offset, got[offset])
			}
		}
		if m.compact {
			w.verifyCompacted(m, got, b)
		} else {
			w.verifyBatches(m, got, b)
		}
	}
	w.verifyCompanions()
	return w.resend()
}

// verifyBatches checks that acknowledged batches are where they were promised, and that others are there whole or not at
// all, in order and once.
func (w *world) verifyBatches(m *modelled, got map[int64]string, b log.Bounds) {
	at := map[string]int64{}
	for offset, v := range got {
		if old, twice := at[v]; twice {
			w.fatalf("%s: %.20q is at %d and at %d", m.id, v, old, offset)
		}
		at[v] = offset
	}
	last := int64(-1)
	for _, s := range m.batches {
		base, there := at[s.values[0]]
		if s.acked && s.base >= b.LogStart && (!there || base != s.base) {
			w.fatalf("%s: %.20q was acknowledged at %d; it is at %d, %v; bounds %+v", m.id, s.values[0], s.base, base, there, b)
		}
		if !there {
			continue
		}
		if base <= last {
			w.fatalf("%s: %.20q is at %d, before its predecessor", m.id, s.values[0], base)
		}
		last = base
		for i, v := range s.values {
			if got[base+int64(i)] != v {
				w.fatalf("%s: half of the batch at %d", m.id, base)
			}
		}
	}
}

// verifyCompacted checks that of what was acknowledged only that is missing which a later record of its key, or its being a
// tombstone, made void; that everything else is at its offset; and that no tombstone is gone before what it deletes.
func (w *world) verifyCompacted(m *modelled, got map[int64]string, b log.Bounds) {
	at := map[string]int64{}
	for offset, v := range got {
		if old, twice := at[v]; twice {
			w.fatalf("%s: %.20q is at %d and at %d", m.id, v, old, offset)
		}
		at[v] = offset
	}
	void := map[string]bool{} // keys that a later record, by the order of sending, has made void
	lost := map[string]bool{} // keys of which a later tombstone that was acknowledged is missing
	last := int64(math.MaxInt64)
	for _, s := range slices.Backward(m.batches) {
		for i, v := range slices.Backward(s.values) {
			offset, there := at[v]
			key, promised := s.keys[i], s.acked && s.base >= 0 && s.base+int64(i) >= b.LogStart
			switch {
			case there && offset >= last:
				w.fatalf("%s: %.20q is at %d, behind what was sent later", m.id, v, offset)
			case there && promised && offset != s.base+int64(i):
				w.fatalf("%s: %.20q was acknowledged at %d and is at %d", m.id, v, s.base+int64(i), offset)
			case there && lost[key]:
				w.fatalf("%s: %.20q is still there, but the later tombstone of %s is gone", m.id, v, key)
			case !there && promised && !void[key] && !s.tombs[i]:
				w.fatalf("%s: %.20q, the latest of %s, was acknowledged at %d and is gone; bounds %+v", m.id, v, key, s.base+int64(i), b)
			}
			if there {
				last = offset
			}
			void[key] = void[key] || there || s.tombs[i]
			lost[key] = lost[key] || !there && promised && s.tombs[i]
		}
	}
}

// verifyCompanions checks that companions are there if and only if their batches are.
func (w *world) verifyCompanions() {
	for _, m := range w.models() {
		other := w.parts[log.Partition{Topic: m.id.Topic, Index: 1 - m.id.Index}]
		mine, b1, err1 := w.read(m)
		theirs, b2, err2 := w.read(other)
		if err1 != nil || err2 != nil || b1.LogStart > 0 || b2.LogStart > 0 {
			continue
		}
		has := func(got map[int64]string, v string) bool {
			for _, x := range got {
				if x == v {
					return true
				}
			}
			return false
		}
		for _, s := range m.batches {
			if s.dead && has(mine, s.values[0]) != has(theirs, "dead "+s.values[0]) {
				w.fatalf("%s: a batch and its companion are not together", m.id)
			}
		}
	}
}

// resend is what clients do after a broker's restart: everything that was not answered is sent again, in order, and so
// are the last batches that were. Those that are in the log must be recognised.
func (w *world) resend() bool {
	for _, m := range w.models() {
		if m.producer < 0 {
			got, _, err := w.read(m)
			if err != nil {
				return false
			}
			have := map[string]bool{}
			for _, v := range got {
				have[v] = true
			}
			m.batches = slices.DeleteFunc(m.batches, func(s *sent) bool { return !s.acked && !have[s.values[0]] })
			continue
		}
		first := len(m.batches)
		for first > 0 && !m.batches[first-1].acked {
			first--
		}
		recent := max(0, first-2)
		if unanswered := len(m.batches) - first; unanswered > 3 {
			recent = first // more than a client would have in flight; the last five are all that is remembered
		}
		for _, s := range m.batches[recent:] {
			if !w.resendOne(m, s) {
				return false
			}
		}
	}
	return true
}

func (w *world) resendOne(m *modelled, s *sent) bool {
	answer := make(chan log.Appended, 1)
	w.send(m, s, func(out log.Appended) { answer <- out })
	out := <-answer
	switch {
	case errors.Is(out.Err, log.ErrStorage):
		return false
	case errors.Is(out.Err, log.ErrDuplicateSequence) && !s.acked:
		// In the log, but more than five batches ago. Where, the log says.
		got, _, err := w.read(m)
		if err != nil {
			return false
		}
		for offset, v := range got {
			if v == s.values[0] {
				s.acked, s.base = true, offset
				return true
			}
		}
		b, _ := w.e.Bounds(m.id)
		if b.LogStart > 0 || m.compact {
			s.acked, s.base = true, -1
			return true
		}
		w.fatalf("%s: %.20q is said to be a duplicate and is not there", m.id, s.values[0])
	case out.Err != nil:
		w.fatalf("%s: sending sequence %d again: %v", m.id, s.seq, out.Err)
	case s.acked && (!out.Duplicate || out.BaseOffset != s.base):
		w.fatalf("%s: sequence %d was acknowledged at %d; sent again: %+v", m.id, s.seq, s.base, out)
	}
	s.acked, s.base = true, out.BaseOffset
	return true
}
