package serde

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kgo"
)

// OnBad decides what becomes of a consumed record whose bytes do not decode; why says what is wrong and where. If it
// returns nil, the consumer goes on behind the record; an error ends the consumer with that error, and the record
// comes again after a restart.
type OnBad func(ctx context.Context, rec *kgo.Record, why error) error

// Stop ends the consumer at a bad record.
func Stop(_ context.Context, _ *kgo.Record, why error) error { return why }

// Skip logs a bad record and goes on.
func Skip(log *slog.Logger) OnBad {
	return func(ctx context.Context, rec *kgo.Record, why error) error {
		log.WarnContext(ctx, "skipped a bad record", "topic", rec.Topic, "partition", rec.Partition, "offset", rec.Offset, "reason", why)
		return nil
	}
}

// Headers that DeadLetter adds to a record.
const (
	HeaderReason    = "typelog.dead-letter.reason"
	HeaderTopic     = "typelog.dead-letter.topic"
	HeaderPartition = "typelog.dead-letter.partition"
	HeaderOffset    = "typelog.dead-letter.offset"
)

// DeadLetter stores a bad record, as it came, in another topic, with headers that say where it stood and what is wrong, and
// goes on once it is durable there. The client is the caller's.
func DeadLetter(client *kgo.Client, topic string) OnBad {
	return func(ctx context.Context, rec *kgo.Record, why error) error {
		if err := client.ProduceSync(ctx, deadLetter(topic, rec, why)).FirstErr(); err != nil {
			return networkOr(err, "dead letter topic %s", topic)
		}
		return nil
	}
}

// DeadLetter does what the function DeadLetter does, within the transaction that reads the record, for the OnBad of the
// Transactor's consumer: the dead letter is there if and only if the group has gone on behind the record.
func (t *Transactor) DeadLetter(topic string) OnBad {
	var line *pipeline // OnBad is called by one goroutine
	return func(ctx context.Context, rec *kgo.Record, why error) error {
		if line == nil {
			made, err := newPipeline(ctx, ProducerConfig{Topic: topic, Transactor: t})
			if err != nil {
				return err
			}
			line = made
		}
		return line.produce(ctx, deadLetter(topic, rec, why), nil)
	}
}

func deadLetter(topic string, rec *kgo.Record, why error) *kgo.Record {
	headers := append(append([]kgo.RecordHeader(nil), rec.Headers...),
		kgo.RecordHeader{Key: HeaderReason, Value: []byte(why.Error())},
		kgo.RecordHeader{Key: HeaderTopic, Value: []byte(rec.Topic)},
		kgo.RecordHeader{Key: HeaderPartition, Value: fmt.Append(nil, rec.Partition)},
		kgo.RecordHeader{Key: HeaderOffset, Value: fmt.Append(nil, rec.Offset)})
	return &kgo.Record{Topic: topic, Key: rec.Key, Value: rec.Value, Timestamp: rec.Timestamp, Headers: headers}
}
