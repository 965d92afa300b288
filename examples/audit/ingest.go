package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/typelog/typelog/schemas/audit"
	"github.com/typelog/typelog/serde"
)

// Bounds of an ingester.
const (
	// maxEvent bounds an encoded event in bytes: brokers take messages of a mebibyte by default.
	maxEvent = 960 << 10
	// maxInflight bounds the lines that wait for the broker, in bytes.
	maxInflight = 64 << 20
	// grace is how long an interrupted ingester waits for the broker.
	grace = 10 * time.Second
)

// ingestConfig says what to ingest, and where to.
type ingestConfig struct {
	brokers  []string
	registry string
	topic    string
	source   string // empty: each file's name
	rate     int    // events a second; 0: as fast as it goes
	files    []string
}

// ingester turns lines into events. What it reads becomes one acknowledged event or one acknowledged dead letter, or
// it says so in the end.
type ingester struct {
	log    *slog.Logger
	events *serde.Producer[audit.AuditEvent]
	dead   *deadLetters
	bytes  *inflight
	pace   pace

	read     int64
	produced atomic.Int64 // acknowledged
	scratch  []byte

	mu      sync.Mutex // guards what follows
	refused []letter   // by the broker; to become dead letters
	failure error      // the first one that a message failed with
}

// source is a log on its way, between lines.
type source struct {
	name     string
	chain    *chain
	sequence int64 // of the last event
	part     int   // next part of a line that is too long
}

// ingest reads logs to their ends and prints what became of the lines.
func ingest(ctx context.Context, cfg ingestConfig, log *slog.Logger, out io.Writer) error {
	logs, err := inputs(cfg.source, cfg.files)
	if err != nil {
		return err
	}
	// What is buffered when ctx ends still has its time of grace to get through.
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()

	in, err := newIngester(ctx, late, cfg, log)
	if err != nil {
		return err
	}
	for _, l := range logs {
		if err = in.ingestLog(ctx, l); err != nil {
			break
		}
	}
	return errors.Join(err, in.finish(late, out))
}

func newIngester(ctx, late context.Context, cfg ingestConfig, log *slog.Logger) (*ingester, error) {
	if err := createTopics(ctx, log, cfg.brokers, cfg.topic); err != nil {
		return nil, err
	}
	in := &ingester{log: log, bytes: newInflight(maxInflight), pace: pace{rate: cfg.rate}}
	err := patiently(ctx, log, "broker and registry", func() (err error) {
		in.events, err = serde.NewProducer[audit.AuditEvent](ctx, serde.ProducerConfig{
			Brokers: cfg.brokers, Registry: cfg.registry, Topic: cfg.topic,
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	in.dead, err = newDeadLetters(late, log, cfg.brokers, cfg.topic+deadSuffix)
	return in, err
}

func (in *ingester) ingestLog(ctx context.Context, l input) error {
	src := &source{name: l.source, chain: newChain(l.source)}
	var before int64 // lines of the files before
	for _, file := range l.files {
		lines, err := readLines(ctx, file)
		if err != nil {
			return err
		}
		n, err := in.ingestFile(ctx, src, lines, before)
		if err != nil {
			return err
		}
		before = n
	}
	return nil
}

// ingestFile takes a file's lines, numbered on from before, and returns the number of the last.
func (in *ingester) ingestFile(ctx context.Context, src *source, lines <-chan lineOrError, before int64) (int64, error) {
	number := before
	for {
		select {
		case l, more := <-lines:
			switch {
			case l.err != nil:
				return number, l.err
			case !more && ctx.Err() != nil:
				return number, interrupted(src, number)
			case !more:
				return number, nil
			}
			number = before + l.number
			l.number = number
			if err := in.take(ctx, src, l.line); err != nil {
				return number, err
			}
		case <-ctx.Done():
			return number, interrupted(src, number)
		}
	}
}

func interrupted(src *source, line int64) error {
	return fmt.Errorf("interrupted behind line %d of %s", line, src.name)
}

// take makes one event of a line, one of each record of a CloudTrail document, or a dead letter.
func (in *ingester) take(ctx context.Context, src *source, l line) error {
	in.buryRefused()
	if l.part > 0 {
		in.takePart(src, l)
		return nil
	}
	root, err := parseJSON(l.text)
	if err == nil {
		if records := document(root); len(records) > 0 {
			for i := range records {
				text := []byte(records[i].raw)
				src.chain.add(text)
				if err := in.event(ctx, src, &records[i], letter{source: src.name, line: l.number, record: i + 1, text: text}, nil); err != nil {
					return err
				}
			}
			return nil
		}
	}
	src.chain.add(l.text)
	return in.event(ctx, src, root, letter{source: src.name, line: l.number, text: l.text}, err)
}

// takePart passes on a part of a line that is too long.
func (in *ingester) takePart(src *source, l line) {
	if l.part == 1 {
		src.part = 1
	}
	src.chain.add(l.text)
	reason := fmt.Sprintf("the line is longer than %d bytes", maxLine)
	src.part = in.dead.putParts(letter{source: src.name, line: l.number, text: l.text, reason: reason}, src.part, l.last)
	if l.last {
		in.read++
		src.chain.end()
	}
}

// event produces the event of a record whose text the chain holds already, or a dead letter of it. An error ends the run.
func (in *ingester) event(ctx context.Context, src *source, root *value, l letter, fault error) error {
	if err := in.pace.wait(ctx); err != nil {
		return interrupted(src, l.line-1)
	}
	in.read++
	id := src.chain.end()
	var e *audit.AuditEvent
	if fault == nil {
		e, fault = in.complete(root, id, audit.Producer{ID: src.name, Sequence: src.sequence + 1})
	}
	if fault != nil {
		l.reason = fault.Error()
		in.dead.put(l)
		return nil
	}
	src.sequence++
	return in.produce(ctx, e, l)
}

// complete maps a record and makes sure that the broker will take the event, before it has a number in the sequence.
func (in *ingester) complete(root *value, id audit.EventID, by audit.Producer) (*audit.AuditEvent, error) {
	e, err := mapEvent(root)
	if err != nil {
		return nil, err
	}
	e.EventID, e.Producer = id, by
	e.RecordedAt = time.Now().UTC().Truncate(time.Microsecond)
	if in.scratch, err = e.AppendAvro(in.scratch[:0]); err != nil {
		return nil, err
	}
	if len(in.scratch) > maxEvent {
		return nil, fmt.Errorf("the event is too large: it takes %d bytes of %d", len(in.scratch), maxEvent)
	}
	return e, nil
}

// produce sends an event. The key is its id: events spread evenly, and one that is ingested again comes to the same
// partition.
func (in *ingester) produce(ctx context.Context, e *audit.AuditEvent, l letter) error {
	size := len(l.text) + 256
	if err := in.bytes.take(ctx, size); err != nil {
		return fmt.Errorf("line %d of %s was not sent: %w", l.line, l.source, err)
	}
	err := in.events.Produce(ctx, &serde.Message[audit.AuditEvent]{Key: e.EventID[:], Value: e}, func(_ serde.Delivery, err error) {
		defer in.bytes.give(size)
		if err == nil {
			in.produced.Add(1)
			return
		}
		in.fail(l, err)
	})
	if err != nil {
		in.bytes.give(size)
		return fmt.Errorf("line %d of %s was not sent: %w", l.line, l.source, err)
	}
	return nil
}

// fail notes an event that was not stored. If the broker refused it alone, the line becomes a dead letter after all; its
// number in the sequence is gone then.
func (in *ingester) fail(l letter, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if errors.Is(err, serde.ErrRefused) && !errors.Is(err, serde.ErrSchemaRefused) {
		l.reason = err.Error()
		in.refused = append(in.refused, l)
		return
	}
	if in.failure == nil {
		in.failure = fmt.Errorf("line %d of %s: %w", l.line, l.source, err)
	}
}

// buryRefused makes dead letters of what the broker refused.
func (in *ingester) buryRefused() {
	in.mu.Lock()
	refused := in.refused
	in.refused = nil
	in.mu.Unlock()
	for _, l := range refused {
		in.dead.put(l)
	}
}

// finish waits for what is under way, prints the result, and fails unless everything read is acknowledged.
func (in *ingester) finish(ctx context.Context, out io.Writer) error {
	flushed := in.events.Close(ctx)
	in.buryRefused()
	flushed = errors.Join(flushed, in.dead.flush(ctx))
	in.dead.close()
	produced, dead := in.produced.Load(), in.dead.stored.Load()
	in.mu.Lock()
	failure := in.failure
	in.mu.Unlock()
	var err error
	if open := in.read - produced - dead; open != 0 || in.dead.failed.Load() > 0 {
		err = errors.Join(fmt.Errorf("%d of %d lines are not acknowledged: ingest the same input again", open, in.read), failure, flushed)
	}
	fmt.Fprintf(out, "read=%d produced=%d dead_lettered=%d\n", in.read, produced, dead)
	return err
}

// pace holds back to a number of events a second.
type pace struct {
	rate  int
	began time.Time
	n     int
}

// wait waits for the next event's turn.
func (p *pace) wait(ctx context.Context) error {
	if p.rate <= 0 {
		return nil
	}
	if p.n == 0 {
		p.began = time.Now()
	}
	due := p.began.Add(time.Duration(p.n) * time.Second / time.Duration(p.rate))
	p.n++
	ahead := time.Until(due)
	if ahead < -time.Second { // after a stop of the broker: what was missed is not made up for
		p.began, p.n = time.Now(), 1
	}
	if ahead < time.Millisecond {
		return ctx.Err()
	}
	select {
	case <-time.After(ahead):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
