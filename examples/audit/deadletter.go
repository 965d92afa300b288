package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Headers of a dead letter.
const (
	headerSource = "source"
	headerLine   = "line"   // from 1
	headerRecord = "record" // from 1, within a document of several records; otherwise absent
	headerPart   = "part"   // from 1, of a line too long for one record: "2", and "3 last"; otherwise absent
	headerReason = "reason"
)

// maxPart bounds a dead letter's value in bytes; longer lines are cut into parts, in order in one partition.
const maxPart = 512 << 10

// shownLetters is how many dead letters are shown as they happen; all are in the topic.
const shownLetters = 20

// letter is a line that became no event.
type letter struct {
	source string
	line   int64
	record int // 0: the whole line
	text   []byte
	reason string
}

// deadLetters writes lines that became no event to a topic, as they came, with headers that say whence and why. It waits
// for the broker as long as ctx lives.
type deadLetters struct {
	ctx    context.Context
	client *kgo.Client
	topic  string
	log    *slog.Logger

	begun  int64        // letters
	stored atomic.Int64 // letters that the broker has acknowledged
	failed atomic.Int64 // parts that it has not
}

func newDeadLetters(ctx context.Context, log *slog.Logger, brokers []string, topic string) (*deadLetters, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ClientID("audit"), kgo.DefaultProduceTopic(topic),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.MaxBufferedBytes(64<<20))
	if err != nil {
		return nil, err
	}
	return &deadLetters{ctx: ctx, client: client, topic: topic, log: log}, nil
}

// put sends a letter of one or more parts.
func (d *deadLetters) put(l letter) {
	if len(l.text) <= maxPart {
		d.send(l, 0, true)
		return
	}
	d.putParts(l, 1, true)
}

// putParts sends a letter's text in parts, numbered from part on; last says whether the line ends with it. It
// returns the number of the next part.
func (d *deadLetters) putParts(l letter, part int, last bool) int {
	rest := l.text
	for {
		l.text = rest[:min(len(rest), maxPart)]
		rest = rest[len(l.text):]
		d.send(l, part, last && len(rest) == 0)
		part++
		if len(rest) == 0 {
			return part
		}
	}
}

func (d *deadLetters) send(l letter, part int, last bool) {
	rec := &kgo.Record{Key: []byte(l.source), Value: l.text, Headers: []kgo.RecordHeader{
		{Key: headerSource, Value: []byte(l.source)},
		{Key: headerLine, Value: fmt.Append(nil, l.line)},
		{Key: headerReason, Value: []byte(l.reason)},
	}}
	if l.record > 0 {
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: headerRecord, Value: fmt.Append(nil, l.record)})
	}
	switch {
	case part > 0 && last:
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: headerPart, Value: fmt.Append(nil, part, " last")})
	case part > 0:
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: headerPart, Value: fmt.Append(nil, part)})
	}
	if last {
		d.show(l)
	}
	d.client.Produce(d.ctx, rec, func(_ *kgo.Record, err error) {
		switch {
		case err != nil:
			d.failed.Add(1)
			d.log.Error("a dead letter was not stored", "source", l.source, "line", l.line, "error", err)
		case last:
			d.stored.Add(1)
		}
	})
}

func (d *deadLetters) show(l letter) {
	if d.begun++; d.begun > shownLetters {
		return
	}
	d.log.Warn("dead letter", "source", l.source, "line", l.line, "reason", l.reason)
	if d.begun == shownLetters {
		d.log.Warn("further dead letters are counted and not shown", "topic", d.topic)
	}
}

// flush waits until the fate of each letter is known.
func (d *deadLetters) flush(ctx context.Context) error { return d.client.Flush(ctx) }

func (d *deadLetters) close() { d.client.Close() }
