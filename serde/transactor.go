package serde

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// DefaultTransactionTimeout is TransactorConfig.Timeout's default, which is Kafka's own.
const DefaultTransactionTimeout = time.Minute

// TransactorConfig says what a Transactor is. ID is required; the rest may stay zero.
type TransactorConfig struct {
	Brokers []string // host:port; nil is DefaultBroker
	// ID is the transactional id. Each running instance of a program has its own, and after a restart the same again: the
	// newest one that has an ID fences the others off (ErrFenced) and ends what they left open.
	ID string
	// Group and Topics are what the Transactor's consumer reads, if there is one. The group's offsets are committed with
	// the transaction that processed the messages.
	Group  string
	Topics []string
	// Timeout is how long a transaction may be open before the broker aborts it; 0 is DefaultTransactionTimeout.
	Timeout time.Duration
	// Client adds options to the Kafka client, as those of producers and consumers do.
	Client []kgo.Opt
}

// Transactor runs transactions: what its producers (ProducerConfig.Transactor) send and its consumer
// (ConsumerConfig.Transactor) reads within one call of Run takes effect as a whole or not at all. It has one
// connection for all of them. It is safe for concurrent use, but transactions run one after another.
type Transactor struct {
	cfg TransactorConfig

	running sync.Mutex // held while a transaction runs, and by Close

	mu       sync.RWMutex              // guards what follows; read-held while a record is handed over
	client   *kgo.Client               // changes only while running is held, too
	session  *kgo.GroupTransactSession // around client if there is a group
	stale    bool                      // client is to be replaced: what the broker did last is not known
	consumer follower                  // nil if there is none
	current  *transaction              // nil outside Run
	dead     error                     // why there are no more transactions
}

// follower is what a Transactor knows of its consumer.
type follower interface {
	undecided() int
	forget()
}

// NewTransactor does not connect yet: Run tells what is wrong.
func NewTransactor(cfg TransactorConfig) (*Transactor, error) {
	if cfg.ID == "" {
		return nil, errors.New("serde: a Transactor needs an ID, its own for each instance of the program")
	}
	if (cfg.Group == "") != (len(cfg.Topics) == 0) {
		return nil, errors.New("serde: a Transactor that consumes needs both Group and Topics")
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTransactionTimeout
	}
	cfg.Brokers, _ = orDefault(cfg.Brokers, "")
	t := &Transactor{cfg: cfg}
	return t, t.connect()
}

// connect makes the client. It needs mu, or t alone.
func (t *Transactor) connect() error {
	fixed := []kgo.Opt{
		kgo.TransactionalID(t.cfg.ID), kgo.TransactionTimeout(t.cfg.Timeout), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MaxBufferedRecords(math.MaxInt32), // each producer has its own bound
	}
	var err error
	if t.cfg.Group == "" {
		t.client, err = kgo.NewClient(clientOpts(t.cfg.Brokers, t.cfg.Client, fixed...)...)
	} else {
		fixed = append(append(fixed, reading(t.cfg.Topics)...), kgo.ConsumerGroup(t.cfg.Group), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
		if t.session, err = kgo.NewGroupTransactSession(clientOpts(t.cfg.Brokers, t.cfg.Client, fixed...)...); err == nil {
			t.client = t.session.Client()
		}
	}
	if err != nil {
		return failed(ErrNetwork, err, "kafka client")
	}
	return nil
}

// Client returns the Kafka client below, to ask for lag or offsets. Neither poll nor produce by it. After an error of kind
// ErrNetwork the next Run replaces it.
func (t *Transactor) Client() *kgo.Client {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.client
}

// attach makes a consumer the one that the transactions follow.
func (t *Transactor) attach(consumer follower) error {
	if t.cfg.Group == "" {
		return errors.New("serde: a Transactor without Group and Topics has no consumer")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.consumer != nil {
		return errors.New("serde: the Transactor has a consumer already; a union reads several types")
	}
	t.consumer = consumer
	return nil
}

// Run begins a transaction, calls f, and commits if f returns nil. Otherwise, or if a message in it does not fit its schema,
// is refused or does not reach the broker, it aborts, whatever f returns, and says why. The context that f is given ends
// when the transaction can no longer be committed.
//
// Run returns nil once everything is committed. ErrAborted says that nothing is; what was polled comes again. It is at the
// same time of the cause's kind (ErrEncoding, ErrRefused, ErrNetwork, or whatever f returned), and names the message at fault.
// ErrFenced says that the Transactor is of no more use. Any other error says that the outcome is not known; the next
// Run finds out and goes on from what the broker has.
//
// If the group's partitions are dealt out anew before the end, Run aborts and calls f again. So effects outside of the
// transaction do not belong in f, or must bear to be repeated. f calls neither Run nor Close.
func (t *Transactor) Run(ctx context.Context, f func(ctx context.Context) error) error {
	t.running.Lock()
	defer t.running.Unlock()
	for {
		err := t.once(ctx, f)
		if !errors.Is(err, errRebalanced) || ctx.Err() != nil {
			return err
		}
	}
}

// errRebalanced is the cause of an abort that is nobody's fault.
var errRebalanced = errors.New("the group's partitions were dealt out anew")

func (t *Transactor) once(ctx context.Context, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	tx := &transaction{cancel: cancel}
	if err := t.begin(ctx, tx); err != nil {
		return err
	}
	returned := false
	defer func() {
		if !returned {
			_ = t.abort(tx, errors.New("a panic")) // which goes on
		}
	}()
	err := f(ctx)
	returned = true
	if err == nil {
		err = t.complete(ctx, tx)
	}
	if err != nil {
		return t.abort(tx, err)
	}
	return t.commit(tx)
}

// begin opens a transaction on the client's side; the broker learns of it with the first record. Asking for the producer
// id right away fences older instances before anything is read.
func (t *Transactor) begin(ctx context.Context, tx *transaction) error {
	if err := t.ready(); err != nil {
		return err
	}
	err := t.client.BeginTransaction()
	if err == nil {
		tx.id, tx.epoch, err = t.client.ProducerID(ctx)
	}
	if err != nil {
		return t.spoiled(t.aborted(networkOr(err, "it could not begin")))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current = tx
	return nil
}

// ready replaces a client that is stale.
func (t *Transactor) ready() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.dead != nil:
		return t.dead
	case !t.stale:
		return nil
	}
	t.disconnect()
	if err := t.connect(); err != nil {
		return t.aborted(err)
	}
	t.stale = false
	return nil
}

// complete waits until the broker has everything, and says why the transaction cannot be committed.
func (t *Transactor) complete(ctx context.Context, tx *transaction) error {
	consumer := t.leave()
	if err := t.client.Flush(ctx); err != nil {
		return failed(ErrNetwork, err, "messages still wait for the broker")
	}
	if fault := tx.failed(); fault != nil {
		return fault
	}
	if left := consumer.undecided(); left > 0 {
		return failed(ErrDecoding, nil, "%d of the messages that were polled were not read", left)
	}
	return nil
}

// leave makes everybody fail who sends or polls in the transaction from now on, and returns the consumer.
func (t *Transactor) leave() follower {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current = nil
	if t.consumer == nil {
		return nobody{}
	}
	return t.consumer
}

// nobody is the consumer of a Transactor that has none.
type nobody struct{}

func (nobody) undecided() int { return 0 }
func (nobody) forget()        {}

// How long the end of a transaction may take. It is not the caller's context that decides: whoever stops a program wants
// what it has done committed, or at least to be told. An abort need not be waited for, because the broker aborts by itself.
const (
	commitTimeout = time.Minute
	abortTimeout  = 15 * time.Second
)

func (t *Transactor) commit(tx *transaction) error {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	committed, err := t.end(ctx, kgo.TryCommit)
	t.leave().forget()
	switch {
	case committed || err == nil && tx.empty():
		return nil
	case err == nil:
		return t.aborted(errRebalanced)
	case errors.Is(err, kerr.TransactionAbortable) || errors.Is(err, kerr.OperationNotAttempted):
		return t.abort(tx, networkOr(err, "commit"))
	case errors.Is(err, kerr.InvalidTxnState): // the broker has no open transaction of this producer
		return t.abort(tx, t.timedOut())
	}
	return t.spoiled(networkOr(err, "transaction %s: whether it was committed is not known", t.cfg.ID))
}

// spoiled notes that what the client knows may not be what the broker does, and returns err.
func (t *Transactor) spoiled(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stale = true
	if errors.Is(err, ErrFenced) {
		t.dead = t.aborted(failed(ErrFenced, nil, "the one before it"))
	}
	return err
}

func (t *Transactor) aborted(cause error) error {
	return failed(ErrAborted, cause, "transaction %s", t.cfg.ID)
}

// end ends the transaction on the broker. Without an error, not committed means aborted.
func (t *Transactor) end(ctx context.Context, how kgo.TransactionEndTry) (committed bool, err error) {
	if t.session != nil {
		return t.session.End(ctx, how)
	}
	err = t.client.EndTransaction(ctx, how)
	return bool(how) && err == nil, err
}

// abort aborts and returns why, as an error of kind ErrAborted. If the broker does not answer, it aborts by itself when
// the timeout is over or this Transactor, or another with its ID, begins anew; nobody can commit any more.
func (t *Transactor) abort(tx *transaction, cause error) error {
	consumer := t.leave()
	ctx, cancel := context.WithTimeout(context.Background(), abortTimeout)
	defer cancel()
	unsent := t.client.AbortBufferedRecords(ctx)
	cause = tx.explained(ctx, t, cause)
	if _, err := t.end(ctx, kgo.TryAbort); err != nil || unsent != nil {
		_ = t.spoiled(nil)
	}
	consumer.forget()
	if errors.Is(cause, ErrFenced) {
		// A broker that aborted because of the timeout may say the same; then there is a producer id for the next one.
		if _, _, err := t.client.ProducerID(ctx); err != nil {
			return t.spoiled(t.aborted(cause))
		}
		cause = t.timedOut()
	}
	return t.aborted(cause)
}

func (t *Transactor) timedOut() error {
	return fmt.Errorf("it was open for longer than its timeout, %v", t.cfg.Timeout)
}

// disconnect needs mu, or t alone.
func (t *Transactor) disconnect() {
	if t.session != nil {
		t.session.CloseAllowingRebalance()
		return
	}
	t.client.Close()
}

// Close waits for the transaction that runs, if there is one, leaves the group and disconnects. End the context of Run first.
func (t *Transactor) Close() {
	t.running.Lock()
	defer t.running.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if !errors.Is(t.dead, ErrClosed) {
		t.dead = t.aborted(failed(ErrClosed, nil, "the Transactor"))
		t.disconnect()
	}
}
