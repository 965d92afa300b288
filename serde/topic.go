package serde

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// topicAge is how long a topic's partitions are believed before they are asked for again.
const topicAge = time.Minute

// topicInfo remembers where a topic's partitions are.
type topicInfo struct {
	name string
	// create lets the broker create the topic if it does so by itself (auto.create.topics.enable).
	create bool

	mu      sync.Mutex // guards what follows
	known   *topicState
	loading bool
}

// topicState is what was learned of a topic at one time. It is immutable.
type topicState struct {
	id      [16]byte
	leaders []int32 // by partition
	at      time.Time
}

// current returns the newest state, and has it refreshed in the background when it is old.
func (t *topicInfo) current(client *kgo.Client, now time.Time) *topicState {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.loading && now.Sub(t.known.at) > topicAge {
		t.loading = true
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), explainTimeout)
			defer cancel()
			_, _ = t.load(ctx, client) // what is known stays good enough; the next call tries again
			t.mu.Lock()
			t.loading = false
			t.mu.Unlock()
		}()
	}
	return t.known
}

// load asks the cluster. It fails with an error of kind ErrRefused (an unknown topic, say) or ErrNetwork.
func (t *topicInfo) load(ctx context.Context, client *kgo.Client) (*topicState, error) {
	ask := kmsg.NewMetadataRequestTopic()
	ask.Topic = kmsg.StringPtr(t.name)
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = append(req.Topics, ask)
	req.AllowAutoTopicCreation = t.create
	for {
		resp, err := req.RequestWith(ctx, client)
		if err == nil && len(resp.Topics) == 1 {
			err = kerr.ErrorForCode(resp.Topics[0].ErrorCode)
		}
		retry := err != nil && kerr.IsRetriable(err) && (t.create || !errors.Is(err, kerr.UnknownTopicOrPartition))
		if retry && ctx.Err() == nil {
			select { // the topic is being created, or its leader chosen
			case <-time.After(50 * time.Millisecond):
				continue
			case <-ctx.Done():
			}
		}
		if errors.Is(err, kerr.UnknownTopicOrPartition) {
			return nil, failed(ErrRefused, err, "topic %s does not exist; create it first", t.name)
		}
		if err != nil {
			return nil, networkOr(err, "topic %s", t.name)
		}
		return t.learn(&resp.Topics[0])
	}
}

func (t *topicInfo) learn(topic *kmsg.MetadataResponseTopic) (*topicState, error) {
	state := &topicState{id: topic.TopicID, leaders: make([]int32, len(topic.Partitions)), at: time.Now()}
	for _, p := range topic.Partitions {
		if p.Partition < 0 || int(p.Partition) >= len(state.leaders) {
			return nil, failed(ErrRefused, nil, "topic %s: the broker lists partition %d of %d", t.name, p.Partition, len(state.leaders))
		}
		state.leaders[p.Partition] = p.Leader
	}
	if len(state.leaders) == 0 {
		return nil, failed(ErrRefused, nil, "topic %s has no partitions", t.name)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known = state
	return state, nil
}
