package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// topics creates topics with some partitions.
func (r *running) topics(partitions int32, names ...string) {
	r.t.Helper()
	adm := kadm.NewClient(r.client())
	if _, err := adm.CreateTopics(within(r.t, 30*time.Second), partitions, 1, nil, names...); err != nil {
		r.t.Fatal(err)
	}
}

// committed reads everything that a read_committed consumer sees of a topic by now.
func (r *running) committed(ctx context.Context, topic string) []string {
	r.t.Helper()
	cl := r.client()
	ends, err := kadm.NewClient(cl).ListCommittedOffsets(ctx, topic)
	if err != nil || ends.Error() != nil {
		r.t.Fatal(err, ends.Error())
	}
	at := map[string]map[int32]kgo.Offset{topic: {}}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			at[topic][o.Partition] = kgo.NewOffset().At(0)
			left[o.Partition] = o.Offset
		}
	})
	var got []string
	if len(left) == 0 {
		return got
	}
	reader := r.client(kgo.ConsumePartitions(at), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	for len(left) > 0 {
		fs := reader.PollFetches(ctx)
		if err := fs.Err(); err != nil {
			r.t.Fatalf("%d partitions are left: %v", len(left), err)
		}
		fs.EachRecord(func(rec *kgo.Record) {
			if !rec.Attrs.IsControl() {
				got = append(got, string(rec.Value))
			}
			if rec.Offset+1 >= left[rec.Partition] {
				delete(left, rec.Partition)
			}
		})
	}
	slices.Sort(got)
	return got
}

func value(topic, v string) *kgo.Record { return &kgo.Record{Topic: topic, Value: []byte(v)} }

func TestTransactions(t *testing.T) {
	r := start(t, Config{})
	r.topics(3, "t")
	ctx := within(t, time.Minute)
	p := r.client(kgo.TransactionalID("x"))
	for i := range 5 {
		if err := p.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for j := range 10 {
			rec := value("t", fmt.Sprintf("%d/%d", i, j))
			rec.Partition = int32(j % 3)
			if err := p.ProduceSync(ctx, rec).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if got := len(r.committed(ctx, "t")); got != 10*((i+1)/2) {
			t.Errorf("%d records are there before transaction %d ends", got, i)
		}
		if err := p.EndTransaction(ctx, kgo.TransactionEndTry(i%2 == 0)); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.committed(ctx, "t"); len(got) != 30 {
		t.Errorf("%d records: %v", len(got), got)
	}
	// A second producer takes over; the first one is fenced.
	if err := p.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := p.ProduceSync(ctx, value("t", "zombie")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	q := r.client(kgo.TransactionalID("x"))
	if err := q.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := q.ProduceSync(ctx, value("t", "heir")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := p.ProduceSync(ctx, value("t", "zombie")).FirstErr(); !errors.Is(err, kerr.InvalidProducerEpoch) && !errors.Is(err, kerr.ProducerFenced) {
		t.Errorf("the fenced producer: %v", err)
	}
	if err := q.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	got := r.committed(ctx, "t")
	if len(got) != 31 || !slices.Contains(got, "heir") {
		t.Errorf("%d records: %v", len(got), got)
	}
}

// TestExactlyOnce: two members copy from one topic to another, and are interrupted.
func TestExactlyOnce(t *testing.T) {
	r := start(t, Config{})
	r.topics(4, "in", "out")
	ctx := within(t, time.Minute)
	const n = 500
	if err := r.client().ProduceSync(ctx, numbered("in", 0, n)...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		sess := r.session(fmt.Sprintf("copy-%d", i), "in", "g")
		copied := copyUntil(t, ctx, sess, "out", n/5, i == 1)
		sess.Close()
		t.Logf("session %d copied %d", i, copied)
	}
	sess := r.session("copy-last", "in", "g")
	defer sess.Close()
	for len(r.committed(ctx, "out")) < n {
		copyUntil(t, ctx, sess, "out", 1, false)
	}
	got := r.committed(ctx, "out")
	if u := slices.Compact(slices.Clone(got)); len(got) != n || len(u) != n {
		t.Errorf("%d records, %d of them different", len(got), len(u))
	}
}

// TestExactlyOnceAcrossRestarts: the broker is stopped and started again while a member copies.
func TestExactlyOnceAcrossRestarts(t *testing.T) {
	dir := t.TempDir()
	r := start(t, Config{Dir: dir})
	r.topics(4, "in", "out")
	ctx := within(t, 2*time.Minute)
	const n = 400
	if err := r.client().ProduceSync(ctx, numbered("in", 0, n)...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	home := r // whose address stays
	sess := home.session("copy", "in", "g")
	defer func() { sess.Close() }()
	copied := 0
	step := func() {
		fs := sess.PollRecords(ctx, 20)
		if fs.NumRecords() == 0 {
			return
		}
		var err error
		if err = sess.Begin(); err == nil {
			fs.EachRecord(func(rec *kgo.Record) { sess.Produce(ctx, &kgo.Record{Topic: "out", Value: rec.Value}, nil) })
			var ok bool
			if ok, err = sess.End(ctx, kgo.TryCommit); ok {
				copied += fs.NumRecords()
			}
		}
		if err != nil { // as an application does that cannot go on: it begins anew
			t.Logf("the session ends: %v", err)
			sess.Close()
			sess = home.session("copy", "in", "g")
		}
	}
	for restarts := 0; copied < n && ctx.Err() == nil; {
		step()
		if copied >= (restarts+1)*n/4 && restarts < 3 {
			restarts++
			stepped := make(chan struct{})
			go func() {
				step() // on a broker that goes away, and comes back
				close(stepped)
			}()
			r.stop()
			r = start(t, Config{Dir: dir, Listeners: []Listener{{Bind: []string{r.addr}}}})
			<-stepped
		}
		if copied >= n && len(r.committed(ctx, "out")) < n {
			t.Fatal("the session says that it has committed what is not there")
		}
	}
	got := r.committed(ctx, "out")
	if u := slices.Compact(slices.Clone(got)); len(got) != n || len(u) != n {
		t.Errorf("%d records, %d of them different", len(got), len(u))
	}
}

func (r *running) session(id, topic, group string) *kgo.GroupTransactSession {
	r.t.Helper()
	s, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(r.addr), kgo.TransactionalID(id), kgo.ConsumeTopics(topic), kgo.ConsumerGroup(group),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxPartitionBytes(2000), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// copyUntil copies at least n records; if abort is set, the last transaction is aborted.
func copyUntil(t *testing.T, ctx context.Context, s *kgo.GroupTransactSession, to string, n int, abort bool) int {
	t.Helper()
	copied := 0
	for copied < n {
		fs := s.PollRecords(ctx, 50)
		if err := fs.Err(); err != nil {
			t.Fatal(err)
		}
		if fs.NumRecords() == 0 {
			continue
		}
		if err := s.Begin(); err != nil {
			t.Fatal(err)
		}
		fs.EachRecord(func(rec *kgo.Record) {
			s.Produce(ctx, &kgo.Record{Topic: to, Key: rec.Key, Value: rec.Value}, nil)
		})
		commit := !abort || copied+fs.NumRecords() < n
		ok, err := s.End(ctx, kgo.TransactionEndTry(commit))
		if err != nil {
			t.Fatal(err)
		}
		if ok || !commit {
			copied += fs.NumRecords()
		}
	}
	return copied
}
