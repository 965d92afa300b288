package serde_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/serde"
	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/internal/shop"
)

func (s *server) transactor(t *testing.T, cfg serde.TransactorConfig) *serde.Transactor {
	t.Helper()
	cfg.Brokers = s.brokers
	tr, err := serde.NewTransactor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}

// within makes a producer of a Transactor.
func (s *server) within(t *testing.T, tr *serde.Transactor, topic string) *serde.Producer[shop.Order] {
	t.Helper()
	p, err := serde.NewProducer[shop.Order](t.Context(), serde.ProducerConfig{Registry: s.registry, Topic: topic, Transactor: tr})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// following makes the consumer of a Transactor.
func (s *server) following(t *testing.T, tr *serde.Transactor, onBad serde.OnBad) *serde.Consumer[shop.Order] {
	t.Helper()
	c, err := serde.NewConsumer[shop.Order](serde.ConsumerConfig{Registry: s.registry, Transactor: tr, OnBad: onBad})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// numbers are those of the orders that a reader finds in a topic, up to and with the last, sorted.
func (s *server) numbers(t *testing.T, topic string, last int64, uncommitted bool) []int64 {
	t.Helper()
	c, err := serde.NewConsumer[shop.Order](serde.ConsumerConfig{
		Brokers: s.brokers, Registry: s.registry, Topics: []string{topic}, ReadUncommitted: uncommitted,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var got []int64
	for m, err := range c.Messages(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, m.Value.Number); m.Value.Number == last {
			break
		}
	}
	if len(got) == 0 || got[len(got)-1] != last {
		t.Fatalf("topic %s: read %v and never %d", topic, got, last)
	}
	slices.Sort(got)
	return got
}

// TestTransaction: what two producers send in one transaction is there as a whole or not at all, whoever fails it.
func TestTransaction(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "orders", 1)
	s.createTopic(t, "index", 1)
	ctx := t.Context()
	tr := s.transactor(t, serde.TransactorConfig{ID: "shop-1"})
	orders := s.within(t, tr, "orders")
	index, err := serde.NewKeyedProducer[shop.Key, shop.Order](ctx, serde.ProducerConfig{Registry: s.registry, Topic: "index", Transactor: tr})
	if err != nil {
		t.Fatal(err)
	}
	both := func(n int64, more func(ctx context.Context) error) error {
		return tr.Run(ctx, func(ctx context.Context) error {
			if _, err := orders.ProduceSync(ctx, &orderMessage{Value: anOrder(n)}); err != nil {
				return err
			}
			if err := index.Produce(ctx, &keyedOrder{Key: &shop.Key{Number: n}, Value: anOrder(n)}, nil); err != nil {
				return err
			}
			return more(ctx)
		})
	}
	fine := func(context.Context) error { return nil }
	if err := both(1, fine); err != nil {
		t.Fatal(err)
	}
	mine := errors.New("mine")
	if err := both(2, func(context.Context) error { return mine }); !errors.Is(err, serde.ErrAborted) || !errors.Is(err, mine) {
		t.Errorf("f's own error: %v, want it and ErrAborted", err)
	}
	// A value that does not fit fails the whole transaction, although f does not say so; the third message is named.
	err = both(3, func(ctx context.Context) error {
		bad := anOrder(3)
		bad.Customer = "\xff"
		_ = orders.Produce(ctx, &orderMessage{Value: bad}, func(serde.Delivery, error) { t.Error("told of a message that was not taken") })
		if ctx.Err() == nil {
			t.Error("f goes on although its transaction has failed")
		}
		return nil
	})
	var fault *avro.Error
	if !errors.Is(err, serde.ErrAborted) || !errors.Is(err, serde.ErrEncoding) || !errors.As(err, &fault) || fault.Path != "customer" ||
		!strings.Contains(err.Error(), "message 3:") {
		t.Errorf("a value that does not fit: %v; want ErrAborted, ErrEncoding at customer, message 3", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a panic in f was swallowed")
			}
		}()
		_ = both(4, func(context.Context) error { panic("f") })
	}()
	if err := both(5, fine); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"orders", "index"} {
		if got := s.numbers(t, topic, 5, false); !reflect.DeepEqual(got, []int64{1, 5}) {
			t.Errorf("topic %s has %v, want what was committed, 1 and 5", topic, got)
		}
	}
	if got := s.numbers(t, "orders", 5, true); !reflect.DeepEqual(got, []int64{1, 2, 3, 4, 5}) {
		t.Errorf("uncommitted reads show %v, want all", got)
	}
	if err := orders.Produce(ctx, &orderMessage{Value: anOrder(6)}, nil); err == nil || !strings.Contains(err.Error(), "Run") {
		t.Errorf("Produce outside of a transaction: %v", err)
	}
	tr.Close()
	if err := both(7, fine); !errors.Is(err, serde.ErrClosed) {
		t.Errorf("Run after Close: %v", err)
	}
}

// TestTransactionRefused: one message that the contract refuses, among many to two partitions, fails the transaction. None
// of the others is read, and the error has the broker's reason and names the message.
func TestTransactionRefused(t *testing.T) {
	s := startServer(t)
	s.register(t, "strict-value", textOf(new(shop.Order)))
	s.createTopic(t, "strict", 2, "typelog.value.contract", "reject", "typelog.value.contract.null", "reject")
	tr := s.transactor(t, serde.TransactorConfig{ID: "strict-1"})
	p := s.within(t, tr, "strict")
	const n, bad = 2_000, 1_234
	send := func(ctx context.Context, withBad bool) error {
		for i := range n {
			m := &orderMessage{Key: fmt.Appendf(nil, "k-%d", i%20), Value: anOrder(int64(i))}
			if withBad && i+1 == bad {
				m.Key, m.Value = []byte("the bad one"), nil
			}
			if err := p.Produce(ctx, m, nil); err != nil {
				return err
			}
		}
		return nil
	}
	err := tr.Run(t.Context(), func(ctx context.Context) error { return send(ctx, true) })
	var refusal *serde.Refusal
	if !errors.Is(err, serde.ErrAborted) || !errors.Is(err, serde.ErrRefused) || !errors.As(err, &refusal) ||
		!strings.Contains(err.Error(), "message 1234 ") || !strings.Contains(err.Error(), "the bad one") || !strings.Contains(refusal.Message, "null") {
		t.Errorf("%v; want ErrAborted, ErrRefused, message 1234 and its key, and the broker's reason", err)
	}
	if err := tr.Run(t.Context(), func(ctx context.Context) error { return send(ctx, false) }); err != nil {
		t.Fatal(err)
	}
	if got := s.read(t, "strict", n); len(got) != n {
		t.Errorf("read %d messages, want the %d of the second transaction", len(got), n)
	}
}

func TestTransactionTooLarge(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "small", 1, "max.message.bytes", "20000")
	tr := s.transactor(t, serde.TransactorConfig{ID: "small-1"})
	p := s.within(t, tr, "small")
	for name, size := range map[string]int{"for the topic": 50_000, "for any": 2_000_000} {
		err := tr.Run(t.Context(), func(ctx context.Context) error {
			for i := range int64(5) {
				o := anOrder(i)
				if i == 3 {
					o.Customer = noise(size)
				}
				if err := p.Produce(ctx, &orderMessage{Value: o}, nil); err != nil {
					return err
				}
			}
			return nil
		})
		if !errors.Is(err, serde.ErrAborted) || !errors.Is(err, serde.ErrRefused) || !strings.Contains(err.Error(), "message 4 ") {
			t.Errorf("%s: %v; want ErrAborted, ErrRefused and message 4", name, err)
		}
	}
	if err := tr.Run(t.Context(), func(ctx context.Context) error {
		return p.Produce(ctx, &orderMessage{Value: anOrder(9)}, nil)
	}); err != nil {
		t.Fatal(err)
	}
	if got := s.numbers(t, "small", 9, false); !reflect.DeepEqual(got, []int64{9}) {
		t.Errorf("read %v, want 9 alone", got)
	}
}

// TestFenced: the newest Transactor with an ID ends what the one before had open, and that one knows.
func TestFenced(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "fence", 1)
	older := s.transactor(t, serde.TransactorConfig{ID: "twin"})
	newer := s.transactor(t, serde.TransactorConfig{ID: "twin"})
	send := func(tr *serde.Transactor, n int64, more func() error) error {
		p := s.within(t, tr, "fence")
		return tr.Run(t.Context(), func(ctx context.Context) error {
			if _, err := p.ProduceSync(ctx, &orderMessage{Value: anOrder(n)}); err != nil {
				return err
			}
			return more()
		})
	}
	fine := func() error { return nil }
	err := send(older, 1, func() error { return send(newer, 2, fine) })
	if !errors.Is(err, serde.ErrFenced) {
		t.Errorf("the older one's commit: %v, want ErrFenced", err)
	}
	if err := send(older, 3, fine); !errors.Is(err, serde.ErrFenced) {
		t.Errorf("the older one again: %v, want ErrFenced", err)
	}
	if err := send(newer, 4, fine); err != nil {
		t.Errorf("the newer one: %v", err)
	}
	if got := s.numbers(t, "fence", 4, false); !reflect.DeepEqual(got, []int64{2, 4}) {
		t.Errorf("read %v, want 2 and 4", got)
	}
}

func TestTransactorMisuse(t *testing.T) {
	for name, cfg := range map[string]serde.TransactorConfig{
		"no id": {}, "no topics": {ID: "x", Group: "g"}, "no group": {ID: "x", Topics: []string{"t"}},
	} {
		if _, err := serde.NewTransactor(cfg); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
	away, err := serde.NewTransactor(serde.TransactorConfig{ID: "x", Brokers: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer away.Close()
	soon, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := away.Run(soon, nil); !errors.Is(err, serde.ErrAborted) || !errors.Is(err, serde.ErrNetwork) {
		t.Errorf("no broker: %v, want ErrAborted and ErrNetwork", err)
	}
	s := startServer(t)
	producing, consuming := s.transactor(t, serde.TransactorConfig{ID: "a"}), s.transactor(t, serde.TransactorConfig{ID: "b", Group: "g", Topics: []string{"in"}})
	c := s.following(t, consuming, nil)
	for name, cfg := range map[string]serde.ConsumerConfig{
		"no group in the transactor": {Transactor: producing},
		"a second consumer":          {Transactor: consuming},
		"a group of its own":         {Transactor: consuming, Group: "mine"},
	} {
		if _, err := serde.NewConsumer[shop.Order](cfg); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
	if _, err := serde.NewProducer[shop.Order](t.Context(), serde.ProducerConfig{Topic: "x", Brokers: s.brokers, Transactor: producing}); err == nil {
		t.Error("brokers beside a Transactor were taken")
	}
	if _, err := c.Poll(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "Run") {
		t.Errorf("Poll outside of a transaction: %v", err)
	}
	if err := c.Commit(t.Context()); err == nil || !strings.Contains(err.Error(), "Run") {
		t.Errorf("Commit beside a transaction: %v", err)
	}
}

// TestOffsetsFollowTheTransaction: what was polled in a transaction that failed comes again, what was committed does not,
// and what does not decode goes the way of the transaction, too.
func TestOffsetsFollowTheTransaction(t *testing.T) {
	s := startServer(t)
	for _, topic := range []string{"in", "out", "dead"} {
		s.createTopic(t, topic, 1)
	}
	s.stored(t, "in", 0, 1, 2)
	if err := serde.ProduceAlone(t.Context(), s.client, &kgo.Record{Topic: "in", Value: []byte("no avro")}); err != nil {
		t.Fatal(err)
	}
	s.stored(t, "in", 4, 5)
	cfg := serde.TransactorConfig{ID: "copy-1", Group: "copy", Topics: []string{"in"}}
	tr := s.transactor(t, cfg)
	in, out := s.following(t, tr, tr.DeadLetter("dead")), s.within(t, tr, "out")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	// step copies up to limit messages and then ends as it is told.
	step := func(tr *serde.Transactor, in *serde.Consumer[shop.Order], out *serde.Producer[shop.Order], limit int, end error) (got []int64, err error) {
		err = tr.Run(ctx, func(ctx context.Context) error {
			got = nil
			messages, err := in.Poll(ctx, limit)
			if err != nil {
				return err
			}
			for _, m := range messages {
				got = append(got, m.Value.Number)
				if err := out.Produce(ctx, m, nil); err != nil {
					return err
				}
			}
			return end
		})
		return got, err
	}
	mine := errors.New("mine")
	for i, want := range []struct {
		limit int
		end   error
		got   []int64
	}{{2, mine, []int64{0, 1}}, {2, nil, []int64{0, 1}}, {2, mine, []int64{2}}, {2, mine, []int64{2}}, {2, nil, []int64{2}}, {1, nil, []int64{4}}} {
		got, err := step(tr, in, out, want.limit, want.end)
		for err == nil && len(got) == 0 && want.end == nil {
			got, err = step(tr, in, out, want.limit, nil) // the group has only now met
		}
		if !errors.Is(err, want.end) || !reflect.DeepEqual(got, want.got) {
			t.Fatalf("step %d: polled %v with %v, want %v with %v", i, got, err, want.got, want.end)
		}
	}
	tr.Close()
	next := s.transactor(t, cfg)
	// Without dead letters a bad record fails the transaction; behind it there is only 5.
	got, err := step(next, s.following(t, next, nil), s.within(t, next, "out"), 0, nil)
	if err != nil || !reflect.DeepEqual(got, []int64{5}) {
		t.Errorf("after a restart: polled %v, %v; want 5", got, err)
	}
	if got := s.numbers(t, "out", 5, false); !reflect.DeepEqual(got, []int64{0, 1, 2, 4, 5}) {
		t.Errorf("out has %v", got)
	}
	ended, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.ConsumeTopics("dead"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer ended.Close()
	if dead := ended.PollFetches(ctx).Records(); len(dead) != 1 || string(dead[0].Value) != "no avro" {
		t.Errorf("the dead letters are %v, want one", dead)
	}
}

// TestBadRecordFailsTheTransaction, even if f pays no heed to Poll's error: the messages behind the bad one were fetched,
// and must not be committed unread.
func TestBadRecordFailsTheTransaction(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "in", 1)
	if err := serde.ProduceAlone(t.Context(), s.client, &kgo.Record{Topic: "in", Value: []byte("no avro")}); err != nil {
		t.Fatal(err)
	}
	s.stored(t, "in", 1)
	tr := s.transactor(t, serde.TransactorConfig{ID: "heedless-1", Group: "heedless", Topics: []string{"in"}})
	in := s.following(t, tr, nil)
	var polled error
	for range 2 {
		err := tr.Run(t.Context(), func(ctx context.Context) error {
			_, polled = in.Poll(ctx, 0)
			return nil
		})
		if !errors.Is(polled, serde.ErrDecoding) || !errors.Is(err, serde.ErrAborted) || !errors.Is(err, serde.ErrDecoding) {
			t.Errorf("Poll said %v and Run %v; want ErrDecoding and ErrAborted", polled, err)
		}
	}
}

// TestGroupGetsBehindMarkers: a group that has read everything has committed the end of the partition, where the marker of a
// transaction stands.
func TestGroupGetsBehindMarkers(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "in", 1)
	tr := s.transactor(t, serde.TransactorConfig{ID: "x"})
	p := s.within(t, tr, "in")
	if err := tr.Run(t.Context(), func(ctx context.Context) error { return p.Produce(ctx, &orderMessage{Value: anOrder(1)}, nil) }); err != nil {
		t.Fatal(err)
	}
	adm := kadm.NewClient(s.client)
	ends, err := adm.ListCommittedOffsets(t.Context(), "in")
	if err != nil || ends["in"][0].Offset != 2 {
		t.Fatalf("the partition ends at %d, %v; want 2", ends["in"][0].Offset, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c := s.consumer(t, serde.ConsumerConfig{Topics: []string{"in"}, Group: "plain"})
	follower := s.transactor(t, serde.TransactorConfig{ID: "y", Group: "following", Topics: []string{"in"}})
	in := s.following(t, follower, nil)
	// poll polls for a moment: what is committed in a transaction may show a moment after its end, with nothing left to poll.
	poll := func(ctx context.Context, poll func(context.Context, int) ([]*orderMessage, error)) error {
		moment, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		if _, err := poll(moment, 1); err != nil && moment.Err() == nil {
			return err
		}
		return ctx.Err()
	}
	for group, step := range map[string]func() error{
		"plain":     func() error { return errors.Join(poll(ctx, c.Poll), c.Commit(ctx)) },
		"following": func() error { return follower.Run(ctx, func(ctx context.Context) error { return poll(ctx, in.Poll) }) },
	} {
		for at := int64(-1); at < 2; {
			if err := step(); err != nil {
				t.Fatalf("group %s stands at %d: %v", group, at, err)
			}
			offsets, err := adm.FetchOffsets(ctx, group)
			if err != nil {
				t.Fatal(err)
			}
			if o, ok := offsets.Lookup("in", 0); ok {
				at = o.At
			}
		}
	}
}
