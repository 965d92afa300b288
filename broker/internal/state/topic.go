package state

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
)

// OffsetsTopic is the internal topic that holds the state of groups.
const OffsetsTopic = "__consumer_offsets"

// InternalTopics finds and creates internal topics; whoever holds the topics implements it.
type InternalTopics interface {
	// FindInternal returns a topic's id and number of partitions, 0 if there is no such topic.
	FindInternal(ctx context.Context, name string) (log.TopicID, int32, error)
	// EnsureInternal creates a topic, marked as internal, and returns once it is durable and its partitions can be
	// appended to. If the topic exists it returns what exists, whatever partitions and configs say.
	EnsureInternal(ctx context.Context, name string, partitions int32, configs map[string]string) (log.TopicID, int32, error)
}

// TopicConfig is the form of the internal topic when it is created. Zero values mean Kafka's defaults.
type TopicConfig struct {
	Partitions   int32 // offsets.topic.num.partitions, 50
	SegmentBytes int64 // offsets.topic.segment.bytes, 100 MiB
}

// Topic is the embedded Store: an internal compacted topic, each of whose partitions is a shard.
type Topic struct {
	engine log.Engine
	topics InternalTopics
	config TopicConfig
	codecs *record.Codecs

	mu     sync.Mutex // guards what follows
	id     log.TopicID
	shards []*shard // nil until the topic is known to exist
}

// shard orders the loads and applies of one partition.
type shard struct {
	// order guards epoch. It is held while a batch enters the log, so that none of an older epoch slips in behind a load.
	order sync.Mutex
	epoch Epoch

	mu      sync.Mutex    // guards what follows; taken last, and never held during a call
	pending int           // batches that entered and are not decided
	idle    chan struct{} // closed and removed when pending falls to 0, if a load waits for that
}

const (
	// maxBatchBytes bounds the records of one Apply. A commit of every partition that a request can name fits, unless
	// group or topic names are absurdly long.
	maxBatchBytes = 8 << 20
	// readBytes is the size of a read while a shard is loaded.
	readBytes = 1 << 20
)

// NewTopic returns a store over the internal topic. It does nothing until it is used.
func NewTopic(engine log.Engine, topics InternalTopics, config TopicConfig) *Topic {
	if config.Partitions <= 0 {
		config.Partitions = 50
	}
	if config.SegmentBytes <= 0 {
		config.SegmentBytes = 100 << 20
	}
	return &Topic{engine: engine, topics: topics, config: config, codecs: record.NewCodecs(0)}
}

// Shards implements Store.
func (t *Topic) Shards(ctx context.Context, create bool) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shards != nil {
		return len(t.shards), nil
	}
	id, n, err := t.topics.FindInternal(ctx, OffsetsTopic)
	if err == nil && n == 0 && create {
		id, n, err = t.topics.EnsureInternal(ctx, OffsetsTopic, t.config.Partitions, map[string]string{
			"cleanup.policy":   "compact",
			"compression.type": "producer",
			"segment.bytes":    fmt.Sprint(t.config.SegmentBytes),
		})
	}
	if err != nil {
		return 0, fmt.Errorf("%w: topic %s: %w", ErrUnavailable, OffsetsTopic, err)
	}
	if n == 0 {
		return 0, nil
	}
	t.id = id
	t.shards = make([]*shard, n)
	for i := range t.shards {
		t.shards[i] = &shard{}
	}
	return len(t.shards), nil
}

// find returns a shard and its partition; nil if Shards never found it.
func (t *Topic) find(index int) (*shard, log.Partition) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if index < 0 || index >= len(t.shards) {
		return nil, log.Partition{}
	}
	return t.shards[index], log.Partition{Topic: t.id, Index: int32(index)}
}

// Apply implements Store.
func (t *Topic) Apply(index int, epoch Epoch, effects []Effect, done func(error)) {
	s, p := t.find(index)
	if s == nil {
		done(fmt.Errorf("%w: no shard %d", ErrUnavailable, index))
		return
	}
	batch, err := build(effects, time.Now().UnixMilli())
	if err != nil {
		done(err)
		return
	}
	if batch == nil {
		done(nil)
		return
	}
	s.order.Lock()
	defer s.order.Unlock()
	if epoch != s.epoch {
		done(fmt.Errorf("%w: shard %d is at epoch %d, not %d", ErrFenced, index, s.epoch, epoch))
		return
	}
	s.entered()
	t.engine.Append([]log.Batch{{Partition: p, Bytes: batch}}, func(out []log.Appended) {
		err := out[0].Err
		if err != nil {
			err = fmt.Errorf("%w: shard %d: %w", ErrUnavailable, index, err)
		}
		s.decided()
		done(err)
	})
}

func (s *shard) entered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending++
}

// decided counts one batch as decided.
func (s *shard) decided() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending--
	if s.pending == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

// build makes one batch of effects; nil if there are none.
func build(effects []Effect, now int64) (record.Batch, error) {
	var b record.Builder
	for _, e := range effects {
		key, value := encode(e)
		if b.Size()+len(key)+len(value) > maxBatchBytes {
			return nil, fmt.Errorf("%w: more than %d bytes of state in one change", ErrTooLarge, maxBatchBytes)
		}
		b.Add(record.KV(now, key, value))
	}
	return b.Build(), nil
}

// Load implements Store.
func (t *Topic) Load(ctx context.Context, index int, visit func(Effect) error) (Epoch, error) {
	s, p := t.find(index)
	if s == nil {
		return 0, fmt.Errorf("%w: no shard %d", ErrUnavailable, index)
	}
	epoch, err := s.begin(ctx)
	if err != nil {
		return 0, err
	}
	if err := t.read(ctx, p, visit); err != nil {
		return 0, fmt.Errorf("load shard %d of %s: %w", index, OffsetsTopic, err)
	}
	return epoch, nil
}

// begin starts a new epoch and waits until all batches of earlier ones are decided.
func (s *shard) begin(ctx context.Context) (Epoch, error) {
	s.order.Lock()
	s.epoch++
	epoch := s.epoch
	s.order.Unlock()
	s.mu.Lock()
	var idle chan struct{}
	if s.pending > 0 {
		if s.idle == nil {
			s.idle = make(chan struct{})
		}
		idle = s.idle
	}
	s.mu.Unlock()
	if idle == nil {
		return epoch, nil
	}
	select {
	case <-idle:
		return epoch, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
