package config

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/typelog/typelog/broker/contract"
)

// Topic is what holds for one topic: its own configs over the broker's settings over the defaults. Times are in
// milliseconds, sizes in bytes; -1 is without limit.
type Topic struct {
	Compact, Delete    bool // cleanup.policy
	RetentionMs        int64
	RetentionBytes     int64
	SegmentMs          int64
	SegmentBytes       int64
	IndexIntervalBytes int64
	MaxMessageBytes    int
	AppendTime         bool // message.timestamp.type=LogAppendTime
	TimestampBeforeMs  int64
	TimestampAfterMs   int64
	Compression        string // compression.type
	CompressionLevel   int    // of that compression
	MinInsyncReplicas  int

	// Compaction.
	DeleteRetentionMs      int64
	MinCompactionLagMs     int64
	MaxCompactionLagMs     int64
	MinCleanableDirtyRatio float64

	Contract    contract.Policy
	AcceptAcks0 bool // typelog.acks0=accept
	FlushOS     bool // typelog.flush=os
}

// Topic resolves a topic's own configs. The error names every fault; it wraps ErrUnknown or ErrInvalid.
func (b *Broker) Topic(own map[string]string) (Topic, error) {
	if err := checkTopic(own); err != nil {
		return Topic{}, err
	}
	own, _ = effective(own)
	text := func(name string) string {
		v, _, _ := b.topicValue(findTopic(name), own)
		return v
	}
	number := func(name string) int64 {
		n, err := strconv.ParseInt(text(name), 10, 64)
		if err != nil {
			panic("config: " + name + " is no number")
		}
		return n
	}
	policy := Items(text("cleanup.policy"))
	ratio, err := strconv.ParseFloat(text("min.cleanable.dirty.ratio"), 64)
	if err != nil {
		panic("config: min.cleanable.dirty.ratio is no number")
	}
	level := 0
	switch compression := text("compression.type"); compression {
	case "gzip", "lz4", "zstd":
		level = int(number("compression." + compression + ".level"))
	}
	return Topic{
		Compact:                slices.Contains(policy, "compact"),
		Delete:                 slices.Contains(policy, "delete"),
		RetentionMs:            number("retention.ms"),
		RetentionBytes:         max(number("retention.bytes"), -1),
		SegmentMs:              number("segment.ms"),
		SegmentBytes:           number("segment.bytes"),
		IndexIntervalBytes:     number("index.interval.bytes"),
		MaxMessageBytes:        int(number("max.message.bytes")),
		AppendTime:             text("message.timestamp.type") == "LogAppendTime",
		TimestampBeforeMs:      number("message.timestamp.before.max.ms"),
		TimestampAfterMs:       number("message.timestamp.after.max.ms"),
		Compression:            text("compression.type"),
		CompressionLevel:       level,
		MinInsyncReplicas:      int(number("min.insync.replicas")),
		DeleteRetentionMs:      number("delete.retention.ms"),
		MinCompactionLagMs:     number("min.compaction.lag.ms"),
		MaxCompactionLagMs:     number("max.compaction.lag.ms"),
		MinCleanableDirtyRatio: ratio,
		Contract: contract.Policy{
			Key:             levelOf(text("typelog.key.contract")),
			Value:           levelOf(text("typelog.value.contract")),
			KeySubject:      strategyOf(text("typelog.key.subject.strategy")),
			ValueSubject:    strategyOf(text("typelog.value.subject.strategy")),
			RejectNullValue: text("typelog.value.contract.null") == "reject",
		},
		AcceptAcks0: text("typelog.acks0") == "accept",
		FlushOS:     text("typelog.flush") == "os",
	}, nil
}

// contractStarts are the topic configs that a new topic takes over from the broker's settings. They are copied, not
// looked up later: a broker that is started with another default neither opens a topic that had a contract nor closes
// one that had none.
var contractStarts = [...]struct{ topic, setting string }{
	{"typelog.value.contract", "typelog.value.contract.default"},
	{"typelog.key.contract", "typelog.key.contract.default"},
	{"typelog.value.contract.null", "typelog.value.contract.null.default"},
}

// Start returns the configs that a new topic gets: its own, and the contract that new topics start from.
func (b *Broker) Start(own map[string]string) map[string]string {
	start := maps.Clone(own)
	for _, c := range contractStarts {
		setting, set := b.set[c.setting]
		if _, given := own[c.topic]; given || !set {
			continue
		}
		if start == nil {
			start = map[string]string{}
		}
		start[c.topic] = setting
	}
	return start
}

// StillValid returns those of a topic's stored configs that this version takes, and an error that names the others: an
// older or newer version took them. What is left keeps its effect; a contract or a retention that is valid must not be
// lost with a config that is not.
func StillValid(own map[string]string) (map[string]string, error) {
	err := checkTopic(own)
	if err == nil {
		return own, nil
	}
	kept := maps.Clone(own)
	for name, value := range own {
		if checkTopic(map[string]string{name: value}) != nil {
			delete(kept, name)
		}
	}
	if lags(kept) != nil {
		delete(kept, "max.compaction.lag.ms")
	}
	for _, a := range aliases {
		if contradicts(kept) != nil {
			delete(kept, a.confluent)
		}
	}
	return kept, err
}

func levelOf(v string) contract.Level {
	switch v {
	case "reject":
		return contract.Full
	case "registered":
		return contract.Registered
	}
	return contract.Off
}

func strategyOf(v string) contract.Strategy { return contract.Strategy(slices.Index(strategies, v)) }

// checkTopic validates a topic's own configs.
func checkTopic(own map[string]string) error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(own)) {
		t := findTopic(name)
		if t == nil {
			faults = append(faults, unknownTopic(name))
		} else if _, err := t.parse(own[name]); err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) == 0 {
		if lag := lags(own); lag != nil {
			faults = append(faults, lag)
		}
		if two := contradicts(own); two != nil {
			faults = append(faults, two)
		}
	}
	if len(faults) > 0 {
		return joined(faults)
	}
	return nil
}

// lags holds the two compaction lags against each other, as Kafka does, if the topic sets both.
func lags(own map[string]string) error {
	lo, ok1 := own["min.compaction.lag.ms"]
	hi, ok2 := own["max.compaction.lag.ms"]
	if !ok1 || !ok2 {
		return nil
	}
	a, _ := strconv.ParseInt(findTopic("min.compaction.lag.ms").trimmed(lo), 10, 64)
	b, _ := strconv.ParseInt(findTopic("max.compaction.lag.ms").trimmed(hi), 10, 64)
	if a > b {
		return fmt.Errorf("%w for min.compaction.lag.ms: %d is above max.compaction.lag.ms, %d", ErrInvalid, a, b)
	}
	return nil
}

// trimmed is parse for a value that is known to be valid.
func (r *row) trimmed(v string) string {
	v, _ = r.parse(v)
	return v
}

// TopicWarnings names the configs among a topic's own that have no effect.
func TopicWarnings(own map[string]string) []Warning {
	var out []Warning
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if t := findTopic(name); t != nil && t.effect == ignored && t.trimmed(own[name]) != t.def {
			out = append(out, Warning{Name: name, Reason: t.doc})
		}
	}
	return out
}

// topicValue returns the value that holds, where it comes from, and which broker setting gave it, if one did. own is
// validated.
func (b *Broker) topicValue(t *topicRow, own map[string]string) (v string, from Source, setting string) {
	if v, ok := own[t.name]; ok {
		return t.trimmed(v), FromTopic, ""
	}
	for _, f := range t.from {
		if v, ok := b.set[f.name]; ok {
			return f.convert(v), FromBroker, f.name
		}
	}
	return t.def, FromDefault, ""
}

// convert turns a broker setting's value into the topic's unit. Negative numbers mean "without limit" and stay.
func (f *fallback) convert(v string) string {
	if f.scale == 1 {
		return v
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		panic("config: " + f.name + " is no number")
	}
	if n < 0 {
		return "-1"
	}
	if n > math.MaxInt64/f.scale {
		return strconv.FormatInt(math.MaxInt64, 10)
	}
	return strconv.FormatInt(n*f.scale, 10)
}
