package serde_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/internal/node"
	"github.com/typelog/typelog/schemas/audit"
	"github.com/typelog/typelog/serde"
)

// server is a typelog in this process, on real files and sockets.
type server struct {
	brokers  []string
	registry string
	client   *kgo.Client
}

func startServer(t *testing.T) *server {
	t.Helper()
	n, err := node.Open(node.File{
		Data:      t.TempDir(),
		Listeners: []node.FileListener{{Name: "PLAINTEXT", Bind: "127.0.0.1:0"}},
		Registry:  node.FileRegistry{Bind: "127.0.0.1:0"},
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	s := &server{brokers: []string{n.Kafka()[0].String()}, registry: "http://" + n.Registry()[0].String()}
	s.client, err = kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.client.Close()
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with: %v", err)
		}
	})
	return s
}

func (s *server) createTopic(t *testing.T, name string, partitions int32, configs ...string) {
	t.Helper()
	set := map[string]*string{}
	for i := 0; i < len(configs); i += 2 {
		set[configs[i]] = &configs[i+1]
	}
	if _, err := kadm.NewClient(s.client).CreateTopic(t.Context(), partitions, 1, set, name); err != nil {
		t.Fatal(err)
	}
}

func (s *server) register(t *testing.T, subject, text string) int32 {
	t.Helper()
	r, err := serde.NewRegistry(s.registry)
	if err != nil {
		t.Fatal(err)
	}
	id, err := r.Register(t.Context(), subject, text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (s *server) producer(t *testing.T, topic string) *serde.Producer[audit.AuditEvent] {
	t.Helper()
	p, err := serde.NewProducer[audit.AuditEvent](t.Context(), serde.ProducerConfig{
		Brokers: s.brokers, Registry: s.registry, Topic: topic, CreateTopic: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = p.Close(ctx)
	})
	return p
}

// stored stores orders of these numbers, one after another.
func (s *server) stored(t *testing.T, topic string, numbers ...int64) {
	t.Helper()
	p, err := s.orders(t, topic, serde.SchemaConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range numbers {
		if _, err := p.ProduceSync(t.Context(), &orderMessage{Key: fmt.Append(nil, n), Value: anOrder(n)}); err != nil {
			t.Fatal(err)
		}
	}
}

// auditSchema is the text of the schema that audit.AuditEvent was generated from.
func auditSchema() string {
	text, _ := new(audit.AuditEvent).AvroSchema()
	return text
}

func auditEvent(actor string, sequence int64) *audit.AuditEvent {
	e := audit.NewAuditEvent()
	e.OccurredAt = time.UnixMicro(1_700_000_000_000_000 + sequence)
	e.RecordedAt = e.OccurredAt
	e.Action = "test"
	e.Actor.ID = actor
	e.Source.Service = "test"
	e.Producer = audit.Producer{ID: "p-" + actor, Sequence: sequence}
	return e
}
