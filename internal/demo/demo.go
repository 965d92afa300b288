// Package demo runs typelog's main job once, for a person to watch: a broker and a registry in a process of their own,
// typed audit events in and out, bad records refused, a schema that evolves, and a kill -9 with nothing lost. It is a
// client like any other: it starts the binary and speaks the protocols.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/internal/child"
	"github.com/typelog/typelog/schemas/audit"
	"github.com/typelog/typelog/serde"
)

const (
	topic      = "audit"
	subject    = "audit-value"
	partitions = 3
	// firstEvents are produced before anything else, crashEvents while the broker is killed.
	firstEvents = 5_000
	newEvents   = 100
	crashEvents = 30_000
)

// Config says what the demo runs with.
type Config struct {
	Binary string    // path of typelog
	Out    io.Writer // gets the narration
	Keep   bool      // leave the data directory behind
}

// Run runs every step. It returns an error if one did not hold.
func Run(ctx context.Context, cfg Config) error {
	began := time.Now()
	dir, err := os.MkdirTemp("", "typelog-demo-")
	if err != nil {
		return err
	}
	logFile, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		return err
	}
	defer logFile.Close()
	d := &demo{
		out:    cfg.Out,
		server: &child.Server{Binary: cfg.Binary, Data: filepath.Join(dir, "data"), Log: logFile, Args: []string{"--log-level", "warn"}},
		acked:  map[audit.EventID]place{},
	}
	err = d.run(ctx)
	d.close()
	switch {
	case err != nil:
		fmt.Fprintf(cfg.Out, "\nFAILED: %v\nThe server's log and data are in %s\n", err, dir)
	case cfg.Keep:
		fmt.Fprintf(cfg.Out, "\nEvery step held (%.1f s). The data are in %s\n", time.Since(began).Seconds(), dir)
	default:
		err = os.RemoveAll(dir)
		fmt.Fprintf(cfg.Out, "\nEvery step held (%.1f s).\n", time.Since(began).Seconds())
	}
	return err
}

// place is where an acknowledged event stands.
type place struct {
	partition int32
	offset    int64
}

type demo struct {
	out    io.Writer
	server *child.Server
	up     bool

	client   *kgo.Client
	registry *serde.Registry
	sample   []audit.AuditEvent
	producer *serde.Producer[audit.AuditEvent]

	acked   map[audit.EventID]place
	refused int
}

func (d *demo) run(ctx context.Context) error {
	for _, step := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"Start the broker and the schema registry", d.start},
		{"Register the audit event's schema and create a topic that takes nothing else", d.contract},
		{"Produce typed audit events", d.produce},
		{"Try to get bad records in", d.refuse},
		{"Evolve the schema", d.evolve},
		{"Read with old and new readers", d.readOldAndNew},
		{"Kill the broker with kill -9 while events arrive, and start it again", d.crash},
		{"Count", d.count},
	} {
		fmt.Fprintf(d.out, "\n%s\n", step.title)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", strings.ToLower(step.title[:1])+step.title[1:], err)
		}
	}
	return nil
}

// say prints a line of the narration.
func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, "  "+format+"\n", args...) }

func (d *demo) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if d.producer != nil {
		_ = d.producer.Close(ctx) // what it says was checked by the steps
	}
	if d.client != nil {
		d.client.Close()
	}
	if d.up {
		_ = d.server.Stop(ctx)
	}
}

func (d *demo) start(ctx context.Context) error {
	took, err := d.server.Start(ctx)
	if err != nil {
		return err
	}
	d.up = true
	d.say("kafka on %s, registry on %s, ready after %d ms", d.server.Kafka, d.server.URL(), took.Milliseconds())
	if d.client, err = kgo.NewClient(kgo.SeedBrokers(d.server.Kafka), kgo.RecordPartitioner(kgo.ManualPartitioner())); err != nil {
		return err
	}
	if d.registry, err = serde.NewRegistry(d.server.URL()); err != nil {
		return err
	}
	d.sample, err = readSample()
	return err
}

func (d *demo) contract(ctx context.Context) error {
	text, _ := new(audit.AuditEvent).AvroSchema()
	id, err := d.registry.Register(ctx, subject, text)
	if err != nil {
		return err
	}
	d.say("subject %s has schema id %d", subject, id)
	_, err = kadm.NewClient(d.client).CreateTopic(ctx, partitions, 1,
		map[string]*string{"typelog.value.contract": kadm.StringPtr("reject")}, topic)
	if err != nil {
		return err
	}
	d.say("topic %s: %d partitions, typelog.value.contract=reject", topic, partitions)
	d.producer, err = serde.NewProducer[audit.AuditEvent](ctx, serde.ProducerConfig{
		Brokers: []string{d.server.Kafka}, Registry: d.server.URL(), Topic: topic, Value: serde.SchemaConfig{NoRegister: true},
	})
	return err
}

func (d *demo) produce(ctx context.Context) error {
	began := time.Now()
	if err := d.produceEvents(ctx, "demo-1", firstEvents, nil); err != nil {
		return err
	}
	took := time.Since(began)
	d.say("%d events, each flushed to disk before it was acknowledged, in %d ms (%.0f a second)", firstEvents, took.Milliseconds(), firstEvents/took.Seconds())
	bad := event(d.sample, "demo-1", 0, time.Now())
	bad.Operation = 99
	err := d.producer.Produce(ctx, &serde.Message[audit.AuditEvent]{Value: bad}, nil)
	if !errors.Is(err, serde.ErrEncoding) {
		return fmt.Errorf("an event with operation 99 got %v; want it refused before it is sent", err)
	}
	d.say("a bad value never leaves the program: %v", err)
	return nil
}

// produceEvents produces n events of one producer, by key, and remembers where each was acknowledged. after, if it is
// set, is called when the given share of them was handed over.
func (d *demo) produceEvents(ctx context.Context, producer string, n int64, halfway func() error) error {
	results := make(chan result, n)
	for i := range n {
		e := event(d.sample, producer, i, time.Now())
		m := &serde.Message[audit.AuditEvent]{Key: []byte(e.Actor.ID), Value: e}
		id := e.EventID
		err := d.producer.Produce(ctx, m, func(at serde.Delivery, err error) {
			results <- result{id, place{at.Partition, at.Offset}, err}
		})
		if err != nil {
			return err
		}
		if i == n/2 && halfway != nil {
			if err := halfway(); err != nil {
				return err
			}
		}
	}
	if err := d.producer.Flush(ctx); err != nil {
		return err
	}
	for range n {
		r := <-results
		if r.err != nil {
			return r.err
		}
		d.acked[r.id] = r.at
	}
	return nil
}

type result struct {
	id  audit.EventID
	at  place
	err error
}

// crash kills the server in the middle of a stream of events; the producer waits for it to come back.
func (d *demo) crash(ctx context.Context) error {
	err := d.produceEvents(ctx, "demo-2", crashEvents, func() error {
		pid := d.server.PID()
		if err := d.server.Kill(); err != nil {
			return err
		}
		d.up = false
		took, err := d.server.Start(ctx)
		if err != nil {
			return err
		}
		d.up = true
		d.say("process %d killed after half of %d events were handed over; ready again %d ms after its restart", pid, crashEvents, took.Milliseconds())
		return nil
	})
	if err != nil {
		return err
	}
	d.say("the producer went on by itself: all %d events are acknowledged", crashEvents)
	return nil
}

// count reads everything from the start and compares it with what was acknowledged.
func (d *demo) count(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	consumer, err := serde.NewConsumer[audit.AuditEvent](serde.ConsumerConfig{
		Brokers: []string{d.server.Kafka}, Registry: d.server.URL(), Topics: []string{topic}, Group: "demo-count",
		OnBad: serde.Skip(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return err
	}
	defer consumer.Close()
	outcomes := map[audit.Outcome]int{}
	seen := map[audit.EventID]place{}
	total := len(d.acked) + newEvents
	for m, err := range consumer.Messages(ctx) {
		if err != nil {
			return err
		}
		at := place{m.Partition, m.Offset}
		if before, twice := seen[m.Value.EventID]; twice {
			return fmt.Errorf("event %s stands twice: at %v and %v", m.Value.EventID, before, at)
		}
		seen[m.Value.EventID] = at
		outcomes[m.Value.Outcome]++
		if want, ok := d.acked[m.Value.EventID]; ok && want != at {
			return fmt.Errorf("event %s was acknowledged at %v and stands at %v", m.Value.EventID, want, at)
		}
		if len(seen) == total {
			break
		}
	}
	for id := range d.acked {
		if _, ok := seen[id]; !ok {
			return fmt.Errorf("event %s was acknowledged and is lost (%d of %d read)", id, len(seen), total)
		}
	}
	if len(seen) != total {
		return fmt.Errorf("read %d events, want %d", len(seen), total)
	}
	d.say("acknowledged=%d read=%d lost=0 duplicated=0 refused=%d", total, len(seen), d.refused)
	for _, o := range []audit.Outcome{audit.OutcomeSuccess, audit.OutcomeFailure, audit.OutcomeDenied, audit.OutcomeUnknown} {
		d.say("%-8s %d", o, outcomes[o])
	}
	return nil
}
