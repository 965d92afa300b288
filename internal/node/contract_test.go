package node

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

const point = `{"type":"record","name":"Point","fields":[{"name":"x","type":"long"},{"name":"label","type":"string"}]}`

// prefixed puts Confluent's prefix in front of a payload.
func prefixed(id byte, payload ...byte) []byte { return append([]byte{0, 0, 0, 0, id}, payload...) }

// TestContract produces good and bad records, by every codec, to topics of every policy.
func TestContract(t *testing.T) {
	n, err := Open(File{
		Data: t.TempDir(), Listeners: []FileListener{{Bind: "127.0.0.1:0"}}, Registry: FileRegistry{Bind: "127.0.0.1:0"},
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	broker := kgo.SeedBrokers(n.Kafka()[0].String())
	registry, err := sr.NewClient(sr.URLs("http://" + n.Registry()[0].String()))
	if err != nil {
		t.Fatal(err)
	}
	register := func(subject, text string) {
		if _, err := registry.CreateSchema(ctx, subject, sr.Schema{Schema: text}); err != nil {
			t.Fatal(err)
		}
	}
	register("strict-value", point)       // id 1
	register("elsewhere-value", `"long"`) // id 2
	for _, topic := range []string{"loose", "keyed", "full", "nonull", "confluent"} {
		register(topic+"-value", point)
	}
	register("keyed-key", `"string"`) // id 3
	admin, err := kgo.NewClient(broker)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	value, key, null := "typelog.value.contract", "typelog.key.contract", "typelog.value.contract.null"
	for topic, configs := range map[string]map[string]string{
		"strict":    {value: "reject"},
		"loose":     {value: "registered"},
		"keyed":     {value: "reject", key: "reject"},
		"nonull":    {value: "reject", null: "reject"},
		"confluent": {"confluent.value.schema.validation": "true"},
	} {
		set := map[string]*string{}
		for k, v := range configs {
			set[k] = &v
		}
		if _, err := kadm.NewClient(admin).CreateTopic(ctx, 1, 1, set, topic); err != nil {
			t.Fatal(err)
		}
	}
	good := prefixed(1, 2, 6, 'a', 'b', 'c')
	for _, tc := range []struct {
		what, topic string
		key, value  []byte
		ok          bool
	}{
		{"a datum", "strict", nil, good, true},
		{"a tombstone", "strict", []byte("k"), nil, true},
		{"no prefix", "strict", nil, []byte("hello"), false},
		{"nothing but the prefix", "strict", nil, prefixed(1), false},
		{"an empty value", "strict", nil, []byte{}, false},
		{"a byte too few", "strict", nil, good[:len(good)-1], false},
		{"a byte too many", "strict", nil, append(append([]byte{}, good...), 0), false},
		{"an id of another subject", "strict", nil, prefixed(2, 2), false},
		{"an id that nobody has", "strict", nil, prefixed(99, 2), false},
		{"text that is not UTF-8", "strict", nil, prefixed(1, 2, 2, 0xff), false},
		{"an undecodable datum where that is allowed", "loose", nil, prefixed(1, 1), true},
		{"no prefix, where an id is enough", "loose", nil, []byte("hello"), false},
		{"an undecodable datum under Confluent's config", "confluent", nil, prefixed(1, 1), true},
		{"an id of another subject under Confluent's config", "confluent", nil, prefixed(2, 2), false},
		{"a typed key", "keyed", prefixed(3, 2, 'k'), good, true},
		{"a plain key", "keyed", []byte("k"), good, false},
		{"no key", "keyed", nil, good, true},
		{"a tombstone where it is forbidden", "nonull", []byte("k"), nil, false},
	} {
		for name, codec := range map[string]kgo.CompressionCodec{
			"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
			"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
		} {
			t.Run(tc.what+"/"+name, func(t *testing.T) {
				client, err := kgo.NewClient(broker, kgo.ProducerBatchCompression(codec))
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				// A good record beside it, so that the batch is worth compressing and the fault is not at index 0.
				padding := &kgo.Record{Topic: tc.topic, Value: good}
				if tc.topic == "keyed" {
					padding.Key = prefixed(3, 2, 'p')
				}
				err = client.ProduceSync(ctx, padding, &kgo.Record{Topic: tc.topic, Key: tc.key, Value: tc.value}).FirstErr()
				if tc.ok && err != nil || !tc.ok && !errors.Is(err, kerr.InvalidRecord) {
					t.Errorf("%v; want it taken: %v", err, tc.ok)
				}
			})
		}
	}
}
