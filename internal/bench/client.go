package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// open connects to a target.
func (r *run) open(ctx context.Context, t Target) (*state, error) {
	s := &state{Target: t}
	cl, err := kgo.NewClient(kgo.SeedBrokers(t.Seeds...), kgo.ClientID("typelog-bench"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	s.client = cl
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := cl.Ping(ctx); err != nil {
		cl.Close()
		return nil, fmt.Errorf("%s does not answer at %v: %w", t.Name, t.Seeds, err)
	}
	return s, nil
}

func (s *state) close() { s.client.Close() }

// topicTimeout bounds the making and the deleting of a topic: many partitions take a while on some servers.
const topicTimeout = 3 * time.Minute

// make makes a topic and waits until all its partitions can be written.
func (r *run) make(ctx context.Context, s *state, partitions int32) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, topicTimeout)
	defer cancel()
	prefix := s.Topics
	if prefix == "" {
		prefix = "typelog-bench"
	}
	name := prefix + "-" + strconv.FormatUint(rand.Uint64(), 36)
	adm := kadm.NewClient(s.client)
	adm.SetTimeoutMillis(int32(topicTimeout / time.Millisecond))
	if resp, err := adm.CreateTopic(ctx, partitions, 1, r.TopicConfig, name); err != nil {
		return "", fmt.Errorf("cannot make topic %s: %w %s", name, err, resp.ErrMessage)
	}
	for {
		topics, err := adm.ListTopics(ctx, name)
		if err == nil && ready(topics[name], partitions) {
			return name, nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return name, fmt.Errorf("topic %s does not get ready: %w", name, ctx.Err())
		}
	}
}

func ready(t kadm.TopicDetail, partitions int32) bool {
	if t.Err != nil || len(t.Partitions) != int(partitions) {
		return false
	}
	for _, p := range t.Partitions {
		if p.Err != nil || p.Leader < 0 {
			return false
		}
	}
	return true
}

// drop deletes a topic, even if ctx has ended. An empty name is none.
func (r *run) drop(ctx context.Context, s *state, name string) error {
	if name == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), topicTimeout)
	defer cancel()
	_, err := kadm.NewClient(s.client).DeleteTopic(ctx, name)
	if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("cannot delete topic %s: %w", name, err)
	}
	return nil
}

// producer makes a client that produces to a topic.
func (r *run) producer(s *state, topic string, opts ...kgo.Opt) (*kgo.Client, error) {
	compression, err := codec(r.Compression)
	if err != nil {
		return nil, err
	}
	all := []kgo.Opt{
		kgo.SeedBrokers(s.Seeds...), kgo.ClientID("typelog-bench"), kgo.DefaultProduceTopic(topic),
		kgo.ProducerBatchMaxBytes(r.BatchBytes), kgo.ProducerLinger(r.Linger), kgo.MaxBufferedRecords(200000),
		kgo.ProducerBatchCompression(compression), kgo.RecordDeliveryTimeout(time.Minute),
	}
	switch r.Acks {
	case "0":
		all = append(all, kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite())
	case "1":
		all = append(all, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
	}
	return kgo.NewClient(append(all, opts...)...)
}

// sticky gives a partition a run of records, so that batches are large; round gives each record the next partition.
func sticky() kgo.Opt {
	return kgo.RecordPartitioner(kgo.UniformBytesPartitioner(256<<10, true, true, nil))
}

func round() kgo.Opt { return kgo.RecordPartitioner(kgo.RoundRobinPartitioner()) }

func codec(name string) (kgo.CompressionCodec, error) {
	switch name {
	case "none":
		return kgo.NoCompression(), nil
	case "gzip":
		return kgo.GzipCompression(), nil
	case "snappy":
		return kgo.SnappyCompression(), nil
	case "lz4":
		return kgo.Lz4Compression(), nil
	case "zstd":
		return kgo.ZstdCompression(), nil
	}
	return kgo.CompressionCodec{}, fmt.Errorf("compression %q: want none, gzip, snappy, lz4 or zstd", name)
}

// values are record values that compress to about half. They are the same in every run.
func values(size int) [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	vals := make([][]byte, 256)
	for i := range vals {
		vals[i] = make([]byte, size)
		for j := range vals[i] {
			vals[i][j] = 'a'
			if j%2 == 0 {
				vals[i][j] = byte(rng.Uint32())
			}
		}
	}
	return vals
}
