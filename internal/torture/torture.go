package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/typelog/typelog/internal/child"
)

// config says what to do to the broker. All of it follows from the seed, except what clocks and schedulers add.
type config struct {
	binary     string
	seed       uint64
	rounds     int
	topics     int
	partitions int
	producers  int
	longest    time.Duration // a round's load, at most
	pause      time.Duration // between a producer's records, so that a long run stays checkable
	wholeEvery int           // rounds between reads of everything
	args       []string      // further arguments of the broker
	out        io.Writer
	log        io.Writer // the broker's log
}

// A disk is where the data directory lies. cut ends a round: what happens to the disk while the broker writes, with the
// broker's process ended, and the disk back afterwards.
type disk interface {
	dir() string
	cut(srv *child.Server) error
}

// directory is a disk that nothing happens to: only the process is killed.
type directory string

func (d directory) dir() string                 { return string(d) }
func (d directory) cut(srv *child.Server) error { return srv.Kill() }

// totals is what a run did.
type totals struct {
	kills, acked, polled, topicSteps int64
	slowest                          time.Duration // longest start
}

func (t totals) String() string {
	return fmt.Sprintf("kills=%d acknowledged=%d polled=%d topic-steps=%d slowest-start=%v",
		t.kills, t.acked, t.polled, t.topicSteps, t.slowest.Round(time.Millisecond))
}

// torture loads a broker on d, ends it cfg.rounds times, and returns an error that lists every promise that did not hold.
func torture(ctx context.Context, cfg config, d disk) (totals, error) {
	var t totals
	rng := rand.New(rand.NewPCG(cfg.seed, 0))
	srv := &child.Server{Binary: cfg.binary, Data: d.dir(), Args: cfg.args, Log: cfg.log}
	if _, err := srv.Start(ctx); err != nil {
		return t, err
	}
	running := true
	defer func() {
		if running {
			_ = srv.Kill()
		}
	}()
	clients, stop := context.WithCancel(ctx)
	l := &load{cfg: cfg, kafka: srv.Kafka, acc: newAccount()}
	defer l.done.Wait()
	defer stop()
	for i := range cfg.topics {
		l.topics = append(l.topics, fmt.Sprintf("load-%d", i))
	}
	if err := l.start(clients); err != nil {
		return t, err
	}
	c, err := l.churn(clients)
	if err != nil {
		return t, err
	}
	for round := 1; round <= cfg.rounds; round++ {
		if err := l.more(ctx, 200); err != nil {
			return t, l.verdict(fmt.Errorf("round %d: %w", round, err))
		}
		time.Sleep(time.Duration(rng.Int64N(int64(cfg.longest)))) // the kill comes at any moment of the load
		running = false
		if err := d.cut(srv); err != nil {
			return t, err
		}
		t.kills++
		took, err := srv.Start(ctx)
		if err != nil {
			return t, l.verdict(fmt.Errorf("round %d: %w", round, err))
		}
		running = true
		t.slowest = max(t.slowest, took)
		if err := errors.Join(l.check(ctx, round == cfg.rounds || round%cfg.wholeEvery == 0), c.check(ctx)); err != nil {
			return t, l.verdict(fmt.Errorf("round %d: %w", round, err))
		}
		if len(l.acc.faulty()) > 0 {
			return t, l.verdict(nil)
		}
		if cfg.out != nil {
			fmt.Fprintf(cfg.out, "round %d: %d acknowledged, started in %v\n", round, l.acks.Load(), took.Round(time.Millisecond))
		}
	}
	stop()
	l.done.Wait()
	t.acked, t.polled, t.topicSteps = l.acc.acked, l.acc.seen, c.steps
	return t, l.verdict(nil)
}

func (l *load) verdict(err error) error {
	if faults := l.acc.faulty(); len(faults) > 0 {
		return errors.Join(err, errors.New(strings.Join(faults, "\n")))
	}
	return err
}
