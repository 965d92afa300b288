package broker

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestGroupOfTwo: two members share a topic's partitions out, and what they committed holds for a third after them.
func TestGroupOfTwo(t *testing.T) {
	r := start(t, Config{Settings: map[string]string{"num.partitions": "4"}})
	ctx := within(t, 60*time.Second)
	p := r.client(kgo.AllowAutoTopicCreation(), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	if err := p.ProduceSync(ctx, numbered("t", 0, 400)...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	assigned := map[int]int{} // by member, partitions
	seen := map[string]int{}
	shared := make(chan struct{})
	member := func(ctx context.Context, id int) *kgo.Client {
		count := func(n int) func(context.Context, *kgo.Client, map[string][]int32) {
			return func(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
				mu.Lock()
				defer mu.Unlock()
				assigned[id] += n * len(parts["t"])
				if assigned[0] == 2 && assigned[1] == 2 {
					select {
					case <-shared:
					default:
						close(shared)
					}
				}
			}
		}
		return r.client(kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"), kgo.DisableAutoCommit(),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.HeartbeatInterval(50*time.Millisecond),
			kgo.OnPartitionsAssigned(count(1)), kgo.OnPartitionsRevoked(count(-1)), kgo.OnPartitionsLost(count(-1)))
	}
	polling, stop := context.WithCancel(ctx)
	var polls sync.WaitGroup
	all := make(chan struct{})
	for id := range 2 {
		cl := member(ctx, id)
		polls.Go(func() {
			for {
				fs := cl.PollFetches(polling)
				if polling.Err() != nil {
					cl.CloseAllowingRebalance()
					return
				}
				fs.EachRecord(func(rec *kgo.Record) {
					mu.Lock()
					defer mu.Unlock()
					seen[string(rec.Value)]++
					if len(seen) == 400 {
						select {
						case <-all:
						default:
							close(all)
						}
					}
				})
				if err := cl.CommitUncommittedOffsets(ctx); err != nil && polling.Err() == nil {
					t.Logf("commit during a rebalance: %v", err)
				}
			}
		})
	}
	for _, ch := range []chan struct{}{shared, all} {
		select {
		case <-ch:
		case <-ctx.Done():
			t.Fatalf("assigned %v, %d records seen", assigned, len(seen))
		}
	}
	adm := kadm.NewClient(p)
	groups, err := adm.DescribeGroups(ctx, "g")
	if err != nil || groups["g"].State != "Stable" || len(groups["g"].Members) != 2 {
		t.Errorf("described as %+v (%v)", groups["g"], err)
	}
	stop()
	polls.Wait()
	offsets, err := adm.FetchOffsets(ctx, "g")
	if err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for i := range int32(4) {
		o, ok := offsets.Lookup("t", i)
		if !ok {
			t.Errorf("partition %d: nothing committed", i)
		}
		total += o.At
	}
	if total != 400 {
		t.Errorf("%d records committed, want 400", total)
	}
	if err := p.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: []byte("after")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	third := r.client(kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if got := consume(t, ctx, third, 1); string(got[0].Value) != "after" {
		t.Errorf("a member that comes later begins with %q", got[0].Value)
	}
}

// TestIdempotentProducers: every franz-go producer here is idempotent; a batch that is sent twice is one.
func TestIdempotentProducers(t *testing.T) {
	r := start(t, Config{})
	ctx := within(t, 30*time.Second)
	var producers sync.WaitGroup
	for i := range 4 {
		p := r.client(kgo.AllowAutoTopicCreation())
		producers.Go(func() {
			for j := range 50 {
				p.Produce(ctx, &kgo.Record{Topic: "t", Value: fmt.Appendf(nil, "%d-%d", i, j)}, func(_ *kgo.Record, err error) {
					if err != nil {
						t.Error(err)
					}
				})
			}
			if err := p.Flush(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	producers.Wait()
	c := r.client(kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	seen := map[string]bool{}
	for _, rec := range consume(t, ctx, c, 200) {
		if seen[string(rec.Value)] {
			t.Errorf("%s came twice", rec.Value)
		}
		seen[string(rec.Value)] = true
	}
}
