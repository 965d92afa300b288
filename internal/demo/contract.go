package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/schemas/audit"
	"github.com/typelog/typelog/serde"
)

// refuse sends records that do not fit, by a client that does not check, and wants each refused in words that help.
func (d *demo) refuse(ctx context.Context) error {
	good, err := event(d.sample, "demo-bad", 0, time.Now()).AppendAvro(serde.AppendPrefix(nil, d.producer.SchemaID()))
	if err != nil {
		return err
	}
	for _, bad := range []struct {
		what  string
		value []byte
		says  string // must stand in the broker's refusal
	}{
		{"text that is no Avro", []byte("user mara logged in"), "schema id"},
		{"an unknown schema id", append(serde.AppendPrefix(nil, 4711), 2, 4), "4711"},
		{"an event that is cut off", good[:len(good)-3], "producer"},
		{"an event with operation 45", wrongOperation(good), "operation"},
	} {
		err := serde.ProduceAlone(ctx, d.client, &kgo.Record{Topic: topic, Value: bad.value})
		var refusal *serde.Refusal
		if !errors.As(err, &refusal) {
			return fmt.Errorf("%s got %v; want it refused", bad.what, err)
		}
		if !strings.Contains(refusal.Message, bad.says) {
			return fmt.Errorf("%s was refused with %q, which does not name %q", bad.what, refusal.Message, bad.says)
		}
		d.refused++
		d.say("%s:", bad.what)
		d.say("  %s", refusal.Message)
	}
	return nil
}

// wrongOperation changes the first enum of an encoded event to a symbol that does not exist: it follows the prefix, the
// event id, two timestamps, and the action's length and text.
func wrongOperation(good []byte) []byte {
	b := bytes.Clone(good)
	at := serde.PrefixLen + 16
	for range 2 {
		for b[at]&0x80 != 0 {
			at++
		}
		at++
	}
	at += 1 + int(b[at]>>1)
	b[at] = 90
	return b
}

// The schema with a field more, once so that old data can still be read, and once not.
const (
	goodField = `{"name": "severity", "type": ["null", "string"], "default": null, "doc": "How bad it is."}`
	badField  = `{"name": "severity", "type": "string", "doc": "How bad it is."}`
)

func withField(field string) string {
	text, _ := new(audit.AuditEvent).AvroSchema()
	return strings.Replace(text, `"fields": [`, `"fields": [`+field+`,`, 1)
}

func (d *demo) evolve(ctx context.Context) error {
	_, err := d.registry.Register(ctx, subject, withField(badField))
	if !errors.Is(err, serde.ErrIncompatible) {
		return fmt.Errorf("a new field without a default got %v; want it refused as incompatible", err)
	}
	if !strings.Contains(err.Error(), "severity") || !strings.Contains(err.Error(), "/fields/0") {
		return fmt.Errorf("the refusal names neither field nor path: %w", err)
	}
	d.say("a new field without a default:")
	d.say("  %s", firstReason(err))
	id, err := d.registry.Register(ctx, subject, withField(goodField))
	if err != nil {
		return err
	}
	d.say("the same field with a default is accepted: schema id %d", id)
	return nil
}

// firstReason shortens Confluent's long message to its first reason.
func firstReason(err error) string {
	text := err.Error()
	if i := strings.Index(text, "{errorType"); i >= 0 {
		text = text[i:]
		if j := strings.Index(text, "}"); j >= 0 {
			text = text[:j+1]
		}
	}
	return text
}
