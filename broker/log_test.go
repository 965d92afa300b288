package broker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// topic creates a topic of one partition with configs as name=value.
func (r *running) topic(ctx context.Context, name string, configs ...string) {
	r.t.Helper()
	own := map[string]*string{}
	for _, c := range configs {
		k, v, _ := strings.Cut(c, "=")
		own[k] = &v
	}
	if _, err := kadm.NewClient(r.client()).CreateTopic(ctx, 1, 1, own, name); err != nil {
		r.t.Fatal(err)
	}
}

func (r *running) fromStart(topic string, opts ...kgo.Opt) *kgo.Client {
	return r.client(append(opts, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
}

// TestCompressionType produces with every codec into topics of every compression.type, and looks at what a fetch returns.
func TestCompressionType(t *testing.T) {
	r := start(t, Config{})
	ctx := within(t, 60*time.Second)
	codecs := map[string]kgo.CompressionCodec{"uncompressed": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	number := map[string]uint8{"uncompressed": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
	for stored := range number {
		topic := "as-" + stored
		r.topic(ctx, topic, "compression.type="+stored, "compression.gzip.level=9", "compression.zstd.level=11", "compression.lz4.level=3")
		n := 0
		for _, codec := range codecs {
			if err := r.client(kgo.ProducerBatchCompression(codec)).ProduceSync(ctx, numbered(topic, n, 50)...).FirstErr(); err != nil {
				t.Fatalf("%s: %v", stored, err)
			}
			n += 50
		}
		for i, rec := range consume(t, ctx, r.fromStart(topic), n) {
			if want := fmt.Sprint("v", i); string(rec.Value) != want || string(rec.Key) != fmt.Sprint("k", i) || rec.Offset != int64(i) {
				t.Fatalf("%s: %s at %d, want %s", topic, rec.Value, rec.Offset, want)
			}
			if got := rec.Attrs.CompressionType(); got != number[stored] {
				t.Fatalf("%s: record %d is compressed with %d", topic, i, got)
			}
		}
	}
	// Producers keep their own by default, and time of append and compression go together.
	r.topic(ctx, "plain")
	r.topic(ctx, "both", "compression.type=zstd", "message.timestamp.type=LogAppendTime")
	for topic, want := range map[string]uint8{"plain": 2, "both": 4} {
		before := time.Now().Add(-time.Minute)
		rec := &kgo.Record{Topic: topic, Value: []byte(strings.Repeat("x", 1000)), Timestamp: time.UnixMilli(1000)}
		if err := r.client(kgo.ProducerBatchCompression(kgo.SnappyCompression())).ProduceSync(ctx, rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
		got := consume(t, ctx, r.fromStart(topic), 1)[0]
		if got.Attrs.CompressionType() != want || got.Timestamp.After(before) != (topic == "both") {
			t.Errorf("%s: compression %d, time %s", topic, got.Attrs.CompressionType(), got.Timestamp)
		}
	}
}

// TestRecompressedBatchesKeepTheLimit: a batch that only fits while it is compressed is refused where it would not be.
func TestRecompressedBatchesKeepTheLimit(t *testing.T) {
	r := start(t, Config{})
	ctx := within(t, 30*time.Second)
	r.topic(ctx, "t", "compression.type=uncompressed", "max.message.bytes=2000")
	cl := r.client(kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	err := cl.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: make([]byte, 50_000)}).FirstErr()
	if !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("%v", err)
	}
	if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: make([]byte, 1000)}).FirstErr(); err != nil {
		t.Error(err)
	}
}

func TestTimestampsAndTheirBounds(t *testing.T) {
	r := start(t, Config{})
	ctx := within(t, 30*time.Second)
	r.topic(ctx, "created", "message.timestamp.before.max.ms=60000", "message.timestamp.after.max.ms=60000")
	r.topic(ctx, "appended", "message.timestamp.type=LogAppendTime", "message.timestamp.before.max.ms=60000")
	cl := r.client()
	now := time.Now()
	for _, c := range []struct {
		topic string
		at    time.Time
		want  error
	}{
		{"created", now.Add(-2 * time.Minute), kerr.InvalidTimestamp}, {"created", now.Add(2 * time.Minute), kerr.InvalidTimestamp},
		{"created", now.Add(-30 * time.Second), nil}, {"created", now.Add(30 * time.Second), nil}, {"appended", now.Add(-time.Hour), nil},
	} {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: c.topic, Value: []byte("x"), Timestamp: c.at}).FirstErr(); !errors.Is(err, c.want) {
			t.Errorf("%s at %s: %v, want %v", c.topic, c.at.Sub(now), err, c.want)
		}
	}
	if got := consume(t, ctx, r.fromStart("created"), 2)[0]; got.Timestamp.UnixMilli() != now.Add(-30*time.Second).UnixMilli() || got.Attrs.TimestampType() != 0 {
		t.Errorf("%s, type %d", got.Timestamp, got.Attrs.TimestampType())
	}
	if got := consume(t, ctx, r.fromStart("appended"), 1)[0]; got.Timestamp.Before(now.Add(-time.Minute)) || got.Attrs.TimestampType() != 1 {
		t.Errorf("%s, type %d", got.Timestamp, got.Attrs.TimestampType())
	}
}

func TestOffsetsByTimeAndEpochs(t *testing.T) {
	r := start(t, Config{})
	ctx := within(t, 30*time.Second)
	r.topic(ctx, "t")
	cl := r.client()
	adm := kadm.NewClient(cl)
	const base = 1_700_000_000_000
	for i, ms := range []int64{0, 5000, 3000, 9000, 4000} {
		rec := &kgo.Record{Topic: "t", Value: []byte(fmt.Sprint(i)), Timestamp: time.UnixMilli(base + ms)}
		if err := cl.ProduceSync(ctx, rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	var epoch int32
	for _, c := range []struct {
		name   string
		list   func() (kadm.ListedOffsets, error)
		offset int64
	}{
		{"earliest", func() (kadm.ListedOffsets, error) { return adm.ListStartOffsets(ctx, "t") }, 0},
		{"latest", func() (kadm.ListedOffsets, error) { return adm.ListEndOffsets(ctx, "t") }, 5},
		{"committed", func() (kadm.ListedOffsets, error) { return adm.ListCommittedOffsets(ctx, "t") }, 5},
		{"largest timestamp", func() (kadm.ListedOffsets, error) { return adm.ListMaxTimestampOffsets(ctx, "t") }, 3},
		{"3 s", func() (kadm.ListedOffsets, error) { return adm.ListOffsetsAfterMilli(ctx, base+3000, "t") }, 1},
		{"6 s", func() (kadm.ListedOffsets, error) { return adm.ListOffsetsAfterMilli(ctx, base+6000, "t") }, 3},
	} {
		got, err := c.list()
		if err != nil || got["t"][0].Err != nil || got["t"][0].Offset != c.offset {
			t.Errorf("%s: %+v, %v; want %d", c.name, got["t"][0], err, c.offset)
		}
		epoch = max(epoch, got["t"][0].LeaderEpoch)
	}
	for ask, want := range map[int32]int64{epoch: 5, epoch + 7: -1} {
		var req kadm.OffsetForLeaderEpochRequest
		req.Add("t", 0, ask)
		got, err := adm.OffsetForLeaderEpoch(ctx, req)
		if err != nil || got["t"][0].EndOffset != want {
			t.Errorf("epoch %d ends at %+v, %v; want %d", ask, got["t"][0], err, want)
		}
	}
	if _, err := adm.DeleteRecords(ctx, kadm.Offsets{"t": {0: {Topic: "t", At: 2}}}); err != nil {
		t.Fatal(err)
	}
	if got := consume(t, ctx, r.fromStart("t"), 3)[0]; got.Offset != 2 {
		t.Errorf("the log begins at %d", got.Offset)
	}
}

// TestRetentionAndRollBySize keeps about as much as it is told to.
func TestRetentionAndRollBySize(t *testing.T) {
	r := start(t, Config{Settings: map[string]string{"log.retention.check.interval.ms": "50", "typelog.journal.max.bytes": "16777216"}})
	ctx := within(t, 60*time.Second)
	r.topic(ctx, "t", "segment.bytes=1048576", "retention.bytes=2097152")
	cl := r.client(kgo.ProducerBatchCompression(kgo.NoCompression()))
	value := make([]byte, 200<<10)
	for i := range value {
		value[i] = byte(rand.Uint32())
	}
	adm := kadm.NewClient(cl)
	for {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		begin, err := adm.ListStartOffsets(ctx, "t")
		if err != nil {
			t.Fatal(err)
		}
		if from := begin["t"][0].Offset; from > 0 {
			if from%5 != 0 {
				t.Errorf("the log begins at %d, which is within a segment of five records", from)
			}
			return
		}
	}
}

// TestACompactedTopic reads back what a client would build its state from.
func TestACompactedTopic(t *testing.T) {
	dir := t.TempDir()
	settings := map[string]string{"log.cleaner.backoff.ms": "20"}
	r := start(t, Config{Dir: dir, Settings: settings})
	ctx := within(t, 60*time.Second)
	r.topic(ctx, "t", "cleanup.policy=compact", "segment.bytes=1048576", "min.cleanable.dirty.ratio=0.01", "compression.type=lz4")
	cl := r.client()
	err := cl.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: []byte("no key")}).FirstErr()
	if !errors.Is(err, kerr.InvalidRecord) {
		t.Errorf("a record without a key: %v", err)
	}
	noise := make([]byte, 100<<10)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	const n = 40
	for i := range n {
		rec := &kgo.Record{Topic: "t", Key: fmt.Append(nil, "k", i%3), Value: append(fmt.Append(nil, i, ":"), noise...)}
		if err := cl.ProduceSync(ctx, rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	// A checkpoint must have passed what is compacted, and a shutdown makes one.
	r.stop()
	r = start(t, Config{Dir: dir, Settings: settings})
	for {
		c := r.fromStart("t")
		latest, read := map[string]string{}, 0
		for end := int64(-1); end < n-1; {
			for _, rec := range consume(t, ctx, c, 1) {
				v, _, _ := strings.Cut(string(rec.Value), ":")
				latest[string(rec.Key)] = v
				read, end = read+1, rec.Offset
			}
		}
		c.Close()
		if latest["k0"] != "39" || latest["k1"] != "37" || latest["k2"] != "38" {
			t.Fatalf("%v", latest)
		}
		if read < n/2 {
			return
		}
	}
}
