package serde_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/serde"
	"github.com/typelog/typelog/serde/internal/shop"
)

// TestContractFollowsTheStrategy: a topic takes records of two types, each if its schema is registered under the subject
// that the topic's strategy makes of it, and nothing whose schema is registered elsewhere only.
func TestContractFollowsTheStrategy(t *testing.T) {
	s := startServer(t)
	const class = "io.confluent.kafka.serializers.subject."
	for _, tc := range []struct {
		topic, config, value string
		subject              serde.SubjectName
		orders, keys         string // the subjects
	}{
		{"events", "typelog.value.subject.strategy", "record", serde.RecordName, "typelog.shop.Order", "typelog.shop.Key"},
		{"logs", "typelog.value.subject.strategy", "topic-record", serde.TopicRecordName, "logs-typelog.shop.Order", "logs-typelog.shop.Key"},
		{"c-events", "confluent.value.subject.name.strategy", class + "RecordNameStrategy", serde.RecordName, "typelog.shop.Order", "typelog.shop.Key"},
		{"c-logs", "confluent.value.subject.name.strategy", class + "TopicRecordNameStrategy", serde.TopicRecordName, "c-logs-typelog.shop.Order", "c-logs-typelog.shop.Key"},
		{"plain", "confluent.value.subject.name.strategy", class + "TopicNameStrategy", serde.TopicName, "plain-value", "plain-value"},
	} {
		t.Run(tc.topic, func(t *testing.T) {
			ctx := t.Context()
			s.createTopic(t, tc.topic, 1, "typelog.value.contract", "reject", tc.config, tc.value)
			refuse := func(name string, value []byte, headers []kgo.RecordHeader, reason string) {
				t.Helper()
				err := serde.ProduceAlone(ctx, s.client, &kgo.Record{Topic: tc.topic, Value: value, Headers: headers})
				if !errors.Is(err, serde.ErrRefused) || !strings.Contains(fmt.Sprint(err), reason) {
					t.Errorf("%s: %v; want it refused because %s", name, err, reason)
				}
			}
			// The schema is known, but not under this subject yet; under the name of another type it does not count.
			id := s.register(t, "elsewhere", textOf(new(shop.Order)))
			order, err := anOrder(1).AppendAvro(serde.AppendPrefix(nil, id))
			if err != nil {
				t.Fatal(err)
			}
			if tc.topic != "c-events" { // whose subject the first topic has registered
				refuse("a schema of another subject", order, nil, fmt.Sprintf("schema %d is not registered under subject %s", id, tc.orders))
			}
			refuse("a schema of nobody", serde.AppendPrefix(nil, 999), nil, "no schema 999")
			for _, header := range []bool{false, true} {
				cfg := serde.SchemaConfig{Subject: tc.subject, IDInHeader: header}
				orders, err := s.orders(t, tc.topic, cfg)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := orders.ProduceSync(ctx, &serde.Message[shop.Order]{Value: anOrder(1)}); err != nil {
					t.Errorf("an order, in a header: %v: %v", header, err)
				}
				if tc.orders == tc.keys {
					continue // one subject for two types would need them to be compatible
				}
				keys, err := serde.NewProducer[shop.Key](ctx, serde.ProducerConfig{Brokers: s.brokers, Registry: s.registry, Topic: tc.topic, Value: cfg})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := keys.ProduceSync(ctx, &serde.Message[shop.Key]{Value: &shop.Key{Tenant: "acme"}}); err != nil {
					t.Errorf("a key, in a header: %v: %v", header, err)
				}
				if err := keys.Close(ctx); err != nil {
					t.Error(err)
				}
			}
			refuse("a bad datum", order[:len(order)-1], nil, "status")
			if tc.orders == tc.keys {
				return
			}
			union := s.register(t, tc.topic+"-value", `["string","null"]`)
			refuse("a union", serde.AppendPrefix(nil, union), nil, "no full name")
			refuse("a GUID of nobody", order[serde.PrefixLen:], []kgo.RecordHeader{{Key: serde.HeaderValueSchema, Value: append([]byte{1}, make([]byte, 16)...)}},
				"no schema 00000000-0000")
		})
	}
}

// TestContractOfKeysFollowsTheStrategy, which is theirs, not the values'.
func TestContractOfKeysFollowsTheStrategy(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "keyed", 1, "typelog.value.contract", "reject", "typelog.key.contract", "reject", "typelog.key.subject.strategy", "record")
	for _, subject := range []string{"topic", "record"} {
		refused := subject == "topic"
		cfg := serde.ProducerConfig{Brokers: s.brokers, Registry: s.registry, Topic: "keyed"}
		if subject == "record" {
			cfg.Key.Subject = serde.RecordName
		}
		p, err := serde.NewKeyedProducer[shop.Key, shop.Order](t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.ProduceSync(t.Context(), &keyedOrder{Key: &shop.Key{Number: 1}, Value: anOrder(1)})
		if errors.Is(err, serde.ErrRefused) != refused || !refused && err != nil {
			t.Errorf("a key that is registered by %s name: %v", subject, err)
		}
		_ = p.Close(t.Context())
	}
}
