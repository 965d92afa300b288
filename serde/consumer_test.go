package serde_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/serde"
	"github.com/typelog/typelog/serde/internal/shop"
)

func (s *server) consumer(t *testing.T, cfg serde.ConsumerConfig) *serde.Consumer[shop.Order] {
	t.Helper()
	cfg.Brokers, cfg.Registry = s.brokers, s.registry
	c, err := serde.NewConsumer[shop.Order](cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// bad stores a record that no schema describes.
func (s *server) bad(t *testing.T, topic string, key []byte) {
	t.Helper()
	if err := serde.ProduceAlone(t.Context(), s.client, &kgo.Record{Topic: topic, Key: key, Value: []byte("no avro")}); err != nil {
		t.Fatal(err)
	}
}

// TestSkip: a bad record is left out and logged, with its place and what is wrong.
func TestSkip(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "in", 1)
	s.bad(t, "in", nil)
	s.stored(t, "in", 1)
	var log bytes.Buffer
	c := s.consumer(t, serde.ConsumerConfig{Topics: []string{"in"}, OnBad: serde.Skip(slog.New(slog.NewTextHandler(&log, nil)))})
	for m, err := range c.Messages(t.Context()) {
		if err != nil || m.Offset != 1 || m.Value.Number != 1 {
			t.Errorf("read %+v, %v", m, err)
		}
		break
	}
	for _, want := range []string{"topic=in", "partition=0", "offset=0", "no schema id"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log says %q and not %s", log.String(), want)
		}
	}
}

// TestPollStopsAtABadRecord: the messages before it come with its error, it comes again until somebody deals with it, and
// what OnBad returns is what the consumer ends with.
func TestPollStopsAtABadRecord(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "in", 1)
	s.stored(t, "in", 0, 1)
	s.bad(t, "in", nil)
	s.stored(t, "in", 3)
	mine, heedless := errors.New("mine"), false
	c := s.consumer(t, serde.ConsumerConfig{Topics: []string{"in"}, OnBad: func(_ context.Context, rec *kgo.Record, why error) error {
		if rec.Offset != 2 || !errors.Is(why, serde.ErrDecoding) {
			t.Errorf("offset %d is bad because %v", rec.Offset, why)
		}
		if heedless {
			return nil
		}
		return mine
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	read := func() (got []int64, err error) {
		for err == nil && len(got) < 2 {
			var messages []*orderMessage
			messages, err = c.Poll(ctx, 0)
			for _, m := range messages {
				got = append(got, m.Offset)
			}
		}
		return got, err
	}
	got, err := read()
	for err == nil { // both were there before the rest was fetched
		_, err = c.Poll(ctx, 0)
	}
	if !errors.Is(err, mine) || !reflect.DeepEqual(got, []int64{0, 1}) {
		t.Errorf("polled %v, %v; want 0 and 1, and OnBad's error", got, err)
	}
	if got, err := read(); !errors.Is(err, mine) || len(got) > 0 {
		t.Errorf("polled again: %v, %v; want the bad record again", got, err)
	}
	heedless = true
	for len(got) < 3 {
		messages, err := c.Poll(ctx, 1)
		if err != nil || len(messages) > 1 {
			t.Fatal(messages, err)
		}
		for _, m := range messages {
			got = append(got, m.Offset)
		}
	}
	if got[2] != 3 {
		t.Errorf("behind the bad record came %v", got[2:])
	}
}

// TestBadKey: a record whose key does not decode is bad, however good its value is, and says that it is the key.
func TestBadKey(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "in", 1)
	id := s.register(t, "in-value", textOf(new(shop.Order)))
	value, err := anOrder(1).AppendAvro(serde.AppendPrefix(nil, id))
	if err != nil {
		t.Fatal(err)
	}
	if err := serde.ProduceAlone(t.Context(), s.client, &kgo.Record{Topic: "in", Key: []byte("plain"), Value: value}); err != nil {
		t.Fatal(err)
	}
	c, err := serde.NewKeyedConsumer[shop.Key, shop.Order](serde.ConsumerConfig{Brokers: s.brokers, Registry: s.registry, Topics: []string{"in"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for m, err := range c.Messages(t.Context()) {
		if m != nil || !errors.Is(err, serde.ErrDecoding) || !strings.Contains(err.Error(), "the key") {
			t.Errorf("read %+v, %v", m, err)
		}
	}
}

// TestTombstones go through producers and consumers as nil values, and are no empty ones.
func TestTombstones(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "in", 1, "typelog.value.contract", "reject")
	p, err := s.orders(t, "in", serde.SchemaConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.ProduceSync(t.Context(), &orderMessage{Key: []byte("gone")}); err != nil {
		t.Fatal(err)
	}
	j, err := serde.NewJSONProducer(t.Context(), serde.ProducerConfig{Brokers: s.brokers, Registry: s.registry, Topic: "in"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Produce(t.Context(), []byte("gone too"), nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, rec := range s.raw(t, "in", 2) {
		if rec.Value != nil {
			t.Errorf("offset %d has the value %q", rec.Offset, rec.Value)
		}
	}
	for i, m := range s.read(t, "in", 2) {
		if m.Value != nil || string(m.Key) != []string{"gone", "gone too"}[i] {
			t.Errorf("read %+v", m)
		}
	}
}

// TestIterators: a loop ends without an error when its context does; what fails is the last that it sees; and a group goes on
// behind what a loop has processed, with the message at which it was left.
func TestIterators(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "in", 1)
	s.stored(t, "in", 0, 1, 2)
	cfg := serde.ConsumerConfig{Brokers: s.brokers, Registry: s.registry, Topics: []string{"in"}, Group: "g"}
	loop := func(leaveAt int64) (got []int64, errs []error) {
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		for m, err := range serde.Consume[shop.Order](ctx, cfg) {
			if err != nil {
				errs = append(errs, err)
				continue // which the loop must not take for an invitation to go on
			}
			if m.Offset == leaveAt {
				break
			}
			if got = append(got, m.Offset); m.Offset == 2 {
				stop()
			}
		}
		return got, errs
	}
	if got, errs := loop(1); len(errs) > 0 || !reflect.DeepEqual(got, []int64{0}) {
		t.Errorf("read %v, %v; want 0, and to leave at 1", got, errs)
	}
	if got, errs := loop(-1); len(errs) > 0 || !reflect.DeepEqual(got, []int64{1, 2}) {
		t.Errorf("then read %v, %v; want 1 and 2, and to end with the context", got, errs)
	}
	s.bad(t, "in", nil)
	if got, errs := loop(-1); len(errs) != 1 || !errors.Is(errs[0], serde.ErrDecoding) || len(got) > 0 {
		t.Errorf("at a bad record: %v, %v", got, errs)
	}
	cfg.Topics = nil
	if got, errs := loop(-1); len(errs) != 1 || len(got) > 0 {
		t.Errorf("without topics: %v, %v", got, errs)
	}
}

// TestSchemaIDInHeader: a header's id, as some serializers write it, is as good as its GUID or a prefix.
func TestSchemaIDInHeader(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "in", 1, "typelog.value.contract", "reject")
	id := s.register(t, "in-value", textOf(new(shop.Order)))
	bare, err := anOrder(7).AppendAvro(nil)
	if err != nil {
		t.Fatal(err)
	}
	rec := &kgo.Record{Topic: "in", Value: bare, Headers: []kgo.RecordHeader{{Key: serde.HeaderValueSchema, Value: serde.AppendPrefix(nil, id)}}}
	if err := serde.ProduceAlone(t.Context(), s.client, rec); err != nil {
		t.Fatal(err)
	}
	if got := s.read(t, "in", 1); !reflect.DeepEqual(got[0].Value, anOrder(7)) || slices.ContainsFunc(got[0].Headers, func(h serde.Header) bool {
		return h.Key == serde.HeaderValueSchema
	}) {
		t.Errorf("read %+v with %v", got[0].Value, got[0].Headers)
	}
}
