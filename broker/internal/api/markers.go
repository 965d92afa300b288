package api

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/typelog/typelog/broker/internal/group"
	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/state"
	"github.com/typelog/typelog/broker/internal/txn"
)

// Markers writes transaction markers. Those for the topic of committed offsets go through the groups, which have to know
// them; all others to the log.
type Markers struct {
	Catalog *Catalog
	Engine  log.Engine
	Groups  *group.Coordinator
	Logger  *slog.Logger
}

// WriteMarkers implements txn.Markers.
func (w *Markers) WriteMarkers(ctx context.Context, m txn.Marker, partitions []state.TopicPartition) (missing []state.TopicPartition, err error) {
	for i, e := range w.write(ctx, m, partitions) {
		switch {
		case e == nil, errors.Is(e, log.ErrUnknownPartition), errors.Is(e, kerr.UnknownTopicOrPartition), errors.Is(e, group.ErrNotFound):
		case errors.Is(e, log.ErrInvalidProducerEpoch), errors.Is(e, state.ErrProducerFenced):
			// Somebody has ended it there, with a newer epoch.
			w.Logger.Warn("a partition knows a newer epoch than the marker of a transaction", "topic", partitions[i].Topic,
				"partition", partitions[i].Partition, "producer_id", m.ProducerID, "error", e)
		default:
			missing = append(missing, partitions[i])
			if err == nil {
				err = e
			}
		}
	}
	return missing, err
}

// write writes a marker to each of the partitions, waits, and returns what is wrong with each. One that is named again gets no
// other: a request of some MiB could ask for a million.
func (w *Markers) write(ctx context.Context, m txn.Marker, partitions []state.TopicPartition) []error {
	errs := make([]error, len(partitions))
	var controls []log.Control
	var place []int
	var pending sync.WaitGroup
	first := make(map[state.TopicPartition]int, len(partitions))
	for i, p := range partitions {
		if _, again := first[p]; again {
			continue
		}
		first[p] = i
		t := w.Catalog.named(p.Topic)
		switch {
		case t == nil || !t.has(p.Partition):
			errs[i] = kerr.UnknownTopicOrPartition
		case p.Topic == OffsetsTopic:
			pending.Go(func() {
				errs[i] = w.Groups.EndPending(ctx, int(p.Partition), state.EndPending{
					Producer:         state.Producer{ID: m.ProducerID, Epoch: m.Epoch},
					CoordinatorEpoch: m.CoordinatorEpoch, Commit: m.Commit,
				})
			})
		default:
			place = append(place, i)
			controls = append(controls, log.Control{
				Partition: t.partition(p.Partition), ProducerID: m.ProducerID, ProducerEpoch: m.Epoch,
				CoordinatorEpoch: m.CoordinatorEpoch, Commit: m.Commit,
			})
		}
	}
	if len(controls) > 0 {
		appended := make(chan []log.Appended, 1)
		w.Engine.AppendControl(controls, func(out []log.Appended) { appended <- out })
		for j, a := range <-appended {
			errs[place[j]] = a.Err
		}
	}
	pending.Wait()
	for i, p := range partitions {
		errs[i] = errs[first[p]]
	}
	return errs
}
