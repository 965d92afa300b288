package demo

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/typelog/typelog/schemas/audit"
	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/schema"
)

// sampleText holds audit events as Avro's JSON, one a line, without what every event gets on its own: id, times and
// producer.
//
//go:embed sample.jsonl
var sampleText []byte

// readSample decodes the events that travel with the demo.
func readSample() ([]audit.AuditEvent, error) {
	text, _ := new(audit.AuditEvent).AvroSchema()
	s, err := schema.Parse(text)
	if err != nil {
		return nil, err
	}
	codec, err := avro.NewCodec(s)
	if err != nil {
		return nil, err
	}
	var events []audit.AuditEvent
	for i, line := range bytes.Split(bytes.TrimSpace(sampleText), []byte("\n")) {
		full, err := complete(line)
		if err != nil {
			return nil, fmt.Errorf("sample line %d: %w", i+1, err)
		}
		encoded, err := codec.FromJSON(nil, full)
		if err != nil {
			return nil, fmt.Errorf("sample line %d: %w", i+1, err)
		}
		var e audit.AuditEvent
		if err := e.DecodeAvro(encoded, avro.DecodeOptions{}); err != nil {
			return nil, fmt.Errorf("sample line %d: %w", i+1, err)
		}
		events = append(events, e)
	}
	return events, nil
}

// complete adds the fields that a line of the sample leaves out and that have no default.
func complete(line []byte) ([]byte, error) {
	fields := map[string]json.RawMessage{
		"event_id":    json.RawMessage(`"0000000000000000"`),
		"occurred_at": json.RawMessage(`0`),
		"recorded_at": json.RawMessage(`0`),
		"trace":       json.RawMessage(`{}`),
		"producer":    json.RawMessage(`{"id":"demo","sequence":0}`),
	}
	if err := json.Unmarshal(line, &fields); err != nil {
		return nil, err
	}
	return json.Marshal(fields)
}

// event returns the n-th event of a producer, which is one of the sample with an identity of its own.
func event(sample []audit.AuditEvent, producer string, n int64, now time.Time) *audit.AuditEvent {
	e := sample[int(n)%len(sample)]
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(producer), uint64(n)))
	copy(e.EventID[:], sum[:])
	e.OccurredAt = now.Add(-time.Duration(n%1000) * time.Millisecond).Truncate(time.Microsecond)
	e.RecordedAt = now.Truncate(time.Microsecond)
	e.Producer = audit.Producer{ID: producer, Sequence: n + 1}
	return &e
}
