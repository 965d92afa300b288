package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/schemas/audit"
	"github.com/typelog/typelog/serde"
)

// Bounds of a store.
const (
	maxBatch = 2_000                  // events of one transaction
	pollTime = 250 * time.Millisecond // how long one poll waits
	quiet    = time.Second            // with --until-idle: how long nothing new may come
	// session is how long the group waits for a store that was killed, before another gets its partitions.
	session = 10 * time.Second
)

// storeConfig says what to store, and where.
type storeConfig struct {
	brokers   []string
	registry  string
	topic     string
	group     string
	db        string
	untilIdle bool
}

// storer moves events from a consumer group into a database, each once: a batch is one transaction, and its offsets are
// committed after it. What a crash or a rebalance delivers again is told by its id.
type storer struct {
	log      *slog.Logger
	db       database
	consumer *serde.Consumer[audit.AuditEvent]
	idle     *idleness // nil: never idle

	stored, duplicates int64
	uncommitted        bool // offsets of what is stored wait to be committed
}

// store runs until ctx ends or, if so configured, the group is idle, and prints what it did.
func store(ctx context.Context, cfg storeConfig, log *slog.Logger, out io.Writer) error {
	db, err := openDatabase(ctx, cfg.db, true)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := createTopics(ctx, log, cfg.brokers, cfg.topic); err != nil {
		return err
	}
	s := &storer{log: log, db: db}
	s.consumer, err = serde.NewConsumer[audit.AuditEvent](serde.ConsumerConfig{
		Brokers: cfg.brokers, Registry: cfg.registry, Topics: []string{cfg.topic}, Group: cfg.group,
		Client: []kgo.Opt{kgo.SessionTimeout(session)},
	})
	if err != nil {
		return err
	}
	defer s.consumer.Close()
	if cfg.untilIdle {
		s.idle = &idleness{group: cfg.group, topic: cfg.topic, admin: kadm.NewClient(s.consumer.Client())}
	}
	return errors.Join(s.run(ctx), s.finish(context.WithoutCancel(ctx), out))
}

// run moves batches until the end. Being interrupted is no error: the next run goes on where this one was.
func (s *storer) run(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := s.batch(ctx)
		if err != nil {
			return err
		}
		if err := s.commit(ctx); err != nil {
			return err
		}
		if s.idle == nil {
			continue
		}
		if n > 0 || s.uncommitted {
			s.idle.reset()
		} else if s.idle.reached(ctx, s.log, time.Now()) {
			return nil
		}
	}
	return nil
}

// batch polls once and stores what came.
func (s *storer) batch(ctx context.Context) (int, error) {
	polling, cancel := context.WithTimeout(ctx, pollTime)
	defer cancel()
	messages, polled := s.consumer.Poll(polling, maxBatch)
	events := make([]*audit.AuditEvent, 0, len(messages))
	for _, m := range messages {
		if m.Value == nil {
			return 0, fmt.Errorf("topic %s partition %d offset %d has no event: it is a tombstone", m.Topic, m.Partition, m.Offset)
		}
		events = append(events, m.Value)
	}
	if len(events) > 0 {
		// Once begun, a transaction is finished: an interrupt would only make duplicates.
		stored, err := s.db.insert(context.WithoutCancel(ctx), events)
		if err != nil {
			return 0, fmt.Errorf("the database: %w", err)
		}
		s.stored += stored
		s.duplicates += int64(len(events)) - stored
		s.uncommitted = true
	}
	if polled == nil || polling.Err() != nil && errors.Is(polled, polling.Err()) {
		return len(events), nil
	}
	if !passing(polled) {
		return len(events), polled
	}
	s.log.Warn("waiting for the broker", "error", polled)
	return len(events), pause(ctx, pollTime)
}

// commit commits the offsets of what is stored. What fails in passing is tried again later.
func (s *storer) commit(ctx context.Context) error {
	if !s.uncommitted {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := s.consumer.Commit(bounded)
	if err == nil {
		s.uncommitted = false
		return nil
	}
	if ctx.Err() != nil {
		return nil // finish tries once more
	}
	s.log.Warn("offsets are not committed yet; the events are stored", "error", err)
	return pause(ctx, pollTime)
}

// finish prints the result. It fails if numbers are missing in the database.
func (s *storer) finish(ctx context.Context, out io.Writer) error {
	bounded, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := s.commit(bounded)
	_, missing, gapErr := s.db.gaps(ctx)
	if gapErr != nil {
		return errors.Join(err, gapErr)
	}
	fmt.Fprintf(out, "stored=%d duplicates=%d gaps=%d\n", s.stored, s.duplicates, missing)
	if missing > 0 {
		err = errors.Join(err, fmt.Errorf("%d sequence numbers are missing in the database: audit report lists them; events are still under way, or lost", missing))
	}
	return err
}

// pause waits, and does not mind being interrupted.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	return nil
}
