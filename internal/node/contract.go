package node

import (
	"context"

	"github.com/typelog/typelog/broker/contract"
	"github.com/typelog/typelog/registry"
)

// contractOf lets a registry answer the broker's question. Subjects are named by topic, as Confluent's schema validation
// does by default: NAME-value and NAME-key.
type contractOf struct{ registry *registry.Registry }

// Check implements contract.Contract.
func (c contractOf) Check(ctx context.Context, topic contract.Topic, records contract.Records) (contract.Verdict, error) {
	w := walk{
		contractOf: c, ctx: ctx, policy: topic.Policy,
		value: topic.Name + "-value", key: topic.Name + "-key",
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

// walk checks the records of one batch.
type walk struct {
	contractOf
	ctx        context.Context
	policy     contract.Policy
	value, key string // subjects

	verdict contract.Verdict
	err     error
}

// record checks one record. Its first fault is noted.
func (w *walk) record(index int, r contract.Record) {
	fault, ok := contract.Fault{}, true
	if w.policy.Key != contract.Off && r.Key != nil {
		fault, ok = w.part(contract.Key, w.policy.Key, w.key, r.Key)
	}
	switch {
	case !ok || w.err != nil:
	case r.Value == nil && w.policy.RejectNullValue:
		fault, ok = contract.Fault{Reason: "the value is null, which typelog.value.contract.null=reject forbids"}, false
	case r.Value != nil && w.policy.Value != contract.Off:
		fault, ok = w.part(contract.Value, w.policy.Value, w.value, r.Value)
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

// part checks one part and says what is wrong with it.
func (w *walk) part(part contract.Part, level contract.Level, subject string, payload []byte) (contract.Fault, bool) {
	check, err := w.registry.CheckPayload(w.ctx, subject, level == contract.Full, payload)
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
