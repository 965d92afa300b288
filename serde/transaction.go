package serde

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// maxPolled bounds what one Poll without a limit takes into a transaction.
const maxPolled = 10_000

// transaction is what happens in one call of Transactor.Run.
type transaction struct {
	// id and epoch are the producer's, by which the broker is asked why it refused a batch.
	id     int64
	epoch  int16
	cancel context.CancelCauseFunc // ends what f does

	mu      sync.Mutex // guards what follows
	sent    int        // messages that producers were given
	polled  int        // records
	fault   error      // the first reason why this cannot be committed
	refused []numbered // the records of the partition that was refused first, in order
}

// numbered is a record and its place among the messages of the transaction, from 1.
type numbered struct {
	n   int
	rec *kgo.Record
}

func (r numbered) String() string {
	return fmt.Sprintf("message %d (topic %s partition %d key %.60q)", r.n, r.rec.Topic, r.rec.Partition, r.rec.Key)
}

// inTransaction is the outlet of a Transactor's producers.
type inTransaction struct{ t *Transactor }

// add hands a record to kgo, which sends it at once.
func (out inTransaction) add(it item) error {
	// No transaction ends meanwhile, because that needs the lock. kgo does not block: its buffer is without bound.
	out.t.mu.RLock()
	defer out.t.mu.RUnlock()
	tx, err := out.t.open()
	if err != nil {
		return err
	}
	n, err := tx.take()
	if err != nil {
		return err
	}
	out.t.client.Produce(context.Background(), it.rec, func(rec *kgo.Record, err error) {
		if err != nil {
			err = tx.lost(numbered{n, rec}, err)
		}
		it.done(rec, err)
	})
	return nil
}

// open returns the transaction that runs. It needs mu.
func (t *Transactor) open() (*transaction, error) {
	switch {
	case t.current != nil:
		return t.current, nil
	case t.dead != nil:
		return nil, t.dead
	}
	return nil, errors.New("serde: no transaction runs; send and poll within the Transactor's Run")
}

// unfit implements outlet: the transaction fails with the message.
func (out inTransaction) unfit(err error) error {
	out.t.mu.RLock()
	defer out.t.mu.RUnlock()
	tx, closed := out.t.open()
	if closed != nil {
		return err
	}
	n, fault := tx.take()
	if fault != nil {
		return fault
	}
	return tx.fail(fmt.Errorf("message %d: %w", n, err))
}

// close implements outlet: the pipeline itself waited for its messages.
func (inTransaction) close(error) {}

// poll fetches for the transaction that runs.
func (t *Transactor) poll(ctx context.Context, limit int) (kgo.Fetches, error) {
	t.mu.RLock()
	tx, err := t.open()
	session := t.session
	t.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	if limit < 1 {
		limit = maxPolled
	}
	fetches := session.PollRecords(ctx, limit)
	tx.mu.Lock()
	defer tx.mu.Unlock()
	tx.polled += fetches.NumRecords()
	return fetches, nil
}

// take numbers a message, unless the transaction has failed.
func (tx *transaction) take() (n int, err error) {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.fault != nil {
		return 0, tx.fault
	}
	tx.sent++
	return tx.sent, nil
}

func (tx *transaction) empty() bool {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	return tx.sent == 0 && tx.polled == 0
}

func (tx *transaction) failed() error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	return tx.fault
}

// fail notes why the transaction cannot be committed, and returns the first such reason.
func (tx *transaction) fail(err error) error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.fault == nil {
		tx.fault = err
		tx.cancel(err)
	}
	return tx.fault
}

// lost notes that the broker did not take a record. It is told of the records of a partition in order.
func (tx *transaction) lost(r numbered, err error) error {
	if errors.Is(err, kgo.ErrAborting) {
		return failed(ErrAborted, tx.failed(), "%v", r)
	}
	fault := networkOr(err, "%v", r)
	first := tx.fail(fault)
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if allRefused([]error{err}) && (len(tx.refused) == 0 && first == fault ||
		len(tx.refused) > 0 && tx.refused[0].rec.Topic == r.rec.Topic && tx.refused[0].rec.Partition == r.rec.Partition) {
		tx.refused = append(tx.refused, r)
	}
	return first
}

// explained makes cause, with which a transaction is aborted, say as much as can be known: the fault that made f fail, and
// which message is at fault if the broker refused many.
func (tx *transaction) explained(ctx context.Context, t *Transactor, cause error) error {
	tx.mu.Lock()
	fault, refused := tx.fault, tx.refused
	tx.mu.Unlock()
	if fault == nil {
		return cause
	}
	precise := fault
	switch {
	case len(refused) == 0:
	case errors.Is(fault, kerr.MessageTooLarge):
		if len(refused) > 1 {
			precise = failed(ErrRefused, fault, "the largest of the %d messages that were sent together is %v", len(refused), largest(refused))
		}
	default:
		if at, reason := tx.ask(ctx, t, refused); reason != nil {
			precise = failed(ErrRefused, reason, "%v", at)
		}
	}
	if errors.Is(cause, fault) || errors.Is(cause, context.Canceled) {
		return precise
	}
	return errors.Join(cause, precise)
}

func largest(records []numbered) numbered {
	found := records[0]
	for _, r := range records {
		if len(r.rec.Key)+len(r.rec.Value) > len(found.rec.Key)+len(found.rec.Value) {
			found = r
		}
	}
	return found
}
