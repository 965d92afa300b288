package serde_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/serde"
	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/internal/shop"
)

type (
	orderMessage = serde.Message[shop.Order]
	keyedOrder   = serde.KeyedMessage[shop.Key, shop.Order]
)

func textOf(d avro.Datum) string {
	text, _ := d.AvroSchema()
	return text
}

func anOrder(number int64) *shop.Order {
	return &shop.Order{Number: number, Customer: "ann", Note: avro.Some("ring twice"), Status: shop.StatusPaid}
}

// raw reads the first n records of a topic as they are.
func (s *server) raw(t *testing.T, topic string, n int) []*kgo.Record {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var recs []*kgo.Record
	for len(recs) < n {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatal(err)
		}
		recs = append(recs, fetches.Records()...)
	}
	return recs
}

func (s *server) orders(t *testing.T, topic string, cfg serde.SchemaConfig) (*serde.Producer[shop.Order], error) {
	t.Helper()
	p, err := serde.NewProducer[shop.Order](t.Context(), serde.ProducerConfig{Brokers: s.brokers, Registry: s.registry, Topic: topic, Value: cfg})
	if err == nil {
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			_ = p.Close(ctx)
		})
	}
	return p, err
}

// read reads n orders of a topic with a typed consumer.
func (s *server) read(t *testing.T, topic string, n int) []*serde.Message[shop.Order] {
	t.Helper()
	c, err := serde.NewConsumer[shop.Order](serde.ConsumerConfig{Brokers: s.brokers, Registry: s.registry, Topics: []string{topic}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var got []*serde.Message[shop.Order]
	for len(got) < n {
		more, err := c.Poll(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, more...)
	}
	return got
}

// TestSchemaInHeaders: with GUIDs in headers the payloads are bare; a reader takes these and prefixed ones from one topic.
func TestSchemaInHeaders(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "both", 1, "typelog.value.contract", "reject", "typelog.key.contract", "reject")
	ctx := t.Context()
	type (
		producer = serde.KeyedProducer[shop.Key, shop.Order]
		message  = serde.KeyedMessage[shop.Key, shop.Order]
	)
	open := func(header bool) *producer {
		p, err := serde.NewKeyedProducer[shop.Key, shop.Order](ctx, serde.ProducerConfig{
			Brokers: s.brokers, Registry: s.registry, Topic: "both",
			Key: serde.SchemaConfig{IDInHeader: header}, Value: serde.SchemaConfig{IDInHeader: header},
		})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	inHeader, inPrefix := open(true), open(false)
	defer inHeader.Close(ctx)
	defer inPrefix.Close(ctx)
	key := &shop.Key{Tenant: "acme", Number: 7}
	stale := []serde.Header{{Key: "mine", Value: []byte("1")}, {Key: serde.HeaderValueSchema, Value: []byte("\x01 of another life")}}
	for i, p := range []*producer{inHeader, inPrefix, inHeader} {
		m := &message{Key: key, Value: anOrder(int64(i)), Headers: stale}
		if i == 2 {
			m.Value = nil
		}
		if _, err := p.ProduceSync(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	recs := s.raw(t, "both", 3)
	bare, err := anOrder(0).AppendAvro(nil)
	if err != nil {
		t.Fatal(err)
	}
	names := func(rec *kgo.Record) (out []string) {
		for _, h := range rec.Headers {
			out = append(out, fmt.Sprintf("%s:%d:%d", h.Key, len(h.Value), h.Value[0]))
		}
		return out
	}
	for i, want := range [][]string{
		{"mine:1:49", "__key_schema_id:17:1", "__value_schema_id:17:1"}, {"mine:1:49"}, {"mine:1:49", "__key_schema_id:17:1"},
	} {
		if got := names(recs[i]); !reflect.DeepEqual(got, want) {
			t.Errorf("record %d has the headers %v, want %v", i, got, want)
		}
	}
	if !bytes.Equal(recs[0].Value, bare) || recs[1].Value[0] != 0 || len(recs[1].Value) != len(bare)+5 {
		t.Errorf("values %x and %x, want the first to be %x", recs[0].Value, recs[1].Value, bare)
	}
	registry, err := serde.NewRegistry(s.registry)
	if err != nil {
		t.Fatal(err)
	}
	for i, rec := range recs[:2] {
		text, name, err := serde.NewJSONDecoder(registry).DecodePart(ctx, rec, serde.KeyPart)
		if err != nil || string(text) != `{"tenant":"acme","number":7}` || (name.ID == 0) != (i == 0) {
			t.Errorf("the key of record %d is %s by schema %s, %v", i, text, name, err)
		}
	}
	// The contract decodes what headers name, and refuses headers that contradict each other.
	header := recs[0].Headers[2]
	for name, bad := range map[string]*kgo.Record{
		"bad datum":   {Value: bare[:len(bare)-1], Headers: []kgo.RecordHeader{header}},
		"two headers": {Value: bare, Headers: []kgo.RecordHeader{header, header}},
	} {
		bad.Topic = "both"
		if err := serde.ProduceAlone(ctx, s.client, bad); !errors.Is(err, serde.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, err := serde.NewKeyedConsumer[shop.Key, shop.Order](serde.ConsumerConfig{Brokers: s.brokers, Registry: s.registry, Topics: []string{"both"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	n := int64(0)
	for m, err := range c.Messages(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		want := anOrder(n)
		if n == 2 {
			want = nil
		}
		if !reflect.DeepEqual(m.Key, key) || !reflect.DeepEqual(m.Value, want) || len(m.Headers) != 1 {
			t.Errorf("message %d is %+v: %+v %+v", n, m, m.Key, m.Value)
		}
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("read %d messages", n)
	}
}

// wider has what shop.Order has, in another order, wider, and more.
const wider = `{"type":"record","name":"Order","namespace":"typelog.shop","fields":[
	{"name":"customer","type":"string"},
	{"name":"number","type":"double"},
	{"name":"note","type":["string","null"],"default":""},
	{"name":"channel","type":"string","default":"web"},
	{"name":"status","type":{"type":"enum","name":"Status","symbols":["PAID","NEW","LOST"]},"default":"NEW"}]}`

func TestUseLatestAndID(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "latest", 1, "typelog.value.contract", "reject")
	old := s.register(t, "latest-value", textOf(new(shop.Order)))
	registry, err := serde.NewRegistry(s.registry)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(mustRequest(t, http.MethodPut, s.registry+"/config/latest-value", `{"compatibility":"NONE"}`)); err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	id := s.register(t, "latest-value", wider)
	p, err := s.orders(t, "latest", serde.SchemaConfig{UseLatest: true})
	if err != nil {
		t.Fatal(err)
	}
	if p.SchemaID() != id {
		t.Errorf("writes schema %d, want %d", p.SchemaID(), id)
	}
	if _, err := p.ProduceSync(t.Context(), &serde.Message[shop.Order]{Value: anOrder(5)}); err != nil {
		t.Fatal(err)
	}
	byID, err := s.orders(t, "latest", serde.SchemaConfig{UseID: old})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := byID.ProduceSync(t.Context(), &serde.Message[shop.Order]{Value: anOrder(6)}); err != nil {
		t.Fatal(err)
	}
	dec := serde.NewJSONDecoder(registry)
	for i, rec := range s.raw(t, "latest", 2) {
		text, got, err := dec.Decode(t.Context(), rec.Value)
		want, wantID := `{"customer":"ann","number":5.0,"note":{"string":"ring twice"},"channel":"web","status":"PAID"}`, id
		if i == 1 {
			want, wantID = `{"number":6,"customer":"ann","note":{"string":"ring twice"},"status":"PAID"}`, old
		}
		if err != nil || string(text) != want || got != wantID {
			t.Errorf("record %d is schema %d, %s, %v; want schema %d, %s", i, got, text, err, wantID, want)
		}
	}

	other := s.register(t, "other-value", `"string"`)
	s.register(t, "latest-value", `{"type":"record","name":"Order","namespace":"typelog.shop","fields":[{"name":"vat","type":"string"}]}`)
	for name, tc := range map[string]struct {
		cfg  serde.SchemaConfig
		kind error
		says string
	}{
		"latest cannot read it": {serde.SchemaConfig{UseLatest: true}, serde.ErrIncompatible, "vat"},
		"an id of nobody":       {serde.SchemaConfig{UseID: 9999}, serde.ErrRegistry, "9999"},
		"an id of another":      {serde.SchemaConfig{UseID: other}, serde.ErrRegistry, "latest-value"},
		"both":                  {serde.SchemaConfig{UseID: old, UseLatest: true}, nil, "exclude"},
		"no such subject":       {serde.SchemaConfig{UseLatest: true, Subject: serde.RecordName}, serde.ErrRegistry, "typelog.shop.Order"},
	} {
		if _, err := s.orders(t, "latest", tc.cfg); err == nil || tc.kind != nil && !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v; want %v that says %q", name, err, tc.kind, tc.says)
		}
	}
}

func mustRequest(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	return req
}

// TestReferences registers a schema without the text of a type that another subject defines, and reads it by both forms.
func TestReferences(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "refs", 1)
	s.register(t, "status", `{"type":"enum","name":"Status","namespace":"typelog.shop","symbols":["NEW","PAID"]}`)
	p, err := s.orders(t, "refs", serde.SchemaConfig{
		References: []serde.Reference{{Name: "typelog.shop.Status", Subject: "status", Version: 1}},
		Normalize:  true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.ProduceSync(t.Context(), &serde.Message[shop.Order]{Value: anOrder(1)}); err != nil {
		t.Fatal(err)
	}
	registry, err := serde.NewRegistry(s.registry)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := registry.Client().SchemaByVersion(t.Context(), "refs-value", 1)
	if err != nil || strings.Contains(stored.Schema.Schema, "PAID") || len(stored.References) != 1 {
		t.Errorf("registered %s with %v, %v", stored.Schema.Schema, stored.References, err)
	}
	if got := s.read(t, "refs", 1); !reflect.DeepEqual(got[0].Value, anOrder(1)) {
		t.Errorf("read %+v", got[0].Value)
	}
	s.register(t, "odd", `{"type":"enum","name":"Status","namespace":"typelog.shop","symbols":["ODD"]}`)
	_, err = s.orders(t, "refs", serde.SchemaConfig{References: []serde.Reference{{Name: "typelog.shop.Status", Subject: "odd", Version: 1}}})
	if !errors.Is(err, serde.ErrIncompatible) {
		t.Errorf("a reference to another Status: %v", err)
	}
	_, err = s.orders(t, "refs", serde.SchemaConfig{References: []serde.Reference{{Name: "x", Subject: "nobody", Version: 1}}})
	if !errors.Is(err, serde.ErrRegistry) {
		t.Errorf("a reference to nothing: %v", err)
	}
}

// TestManyTypesInOneTopic: producers of two types share a topic, and so does one of their union; a consumer of the union
// reads all.
func TestManyTypesInOneTopic(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "mixed", 1)
	ctx := t.Context()
	byName := serde.SchemaConfig{Subject: serde.RecordName}
	orders, err := s.orders(t, "mixed", byName)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := serde.NewProducer[shop.Key](ctx, serde.ProducerConfig{Brokers: s.brokers, Registry: s.registry, Topic: "mixed", Value: byName})
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close(ctx)
	both, err := serde.NewProducer[shop.Event](ctx, serde.ProducerConfig{
		Brokers: s.brokers, Registry: s.registry, Topic: "mixed",
		Value: serde.SchemaConfig{References: []serde.Reference{
			{Name: "typelog.shop.Order", Subject: "typelog.shop.Order", Version: 1},
			{Name: "typelog.shop.Key", Subject: "typelog.shop.Key", Version: 1},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer both.Close(ctx)
	key := shop.Key{Tenant: "acme", Number: 2}
	_, err1 := orders.ProduceSync(ctx, &serde.Message[shop.Order]{Value: anOrder(1)})
	_, err2 := keys.ProduceSync(ctx, &serde.Message[shop.Key]{Value: &key})
	_, err3 := both.ProduceSync(ctx, &serde.Message[shop.Event]{Value: &shop.Event{Value: anOrder(3)}})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	registry, err := serde.NewRegistry(s.registry)
	if err != nil {
		t.Fatal(err)
	}
	if union, err := registry.Client().SchemaByVersion(ctx, "mixed-value", 1); err != nil || union.Schema.Schema != `["typelog.shop.Order","typelog.shop.Key"]` {
		t.Errorf("the union is registered as %s, %v", union.Schema.Schema, err)
	}
	c, err := serde.NewConsumer[shop.Event](serde.ConsumerConfig{Brokers: s.brokers, Registry: s.registry, Topics: []string{"mixed"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	i := 0
	for m, err := range c.Messages(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		switch v := m.Value.Value.(type) {
		case *shop.Order:
			if i == 1 || !reflect.DeepEqual(v, anOrder(int64(i+1))) {
				t.Errorf("message %d is %+v", i, v)
			}
		case *shop.Key:
			if i != 1 || *v != key {
				t.Errorf("message %d is %+v", i, v)
			}
		}
		if i++; i == 3 {
			break
		}
	}
	_, err = serde.NewProducer[shop.Event](ctx, serde.ProducerConfig{Brokers: s.brokers, Registry: s.registry, Topic: "mixed", Value: byName})
	if !errors.Is(err, serde.ErrRegistry) || !strings.Contains(err.Error(), "TopicName") {
		t.Errorf("a union named by its record: %v", err)
	}
}

// TestRawBytes: values of a schema whose root is bytes go without Avro's length, as Confluent's serializers write them.
func TestRawBytes(t *testing.T) {
	s := startServer(t)
	s.register(t, "raw-value", `"bytes"`)
	s.createTopic(t, "raw", 1, "typelog.value.contract", "reject")
	p, err := serde.NewProducer[shop.Raw](t.Context(), serde.ProducerConfig{Brokers: s.brokers, Registry: s.registry, Topic: "raw"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(t.Context())
	want := []string{"", "\xff\x00 anything", strings.Repeat("long", 5000)}
	for _, v := range want {
		if _, err := p.ProduceSync(t.Context(), &serde.Message[shop.Raw]{Value: &shop.Raw{Value: []byte(v)}}); err != nil {
			t.Fatal(err)
		}
	}
	for i, rec := range s.raw(t, "raw", 3) {
		if string(rec.Value[serde.PrefixLen:]) != want[i] {
			t.Errorf("record %d is %.40q", i, rec.Value)
		}
	}
	bare, err := serde.NewProducer[shop.Raw](t.Context(), serde.ProducerConfig{
		Brokers: s.brokers, Registry: s.registry, Topic: "raw", Value: serde.SchemaConfig{IDInHeader: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close(t.Context())
	want = append(want, "with its schema in a header")
	if _, err := bare.ProduceSync(t.Context(), &serde.Message[shop.Raw]{Value: &shop.Raw{Value: []byte(want[3])}}); err != nil {
		t.Fatal(err)
	}
	registry, err := serde.NewRegistry(s.registry)
	if err != nil {
		t.Fatal(err)
	}
	last := s.raw(t, "raw", 4)[3]
	if text, _, err := serde.NewJSONDecoder(registry).DecodePart(t.Context(), last, serde.ValuePart); err != nil || string(last.Value) != want[3] || string(text) != `"`+want[3]+`"` {
		t.Errorf("bytes named in a header are %q, as JSON %s, %v", last.Value, text, err)
	}
	c, err := serde.NewConsumer[shop.Raw](serde.ConsumerConfig{Brokers: s.brokers, Registry: s.registry, Topics: []string{"raw"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	i := 0
	for m, err := range c.Messages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if string(m.Value.Value) != want[i] {
			t.Errorf("message %d is %.40q", i, m.Value.Value)
		}
		if i++; i == len(want) {
			break
		}
	}
}
