package txn

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

// event is something that happens to a transactional id: Init, Add, Verify, End, or what the coordinator does by itself. decide
// must not change t, which is nil if nothing is known of the transactional id.
type event interface {
	decide(t *state.Transaction, now time.Time) outcome
}

// outcome is what an event leads to.
type outcome struct {
	// err refuses; nothing changes, except with next: then err is the answer once next is stored.
	err error
	// next is the state from now on, once it is stored; nil if nothing changes.
	next *state.Transaction
	// forget the transactional id, once that is stored.
	forget bool
	// who is the producer's identity from now on.
	who Identity
}

// errNeedID asks for the event again with a new producer id in it.
var errNeedID = errors.New("a new producer id is needed")

const noID = -1

// Init is an InitProducerId request.
type Init struct {
	Identity        // what the producer had so far (KIP-360), or -1 and -1
	Timeout  int32  // milliseconds
	id       string // the transactional id
	newID    int64  // to be used if one is needed; noID if it was not asked for yet
}

// Add is an AddPartitionsToTxn or AddOffsetsToTxn request, or a write that lets partitions join.
type Add struct {
	Identity
	Partitions []state.TopicPartition
	Version    int16 // the transaction.version that the client speaks
}

// Verify asks whether partitions are part of the transaction.
type Verify struct {
	Identity
	Partitions []state.TopicPartition
}

// End is an EndTxn request.
type End struct {
	Identity
	Commit  bool
	Version int16 // the transaction.version that the client speaks
	newID   int64 // as in Init
}

// overdue aborts a transaction that is past its timeout.
type overdue struct{}

// completed says that all markers are written.
type completed struct{}

// idle forgets a transactional id that has not been used for so long.
type idle struct{ since time.Duration }

// epochBump is the transaction.version from which on the end of a transaction raises the epoch.
const epochBump = 2

// exhausted epochs are not raised for a producer any more; one more is kept for fencing it.
func exhausted(epoch int16) bool { return epoch >= math.MaxInt16-1 }

// follow is a copy of t to be changed. The producer id before this one matters to a retry of the step that changed it, and no
// longer.
func follow(t *state.Transaction, now time.Time) *state.Transaction {
	n := *t
	n.PreviousProducerID = noID
	n.Updated = now.UnixMilli()
	return &n
}

func identity(t *state.Transaction) Identity { return Identity{t.ProducerID, t.Epoch} }

func preparing(t *state.Transaction) bool {
	return t.Status == state.TransactionPrepareCommit || t.Status == state.TransactionPrepareAbort
}

func (e Init) decide(t *state.Transaction, now time.Time) outcome {
	given := e.ProducerID != -1
	switch {
	case t == nil:
		if e.newID == noID {
			return outcome{err: errNeedID}
		}
		n := &state.Transaction{ID: e.id, ProducerID: e.newID, PreviousProducerID: noID, NextProducerID: noID, LastEpoch: -1,
			Timeout: e.Timeout, Started: -1, Updated: now.UnixMilli()}
		return outcome{next: n, who: identity(n)}
	case given && e.ProducerID != t.ProducerID && !(e.ProducerID == t.PreviousProducerID && exhausted(e.Epoch)):
		return outcome{err: fmt.Errorf("%w: producer id %d, now it is %d", ErrFenced, e.ProducerID, t.ProducerID)}
	case preparing(t):
		return outcome{err: ErrConcurrent}
	case t.Status == state.TransactionOngoing:
		// The client comes again, and then gets an epoch of its own.
		return outcome{err: ErrConcurrent, next: fence(t, now)}
	}
	n := follow(t, now)
	n.Status, n.Timeout, n.Partitions, n.Started = state.TransactionEmpty, e.Timeout, nil, -1
	switch {
	case exhausted(t.Epoch) && (!given || e.Epoch == t.Epoch):
		if e.newID == noID {
			return outcome{err: errNeedID}
		}
		n.PreviousProducerID, n.ProducerID = t.ProducerID, e.newID
		n.Epoch, n.LastEpoch = 0, -1
		if given {
			n.LastEpoch = t.Epoch
		}
	case !given:
		n.Epoch, n.LastEpoch = t.Epoch+1, -1
	case e.Epoch == t.Epoch:
		n.Epoch, n.LastEpoch = t.Epoch+1, t.Epoch
	case e.Epoch == t.LastEpoch:
		// The answer to the same request was lost. Nobody else has come since, or LastEpoch would be -1.
		n.PreviousProducerID = t.PreviousProducerID
	default:
		return outcome{err: fmt.Errorf("%w: epoch %d, now it is %d", ErrFenced, e.Epoch, t.Epoch)}
	}
	return outcome{next: n, who: identity(n)}
}

// fence ends the transaction of a producer that is to go on no more. The epoch is raised twice, so that it is not what the
// producer would get if it ended the transaction itself.
func fence(t *state.Transaction, now time.Time) *state.Transaction {
	n := follow(t, now)
	n.Status = state.TransactionPrepareAbort
	n.Epoch = int16(min(int32(t.Epoch)+2, math.MaxInt16))
	n.LastEpoch, n.Version = -1, epochBump
	return n
}

// admit holds an identity against a transaction that is not being ended.
func admit(t *state.Transaction, who Identity) error {
	switch {
	case t == nil:
		return ErrUnknownID
	case t.ProducerID != who.ProducerID:
		return fmt.Errorf("%w: producer id %d, now it is %d", ErrUnknownID, who.ProducerID, t.ProducerID)
	case t.Epoch != who.Epoch:
		return fmt.Errorf("%w: epoch %d, now it is %d", ErrFenced, who.Epoch, t.Epoch)
	case preparing(t):
		return ErrConcurrent
	}
	return nil
}

func (e Add) decide(t *state.Transaction, now time.Time) outcome {
	if err := admit(t, e.Identity); err != nil {
		return outcome{err: err}
	}
	n := follow(t, now)
	n.Partitions = union(t.Partitions, e.Partitions)
	if t.Status == state.TransactionOngoing && len(n.Partitions) == len(t.Partitions) {
		return outcome{who: e.Identity}
	}
	if t.Status != state.TransactionOngoing {
		n.Started = n.Updated
	}
	n.Status, n.Version = state.TransactionOngoing, e.Version
	return outcome{next: n, who: e.Identity}
}

// union adds what is missing in a.
func union(a, b []state.TopicPartition) []state.TopicPartition {
	known := set(a)
	out := slices.Clip(a)
	for _, p := range b {
		if _, ok := known[p]; !ok {
			known[p] = struct{}{}
			out = append(out, p)
		}
	}
	return out
}

func set(partitions []state.TopicPartition) map[state.TopicPartition]struct{} {
	s := make(map[state.TopicPartition]struct{}, len(partitions))
	for _, p := range partitions {
		s[p] = struct{}{}
	}
	return s
}

func (e Verify) decide(t *state.Transaction, _ time.Time) outcome {
	if err := admit(t, e.Identity); err != nil {
		return outcome{err: err}
	}
	part := func(p state.TopicPartition) bool { return slices.Contains(t.Partitions, p) }
	if len(e.Partitions) > 8 {
		known := set(t.Partitions)
		part = func(p state.TopicPartition) bool { _, ok := known[p]; return ok }
	}
	for _, p := range e.Partitions {
		if !part(p) {
			return outcome{err: fmt.Errorf("%w: %s-%d", ErrNotPart, p.Topic, p.Partition)}
		}
	}
	return outcome{who: e.Identity}
}

func (e End) decide(t *state.Transaction, now time.Time) outcome {
	if t == nil {
		return outcome{err: ErrUnknownID}
	}
	if e.Version < epochBump {
		return e.decideV1(t, now)
	}
	// A retry comes with the epoch, or even the producer id, from before the transaction was ended.
	overflowed := t.PreviousProducerID == e.ProducerID && e.Epoch == math.MaxInt16-1 && t.Epoch == 0
	again := overflowed || int32(t.Epoch) == int32(e.Epoch)+1
	current := t.Epoch == e.Epoch
	if t.ProducerID != e.ProducerID && !overflowed {
		return outcome{err: fmt.Errorf("%w: producer id %d, now it is %d", ErrUnknownID, e.ProducerID, t.ProducerID)}
	}
	valid := current
	switch t.Status {
	case state.TransactionPrepareCommit, state.TransactionPrepareAbort:
		valid = again && !overflowed
	case state.TransactionCompleteCommit, state.TransactionCompleteAbort:
		valid = current || again
	}
	if !valid {
		return outcome{err: fmt.Errorf("%w: epoch %d, now it is %d", ErrFenced, e.Epoch, t.Epoch)}
	}
	switch {
	case t.Status == state.TransactionOngoing:
		return e.prepare(t, now)
	case preparing(t) || again:
		return e.repeated(t)
	case !e.Commit:
		// A transaction in which nothing was written: the coordinator does not know of it, but the epoch is raised.
		out := e.prepare(t, now)
		if out.next != nil {
			out.next.Started = out.next.Updated
		}
		return out
	}
	return outcome{err: e.invalid(t)}
}

// decideV1 is the end without a raised epoch.
func (e End) decideV1(t *state.Transaction, now time.Time) outcome {
	switch {
	case t.ProducerID != e.ProducerID:
		return outcome{err: fmt.Errorf("%w: producer id %d, now it is %d", ErrUnknownID, e.ProducerID, t.ProducerID)}
	case t.Epoch != e.Epoch:
		return outcome{err: fmt.Errorf("%w: epoch %d, now it is %d", ErrFenced, e.Epoch, t.Epoch)}
	case t.Status == state.TransactionOngoing:
		return e.prepare(t, now)
	case t.Status == state.TransactionEmpty:
		return outcome{err: e.invalid(t)}
	}
	return e.repeated(t)
}

// repeated answers the end of a transaction that is being ended, or has been.
func (e End) repeated(t *state.Transaction) outcome {
	committed := t.Status == state.TransactionPrepareCommit || t.Status == state.TransactionCompleteCommit
	switch {
	case committed != e.Commit:
		return outcome{err: e.invalid(t)}
	case preparing(t):
		return outcome{err: ErrConcurrent}
	}
	return outcome{who: identity(t)}
}

func (e End) invalid(t *state.Transaction) error {
	what := "abort"
	if e.Commit {
		what = "commit"
	}
	return fmt.Errorf("%w: cannot %s a transaction in state %s", ErrInvalidState, what, t.Status)
}

// prepare decides how the transaction ends.
func (e End) prepare(t *state.Transaction, now time.Time) outcome {
	n := follow(t, now)
	n.Status, n.Version = state.TransactionPrepareAbort, e.Version
	if e.Commit {
		n.Status = state.TransactionPrepareCommit
	}
	if e.Version < epochBump {
		return outcome{next: n, who: identity(n)}
	}
	if exhausted(t.Epoch) {
		if e.newID == noID {
			return outcome{err: errNeedID}
		}
		n.NextProducerID = e.newID
	}
	n.LastEpoch = t.Epoch
	if t.Epoch < math.MaxInt16 {
		n.Epoch++
	}
	return outcome{next: n, who: identity(complete(n, now))}
}

// complete is the state after the markers.
func complete(t *state.Transaction, now time.Time) *state.Transaction {
	n := follow(t, now)
	n.Status = state.TransactionCompleteAbort
	if t.Status == state.TransactionPrepareCommit {
		n.Status = state.TransactionCompleteCommit
	}
	if t.NextProducerID != noID {
		n.PreviousProducerID, n.ProducerID, n.Epoch = t.ProducerID, t.NextProducerID, 0
	}
	n.NextProducerID, n.Partitions = noID, nil
	return n
}

func (overdue) decide(t *state.Transaction, now time.Time) outcome {
	if t == nil || t.Status != state.TransactionOngoing || t.Started+int64(t.Timeout) >= now.UnixMilli() {
		return outcome{}
	}
	return outcome{next: fence(t, now)}
}

func (completed) decide(t *state.Transaction, now time.Time) outcome {
	if t == nil || !preparing(t) {
		return outcome{err: ErrInvalidState}
	}
	n := complete(t, now)
	return outcome{next: n, who: identity(n)}
}

func (e idle) decide(t *state.Transaction, now time.Time) outcome {
	if t == nil || preparing(t) || t.Status == state.TransactionOngoing ||
		t.Updated > now.Add(-e.since).UnixMilli() {
		return outcome{}
	}
	return outcome{forget: true}
}
