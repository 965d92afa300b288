package api

import (
	"time"

	"github.com/typelog/typelog/broker/internal/config"
	"github.com/typelog/typelog/broker/internal/log"
)

// Settings are what the handlers need of the broker's own settings.
type Settings struct {
	NodeID    int32
	ClusterID string
	// Advertised is where clients of each listener, by name, find this broker.
	Advertised map[string]Endpoint

	AutoCreateTopics bool  // auto.create.topics.enable
	DeleteTopics     bool  // delete.topic.enable
	Partitions       int32 // num.partitions
	AnyReplication   bool  // typelog.replication.any
	RequestMaxBytes  int   // socket.request.max.bytes
	FetchMaxBytes    int   // fetch.max.bytes
	FetchSessions    int   // max.incremental.fetch.session.cache.slots
	// FetchSessionPartitions is typelog.fetch.session.partitions.
	FetchSessionPartitions int
	ContractTimeout        time.Duration // typelog.contract.timeout.ms
}

// SettingsOf reads the settings; NodeID, ClusterID and Advertised are left to the caller.
func SettingsOf(b *config.Broker) Settings {
	return Settings{
		AutoCreateTopics:       b.Bool("auto.create.topics.enable"),
		DeleteTopics:           b.Bool("delete.topic.enable"),
		Partitions:             int32(b.Int("num.partitions")),
		AnyReplication:         b.Bool("typelog.replication.any"),
		RequestMaxBytes:        b.Int("socket.request.max.bytes"),
		FetchMaxBytes:          b.Int("fetch.max.bytes"),
		FetchSessions:          b.Int("max.incremental.fetch.session.cache.slots"),
		FetchSessionPartitions: b.Int("typelog.fetch.session.partitions"),
		ContractTimeout:        b.Duration("typelog.contract.timeout.ms"),
	}
}

// Endpoint is a host and port as clients see them.
type Endpoint struct {
	Host string
	Port int32
}

// LogConfig is what the engine has to know of a topic's configs.
func LogConfig(t *config.Topic, internal bool) log.Config {
	segmentMs := t.SegmentMs
	if t.Compact {
		segmentMs = min(segmentMs, t.MaxCompactionLagMs) // the active segment is not compacted
	}
	return log.Config{
		SegmentBytes: t.SegmentBytes, SegmentMs: segmentMs,
		DeleteRetentionMs: t.DeleteRetentionMs, MinCompactionLagMs: t.MinCompactionLagMs, MaxCompactionLagMs: t.MaxCompactionLagMs,
		MinCleanableRatio: t.MinCleanableDirtyRatio,
		RetentionMs:       t.RetentionMs, RetentionBytes: t.RetentionBytes,
		IndexInterval: t.IndexIntervalBytes,
		Compact:       t.Compact, Delete: t.Delete, FlushOS: t.FlushOS, AppendTime: t.AppendTime, Essential: internal,
	}
}
