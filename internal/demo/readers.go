package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/schemas/audit"
	"github.com/typelog/typelog/serde"
	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/schema"
)

// readOldAndNew produces events by the new schema, reads them with the generated type, which knows only the old one,
// and reads everything with the new schema.
func (d *demo) readOldAndNew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := d.produceNew(ctx); err != nil {
		return err
	}
	old, err := d.readOld(ctx)
	if err != nil {
		return err
	}
	d.say("old reader (generated Go, without the field): %d events, %d of them written with it", old, newEvents)
	without, with, err := d.readNew(ctx, firstEvents+newEvents)
	if err != nil {
		return err
	}
	if without != firstEvents || with != newEvents {
		return fmt.Errorf("the new reader saw %d events with severity null and %d with a value; want %d and %d", without, with, firstEvents, newEvents)
	}
	d.say("new reader: %d old events with severity null, %d new ones with their value", without, with)
	return nil
}

// produceNew writes events with the new schema, as Avro's JSON: the program that does so has no generated code for it.
func (d *demo) produceNew(ctx context.Context) error {
	p, err := serde.NewJSONProducer(ctx, serde.ProducerConfig{
		Brokers: []string{d.server.Kafka}, Registry: d.server.URL(), Topic: topic, Value: serde.SchemaConfig{NoRegister: true},
	}, withField(goodField))
	if err != nil {
		return err
	}
	defer p.Close(ctx)
	lines := bytes.Split(bytes.TrimSpace(sampleText), []byte("\n"))
	failed := make(chan error, newEvents)
	for n := range newEvents {
		line, err := complete(lines[n%len(lines)])
		if err != nil {
			return err
		}
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			return err
		}
		fields["severity"] = map[string]string{"string": "high"}
		fields["event_id"] = fmt.Sprintf("demo-new-%07d", n)
		fields["producer"] = map[string]any{"id": "demo-new", "sequence": n + 1}
		if line, err = json.Marshal(fields); err != nil {
			return err
		}
		if err := p.Produce(ctx, nil, line, nil, func(_ serde.Delivery, err error) { failed <- err }); err != nil {
			return err
		}
	}
	for range newEvents {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) readOld(ctx context.Context) (int, error) {
	consumer, err := serde.NewConsumer[audit.AuditEvent](serde.ConsumerConfig{
		Brokers: []string{d.server.Kafka}, Registry: d.server.URL(), Topics: []string{topic}, Group: "demo-old-reader",
	})
	if err != nil {
		return 0, err
	}
	defer consumer.Close()
	n := 0
	for m, err := range consumer.Messages(ctx) {
		if err != nil {
			return n, err
		}
		if m.Value.Producer.ID == "" || m.Value.Action == "" {
			return n, fmt.Errorf("partition %d offset %d came without producer or action", m.Partition, m.Offset)
		}
		if n++; n == firstEvents+newEvents {
			return n, nil
		}
	}
	return n, fmt.Errorf("read %d events, want %d", n, firstEvents+newEvents)
}

// readNew reads want events with the new schema and counts those whose severity is null and those where it is set.
func (d *demo) readNew(ctx context.Context, want int) (without, with int, err error) {
	reader, err := schema.Parse(withField(goodField))
	if err != nil {
		return 0, 0, err
	}
	codec, err := avro.NewCodec(reader)
	if err != nil {
		return 0, 0, err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(d.server.Kafka), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return 0, 0, err
	}
	defer client.Close()
	plans := map[int32]*avro.Resolution{}
	for without+with < want {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return without, with, err
		}
		for _, rec := range fetches.Records() {
			event, err := d.project(ctx, codec, reader, plans, rec.Value)
			if err != nil {
				return without, with, fmt.Errorf("partition %d offset %d: %w", rec.Partition, rec.Offset, err)
			}
			if event.Severity == nil {
				without++
			} else {
				with++
			}
		}
	}
	return without, with, nil
}

type severityOnly struct {
	Severity *struct {
		String string `json:"string"`
	} `json:"severity"`
}

// project decodes a value of any version as the reader's schema has it.
func (d *demo) project(ctx context.Context, codec *avro.Codec, reader *schema.Schema, plans map[int32]*avro.Resolution, value []byte) (severityOnly, error) {
	var e severityOnly
	id, payload, err := serde.SplitPrefix(value)
	if err != nil {
		return e, err
	}
	plan, ok := plans[id]
	if !ok {
		writer, err := d.registry.Schema(ctx, id)
		if err != nil {
			return e, err
		}
		if plan, err = avro.Resolve(writer, reader); err != nil {
			return e, err
		}
		plans[id] = plan
	}
	projected, err := plan.Append(nil, payload)
	if err != nil {
		return e, err
	}
	text, err := codec.ToJSON(projected)
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(text, &e)
}
