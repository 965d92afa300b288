package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/internal/child"
)

const (
	retainedRecord = 100_000
	// readyWithin is the promise for a start after kill -9 with gigabytes retained, on a machine with nothing else to do.
	readyWithin = 500 * time.Millisecond
)

// retained has gigabytes, kills the broker under load, and wants it back at once: recovery reads only what was not yet
// known to be clean. The records lie in one partition, in segments like any others; how many there are is all that matters to a
// start, which opens the last of them at most.
func retained(ctx context.Context, cfg config, dir string, gigabytes int64) error {
	total := gigabytes << 30
	srv := &child.Server{Binary: cfg.binary, Data: dir, Args: cfg.args, Log: cfg.log}
	fresh, err := srv.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = srv.Kill() }()
	l := &load{cfg: cfg, kafka: srv.Kafka, acc: newAccount(), topics: []string{"load-0"}}
	clients, stop := context.WithCancel(ctx)
	defer l.done.Wait()
	defer stop()
	if err := l.start(clients); err != nil {
		return err
	}
	cl, err := l.client(kgo.DefaultProduceTopic("bulk"), kgo.AllowAutoTopicCreation(), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MaxBufferedRecords(200))
	if err != nil {
		return err
	}
	defer cl.Close()
	began, value := time.Now(), make([]byte, retainedRecord)
	for range total / retainedRecord {
		cl.Produce(ctx, &kgo.Record{Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				l.acc.fault("bulk: %v", err)
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		return err
	}
	fmt.Fprintf(cfg.out, "fresh start %v, %d MiB written in %v\n", fresh.Round(time.Millisecond), total>>20, time.Since(began).Round(time.Millisecond))
	best := time.Hour
	for range 3 {
		if err := l.more(ctx, 500); err != nil {
			return l.verdict(err)
		}
		if err := srv.Kill(); err != nil {
			return err
		}
		took, err := srv.Start(ctx)
		if err != nil {
			return err
		}
		best = min(best, took)
		oldest, err := firstFetch(ctx, srv.Kafka, kgo.NewOffset().AtStart())
		if err != nil {
			return err
		}
		newest, err := firstFetch(ctx, srv.Kafka, kgo.NewOffset().AtEnd().Relative(-1))
		if err != nil {
			return err
		}
		fmt.Fprintf(cfg.out, "ready %v after kill -9; a new client's first record from the oldest offset after another %v, from the newest after %v\n",
			took.Round(time.Millisecond), oldest.Round(time.Millisecond), newest.Round(time.Millisecond))
	}
	if best > readyWithin {
		err = fmt.Errorf("ready %v after kill -9, want at most %v", best, readyWithin)
	}
	if err = errors.Join(err, l.verdict(l.check(ctx, true))); err == nil {
		fmt.Fprintln(cfg.out, "every promise held")
	}
	return err
}

// firstFetch returns how long a new client takes to its first record.
func firstFetch(ctx context.Context, kafka string, from kgo.Offset) (time.Duration, error) {
	began := time.Now()
	cl, err := kgo.NewClient(kgo.SeedBrokers(kafka), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"bulk": {0: from}}))
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	fetches := cl.PollRecords(ctx, 1)
	if err := fetches.Err(); err != nil {
		return 0, fmt.Errorf("first record of bulk: %w", err)
	}
	return time.Since(began), nil
}
