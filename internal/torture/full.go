package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/internal/child"
)

const fullImage = 768 // MiB

// full fills the disk under load, wants the rest of the broker to go on, makes room and wants writes back, with
// everything that was acknowledged, without a restart and then with one.
func full(ctx context.Context, cfg config, work string) error {
	img, err := newImage(ctx, work, "ext4", fullImage)
	if err != nil {
		return err
	}
	defer img.close()
	var log strings.Builder
	srv := &child.Server{Binary: cfg.binary, Data: img.dir(), Args: cfg.args, Log: &log}
	if _, err := srv.Start(ctx); err != nil {
		return err
	}
	defer func() {
		_ = srv.Kill()
		fmt.Fprint(cfg.log, log.String())
	}()
	l := &load{cfg: cfg, kafka: srv.Kafka, acc: newAccount(), topics: []string{"load-0"}}
	clients, stop := context.WithCancel(ctx)
	defer l.done.Wait()
	defer stop()
	if err := l.start(clients); err != nil {
		return err
	}
	cl, err := l.client(kgo.RequestRetries(0), kgo.RecordRetries(0), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableIdempotentWrite())
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	for _, topic := range []string{"doomed", "trimmed"} {
		if _, err := adm.CreateTopic(ctx, 1, 1, nil, topic); err != nil {
			return err
		}
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte("a record of " + topic)}).FirstErr(); err != nil {
			return err
		}
	}
	for round := 1; round <= max(1, cfg.rounds); round++ {
		if err := l.more(ctx, 500); err != nil {
			return l.verdict(err)
		}
		ballast := filepath.Join(img.mount, "ballast")
		if err := fill(ballast); err != nil {
			return err
		}
		filler := fmt.Sprintf("filler-%d", round)
		refused, err := untilRefused(ctx, cl, filler)
		if err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		fmt.Fprintf(cfg.out, "round %d: %d acknowledged, then refused after %d MiB more: %v\n", round, l.acks.Load(), refused>>20, kerr.KafkaStorageError)
		if err := whileFull(ctx, adm, round); err != nil {
			l.acc.fault("round %d, while the disk is full: %v", round, err)
		}
		if err := l.check(ctx, true); err != nil {
			return l.verdict(fmt.Errorf("round %d, while the disk is full: %w", round, err))
		}
		if err := os.Remove(ballast); err != nil {
			return err
		}
		began := time.Now()
		if err := l.more(ctx, 500); err != nil {
			return l.verdict(fmt.Errorf("round %d: there is room again, but: %w", round, err))
		}
		fmt.Fprintf(cfg.out, "round %d: writes are back %v after there was room\n", round, time.Since(began).Round(time.Millisecond))
		if _, err := adm.DeleteTopic(ctx, filler); err != nil {
			return err
		}
	}
	if text := log.String(); !strings.Contains(text, "full") && !strings.Contains(text, "no space") {
		l.acc.fault("the log does not say that the disk is full:\n%s", text)
	}
	if err := img.cut(srv); err != nil {
		return err
	}
	if _, err := srv.Start(ctx); err != nil {
		return err
	}
	if err := l.verdict(l.check(ctx, true)); err != nil {
		return err
	}
	fmt.Fprintf(cfg.out, "%d acknowledged, every promise held\n", l.acks.Load())
	return nil
}

// fill takes all room but a little, so that the broker meets the end itself.
func fill(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	chunk := make([]byte, 1<<20)
	for {
		if _, err := f.Write(chunk); err != nil {
			break // the disk is full
		}
	}
	end, err := f.Seek(0, 1)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(max(0, end-(4<<20))), f.Sync())
}

// untilRefused writes until the broker says that it cannot store, and returns how many bytes it took.
func untilRefused(ctx context.Context, cl *kgo.Client, filler string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := kadm.NewClient(cl).CreateTopic(ctx, 1, 1, nil, filler); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		if errors.Is(err, kerr.KafkaStorageError) {
			return 0, nil
		}
		return 0, fmt.Errorf("create %s: %w", filler, err)
	}
	for taken := 0; ; taken += 500_000 {
		err := cl.ProduceSync(ctx, &kgo.Record{Topic: filler, Value: make([]byte, 500_000)}).FirstErr()
		switch {
		case errors.Is(err, kerr.KafkaStorageError):
			return taken, nil
		case err != nil:
			return taken, fmt.Errorf("on a full disk, Produce is answered with %w after %d bytes, want %w", err, taken, kerr.KafkaStorageError)
		}
	}
}

// whileFull does what must go on: offset commits, DeleteRecords and the deletion of a topic. Reads are checked by the caller.
func whileFull(ctx context.Context, adm *kadm.Client, round int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var errs []error
	var offsets kadm.Offsets
	offsets.AddOffset("trimmed", 0, int64(round), -1)
	if err := adm.CommitAllOffsets(ctx, "by hand", offsets); err != nil {
		errs = append(errs, fmt.Errorf("offset commit: %w", err))
	}
	var trim kadm.Offsets
	trim.AddOffset("trimmed", 0, 1, -1)
	if r, err := adm.DeleteRecords(ctx, trim); err != nil || r.Error() != nil {
		errs = append(errs, fmt.Errorf("DeleteRecords: %w", errors.Join(err, r.Error())))
	}
	if round == 1 {
		if _, err := adm.DeleteTopic(ctx, "doomed"); err != nil {
			errs = append(errs, fmt.Errorf("delete a topic: %w", err))
		}
	}
	return errors.Join(errs...)
}
