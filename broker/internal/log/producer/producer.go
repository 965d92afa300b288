// Package producer is what one partition knows of its producers, as a pure state machine: which batches an idempotent
// producer has written (KIP-98), which epoch fences it (KIP-98, KIP-360), which transactions are open, and which were
// aborted. Every storage engine keeps a Table for each partition; it holds no lock, clock or file, and what it decides
// depends on nothing but the calls that were made.
//
// An engine decides a batch in two steps: Check changes nothing, Apply records that the batch has its place. What
// lies between them (room on the disk, companions) is the engine's. Where an engine gives out offsets before they are
// durable, a duplicate's original may be waiting for its flush: answer the duplicate after it.
//
// # Rules
//
// A batch of (producer id, epoch, first..last sequence):
//
//	the id is unknown           first = 0: new producer. Otherwise ErrUnknownProducer: its earlier batches expired, or
//	                            never came
//	epoch below the newest      ErrInvalidProducerEpoch: it was fenced
//	epoch above the newest      first = 0: taken, earlier sequences are forgotten. Otherwise ErrOutOfOrderSequence
//	exactly one of the last 5   a duplicate: success with the original's offset
//	first follows the last      taken; after 2^31-1 comes 0
//	wholly at or before the last  ErrDuplicateSequence: it is in the log, but its offset is forgotten
//	anything else               ErrOutOfOrderSequence: records are missing, or some of it would be written twice
//
// Apache Kafka accepts any first sequence of an unknown id (KIP-360), which hides a loss; here the producer is told and
// begins a new epoch, which clients do by themselves.
//
// A transaction is open from its producer's first transactional batch to its marker. It holds the last stable offset
// down until the high watermark has passed the marker, so that no reader sees an outcome that could still be lost.
package producer

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
)

// Remembered is how many batches of a producer are recognised when they come again (KIP-98: clients have at most five
// in flight).
const Remembered = 5

// Table is the state of one partition's producers. The zero value is empty and ready. It is not safe for concurrent use.
type Table struct {
	producers map[int64]*state
	open      map[int64]int64 // producer id -> first offset of its open transaction
	ended     []ended         // transactions whose marker the high watermark may not have passed, by marker
	aborted   []Aborted       // by marker
}

// state is one producer.
type state struct {
	epoch            int16
	coordinatorEpoch int32 // of the last marker, -1 if none
	n                int8  // batches remembered
	batches          [Remembered]batch
	lastUsed         int64 // milliseconds since the epoch, for Expire
}

// batch is one remembered batch; batches of a state are of its epoch, oldest first.
type batch struct {
	first, last int32
	base        int64
	timestamp   int64
}

// ended is a transaction whose marker is in the log.
type ended struct{ first, marker int64 }

// Aborted is an aborted transaction: its first offset, and that of its marker.
type Aborted struct {
	ProducerID  int64
	FirstOffset int64
	Marker      int64
}

// Duplicate is where the original of a duplicate lies.
type Duplicate struct {
	BaseOffset int64
	Timestamp  int64 // the original's max timestamp: its append time, if it has one
}

// Len is the number of producers that are known.
func (t *Table) Len() int { return len(t.producers) }

// Check decides what h, a verified data batch on its way in, is: nil and nil if it may be appended, a Duplicate if it is
// in the log already, otherwise an error of package log. Batches without a producer id always pass.
func (t *Table) Check(h *record.Header) (*Duplicate, error) {
	if h.ProducerID < 0 {
		return nil, nil
	}
	s := t.producers[h.ProducerID]
	if err := t.checkEpoch(s, h); err != nil {
		return nil, err
	}
	if s == nil {
		if h.BaseSequence != 0 {
			return nil, fmt.Errorf("%w: producer %d begins at sequence %d", log.ErrUnknownProducer, h.ProducerID, h.BaseSequence)
		}
		return nil, nil
	}
	if h.ProducerEpoch > s.epoch || s.n == 0 {
		if h.BaseSequence != 0 {
			return nil, fmt.Errorf("%w: producer %d begins epoch %d at sequence %d",
				log.ErrOutOfOrderSequence, h.ProducerID, h.ProducerEpoch, h.BaseSequence)
		}
		return nil, nil
	}
	return s.checkSequence(h)
}

// CheckUnsequenced is Check for a batch that the broker itself writes for a producer: only the epoch counts.
func (t *Table) CheckUnsequenced(h *record.Header) error {
	if h.ProducerID < 0 {
		return nil
	}
	return t.checkEpoch(t.producers[h.ProducerID], h)
}

// checkEpoch refuses fenced producers, and those that write outside of the transaction that they have open. s is nil for one
// that is unknown.
func (t *Table) checkEpoch(s *state, h *record.Header) error {
	if s == nil {
		return nil
	}
	if h.ProducerEpoch < s.epoch {
		return fmt.Errorf("%w: producer %d has epoch %d, the newest is %d",
			log.ErrInvalidProducerEpoch, h.ProducerID, h.ProducerEpoch, s.epoch)
	}
	if first, open := t.open[h.ProducerID]; open && !h.Attributes.Transactional() {
		return fmt.Errorf("%w: producer %d writes outside of the transaction that it has open since offset %d",
			log.ErrInvalidTxnState, h.ProducerID, first)
	}
	return nil
}

func (s *state) checkSequence(h *record.Header) (*Duplicate, error) {
	last := h.LastSequence()
	for i := range s.n {
		if b := &s.batches[i]; b.first == h.BaseSequence && b.last == last {
			return &Duplicate{BaseOffset: b.base, Timestamp: b.timestamp}, nil
		}
	}
	newest := s.batches[s.n-1].last
	if h.BaseSequence == record.AddSequence(newest, 1) {
		return nil, nil
	}
	if atOrBefore(h.BaseSequence, newest) && atOrBefore(last, newest) {
		return nil, fmt.Errorf("%w: producer %d, sequences %d to %d, the newest is %d",
			log.ErrDuplicateSequence, h.ProducerID, h.BaseSequence, last, newest)
	}
	return nil, fmt.Errorf("%w: producer %d, sequences %d to %d after %d",
		log.ErrOutOfOrderSequence, h.ProducerID, h.BaseSequence, last, newest)
}

// atOrBefore reports whether sequence a is at or before b, on the circle of 2^31 numbers.
func atOrBefore(a, b int32) bool {
	const half = 1 << 30
	return (uint32(b)-uint32(a))&0x7fffffff < half
}

// Apply records that h has its place at h.BaseOffset. now is the broker's time in milliseconds since the epoch. Recovery
// applies the batches of a log in order, without Check; control batches go to ApplyMarker.
func (t *Table) Apply(h *record.Header, now int64) {
	if h.ProducerID < 0 {
		return
	}
	s := t.state(h.ProducerID)
	s.lastUsed = now
	if h.ProducerEpoch != s.epoch {
		s.epoch, s.n = h.ProducerEpoch, 0
	}
	if s.n == Remembered {
		copy(s.batches[:], s.batches[1:])
		s.n--
	}
	s.batches[s.n] = batch{first: h.BaseSequence, last: h.LastSequence(), base: h.BaseOffset, timestamp: h.MaxTimestamp}
	s.n++
	if _, open := t.open[h.ProducerID]; !open && h.Attributes.Transactional() {
		if t.open == nil {
			t.open = make(map[int64]int64)
		}
		t.open[h.ProducerID] = h.BaseOffset
	}
}

func (t *Table) state(id int64) *state {
	s := t.producers[id]
	if s == nil {
		if t.producers == nil {
			t.producers = make(map[int64]*state)
		}
		s = &state{epoch: -1, coordinatorEpoch: -1}
		t.producers[id] = s
	}
	return s
}

// CheckMarker decides whether a transaction marker may be written: not by a fenced producer or coordinator.
func (t *Table) CheckMarker(m *record.Marker) error {
	s := t.producers[m.ProducerID]
	if s == nil {
		return nil
	}
	if m.ProducerEpoch < s.epoch {
		return fmt.Errorf("%w: a marker of producer %d has epoch %d, the newest is %d",
			log.ErrInvalidProducerEpoch, m.ProducerID, m.ProducerEpoch, s.epoch)
	}
	if m.CoordinatorEpoch < s.coordinatorEpoch {
		return fmt.Errorf("%w: a marker of producer %d comes from coordinator epoch %d, the newest is %d",
			log.ErrInvalidProducerEpoch, m.ProducerID, m.CoordinatorEpoch, s.coordinatorEpoch)
	}
	return nil
}

// ApplyMarker records that the marker has its place at offset. It ends the producer's transaction, if one is open, and a
// newer epoch fences the older ones from now on.
func (t *Table) ApplyMarker(m *record.Marker, offset, now int64) {
	s := t.state(m.ProducerID)
	s.lastUsed = now
	s.coordinatorEpoch = m.CoordinatorEpoch
	if m.ProducerEpoch != s.epoch {
		s.epoch, s.n = m.ProducerEpoch, 0
	}
	first, open := t.open[m.ProducerID]
	if !open {
		return
	}
	delete(t.open, m.ProducerID)
	t.ended = append(t.ended, ended{first: first, marker: offset})
	if !m.Commit {
		t.aborted = append(t.aborted, Aborted{ProducerID: m.ProducerID, FirstOffset: first, Marker: offset})
	}
}

// LastStable returns the last stable offset under a high watermark: the first offset of the first transaction that is
// open or whose marker lies at or above the high watermark; without one, the high watermark. It forgets transactions
// that are decided, so the high watermark must not go back.
func (t *Table) LastStable(highWatermark int64) int64 {
	t.ended = slices.DeleteFunc(t.ended, func(e ended) bool { return e.marker < highWatermark })
	stable := highWatermark
	for _, e := range t.ended {
		stable = min(stable, e.first)
	}
	for _, first := range t.open {
		stable = min(stable, first)
	}
	return stable
}

// AbortedIn returns the aborted transactions with records in [from, to), for a read_committed reader. The result is the
// caller's.
func (t *Table) AbortedIn(from, to int64) []log.AbortedTxn {
	// Ordered by marker, so those that end before from are all in front.
	i, _ := slices.BinarySearchFunc(t.aborted, from, func(a Aborted, from int64) int {
		if a.Marker < from {
			return -1
		}
		return 1
	})
	var out []log.AbortedTxn
	for _, a := range t.aborted[i:] {
		if a.FirstOffset < to {
			out = append(out, log.AbortedTxn{ProducerID: a.ProducerID, FirstOffset: a.FirstOffset})
		}
	}
	return out
}

// Active returns what is known of each producer, by id. The result is the caller's.
func (t *Table) Active() []log.ActiveProducer {
	out := make([]log.ActiveProducer, 0, len(t.producers))
	for id, s := range t.producers {
		a := log.ActiveProducer{ID: id, Epoch: s.epoch, LastSequence: -1, LastTimestamp: s.lastUsed,
			CoordinatorEpoch: s.coordinatorEpoch, TxnStart: -1}
		if s.n > 0 {
			a.LastSequence = s.batches[s.n-1].last
		}
		if first, open := t.open[id]; open {
			a.TxnStart = first
		}
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b log.ActiveProducer) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// Aborted returns all aborted transactions that are known, by marker. The result is the caller's.
func (t *Table) Aborted() []Aborted { return slices.Clone(t.aborted) }

// ForgetAborted forgets aborted transactions whose markers, by offset, are not in the log any more. Otherwise a reader would
// drop what their producers wrote after them.
func (t *Table) ForgetAborted(markers map[int64]bool) {
	t.aborted = slices.DeleteFunc(t.aborted, func(a Aborted) bool { return markers[a.Marker] })
}

// Trim forgets aborted transactions that lie wholly below the log start. Producers stay: their sequences go on
// although their records are gone (KIP-360).
func (t *Table) Trim(logStart int64) {
	t.aborted = slices.DeleteFunc(t.aborted, func(a Aborted) bool { return a.Marker < logStart })
}

// Expire forgets producers that have written nothing for longer than idle milliseconds (producer.id.expiration.ms) and,
// if more than most are left, the longest idle ones of these; most <= 0 means without bound. Producers with an open
// transaction stay. It returns how many it forgot.
func (t *Table) Expire(now, idle int64, most int) int {
	before := len(t.producers)
	for id, s := range t.producers {
		if _, open := t.open[id]; !open && now-s.lastUsed > idle {
			delete(t.producers, id)
		}
	}
	if most > 0 && len(t.producers) > most {
		type aged struct{ id, used int64 }
		var all []aged
		for id, s := range t.producers {
			if _, open := t.open[id]; !open {
				all = append(all, aged{id, s.lastUsed})
			}
		}
		slices.SortFunc(all, func(a, b aged) int {
			return cmp.Or(cmp.Compare(a.used, b.used), cmp.Compare(a.id, b.id))
		})
		for _, a := range all[:min(len(all), len(t.producers)-most)] {
			delete(t.producers, a.id)
		}
	}
	return before - len(t.producers)
}
