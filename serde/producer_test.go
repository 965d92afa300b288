package serde_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/schemas/audit"
	"github.com/typelog/typelog/serde"
	"github.com/typelog/typelog/serde/avro"
)

// fates collects what became of messages.
type fates struct {
	mu     sync.Mutex
	stored int
	failed map[int]error
}

func (f *fates) of(n int) func(serde.Delivery, error) {
	return func(_ serde.Delivery, err error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if err == nil {
			f.stored++
			return
		}
		if f.failed == nil {
			f.failed = map[int]error{}
		}
		f.failed[n] = err
	}
}

// readAll reads want messages of a topic from the start.
func readAll(t *testing.T, s *server, topic string, want int) []*serde.Message[audit.AuditEvent] {
	t.Helper()
	c, err := serde.NewConsumer[audit.AuditEvent](serde.ConsumerConfig{Brokers: s.brokers, Registry: s.registry, Topics: []string{topic}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var got []*serde.Message[audit.AuditEvent]
	for len(got) < want {
		more, err := c.Poll(ctx, 0)
		if err != nil {
			t.Fatalf("after %d of %d messages: %v", len(got), want, err)
		}
		got = append(got, more...)
	}
	return got
}

// TestOneRefusedAmongManyIsFound: a tombstone is valid for the producer and refused by a broker whose topic says
// typelog.value.contract.null=reject. It stands in the middle of 10,000 messages with 50 keys over three partitions.
func TestOneRefusedAmongManyIsFound(t *testing.T) {
	s := startServer(t)
	s.register(t, "events-value", auditSchema())
	s.createTopic(t, "events", 3, "typelog.value.contract", "reject", "typelog.value.contract.null", "reject")
	p := s.producer(t, "events")
	const n, bad, keys = 10_000, 4_321, 50
	var got fates
	for i := range n {
		m := &serde.Message[audit.AuditEvent]{Key: fmt.Appendf(nil, "actor-%d", i%keys)}
		if i != bad {
			m.Value = auditEvent(string(m.Key), int64(i))
		}
		if err := p.Produce(t.Context(), m, got.of(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got.stored != n-1 || len(got.failed) != 1 {
		t.Fatalf("%d stored and %d failed, want %d and 1", got.stored, len(got.failed), n-1)
	}
	err := got.failed[bad]
	if !errors.Is(err, serde.ErrRefused) || !strings.Contains(fmt.Sprint(err), "null") {
		t.Errorf("the bad message failed with %v, want a refusal that says that null is forbidden", err)
	}
	last := map[string]int64{}
	seen := map[int64]bool{}
	for _, m := range readAll(t, s, "events", n-1) {
		at := m.Value.Producer.Sequence
		if seen[at] {
			t.Fatalf("message %d was stored twice", at)
		}
		seen[at] = true
		if before, ok := last[string(m.Key)]; ok && before > at {
			t.Fatalf("key %s: message %d stands behind message %d", m.Key, at, before)
		}
		last[string(m.Key)] = at
	}
	if seen[bad] || len(seen) != n-1 {
		t.Errorf("read %d messages, want %d without the bad one", len(seen), n-1)
	}
}

// TestProducerStopsWhenEverythingIsRefused: the schema that the producer writes is not the topic's.
func TestProducerStopsWhenEverythingIsRefused(t *testing.T) {
	s := startServer(t)
	s.register(t, "strict-value", `"string"`)
	s.createTopic(t, "strict", 1, "typelog.value.contract", "reject")
	p, err := serde.NewProducer[audit.AuditEvent](t.Context(), serde.ProducerConfig{
		Brokers: s.brokers, Registry: s.registry, Topic: "strict",
		Value: serde.SchemaConfig{Subject: func(string, serde.Part, string) string { return "elsewhere" }},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(t.Context())
	var got fates
	taken := 0
	for i := range 1_000 {
		err := p.Produce(t.Context(), &serde.Message[audit.AuditEvent]{Value: auditEvent("a", int64(i))}, got.of(i))
		if err != nil && !errors.Is(err, serde.ErrSchemaRefused) {
			t.Fatal(err)
		}
		if err == nil {
			taken++
		}
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got.stored != 0 || len(got.failed) != taken {
		t.Fatalf("%d stored and %d failed of %d", got.stored, len(got.failed), taken)
	}
	stopped := 0
	for _, err := range got.failed {
		if errors.Is(err, serde.ErrSchemaRefused) {
			stopped++
		}
	}
	if stopped == 0 {
		t.Error("no message failed with ErrSchemaRefused")
	}
	err = p.Produce(t.Context(), &serde.Message[audit.AuditEvent]{Value: auditEvent("a", 0)}, nil)
	if !errors.Is(err, serde.ErrSchemaRefused) || !strings.Contains(fmt.Sprint(err), "strict-value") {
		t.Errorf("Produce after that: %v; want ErrSchemaRefused with the broker's reason", err)
	}
}

// noise returns n bytes of text that no codec makes much smaller.
func noise(n int) string {
	b := make([]byte, n/2)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return hex.EncodeToString(b)
}

// TestTooLargeFailsAlone: of many messages, those that the topic finds too large fail, even side by side, and no other.
func TestTooLargeFailsAlone(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "small", 1, "max.message.bytes", "20000")
	p := s.producer(t, "small")
	const n = 500
	large := map[int]bool{0: true, 1: true, 300: true, 499: true}
	var got fates
	for i := range n {
		e := auditEvent("a", int64(i))
		if large[i] {
			e.Metadata = map[string]string{"text": noise(50_000)}
		}
		if i == 250 {
			e.Metadata = map[string]string{"text": noise(2_000_000)}
		}
		if err := p.Produce(t.Context(), &serde.Message[audit.AuditEvent]{Value: e}, got.of(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, err := range got.failed {
		if !large[i] && i != 250 || !errors.Is(err, serde.ErrRefused) {
			t.Errorf("message %d failed: %v", i, err)
		}
	}
	if len(got.failed) != len(large)+1 || got.stored != n-len(large)-1 {
		t.Errorf("%d failed and %d were stored", len(got.failed), got.stored)
	}
	last := int64(-1)
	for _, m := range readAll(t, s, "small", got.stored) {
		if m.Value.Producer.Sequence <= last {
			t.Fatalf("message %d stands behind message %d", m.Value.Producer.Sequence, last)
		}
		last = m.Value.Producer.Sequence
	}
	err := p.Produce(t.Context(), &serde.Message[audit.AuditEvent]{Value: auditEvent("a", 1)}, nil)
	if !errors.Is(err, serde.ErrClosed) || errors.Is(err, serde.ErrNetwork) {
		t.Errorf("Produce after Close: %v, want ErrClosed", err)
	}
}

func TestErrorsTellApart(t *testing.T) {
	s := startServer(t)
	s.register(t, "taken-value", `{"type":"record","name":"AuditEvent","namespace":"io.typelog.audit","fields":[{"name":"x","type":"long"}]}`)
	s.createTopic(t, "taken", 1)
	for name, tc := range map[string]struct {
		cfg  serde.ProducerConfig
		kind error
	}{
		"unknown topic":       {serde.ProducerConfig{Brokers: s.brokers, Registry: s.registry, Topic: "nowhere"}, serde.ErrRefused},
		"unregistered":        {serde.ProducerConfig{Brokers: s.brokers, Registry: s.registry, Topic: "fresh", Value: serde.SchemaConfig{NoRegister: true}}, serde.ErrRegistry},
		"incompatible":        {serde.ProducerConfig{Brokers: s.brokers, Registry: s.registry, Topic: "taken"}, serde.ErrIncompatible},
		"registry is not up":  {serde.ProducerConfig{Brokers: s.brokers, Registry: "http://127.0.0.1:1", Topic: "taken"}, serde.ErrNetwork},
		"broker does not run": {serde.ProducerConfig{Brokers: []string{"127.0.0.1:1"}, Registry: s.registry, Topic: "other"}, serde.ErrNetwork},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			_, err := serde.NewProducer[audit.AuditEvent](ctx, tc.cfg)
			if !errors.Is(err, tc.kind) {
				t.Errorf("%v, want %v", err, tc.kind)
			}
		})
	}
	p := s.producer(t, "any")
	e := auditEvent("a", 1)
	e.Targets = []audit.Target{{Type: "t", ID: "1"}, {Type: "t", ID: "\xff"}}
	err := p.Produce(t.Context(), &serde.Message[audit.AuditEvent]{Value: e}, nil)
	var fault *avro.Error
	if !errors.Is(err, serde.ErrEncoding) || !errors.As(err, &fault) || fault.Path != "targets[1].id" {
		t.Errorf("a bad value: %v, want ErrEncoding at targets[1].id", err)
	}
}

// TestBadRecords: what a consumer does with bytes that do not decode is what it was told to do.
func TestBadRecords(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "mixed", 1)
	s.createTopic(t, "mixed-dead", 1)
	p := s.producer(t, "mixed")
	good := func(n int64) {
		if _, err := p.ProduceSync(t.Context(), &serde.Message[audit.AuditEvent]{Value: auditEvent("a", n)}); err != nil {
			t.Fatal(err)
		}
	}
	good(1)
	if err := serde.ProduceAlone(t.Context(), s.client, &kgo.Record{Topic: "mixed", Key: []byte("k"), Value: []byte("no avro")}); err != nil {
		t.Fatal(err)
	}
	good(2)
	read := func(group string, onBad serde.OnBad) ([]int64, error) {
		c, err := serde.NewConsumer[audit.AuditEvent](serde.ConsumerConfig{
			Brokers: s.brokers, Registry: s.registry, Topics: []string{"mixed"}, Group: group, OnBad: onBad,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var got []int64
		for m, err := range c.Messages(ctx) {
			if err != nil {
				return got, err
			}
			if got = append(got, m.Value.Producer.Sequence); m.Value.Producer.Sequence == 2 {
				return got, c.Commit(ctx)
			}
		}
		return got, ctx.Err()
	}
	got, err := read("stops", nil)
	if !errors.Is(err, serde.ErrDecoding) || !strings.Contains(fmt.Sprint(err), "partition 0 offset 1") || len(got) != 1 {
		t.Errorf("Stop: read %v and %v; want 1 and ErrDecoding at offset 1", got, err)
	}
	if got, err = read("stops", nil); !errors.Is(err, serde.ErrDecoding) || len(got) != 0 {
		t.Errorf("Stop, again: read %v and %v; want the bad record first", got, err)
	}
	if got, err = read("buries", serde.DeadLetter(s.client, "mixed-dead")); err != nil || len(got) != 2 {
		t.Errorf("DeadLetter: read %v and %v; want both good ones", got, err)
	}
	dead, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.ConsumeTopics("mixed-dead"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	recs := dead.PollRecords(ctx, 1).Records()
	if len(recs) != 1 || string(recs[0].Value) != "no avro" || string(recs[0].Key) != "k" {
		t.Fatalf("the dead letter topic holds %v", recs)
	}
	headers := map[string]string{}
	for _, h := range recs[0].Headers {
		headers[h.Key] = string(h.Value)
	}
	if headers[serde.HeaderOffset] != "1" || headers[serde.HeaderTopic] != "mixed" || !strings.Contains(headers[serde.HeaderReason], "no schema id") {
		t.Errorf("the dead letter's headers are %v", headers)
	}
}

// TestGroupGoesOnBehindTheCommit: what was not processed before a consumer ended comes again, and nothing else does.
func TestGroupGoesOnBehindTheCommit(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "steps", 1)
	p := s.producer(t, "steps")
	for i := range int64(10) {
		if _, err := p.ProduceSync(t.Context(), &serde.Message[audit.AuditEvent]{Value: auditEvent("a", i)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []struct{ first, leaveAt int64 }{{0, 3}, {3, 6}, {6, 9}} {
		c, err := serde.NewConsumer[audit.AuditEvent](serde.ConsumerConfig{
			Brokers: s.brokers, Registry: s.registry, Topics: []string{"steps"}, Group: "steppers",
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		first := int64(-1)
		for m, err := range c.Messages(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			if first < 0 {
				first = m.Offset
			}
			if m.Offset == want.leaveAt {
				break // not processed: it comes again
			}
		}
		cancel()
		c.Close()
		if first != want.first {
			t.Errorf("the group went on at %d, want %d", first, want.first)
		}
	}
}
