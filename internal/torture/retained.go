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
	retainedBytes  = 3 << 30
	// readyWithin is the promise for a start after kill -9 with gigabytes retained, on a machine with nothing else to do.
	readyWithin = 500 * time.Millisecond
)

// retained has gigabytes, kills the broker under load, and wants it back at once: recovery reads only what was not yet
// known to be clean.
func retained(ctx context.Context, cfg config, dir string) error {
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
	for range retainedBytes / retainedRecord {
		cl.Produce(ctx, &kgo.Record{Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				l.acc.fault("bulk: %v", err)
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		return err
	}
	fmt.Fprintf(cfg.out, "fresh start %v, %d MiB written in %v\n", fresh.Round(time.Millisecond), retainedBytes>>20, time.Since(began).Round(time.Millisecond))
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
		fmt.Fprintf(cfg.out, "ready %v after kill -9\n", took.Round(time.Millisecond))
	}
	if best > readyWithin {
		err = fmt.Errorf("ready %v after kill -9, want at most %v", best, readyWithin)
	}
	if err = errors.Join(err, l.verdict(l.check(ctx, true))); err == nil {
		fmt.Fprintln(cfg.out, "every promise held")
	}
	return err
}
