package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	churnTopics = 6
	churnConfig = "retention.ms"
	// churnProducers are ids that no other producer has: each life of a topic has its own, so that records of a life before
	// are recognized.
	churnProducers = 1_000_000
)

// churn makes topics, changes them, and deletes them, under the same few names again and again.
type churn struct {
	l   *load
	cl  *kgo.Client
	rng *rand.Rand

	mu    sync.Mutex // held from before a request until its answer: outside of it, all that lives says is acknowledged
	lives [churnTopics]life
	count int32
	steps int64
}

// A life is what was acknowledged of one topic since it was created.
type life struct {
	exists  bool
	writer  int32
	records int32
	config  string // empty: never set
}

func churnName(i int) string { return "churn-" + strconv.Itoa(i) }

func (l *load) churn(ctx context.Context) (*churn, error) {
	cl, err := l.client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0), kgo.UnknownTopicRetries(-1))
	if err != nil {
		return nil, err
	}
	c := &churn{l: l, cl: cl, rng: rand.New(rand.NewPCG(l.cfg.seed, 1<<40))}
	l.done.Go(func() {
		defer cl.Close()
		for ctx.Err() == nil {
			if err := c.step(ctx); err != nil && ctx.Err() == nil {
				l.acc.fault("topics: %v", err)
				return
			}
			time.Sleep(2 * time.Millisecond) // a pace, not a wait: topics are not the whole load
		}
	})
	return c, nil
}

// again repeats do until the broker answered it. A repetition may find that the one before it was done: those errors are fine.
func (c *churn) again(ctx context.Context, fine *kerr.Error, do func() error) error {
	for began := time.Now(); ; {
		err := do()
		var answer *kerr.Error
		switch {
		case err == nil, errors.Is(err, fine):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &answer) && !answer.Retriable && answer != kerr.UnknownServerError, time.Since(began) > patience:
			return err
		}
		c.l.saw(err)
		time.Sleep(20 * time.Millisecond) // between attempts on a broker that is down
	}
}

func (c *churn) step(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.rng.IntN(churnTopics)
	t, name, adm := &c.lives[i], churnName(i), kadm.NewClient(c.cl)
	c.steps++
	if !t.exists {
		err := c.again(ctx, kerr.TopicAlreadyExists, func() error {
			_, err := adm.CreateTopic(ctx, 1, 1, nil, name)
			return err
		})
		if err != nil {
			return fmt.Errorf("create %s: %w", name, err)
		}
		c.count++
		*t = life{exists: true, writer: churnProducers + c.count}
		return nil
	}
	switch c.rng.IntN(4) {
	case 0:
		err := c.again(ctx, kerr.UnknownTopicOrPartition, func() error {
			_, err := adm.DeleteTopic(ctx, name)
			return err
		})
		if err != nil {
			return fmt.Errorf("delete %s: %w", name, err)
		}
		c.cl.PurgeTopicsFromProducing(name)
		*t = life{}
	case 1:
		v := strconv.Itoa(1_000_000_000 + c.rng.IntN(1_000_000_000))
		err := c.again(ctx, nil, func() error {
			r, err := adm.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: churnConfig, Value: &v}}, name)
			if err == nil {
				err = r[0].Err
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("configure %s: %w", name, err)
		}
		t.config = v
	default:
		rec := id{t.writer, t.records + 1}
		r, err := c.cl.ProduceSync(ctx, &kgo.Record{Topic: name, Value: value(rec, 100)}).First()
		if err != nil {
			return fmt.Errorf("produce to %s: %w", name, err)
		}
		if r.Offset != int64(t.records) {
			c.l.acc.fault("%s: %v got offset %d, want %d", name, rec, r.Offset, t.records)
		}
		t.records++
	}
	return nil
}

// check compares all topics with their lives.
func (c *churn) check(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	adm := kadm.NewClient(c.cl)
	there, err := adm.ListTopics(ctx)
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	for i, t := range c.lives {
		name := churnName(i)
		d, ok := there[name]
		if exists := ok && d.Err == nil; exists != t.exists {
			c.l.acc.fault("topics: %s exists: %v, acknowledged: %v (%v)", name, exists, t.exists, d.Err)
			continue
		}
		if !t.exists {
			continue
		}
		if err := c.checkConfig(ctx, adm, name, t.config); err != nil {
			return err
		}
		ends, err := adm.ListEndOffsets(ctx, name)
		if err != nil {
			return fmt.Errorf("list the offsets of %s: %w", name, err)
		}
		end, _ := ends.Lookup(name, 0)
		if end.Err != nil || end.Offset != int64(t.records) {
			c.l.acc.fault("lost write: %s ends at %d (%v), %d records were acknowledged", name, end.Offset, end.Err, t.records)
			continue
		}
		got, err := c.l.read(ctx, place{name, 0}, end.Offset)
		if err != nil {
			return err
		}
		for n, rec := range got {
			if want := (id{t.writer, int32(n + 1)}); rec != want {
				c.l.acc.fault("%s offset %d is %v, want %v: a record of a topic that was deleted", name, n, rec, want)
			}
		}
	}
	return nil
}

func (c *churn) checkConfig(ctx context.Context, adm *kadm.Client, name, want string) error {
	configs, err := adm.DescribeTopicConfigs(ctx, name)
	if err == nil {
		err = configs[0].Err
	}
	if err != nil {
		return fmt.Errorf("describe %s: %w", name, err)
	}
	for _, cfg := range configs[0].Configs {
		if cfg.Key != churnConfig {
			continue
		}
		got, set := "", cfg.Source.String() == "DYNAMIC_TOPIC_CONFIG"
		if set {
			got = cfg.MaybeValue()
		}
		if got != want {
			c.l.acc.fault("lost config: %s of %s is %q, %q was acknowledged", churnConfig, name, got, want)
		}
	}
	return nil
}
