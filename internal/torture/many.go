package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/internal/child"
)

const (
	manyPartitions = 10_000
	manyWritten    = 3_000
	// manyDescriptors is what the broker gets, as ulimit -n. Half of it is for clients.
	manyDescriptors = "1024"
	// servesWithin is the promise for a start after kill -9, until every partition answers.
	servesWithin = 3 * time.Second
)

// many has 10,000 partitions under a small limit of descriptors, kills the broker and wants them all back at once.
func many(ctx context.Context, cfg config, dir string) error {
	// The shell replaces itself: the process that is killed is the broker.
	sh, err := exec.LookPath("sh")
	if err != nil {
		return err
	}
	srv := &child.Server{Binary: cfg.binary, Data: dir, Args: cfg.args, Log: cfg.log, Wrap: []string{sh, "-c", "ulimit -n " + manyDescriptors + "; exec \"$0\" \"$@\""}}
	fresh, err := srv.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = srv.Kill() }()
	l := &load{cfg: cfg, kafka: srv.Kafka, acc: newAccount(), topics: []string{"many"}}
	l.cfg.partitions = manyPartitions
	cl, err := l.client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer cl.Close()
	before, _ := resident(srv.PID())
	adm := kadm.NewClient(cl)
	began := time.Now()
	if _, err := adm.CreateTopic(ctx, manyPartitions, 1, nil, "many"); err != nil {
		return fmt.Errorf("create %d partitions: %w", manyPartitions, err)
	}
	fmt.Fprintf(cfg.out, "fresh start %v, %d partitions created in %v\n", fresh.Round(time.Millisecond), manyPartitions, time.Since(began).Round(time.Millisecond))
	began = time.Now()
	for p := range int32(manyWritten) {
		rec := id{1, 1}
		cl.Produce(ctx, &kgo.Record{Topic: "many", Partition: p, Value: value(rec, 200)}, func(r *kgo.Record, err error) {
			if err != nil {
				l.acc.fault("many-%d: %v", r.Partition, err)
				return
			}
			l.acc.acknowledged(place{"many", r.Partition}, r.Offset, rec)
		})
	}
	if err := cl.Flush(ctx); err != nil {
		return err
	}
	wrote := time.Since(began)
	idle, _ := resident(srv.PID())
	if err := srv.Kill(); err != nil {
		return err
	}
	began = time.Now()
	up, err := srv.Start(ctx)
	if err != nil {
		return err
	}
	ends, err := adm.ListEndOffsets(ctx, "many")
	if err != nil {
		return err
	}
	served := time.Since(began)
	for p := range int32(manyPartitions) {
		want := int64(0)
		if p < manyWritten {
			want = 1
		}
		if end, _ := ends.Lookup("many", p); end.Err != nil || end.Offset != want {
			l.acc.fault("many-%d ends at %d (%v), want %d", p, end.Offset, end.Err, want)
		}
	}
	for p := int32(0); p < manyWritten; p += 100 {
		got, err := l.read(ctx, place{"many", p}, 1)
		if err != nil {
			return err
		}
		l.acc.whole(place{"many", p}, want{end: 1}, got)
	}
	again, _ := resident(srv.PID())
	fmt.Fprintf(cfg.out, "%d partitions written in %v; after kill -9 ready in %v, every partition answered after %v\n"+
		"resident memory in MiB: empty broker %d, after writing %d, after the restart %d\n",
		manyWritten, wrote.Round(time.Millisecond), up.Round(time.Millisecond), served.Round(time.Millisecond), before>>20, idle>>20, again>>20)
	if served > servesWithin {
		err = fmt.Errorf("%d partitions served after %v, want at most %v", manyPartitions, served, servesWithin)
	}
	if err = errors.Join(err, l.verdict(nil)); err == nil {
		fmt.Fprintln(cfg.out, "every promise held")
	}
	return err
}
