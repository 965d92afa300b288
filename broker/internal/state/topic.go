package state

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
)

// The internal topics that hold the state of groups, and that of transactions.
const (
	OffsetsTopic      = "__consumer_offsets"
	TransactionsTopic = "__transaction_state"
)

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
	Partitions   int32 // offsets.topic.num.partitions, transaction.state.log.num.partitions, 50
	SegmentBytes int64 // offsets.topic.segment.bytes, transaction.state.log.segment.bytes, 100 MiB
}

// Topic is the embedded Store: an internal compacted topic, each of whose partitions is a shard.
type Topic struct {
	engine log.Engine
	topics InternalTopics
	config TopicConfig
	form   form
	codecs *record.Codecs

	mu     sync.Mutex // guards what follows
	id     log.TopicID
	shards []*shard // nil until the topic is known to exist
}

// form is what the internal topics differ in.
type form struct {
	name        string
	compression string // the topic config
	decode      func(key, value []byte) (Effect, error)
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

// NewTopic returns a store of groups over their internal topic. It does nothing until it is used.
func NewTopic(engine log.Engine, topics InternalTopics, config TopicConfig) *Topic {
	return newTopic(engine, topics, config, form{OffsetsTopic, "producer", decode})
}

// NewTransactionTopic returns a store of transactions over their internal topic. It does nothing until it is used.
func NewTransactionTopic(engine log.Engine, topics InternalTopics, config TopicConfig) *Topic {
	return newTopic(engine, topics, config, form{TransactionsTopic, "uncompressed", decodeTransaction})
}

func newTopic(engine log.Engine, topics InternalTopics, config TopicConfig, f form) *Topic {
	if config.Partitions <= 0 {
		config.Partitions = 50
	}
	if config.SegmentBytes <= 0 {
		config.SegmentBytes = 100 << 20
	}
	return &Topic{engine: engine, topics: topics, config: config, form: f, codecs: record.NewCodecs(0)}
}

// Shards implements Store.
func (t *Topic) Shards(ctx context.Context, create bool) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shards != nil {
		return len(t.shards), nil
	}
	id, n, err := t.topics.FindInternal(ctx, t.form.name)
	if err == nil && n == 0 && create {
		id, n, err = t.topics.EnsureInternal(ctx, t.form.name, t.config.Partitions, map[string]string{
			"cleanup.policy":   "compact",
			"compression.type": t.form.compression,
			"segment.bytes":    fmt.Sprint(t.config.SegmentBytes),
		})
	}
	if err != nil {
		return 0, fmt.Errorf("%w: topic %s: %w", ErrUnavailable, t.form.name, err)
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
	c, err := build(effects, time.Now().UnixMilli())
	if err != nil {
		done(err)
		return
	}
	if c.batch == nil && c.end == nil {
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
	decided := func(out []log.Appended) {
		s.decided()
		done(applyError(index, out[0].Err))
	}
	if e := c.end; e != nil {
		t.engine.AppendControl([]log.Control{{
			Partition: p, ProducerID: e.Producer.ID, ProducerEpoch: e.Producer.Epoch,
			CoordinatorEpoch: e.CoordinatorEpoch, Commit: e.Commit,
		}}, decided)
		return
	}
	t.engine.Append([]log.Batch{{Partition: p, Bytes: c.batch, Unsequenced: c.pending}}, decided)
}

func applyError(index int, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, log.ErrInvalidProducerEpoch):
		return fmt.Errorf("%w: shard %d: %w", ErrProducerFenced, index, err)
	}
	return fmt.Errorf("%w: shard %d: %w", ErrUnavailable, index, err)
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

// change is how effects enter the log: as a batch of records, or as a marker.
type change struct {
	batch   record.Batch
	pending bool // the batch belongs to a transaction
	end     *EndPending
}

// errMixed: effects that do not go together in one Apply, which is the caller's bug.
var errMixed = errors.New("effects that cannot be one change")

// build makes one change of effects; an empty one if there are none.
func build(effects []Effect, now int64) (change, error) {
	var c change
	var b record.Builder
	for i, e := range effects {
		switch e := e.(type) {
		case EndPending:
			if len(effects) > 1 {
				return change{}, fmt.Errorf("%w: the end of a transaction and others", errMixed)
			}
			c.end = &e
			return c, nil
		case PutPending:
			p := record.Producer{ID: e.Producer.ID, Epoch: e.Producer.Epoch}
			if i == 0 {
				c.pending, b.Producer, b.Transactional = true, &p, true
			}
			if !c.pending || *b.Producer != p {
				return change{}, fmt.Errorf("%w: of several transactions, or of one and none", errMixed)
			}
		default:
			if c.pending {
				return change{}, fmt.Errorf("%w: of a transaction and of none", errMixed)
			}
		}
		key, value := encode(e)
		if b.Size()+len(key)+len(value) > maxBatchBytes {
			return change{}, fmt.Errorf("%w: more than %d bytes of state in one change", ErrTooLarge, maxBatchBytes)
		}
		b.Add(record.KV(now, key, value))
	}
	c.batch = b.Build()
	return c, nil
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
		return 0, fmt.Errorf("load shard %d of %s: %w", index, t.form.name, err)
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
