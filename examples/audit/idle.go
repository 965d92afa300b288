package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// idleness tells when a group is through: the offsets that it has committed, which are those of events that are stored,
// have reached the end of every partition, and after a quiet time they still have and no end has moved. Only what the
// broker answers counts, so neither a rebalance (with other members that hold partitions), nor a restart, nor a slow
// start can look like the end.
type idleness struct {
	group, topic string
	admin        *kadm.Client

	asked time.Time
	since time.Time       // when the ends were first found reached; zero: not
	ends  map[int32]int64 // by partition, then
}

func (i *idleness) reset() { i.since = time.Time{} }

// reached asks the broker, at most every pollTime.
func (i *idleness) reached(ctx context.Context, log *slog.Logger, now time.Time) bool {
	if now.Sub(i.asked) < pollTime {
		return false
	}
	i.asked = now
	bounded, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ends, open, err := i.ask(bounded)
	switch {
	case err != nil:
		log.Warn("waiting for the broker", "error", err)
		i.reset()
	case open > 0:
		i.reset()
	case i.since.IsZero() || !maps.Equal(ends, i.ends):
		i.since, i.ends = now, ends
	case now.Sub(i.since) >= quiet:
		return true
	}
	return false
}

// ask returns the ends of the partitions and how many events the group has not committed. The commits are asked for
// first: what is written in between then counts as open.
func (i *idleness) ask(ctx context.Context) (ends map[int32]int64, open int64, err error) {
	commits, err := i.admin.FetchOffsets(ctx, i.group)
	if err != nil {
		return nil, 0, fmt.Errorf("offsets of group %s: %w", i.group, err)
	}
	starts, err := i.admin.ListStartOffsets(ctx, i.topic)
	if err != nil {
		return nil, 0, fmt.Errorf("starts of topic %s: %w", i.topic, err)
	}
	listed, err := i.admin.ListEndOffsets(ctx, i.topic)
	if err != nil {
		return nil, 0, fmt.Errorf("ends of topic %s: %w", i.topic, err)
	}
	ends = map[int32]int64{}
	for p, end := range listed[i.topic] {
		start, ok := starts.Lookup(i.topic, p)
		if end.Err != nil || !ok || start.Err != nil {
			return nil, 0, fmt.Errorf("partition %d of topic %s: %w", p, i.topic, firstOf(end.Err, start.Err))
		}
		reached := start.Offset
		if commit, ok := commits.Lookup(i.topic, p); ok {
			if commit.Err != nil {
				return nil, 0, fmt.Errorf("offset of group %s in partition %d: %w", i.group, p, commit.Err)
			}
			reached = max(reached, commit.At)
		}
		ends[p] = end.Offset
		open += max(end.Offset-reached, 0)
	}
	if len(ends) == 0 {
		return nil, 0, fmt.Errorf("topic %s has no partitions at the moment", i.topic)
	}
	return ends, open, nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return errors.New("no answer")
}
