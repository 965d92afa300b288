package config

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/typelog/typelog/broker/contract"
)

// broker builds a broker of settings "name=value".
func broker(t *testing.T, settings ...string) *Broker {
	t.Helper()
	b, _, err := New(pairs(settings...), nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func pairs(settings ...string) map[string]string {
	m := make(map[string]string)
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		m[name] = value
	}
	return m
}

// The tables are long; these rules hold for every row.
func TestTables(t *testing.T) {
	check := func(r *row) {
		if r.doc == "" || strings.ContainsAny(r.doc, "\n") || !strings.HasSuffix(r.doc, ".") {
			t.Errorf("%s: its doc is not one sentence: %q", r.name, r.doc)
		}
		if r.flags&noDefault != 0 {
			if r.def != "" {
				t.Errorf("%s has a default and has none", r.name)
			}
			return
		}
		if v, err := r.parse(r.def); err != nil || v != r.def {
			t.Errorf("%s does not take its own default: %v", r.name, err)
		}
		if strings.HasPrefix(r.doc, "Not used") == (r.effect == works) {
			t.Errorf("%s: effect and doc disagree", r.name)
		}
	}
	for i := range brokerRows {
		check(&brokerRows[i])
		if i > 0 && brokerRows[i-1].name >= brokerRows[i].name {
			t.Errorf("%s comes after %s", brokerRows[i].name, brokerRows[i-1].name)
		}
	}
	for i := range topicRows {
		r := &topicRows[i]
		check(&r.row)
		if i > 0 && topicRows[i-1].name >= r.name {
			t.Errorf("%s comes after %s", r.name, topicRows[i-1].name)
		}
		for _, f := range r.from {
			b := find(brokerRows, f.name)
			if b == nil {
				t.Errorf("%s falls back to %s, which there is not", r.name, f.name)
				continue
			}
			// What the broker takes, the topic must take: in its own unit it is validated by the broker's row only.
			if f.scale == 1 && (b.typ != r.typ || b.allow.String() != r.allow.String()) && f.name != "log.retention.ms" && f.name != "message.max.bytes" {
				t.Errorf("%s takes %s %s, %s takes %s %s", r.name, r.typ, r.allow, b.name, b.typ, b.allow)
			}
			if f.listed && b.def != r.def {
				t.Errorf("the default of %s is %s, that of %s is %s", r.name, r.def, b.name, b.def)
			}
			if b.effect != r.effect {
				t.Errorf("%s and %s do not agree on having an effect", r.name, b.name)
			}
		}
	}
}

func TestDefaultsOfTheBroker(t *testing.T) {
	b := broker(t)
	for name, want := range map[string]int64{
		"num.partitions": 1, "message.max.bytes": 1048588, "socket.request.max.bytes": 104857600,
		"group.initial.rebalance.delay.ms": 0, "group.max.session.timeout.ms": 1800000, "offsets.topic.num.partitions": 50,
	} {
		if got := b.Int64(name); got != want || b.Int(name) != int(want) {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	if !b.Bool("auto.create.topics.enable") || b.Duration("connections.max.idle.ms") != 10*time.Minute {
		t.Error("wrong defaults")
	}
	if got := b.List("group.consumer.assignors"); !slices.Equal(got, []string{"uniform", "range"}) {
		t.Errorf("%q", got)
	}
	if b.IsSet("num.partitions") || !broker(t, "num.partitions=1").IsSet("num.partitions") {
		t.Error("set and not set are confused")
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		setting string
		kind    error
		says    string
	}{
		{"num.partition=3", ErrUnknown, `"num.partitions"`},
		{"auto.create.topic.enabled=true", ErrUnknown, `"auto.create.topics.enable"`},
		{"mesage.max.byets=3", ErrUnknown, `"message.max.bytes"`},
		{"retention.ms=3", ErrUnknown, "log.retention.ms"},
		{"num.partitions=0", ErrInvalid, "from 1 to 10000"},
		{"num.partitions=many", ErrInvalid, "from 1 to 10000"},
		{"message.max.bytes=2147483648", ErrInvalid, "at least 0"},
		{"auto.create.topics.enable=yes", ErrInvalid, "true or false"},
		{"log.cleanup.policy=delete,compost", ErrInvalid, "a list of compact, delete"},
		{"log.message.timestamp.type=createtime", ErrInvalid, "CreateTime, LogAppendTime"},
		{"typelog.flush=never", ErrInvalid, "disk, os"},
		{"typelog.value.contract.default=on", ErrInvalid, "off, registered, reject"},
		{"listeners=PLAINTEXT://:1", ErrInvalid, "--kafka-addr"},
		{"log.cleaner.min.cleanable.ratio=1.5", ErrInvalid, "0 to 1"},
		{"log.cleaner.min.cleanable.ratio=NaN", ErrInvalid, "0 to 1"},
		{"group.min.session.timeout.ms=2000000", ErrInvalid, "group.max.session.timeout.ms"},
		{"ssl.key.password=" + strings.Repeat("x", maxValue+1), ErrInvalid, "at most"},
		{strings.Repeat("z", 5000) + "=1", ErrUnknown, "…"},
	} {
		_, _, err := New(pairs(c.setting), nil)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.60s: %v, want %v that says %s", c.setting, err, c.kind, c.says)
		}
	}
	_, _, err := New(pairs("num.partitions=0", "no.such=1"), nil)
	if !errors.Is(err, ErrInvalid) || !errors.Is(err, ErrUnknown) || strings.Contains(err.Error(), "\n") {
		t.Errorf("two faults: %v", err)
	}
}

func TestSettingsWithoutEffectAreTakenWithAWarning(t *testing.T) {
	_, warnings, err := New(pairs("num.io.threads= 16 ", "num.partitions=3", "ssl.protocol=TLSv1.2", "num.network.threads=3"), nil)
	if err != nil || len(warnings) != 2 || warnings[0].Name != "num.io.threads" || warnings[1].Name != "ssl.protocol" {
		t.Fatalf("%v, %v", warnings, err)
	}
	own := pairs("segment.jitter.ms=5", "retention.ms=5", "compression.type=producer", "file.delete.delay.ms=7")
	got := TopicWarnings(own)
	if len(got) != 2 || got[0].Name != "file.delete.delay.ms" || got[1].Name != "segment.jitter.ms" {
		t.Errorf("%v", got)
	}
}

func TestTopicsTakeWhatTheyDoNotSetFromTheBroker(t *testing.T) {
	b := broker(t, "log.retention.hours=2", "log.segment.bytes=2000000", "log.cleanup.policy=compact, delete", "typelog.flush=os",
		"message.max.bytes=5000", "log.roll.ms=77", "log.roll.hours=9", "typelog.value.contract.default=reject")
	got, err := b.Topic(pairs("segment.bytes= 1048576 ", "typelog.acks0=accept", "message.timestamp.type=LogAppendTime"))
	if err != nil {
		t.Fatal(err)
	}
	want := Topic{
		Compact: true, Delete: true, RetentionMs: 2 * hourMs, RetentionBytes: -1, SegmentMs: 77, SegmentBytes: 1048576,
		IndexIntervalBytes: 4096, MaxMessageBytes: 5000, AppendTime: true, TimestampBeforeMs: maxLong, TimestampAfterMs: hourMs,
		Compression: "producer", MinInsyncReplicas: 1, DeleteRetentionMs: 24 * hourMs, MaxCompactionLagMs: maxLong,
		MinCleanableDirtyRatio: 0.5, AcceptAcks0: true, FlushOS: true,
	}
	if got != want {
		t.Errorf("\n%+v, want\n%+v", got, want)
	}
	for _, c := range []struct {
		setting string
		want    int64
	}{
		{"log.retention.hours=-1", -1}, {"log.retention.minutes=3", 3 * minuteMs}, {"log.retention.ms=-1", -1},
		{"log.retention.hours=2147483647", 2147483647 * hourMs},
	} {
		if got, err := broker(t, c.setting).Topic(nil); err != nil || got.RetentionMs != c.want {
			t.Errorf("%s gives %d, %v", c.setting, got.RetentionMs, err)
		}
	}
}

func TestContractLevels(t *testing.T) {
	for own, want := range map[string]contract.Policy{
		"": {},
		"typelog.value.contract=off,confluent.value.schema.validation=true":        {Value: contract.Registered},
		"typelog.value.contract=reject,confluent.value.schema.validation=true":     {Value: contract.Full},
		"typelog.value.contract=registered":                                        {Value: contract.Registered},
		"typelog.key.contract=reject,typelog.value.contract.null=reject":           {Key: contract.Full, RejectNullValue: true},
		"confluent.key.schema.validation=TRUE,confluent.value.schema.validation=f": {},
		"typelog.value.subject.strategy=topic-record":                              {ValueSubject: contract.TopicRecordName},
		"confluent.value.subject.name.strategy=" + strategyClass + "RecordNameStrategy,confluent.value.schema.validation=true": {
			Value: contract.Registered, ValueSubject: contract.RecordName},
		"typelog.key.subject.strategy=record,confluent.key.subject.name.strategy=" + strategyClass + "RecordNameStrategy": {KeySubject: contract.RecordName},
	} {
		var settings []string
		if own != "" {
			settings = strings.Split(own, ",")
		}
		got, err := broker(t).Topic(pairs(settings...))
		if strings.HasSuffix(own, "=f") {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: %v", own, err)
			}
			continue
		}
		if err != nil || got.Contract != want {
			t.Errorf("%s: %+v, %v; want %+v", own, got.Contract, err, want)
		}
	}
}

func TestTopicConfigsThatAreRefused(t *testing.T) {
	b := broker(t)
	for _, c := range []struct {
		own  string
		kind error
		says string
	}{
		{"retention=5", ErrUnknown, `"retention.ms"`},
		{"typelog.value.contracts=reject", ErrUnknown, `"typelog.value.contract"`},
		{"retention.ms=-2", ErrInvalid, "at least -1"},
		{"segment.bytes=14", ErrInvalid, "at least 1048576"},
		{"cleanup.policy=compress", ErrInvalid, "compact, delete"},
		{"max.message.bytes=1e6", ErrInvalid, "at least 0"},
		{"compression.gzip.level=0", ErrInvalid, "-1, or a number from 1 to 9"},
		{"min.compaction.lag.ms=5,max.compaction.lag.ms=4", ErrInvalid, "max.compaction.lag.ms"},
	} {
		_, err := b.Topic(pairs(strings.Split(c.own, ",")...))
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v that says %s", c.own, err, c.kind, c.says)
		}
	}
}

func TestAlter(t *testing.T) {
	b := broker(t)
	own := pairs("retention.ms=5", "cleanup.policy=compact")
	got, err := b.Alter(own, []Change{
		{"retention.ms", Delete, ""}, {"cleanup.policy", Append, "delete,compact"}, {"segment.ms", Set, "9"}, {"flush.ms", Delete, ""}})
	if want := pairs("cleanup.policy=compact,delete", "segment.ms=9"); err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	if !maps.Equal(own, pairs("retention.ms=5", "cleanup.policy=compact")) {
		t.Errorf("the old configs changed: %v", own)
	}
	// What the topic does not set is the broker's list, and becomes its own.
	got, err = b.Alter(nil, []Change{{"cleanup.policy", Append, "compact"}})
	if err != nil || got["cleanup.policy"] != "delete,compact" {
		t.Errorf("%v, %v", got, err)
	}
	got, err = b.Alter(got, []Change{{"cleanup.policy", Subtract, "delete"}})
	if err != nil || got["cleanup.policy"] != "compact" {
		t.Errorf("%v, %v", got, err)
	}
	for _, c := range [][]Change{
		{{"retention.ms", Append, "5"}},
		{{"retention.ms", Set, "five"}},
		{{"retention.ms", Op(7), "5"}},
		{{"retention.ms", Set, "5"}, {"retention.ms", Delete, ""}},
		{{"cleanup.policy", Append, "melt"}},
	} {
		if _, err := b.Alter(own, c); !errors.Is(err, ErrInvalid) {
			t.Errorf("%v: %v", c, err)
		}
	}
	if _, err := b.Alter(own, []Change{{"retentoin.ms", Delete, ""}}); !errors.Is(err, ErrUnknown) {
		t.Errorf("%v", err)
	}
}

func named(entries []Entry, name string) Entry {
	for _, e := range entries {
		if e.Name == name {
			return e
		}
	}
	return Entry{}
}

func show(v *string) string {
	if v == nil {
		return "null"
	}
	return *v
}

func TestDescribe(t *testing.T) {
	b, _, err := New(pairs("message.max.bytes=5000", "log.retention.hours=1", "ssl.key.password=hush"), pairs("node.id=3"))
	if err != nil {
		t.Fatal(err)
	}
	all := b.DescribeTopic(pairs("max.message.bytes=7", "typelog.value.contract=reject"))
	if len(all) != len(topicRows) {
		t.Fatalf("%d entries", len(all))
	}
	for _, c := range []struct {
		name, value string
		from        Source
		synonyms    string
	}{
		{"max.message.bytes", "7", FromTopic, "max.message.bytes=7 message.max.bytes=5000 message.max.bytes=1048588"},
		{"retention.ms", "3600000", FromBroker, "log.retention.hours=1"},
		{"segment.ms", "604800000", FromDefault, ""},
		{"cleanup.policy", "delete", FromDefault, "log.cleanup.policy=delete"},
		{"typelog.value.contract", "reject", FromTopic, "typelog.value.contract=reject"},
	} {
		e := named(all, c.name)
		if show(e.Value) != c.value || e.Source != c.from || synonyms(e) != c.synonyms {
			t.Errorf("%s: %s from %d, synonyms %q; want %+v", c.name, show(e.Value), e.Source, synonyms(e), c)
		}
	}
	mine := b.Describe()
	for name, want := range map[string]string{
		"node.id": "3", "message.max.bytes": "5000", "ssl.key.password": "null", "broker.rack": "null", "num.partitions": "1",
	} {
		if e := named(mine, name); show(e.Value) != want || e.Doc == "" {
			t.Errorf("%s: %+v, want %s", name, e, want)
		}
	}
	if e := named(mine, "ssl.key.password"); !e.Sensitive || e.Source != FromBroker || synonyms(e) != "ssl.key.password=null" {
		t.Errorf("a secret: %+v", e)
	}
}

func synonyms(e Entry) string {
	var out []string
	for _, s := range e.Synonyms {
		out = append(out, s.Name+"="+show(s.Value))
	}
	return strings.Join(out, " ")
}

// Under both names of a config stands what holds, and a synonym says why.
func TestDescribeShowsWhatAliasesSay(t *testing.T) {
	for own, want := range map[string][]string{
		"confluent.value.schema.validation=TRUE": {
			"typelog.value.contract=registered: confluent.value.schema.validation=TRUE",
			"confluent.value.schema.validation=TRUE: confluent.value.schema.validation=TRUE"},
		"typelog.value.contract=off,confluent.value.schema.validation=true": {
			"typelog.value.contract=registered: confluent.value.schema.validation=true typelog.value.contract=off"},
		"typelog.key.contract=reject": {
			"confluent.key.schema.validation=true: typelog.key.contract=reject", "typelog.key.contract=reject: typelog.key.contract=reject",
			"confluent.value.schema.validation=false: "},
		"typelog.value.subject.strategy= record ": {
			"confluent.value.subject.name.strategy=" + strategyClass + "RecordNameStrategy: typelog.value.subject.strategy=record",
			"typelog.key.subject.strategy=topic: "},
		"confluent.key.subject.name.strategy=" + strategyClass + "TopicRecordNameStrategy": {
			"typelog.key.subject.strategy=topic-record: confluent.key.subject.name.strategy=" + strategyClass + "TopicRecordNameStrategy"},
	} {
		all := broker(t).DescribeTopic(pairs(strings.Split(own, ",")...))
		for _, line := range want {
			name, rest, _ := strings.Cut(line, "=")
			e := named(all, name)
			if got := show(e.Value) + ": " + synonyms(e); got != rest {
				t.Errorf("%s: %s is %s, want %s", own, name, got, rest)
			}
		}
	}
}

func TestContradictingAliases(t *testing.T) {
	own := pairs("typelog.value.subject.strategy=record", "confluent.value.subject.name.strategy="+strategyClass+"TopicRecordNameStrategy")
	if _, err := broker(t).Topic(own); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "set one of the two") {
		t.Errorf("%v", err)
	}
	kept, _ := StillValid(own)
	if topic, err := broker(t).Topic(kept); err != nil || topic.Contract.ValueSubject != contract.RecordName {
		t.Errorf("of a contradiction that was stored, %v is kept: %v", kept, err)
	}
}

// A topic that an older version let have a config that is not valid any more is still described.
func TestDescribeShowsWhatIsNotValidAnyMore(t *testing.T) {
	if e := named(broker(t).DescribeTopic(pairs("retention.ms=soon")), "retention.ms"); show(e.Value) != "soon" {
		t.Errorf("%+v", e)
	}
}

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}} {
		if got := edits(c.a, c.b); got != c.want {
			t.Errorf("%s to %s takes %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// A new topic starts from the broker's contract; one that exists keeps its own when the broker's changes.
func TestStart(t *testing.T) {
	strict := broker(t, "typelog.value.contract.default=reject", "typelog.value.contract.null.default=reject")
	for _, c := range []struct {
		b        *Broker
		own      map[string]string
		level    contract.Level
		nullsBad bool
	}{
		{strict, nil, contract.Full, true},
		{strict, pairs("typelog.value.contract=off"), contract.Off, true},
		{strict, pairs("retention.ms=5", "typelog.value.contract.null=accept"), contract.Full, false},
		{broker(t), nil, contract.Off, false},
	} {
		start := c.b.Start(c.own)
		for _, later := range []*Broker{c.b, broker(t), strict} {
			topic, err := later.Topic(start)
			if err != nil {
				t.Fatal(err)
			}
			if topic.Contract.Value != c.level || topic.Contract.RejectNullValue != c.nullsBad {
				t.Errorf("own %v: started as %+v, want level %d, nulls refused: %v", c.own, topic.Contract, c.level, c.nullsBad)
			}
		}
	}
}

// What is valid among stored configs keeps its effect beside what is not.
func TestStillValid(t *testing.T) {
	own := pairs("typelog.value.contract=reject", "retention.ms=soon", "from.the.future=1", "retention.bytes=7")
	kept, err := StillValid(own)
	if err == nil || !strings.Contains(err.Error(), "from.the.future") || !strings.Contains(err.Error(), "retention.ms") {
		t.Errorf("the error %v does not name both faults", err)
	}
	topic, err := broker(t).Topic(kept)
	if err != nil || topic.Contract.Value != contract.Full || topic.RetentionBytes != 7 {
		t.Errorf("%+v, %v", topic, err)
	}
}
