package broker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/api"
	"github.com/typelog/typelog/broker/internal/state"
)

// TestCrashBeforeMarkers: a broker dies when the outcome of a transaction is stored and no marker is written. The next start
// finishes it: records and committed offsets become visible together, or not at all.
func TestCrashBeforeMarkers(t *testing.T) {
	for _, commit := range []bool{true, false} {
		t.Run(fmt.Sprintf("commit %v", commit), func(t *testing.T) {
			dir := t.TempDir()
			ctx := within(t, time.Minute)
			first := start(t, Config{Dir: dir})
			first.topics(3, "in", "out")
			p := first.client(kgo.TransactionalID("x"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
			if err := p.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			for i := range int32(3) {
				rec := value("out", fmt.Sprint(i))
				rec.Partition = i
				if err := p.ProduceSync(ctx, rec).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			commitWithin(t, ctx, p, "g", "in", 5)
			first.stop()
			decide(t, dir, "x", commit)

			second := start(t, Config{Dir: dir})
			// Whoever comes next waits until it is finished.
			next := second.client(kgo.TransactionalID("x"))
			if _, _, err := next.ProducerID(ctx); err != nil {
				t.Fatal(err)
			}
			want, at := 3, int64(5)
			if !commit {
				want, at = 0, -1
			}
			if got := second.committed(ctx, "out"); len(got) != want {
				t.Errorf("%v are visible, want %d records", got, want)
			}
			offsets, err := kadm.NewClient(second.client()).FetchOffsets(ctx, "g")
			if err != nil {
				t.Fatal(err)
			}
			if o, ok := offsets.Lookup("in", 0); ok != commit || ok && (o.At != at || o.Err != nil) {
				t.Errorf("the group is at %+v, want %d", o, at)
			}
		})
	}
}

// commitWithin commits an offset of partition 0 within the producer's transaction.
func commitWithin(t *testing.T, ctx context.Context, p *kgo.Client, group, topic string, at int64) {
	t.Helper()
	id, epoch, err := p.ProducerID(ctx)
	if err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch, req.Generation = "x", group, id, epoch, -1
	rp := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	rp.Offset = at
	req.Topics = append(req.Topics, kmsg.TxnOffsetCommitRequestTopic{Topic: topic, Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{rp}})
	resp, err := req.RequestWith(ctx, p)
	if err == nil {
		err = kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// decide stores the outcome of a transaction, and nothing else, as a broker does just before it dies.
func decide(t *testing.T, dir, id string, commit bool) {
	t.Helper()
	b, err := New(Config{Dir: dir, Listeners: []Listener{{Bind: []string{"127.0.0.1:0"}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	settings, err := b.settings(map[string]api.Endpoint{})
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := api.LoadCatalog(t.Context(), b.store, b.engine, settings, b.cfg.Logger)
	if err != nil {
		t.Fatal(err)
	}
	store := state.NewTransactionTopic(b.engine, catalog, state.TopicConfig{})
	shards, err := store.Shards(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	shard := state.ShardOf(id, shards)
	var now state.Transaction
	epoch, err := store.Load(t.Context(), shard, func(e state.Effect) error {
		if put, ok := e.(state.PutTransaction); ok {
			now = put.Transaction
		}
		return nil
	})
	if err != nil || now.Status != state.TransactionOngoing || len(now.Partitions) != 4 {
		t.Fatalf("stored is %+v, %v", now, err)
	}
	now.Status, now.Epoch = state.TransactionPrepareAbort, now.Epoch+1
	if commit {
		now.Status = state.TransactionPrepareCommit
	}
	done := make(chan error, 1)
	store.Apply(shard, epoch, []state.Effect{state.PutTransaction{Transaction: now}}, func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
