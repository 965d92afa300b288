package broker

import (
	"context"
	"path/filepath"
	"time"

	"github.com/typelog/typelog/broker/internal/api"
	"github.com/typelog/typelog/broker/internal/config"
	"github.com/typelog/typelog/broker/internal/meta"
	"github.com/typelog/typelog/broker/internal/partlog"
)

// openData opens what is on disk: broker.db first, because it knows which partitions there have to be. It returns the epoch
// of this start.
func (b *Broker) openData(ctx context.Context, settings *config.Broker) (epoch int32, err error) {
	if b.store, err = meta.Open(ctx, filepath.Join(b.cfg.Dir, "broker.db")); err != nil {
		return 0, err
	}
	// The epoch is raised before anything is appended, so that a consumer notices if a crash took a tail away.
	if epoch, err = b.store.RaiseEpoch(ctx); err != nil {
		return 0, err
	}
	now := b.store.Snapshot()
	topics := make([]partlog.Topic, 0, now.Len())
	for _, t := range append(now.Topics(), now.Deleting()...) {
		kept, _ := config.StillValid(t.Configs) // what is not valid any more is reported when the catalog is loaded
		cfg, err := settings.Topic(kept)
		if err != nil {
			return 0, err
		}
		topics = append(topics, partlog.Topic{ID: t.ID, Partitions: t.Partitions, Config: api.LogConfig(&cfg, false)}) // the catalog says later which are internal
	}
	scrubEvery, scrubFirst := scrub(settings)
	engine, report, err := partlog.Open(partlog.Options{
		Dir:            filepath.Join(b.cfg.Dir, "partitions"),
		Topics:         topics,
		LeaderEpoch:    epoch,
		Logger:         b.cfg.Logger,
		ProducerExpiry: settings.Duration("producer.id.expiration.ms"),
		JournalBound:   settings.Int64("typelog.journal.max.bytes"),
		RetainEvery:    settings.Duration("log.retention.check.interval.ms"),
		ScrubEvery:     scrubEvery,
		ScrubFirst:     scrubFirst,
		ScrubRate:      settings.Int64("typelog.scrub.bytes.per.second"),
		CompactEvery:   compactEvery(settings),
		CompactRate:    int64(min(max(settings.Float64("log.cleaner.io.max.bytes.per.second"), 1), maxCompactRate)),
	})
	if err != nil {
		return 0, err
	}
	b.engine = engine
	b.report(report)
	return epoch, nil
}

// maxCompactRate bounds compaction, so that it does not get in the way, in bytes a second.
const maxCompactRate = 64 << 20

func compactEvery(settings *config.Broker) time.Duration {
	if !settings.Bool("log.cleaner.enable") {
		return -1
	}
	return max(settings.Duration("log.cleaner.backoff.ms"), time.Millisecond)
}

// scrub returns how often everything is read again, and when for the first time. The engine takes 0 for its own defaults.
func scrub(settings *config.Broker) (every, first time.Duration) {
	if every = settings.Duration("typelog.scrub.interval.ms"); every <= 0 {
		every = -1
	}
	return every, max(settings.Duration("typelog.scrub.first.delay.ms"), 1)
}

// report tells the operator what was found.
func (b *Broker) report(r partlog.Report) {
	for _, dir := range r.Stray {
		b.cfg.Logger.Warn("set aside the files of a topic that is not known; nothing reads them, and nothing deletes them", "directory", dir)
	}
	for _, f := range r.Faults {
		b.cfg.Logger.Error("a partition cannot be served", "partition", f.Partition, "error", f.Err)
	}
	if !r.Clean {
		b.cfg.Logger.Info("recovered after an unclean stop", "replayed_batches", r.ReplayedFrames, "replayed_bytes", r.ReplayedBytes)
	}
}
