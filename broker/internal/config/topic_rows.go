package config

// topicRow is a config of a topic. What the topic does not set comes from the first of these broker settings that is
// set, then from the default.
type topicRow struct {
	row
	from []fallback
}

// fallback is a broker setting that a topic config falls back to. scale turns its unit into the topic's.
type fallback struct {
	name  string
	scale int64
	// listed: shown as a synonym when nothing is set, as Kafka does for settings that have a default of the same unit.
	listed bool
}

func same(name string) []fallback { return []fallback{{name, 1, true}} }

const (
	minuteMs = 60 * 1000
	hourMs   = 60 * minuteMs
)

// topicRows are the configs of a topic, by name. Names, types, defaults and fallbacks are those of Apache Kafka 4.2.1, but
// for those that begin with "typelog." and "confluent.".
var topicRows = []topicRow{
	{row{"cleanup.policy", List, "delete", 0, listOf("compact", "delete"), works,
		"What happens to old records: delete segments, compact by key, both, or (if empty) nothing."}, same("log.cleanup.policy")},
	{row{"compression.gzip.level", Int, "-1", 0, oneOrBetween(-1, 1, 9), works, "The level of compression.type=gzip; -1 is gzip's own."}, same("compression.gzip.level")},
	{row{"compression.lz4.level", Int, "9", 0, between(1, 17), works, "The level of compression.type=lz4; the nearest of nine is taken."}, same("compression.lz4.level")},
	{row{"compression.type", String, "producer", 0, oneOf("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"), works,
		"How batches are compressed in the log; producer keeps them as they come."}, same("compression.type")},
	{row{"compression.zstd.level", Int, "3", 0, between(-131072, 22), works, "The level of compression.type=zstd; the nearest of four is taken: below 3, 3 to 5, 6 to 9, 10 and above."}, same("compression.zstd.level")},
	{row{"confluent.key.schema.validation", Boolean, "false", 0, anything, works,
		"Confluent's name for typelog.key.contract=registered."}, nil},
	{row{"confluent.key.subject.name.strategy", String, strategyClass + "TopicNameStrategy", 0, oneOf(confluentStrategies...), works,
		"Confluent's name for typelog.key.subject.strategy."}, nil},
	{row{"confluent.value.schema.validation", Boolean, "false", 0, anything, works,
		"Confluent's name for typelog.value.contract=registered."}, nil},
	{row{"confluent.value.subject.name.strategy", String, strategyClass + "TopicNameStrategy", 0, oneOf(confluentStrategies...), works,
		"Confluent's name for typelog.value.subject.strategy."}, nil},
	{row{"delete.retention.ms", Long, "86400000", 0, between(0, maxLong), works, "Keep tombstones of compacted topics for this long after they were found, in milliseconds."}, same("log.cleaner.delete.retention.ms")},
	{row{"file.delete.delay.ms", Long, "60000", 0, between(0, maxLong), ignored, ownWay}, same("log.segment.delete.delay.ms")},
	{row{"flush.messages", Long, "9223372036854775807", 0, between(1, maxLong), ignored, flushesFirst}, same("log.flush.interval.messages")},
	{row{"flush.ms", Long, "9223372036854775807", 0, between(0, maxLong), ignored, flushesFirst}, []fallback{{"log.flush.interval.ms", 1, false}}},
	{row{"follower.replication.throttled.replicas", List, "", 0, anything, ignored, noReplicas}, nil},
	{row{"index.interval.bytes", Int, "4096", 0, between(0, maxInt), works,
		"Bytes of log for each entry of the offset index."}, same("log.index.interval.bytes")},
	{row{"leader.replication.throttled.replicas", List, "", 0, anything, ignored, noReplicas}, nil},
	{row{"local.retention.bytes", Long, "-2", 0, between(-2, maxLong), ignored, noTiers}, same("log.local.retention.bytes")},
	{row{"local.retention.ms", Long, "-2", 0, between(-2, maxLong), ignored, noTiers}, same("log.local.retention.ms")},
	{row{"max.compaction.lag.ms", Long, "9223372036854775807", 0, between(1, maxLong), works, "Compact records of compacted topics at the latest after this time, in milliseconds."}, same("log.cleaner.max.compaction.lag.ms")},
	{row{"max.message.bytes", Int, "1048588", 0, between(0, maxInt), works,
		"The largest record batch that the topic takes, in bytes, as it is sent (compressed or not)."}, same("message.max.bytes")},
	{row{"message.timestamp.after.max.ms", Long, "3600000", 0, between(0, maxLong), works,
		"Refuse records whose timestamp is further in the future."}, same("log.message.timestamp.after.max.ms")},
	{row{"message.timestamp.before.max.ms", Long, "9223372036854775807", 0, between(0, maxLong), works,
		"Refuse records whose timestamp is further in the past."}, same("log.message.timestamp.before.max.ms")},
	{row{"message.timestamp.type", String, "CreateTime", 0, oneOf("CreateTime", "LogAppendTime"), works,
		"Keep the producer's timestamps, or set the time of append."}, same("log.message.timestamp.type")},
	{row{"min.cleanable.dirty.ratio", Double, "0.5", 0, fraction, works, "How much of a partition must be new before it is compacted."}, same("log.cleaner.min.cleanable.ratio")},
	{row{"min.compaction.lag.ms", Long, "0", 0, between(0, maxLong), works, "Keep records from compaction for this long, in milliseconds."}, same("log.cleaner.min.compaction.lag.ms")},
	{row{"min.insync.replicas", Int, "1", 0, between(1, maxInt), ignored, noReplicas}, same("min.insync.replicas")},
	{row{"preallocate", Boolean, "false", 0, anything, ignored, flushesFirst}, same("log.preallocate")},
	{row{"remote.log.copy.disable", Boolean, "false", 0, anything, ignored, noTiers}, nil},
	{row{"remote.log.delete.on.disable", Boolean, "false", 0, anything, ignored, noTiers}, nil},
	{row{"remote.storage.enable", Boolean, "false", 0, anything, ignored, noTiers}, nil},
	{row{"retention.bytes", Long, "-1", 0, anything, works,
		"Keep at most this many bytes of each partition; -1 is no bound."}, same("log.retention.bytes")},
	{row{"retention.ms", Long, "604800000", 0, between(-1, maxLong), works,
		"Keep records for this long, in milliseconds; -1 is for ever."},
		[]fallback{{"log.retention.ms", 1, false}, {"log.retention.minutes", minuteMs, false}, {"log.retention.hours", hourMs, false}}},
	{row{"segment.bytes", Int, "1073741824", 0, between(minSegment, maxInt), works,
		"Begin a new segment when one has this size."}, same("log.segment.bytes")},
	{row{"segment.index.bytes", Int, "10485760", 0, between(4, maxInt), ignored, ownWay}, same("log.index.size.max.bytes")},
	{row{"segment.jitter.ms", Long, "0", 0, between(0, maxLong), ignored, ownWay},
		[]fallback{{"log.roll.jitter.ms", 1, false}, {"log.roll.jitter.hours", hourMs, false}}},
	{row{"segment.ms", Long, "604800000", 0, between(1, maxLong), works,
		"Begin a new segment after this time, in milliseconds."},
		[]fallback{{"log.roll.ms", 1, false}, {"log.roll.hours", hourMs, false}}},
	{row{"typelog.acks0", String, "refuse", 0, oneOf("refuse", "accept"), works,
		"Whether the topic, if it has a contract, takes acks=0, where a refusal cannot be told."}, same("typelog.acks0")},
	{row{"typelog.flush", String, "disk", 0, oneOf("disk", "os"), works,
		"When a batch is acknowledged: once it is flushed to disk, or once the operating system has it."}, same("typelog.flush")},
	{row{"typelog.key.contract", String, "off", 0, oneOf(levels...), works,
		"What keys must be: anything, of a registered schema, or (reject) fully decodable under it."}, nil},
	{row{"typelog.key.subject.strategy", String, "topic", 0, oneOf(strategies...), works,
		"The subject that the contract wants a key's schema under: TOPIC-key, the schema's full name, or TOPIC-FULLNAME."}, nil},
	{row{"typelog.value.contract", String, "off", 0, oneOf(levels...), works,
		"What values must be: anything, of a registered schema, or (reject) fully decodable under it."}, nil},
	{row{"typelog.value.contract.null", String, "accept", 0, oneOf("accept", "reject"), works,
		"Whether null values (tombstones) pass the contract."}, nil},
	{row{"typelog.value.subject.strategy", String, "topic", 0, oneOf(strategies...), works,
		"The subject that the contract wants a value's schema under: TOPIC-value, the schema's full name, or TOPIC-FULLNAME."}, nil},
	{row{"unclean.leader.election.enable", Boolean, "false", 0, anything, ignored, noReplicas}, same("unclean.leader.election.enable")},
}

// findTopic returns the topic config of that name, or nil.
func findTopic(name string) *topicRow {
	for i := range topicRows {
		if topicRows[i].name == name {
			return &topicRows[i]
		}
	}
	return nil
}

func unknownTopic(name string) error {
	rows := make([]row, len(topicRows))
	for i := range topicRows {
		rows[i] = topicRows[i].row
	}
	return unknown("topic config", rows, name)
}
