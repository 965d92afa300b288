package state_test

import (
	"fmt"
	"testing"

	"github.com/typelog/typelog/broker/internal/partlog"
	"github.com/typelog/typelog/broker/internal/state"
)

// onPartlog opens a store with one shard on the real engine.
func onPartlog(b *testing.B) (state.Store, state.Epoch) {
	b.Helper()
	engine, _, err := partlog.Open(partlog.Options{Dir: b.TempDir(), LeaderEpoch: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { engine.Close() })
	s := state.NewTopic(engine, &topics{engine: engine}, state.TopicConfig{Partitions: 1})
	if _, err := s.Shards(b.Context(), true); err != nil {
		b.Fatal(err)
	}
	epoch, err := s.Load(b.Context(), 0, func(state.Effect) error { return nil })
	if err != nil {
		b.Fatal(err)
	}
	return s, epoch
}

func commit(i int) []state.Effect {
	return []state.Effect{state.PutOffset{Group: "payments-projection", Offset: state.Offset{Topic: "payments.v2.events",
		TopicID: [16]byte{1}, Partition: int32(i % 12), Offset: int64(i), LeaderEpoch: 1, CommitTime: 1_700_000_000_000, ExpireTime: -1}}}
}

// BenchmarkLoad reads a shard in which one group has committed 100,000 times, one partition each time: what a start
// costs as long as the topic is not compacted.
func BenchmarkLoad(b *testing.B) {
	s, epoch := onPartlog(b)
	const commits = 100_000
	results := make(chan error, commits)
	for i := range commits {
		s.Apply(0, epoch, commit(i), func(err error) { results <- err })
	}
	for range commits {
		if err := <-results; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if _, err := s.Load(b.Context(), 0, func(state.Effect) error { n++; return nil }); err != nil || n != commits {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/commits, "ns/commit")
}

// BenchmarkApply makes commits durable, many under way at a time as with many consumers.
func BenchmarkApply(b *testing.B) {
	for _, together := range []int{1, 64} {
		b.Run(fmt.Sprintf("together=%d", together), func(b *testing.B) {
			s, epoch := onPartlog(b)
			places := make(chan error, together)
			for range together {
				places <- nil
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := <-places; err != nil {
					b.Fatal(err)
				}
				s.Apply(0, epoch, commit(i), func(err error) { places <- err })
			}
			for range together {
				<-places
			}
		})
	}
}
