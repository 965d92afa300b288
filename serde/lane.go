package serde

import (
	"errors"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Bounds of one run of a lane.
const (
	maxRunRecords = 10_000
	maxRunBytes   = 8 << 20
)

// item is an encoded record on its way, and whom to tell. Exactly one fate is told to it.
type item struct {
	rec  *kgo.Record
	size int
	done func(*kgo.Record, error)
}

func (it item) tell(err error) { it.done(it.rec, err) }

func tellAll(items []item, err error) {
	for _, it := range items {
		it.tell(err)
	}
}

// lane orders the records of one partition. The sender asks it for a run, sends that, and tells it the outcome; only
// then does it ask for the next. While records that were refused together are sorted out, what comes after them waits,
// so nothing overtakes them.
type lane struct {
	topic string

	mu      sync.Mutex // guards waiting; the rest is the sender's
	waiting []item

	held   []item // refused together, undecided
	search *bisection
}

// add queues an item. It does not block.
func (l *lane) add(it item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, it)
}

// next returns the run to send, which stays the lane's until outcome or fail is called, or nothing.
func (l *lane) next() []item {
	if len(l.held) > 0 {
		return l.held[:l.search.next()]
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n, bytes := 0, 0
	for n < len(l.waiting) && n < maxRunRecords && (n == 0 || bytes+l.waiting[n].size <= maxRunBytes) {
		bytes += l.waiting[n].size
		n++
	}
	run := l.waiting[:n:n]
	if l.waiting = l.waiting[n:]; len(l.waiting) == 0 {
		l.waiting = nil
	}
	return run
}

// fail tells everything that the lane holds or has waiting that it failed. No run is under way then.
func (l *lane) fail(err error) {
	tellAll(l.held, err)
	l.held = nil
	l.mu.Lock()
	waiting := l.waiting
	l.waiting = nil
	l.mu.Unlock()
	tellAll(waiting, err)
}

// outcome takes what became of the run that next returned: an error, or nil, for each. It tells those whose fate is
// decided and keeps those that were refused together. explain asks the broker why it refuses a record that it refused
// alone. An error says that the broker refuses everything; the lane still holds what it could not tell then.
func (l *lane) outcome(run []item, errs []error, explain func(*kgo.Record) (reason error, stored bool)) error {
	decided := l.tellDecided(run, errs)
	searching := len(l.held) > 0
	rest, restErrs := run[decided:], errs[decided:]
	if len(rest) > 0 && !allRefused(restErrs) {
		// Not refused but unanswered, or the client closes: whatever else was held back goes the same way.
		for i, it := range rest {
			it.tell(networkOr(restErrs[i], "topic %s", l.topic))
		}
		if searching {
			tellAll(l.held[len(run):], networkOr(restErrs[0], "topic %s", l.topic))
			l.held = nil
		}
		return nil
	}
	if !searching {
		if len(rest) > 0 {
			l.held, l.search = rest, newBisection(len(rest))
		}
		return nil
	}
	l.held = l.held[decided:]
	switch l.search.tried(len(run), decided) {
	case foundBad:
		l.tellBad(explain)
	case giveUp:
		if !errors.Is(restErrs[0], kerr.InvalidRecord) {
			l.tellBad(explain) // two records that are too large say nothing about the schema
			return nil
		}
		reason, stored := explain(l.held[0].rec)
		if !stored {
			return failed(ErrSchemaRefused, reason, "topic %s: the first two records tried one by one were both refused, so the producer stopped and sent nothing more", l.topic)
		}
		l.held[0].tell(nil)
		l.held = l.held[1:]
	}
	return nil
}

// tellDecided tells the items up to the last that was stored, and returns how many these are. One that failed before
// that failed alone: kgo found it too large and never sent it.
func (l *lane) tellDecided(run []item, errs []error) int {
	n := len(run)
	for n > 0 && errs[n-1] != nil {
		n--
	}
	for i, it := range run[:n] {
		if errs[i] == nil {
			it.tell(nil)
			continue
		}
		it.tell(networkOr(errs[i], "topic %s", l.topic))
	}
	return n
}

// tellBad tells the first record that is held that it alone is at fault.
func (l *lane) tellBad(explain func(*kgo.Record) (reason error, stored bool)) {
	bad := l.held[0]
	l.held = l.held[1:]
	reason, stored := explain(bad.rec)
	if stored {
		bad.tell(nil) // what made the broker refuse it has been mended meanwhile
		return
	}
	bad.tell(failed(ErrRefused, reason, "topic %s partition %d", bad.rec.Topic, bad.rec.Partition))
}

// allRefused reports whether every error is one by which a broker refuses a whole batch for the sake of some record.
func allRefused(errs []error) bool {
	for _, err := range errs {
		if !errors.Is(err, kerr.InvalidRecord) && !errors.Is(err, kerr.MessageTooLarge) && !errors.Is(err, kerr.InvalidTimestamp) {
			return false
		}
	}
	return true
}

// networkOr gives an error of kgo a kind: a refusal by the broker, a producer that was fenced, a closed client, or no
// answer.
func networkOr(err error, what string, args ...any) error {
	var code *kerr.Error
	switch {
	case errors.Is(err, kgo.ErrClientClosed):
		return failed(ErrClosed, err, what, args...)
	case errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch):
		return failed(ErrFenced, err, what, args...)
	case errors.As(err, &code) && !code.Retriable:
		return failed(ErrRefused, err, what, args...)
	}
	return failed(ErrNetwork, err, what, args...)
}
