package broker

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestProduceAndConsume(t *testing.T) {
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	r := start(t, Config{})
	ctx := within(t, 30*time.Second)
	for name, codec := range codecs {
		t.Run(name, func(t *testing.T) {
			topic := "events-" + name
			p := r.client(kgo.AllowAutoTopicCreation(), kgo.ProducerBatchCompression(codec))
			if err := p.ProduceSync(ctx, numbered(topic, 0, 1000)...).FirstErr(); err != nil {
				t.Fatal(err)
			}
			c := r.client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
			for i, rec := range consume(t, ctx, c, 1000) {
				if want := fmt.Sprintf("v%d", i); string(rec.Value) != want || rec.Offset != int64(i) {
					t.Fatalf("record %d is %q at offset %d, want %q", i, rec.Value, rec.Offset, want)
				}
			}
		})
	}
}

func TestTopicsAndConfigs(t *testing.T) {
	r := start(t, Config{})
	ctx := within(t, 30*time.Second)
	adm := kadm.NewClient(r.client())
	limit := "2000"
	created, err := adm.CreateTopic(ctx, 3, 1, map[string]*string{"max.message.bytes": &limit}, "a.topic")
	if err != nil || created.ID == (kadm.TopicID{}) {
		t.Fatalf("create: %v, id %v", err, created.ID)
	}
	for name, want := range map[string]string{"a.topic": "TOPIC_ALREADY_EXISTS", "a_topic": "INVALID_TOPIC_EXCEPTION",
		"a/b": "INVALID_TOPIC_EXCEPTION", "__consumer_offsets": "INVALID_TOPIC_EXCEPTION"} {
		if _, err := adm.CreateTopic(ctx, 1, 1, nil, name); err == nil || err.Error()[:len(want)] != want {
			t.Errorf("create %s: %v, want %s", name, err, want)
		}
	}
	if _, err := adm.CreateTopic(ctx, 1, 3, nil, "replicated"); err == nil {
		t.Error("a replication factor of 3 is accepted by one broker")
	}
	if _, err := adm.CreateTopic(ctx, 1, 1, map[string]*string{"no.such.config": &limit}, "configured"); err == nil {
		t.Error("an unknown config is accepted")
	}
	value := func(name string) string {
		t.Helper()
		rs, err := adm.DescribeTopicConfigs(ctx, "a.topic")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range rs[0].Configs {
			if c.Key == name {
				return c.MaybeValue()
			}
		}
		return "absent"
	}
	if got := value("max.message.bytes"); got != limit {
		t.Errorf("max.message.bytes is %s, want %s", got, limit)
	}
	big := &kgo.Record{Topic: "a.topic", Value: make([]byte, 3000)}
	cl := r.client(kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err := cl.ProduceSync(ctx, big).FirstErr(); err == nil {
		t.Error("a record above max.message.bytes is accepted")
	}
	raised := "10000"
	if _, err := adm.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: &raised}}, "a.topic"); err != nil {
		t.Fatal(err)
	}
	if got := value("max.message.bytes"); got != raised {
		t.Errorf("max.message.bytes is %s, want %s", got, raised)
	}
	if err := cl.ProduceSync(ctx, big).FirstErr(); err != nil {
		t.Errorf("after raising max.message.bytes: %v", err)
	}
	if _, err := adm.CreatePartitions(ctx, 2, "a.topic"); err != nil {
		t.Fatal(err)
	}
	topics, err := adm.ListTopics(ctx, "a.topic")
	if err != nil || len(topics["a.topic"].Partitions) != 5 {
		t.Errorf("%d partitions (%v), want 5", len(topics["a.topic"].Partitions), err)
	}
	if resp, err := adm.DeleteTopics(ctx, "a.topic"); err != nil || resp["a.topic"].Err != nil {
		t.Fatal(err, resp["a.topic"].Err)
	}
	fresh := kadm.NewClient(r.client()) // the other one remembers for a moment
	if topics, err = fresh.ListTopics(ctx, "a.topic"); err != nil || topics["a.topic"].Err == nil {
		t.Errorf("a deleted topic is still there: %+v (%v)", topics, err)
	}
}

func TestListOffsetsAndDeleteRecords(t *testing.T) {
	r := start(t, Config{})
	ctx := within(t, 30*time.Second)
	cl := r.client(kgo.AllowAutoTopicCreation())
	adm := kadm.NewClient(cl)
	recs := numbered("t", 0, 100)
	for i, rec := range recs {
		rec.Timestamp = time.UnixMilli(1_700_000_000_000 + int64(i)*1000)
	}
	for _, rec := range recs {
		if err := cl.ProduceSync(ctx, rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	after, err := adm.ListOffsetsAfterMilli(ctx, 1_700_000_000_000+41_500, "t")
	if err != nil || after["t"][0].Offset != 42 {
		t.Errorf("by time: %+v (%v), want offset 42", after["t"][0], err)
	}
	if _, err := adm.DeleteRecords(ctx, kadm.Offsets{"t": {0: {Topic: "t", At: 30}}}); err != nil {
		t.Fatal(err)
	}
	start, err := adm.ListStartOffsets(ctx, "t")
	if err != nil || start["t"][0].Offset != 30 {
		t.Errorf("start: %+v (%v), want 30", start["t"][0], err)
	}
	end, err := adm.ListEndOffsets(ctx, "t")
	if err != nil || end["t"][0].Offset != 100 {
		t.Errorf("end: %+v (%v), want 100", end["t"][0], err)
	}
}

// TestLongPoll: a consumer that waits gets a record as soon as it is there, not when its patience ends.
func TestLongPoll(t *testing.T) {
	r := start(t, Config{})
	ctx := within(t, 30*time.Second)
	p := r.client(kgo.AllowAutoTopicCreation())
	if err := p.ProduceSync(ctx, numbered("t", 0, 1)...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	c := r.client(kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(20*time.Second))
	consume(t, ctx, c, 1)
	began := time.Now()
	got := make(chan []*kgo.Record, 1)
	go func() { got <- consume(t, ctx, c, 1) }()
	if err := p.ProduceSync(ctx, numbered("t", 1, 1)...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	<-got
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the record took %v to arrive", took)
	}
}
