package node

import (
	"context"

	"github.com/typelog/typelog/broker/contract"
	"github.com/typelog/typelog/registry"
)

// contractOf lets a registry answer the broker's question.
type contractOf struct{ registry *registry.Registry }

// Check implements contract.Contract.
func (c contractOf) Check(ctx context.Context, topic contract.Topic, records contract.Records) (contract.Verdict, error) {
	w := walk{
		contractOf: c, ctx: ctx, policy: topic.Policy,
		value: naming(topic.Policy.ValueSubject, topic.Name, contract.Value),
		key:   naming(topic.Policy.KeySubject, topic.Name, contract.Key),
	}
	err := records.Each(func(index int, r contract.Record) bool {
		w.record(index, r)
		return w.err == nil
	})
	if w.err != nil {
		return contract.Verdict{}, w.err
	}
	return w.verdict, err
}

func naming(by contract.Strategy, topic string, part contract.Part) registry.Naming {
	switch by {
	case contract.RecordName:
		return registry.RecordName()
	case contract.TopicRecordName:
		return registry.TopicRecordName(topic)
	}
	return registry.Naming(topic + "-" + part.String())
}

// walk checks the records of one batch.
type walk struct {
	contractOf
	ctx        context.Context
	policy     contract.Policy
	value, key registry.Naming

	verdict contract.Verdict
	err     error
}

// record checks one record. Its first fault is noted.
func (w *walk) record(index int, r contract.Record) {
	fault, ok := contract.Fault{}, true
	if w.policy.Key != contract.Off && r.Key != nil {
		fault, ok = w.part(contract.Key, w.policy.Key, w.key, r.Key, r.Headers)
	}
	switch {
	case !ok || w.err != nil:
	case r.Value == nil && w.policy.RejectNullValue:
		fault, ok = contract.Fault{Reason: "the value is null, which typelog.value.contract.null=reject forbids"}, false
	case r.Value != nil && w.policy.Value != contract.Off:
		fault, ok = w.part(contract.Value, w.policy.Value, w.value, r.Value, r.Headers)
	}
	if ok || w.err != nil {
		return
	}
	w.verdict.Bad++
	if len(w.verdict.Faults) < contract.MaxFaults {
		fault.Index = index
		w.verdict.Faults = append(w.verdict.Faults, fault)
	}
}

// The headers of Confluent's wire format that name the schema of a key or value, instead of a prefix of the payload.
const (
	headerKeySchema   = "__key_schema_id"
	headerValueSchema = "__value_schema_id"
)

// part checks one part and says what is wrong with it.
func (w *walk) part(part contract.Part, level contract.Level, subject registry.Naming, payload []byte, headers []contract.Header) (contract.Fault, bool) {
	name := headerValueSchema
	if part == contract.Key {
		name = headerKeySchema
	}
	var header *contract.Header
	for i := range headers {
		if headers[i].Key != name {
			continue
		}
		if header != nil { // readers differ in which one they believe
			return contract.Fault{Part: part, Reason: "the header " + name + " stands there more than once"}, false
		}
		header = &headers[i]
	}
	var check registry.PayloadCheck
	var err error
	if header == nil {
		check, err = w.registry.CheckPayload(w.ctx, subject, level == contract.Full, payload)
	} else {
		check, err = w.registry.CheckHeader(w.ctx, subject, level == contract.Full, header.Value, payload)
	}
	if err != nil {
		w.err = err
		return contract.Fault{}, false
	}
	if check.OK {
		w.count(check.SchemaID, part)
		return contract.Fault{}, true
	}
	return contract.Fault{Part: part, SchemaID: check.SchemaID, Pointer: check.Pointer, Reason: check.Reason}, false
}

// count notes the schema id of a part that fits; a subject has few.
func (w *walk) count(id int32, part contract.Part) {
	for i := range w.verdict.Schemas {
		if s := &w.verdict.Schemas[i]; s.ID == id && s.Part == part {
			s.Count++
			return
		}
	}
	w.verdict.Schemas = append(w.verdict.Schemas, contract.SchemaUse{ID: id, Part: part, Count: 1})
}
