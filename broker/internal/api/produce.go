package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/contract"
	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
	"github.com/typelog/typelog/broker/internal/wire"
)

// produceCall is a Produce request on its way. It is used again once its answer is encoded.
type produceCall struct {
	s     *Server
	c     caller
	frame produceFrame
	// topics are the frame's topics as the catalog knows them; nil for those that it does not.
	topics []*topic
	// parts are the outcomes, in step with frame.parts.
	parts []produceOutcome
	// batches are what entered the log; place says which of parts each is.
	batches  []log.Batch
	place    []int
	holds    []func() // keep the transaction still while batches enter the log
	appended []log.Appended
	done     chan struct{} // receives once, after the append is decided
}

// produceOutcome is what becomes of one partition's records.
type produceOutcome struct {
	err     error
	faults  []recordFault
	taken   bool // it entered the log; appended has the rest
	outcome log.Appended
}

// recordFault is one record that was refused.
type recordFault struct {
	index int
	text  string
}

// produce answers Produce. Its first step verifies each batch, asks the contract and passes what is good to the log, so that
// batches of one connection enter the log in the order in which they were sent. Its second step waits until they are as
// durable as their topics ask for.
func produce(s *Server, ctx context.Context, c caller, version int16, body []byte) (finish, error) {
	p := s.calls.get()
	p.s, p.c = s, c
	if err := decodeProduce(version, body, &p.frame); err != nil {
		s.calls.put(p)
		return nil, err
	}
	p.lookUp()
	if s.deny(ctx, &p.c, p.needs()) {
		p.refuse(kerr.TopicAuthorizationFailed)
	} else if id := p.frame.transactionalID; id != nil && !p.c.may(Write, TransactionalID, string(id)) {
		p.refuse(kerr.TransactionalIDAuthorizationFailed)
	} else if err := p.check(); err != nil {
		p.refuse(err)
	} else {
		p.enter(ctx)
	}
	return p.finish, nil
}

// lookUp finds the topics and makes room for the outcomes.
func (p *produceCall) lookUp() {
	for i := range p.frame.topics {
		ft := &p.frame.topics[i]
		if p.frame.version >= 13 {
			p.topics = append(p.topics, p.s.Catalog.withID(ft.id))
		} else {
			p.topics = append(p.topics, p.s.Catalog.namedBytes(ft.name))
		}
	}
	for range p.frame.parts {
		p.parts = append(p.parts, produceOutcome{})
	}
}

// needs are what the request has to be allowed.
func (p *produceCall) needs() []need {
	if p.s.Authorizer == nil {
		return nil
	}
	var needs []need
	if id := p.frame.transactionalID; id != nil {
		needs = append(needs, need{Write, TransactionalID, string(id)})
	}
	for i, t := range p.topics {
		if t != nil {
			needs = append(needs, need{Write, Topic, t.name})
		} else {
			needs = append(needs, need{Write, Topic, string(p.frame.topics[i].name)})
		}
	}
	return needs
}

// check refuses what no partition can take.
func (p *produceCall) check() error {
	switch acks := p.frame.acks; {
	case p.frame.version < 3:
		return &fault{kerr.UnsupportedVersion, "Produce before version 3 carries message formats that are not supported."}
	case acks < -1 || acks > 1:
		return &fault{kerr.InvalidRequiredAcks, fmt.Sprintf("acks is %d, it must be -1, 0 or 1", acks)}
	}
	return nil
}

// refuse gives every partition the same error.
func (p *produceCall) refuse(err error) {
	for i := range p.parts {
		p.parts[i].err = err
	}
}

// enter passes the batches that are good to the log.
func (p *produceCall) enter(ctx context.Context) {
	now := p.s.now().UnixMilli()
	for i := range p.frame.topics {
		t, ft := p.topics[i], &p.frame.topics[i]
		err := p.topicError(t)
		for j := ft.first; j < ft.last; j++ {
			part, out := &p.frame.parts[j], &p.parts[j]
			if out.err = err; err != nil {
				continue
			}
			if !t.has(part.index) {
				out.err = kerr.UnknownTopicOrPartition
				continue
			}
			batch, err := p.verify(ctx, t, part, out, now)
			if err != nil {
				out.err = err
				p.s.refused(p.c, t, part.index, p.frame.acks, out)
				continue
			}
			p.batches = append(p.batches, log.Batch{Partition: t.partition(part.index), Bytes: batch})
			p.place = append(p.place, j)
			out.taken = true
		}
	}
	p.enterTransaction(ctx)
	if len(p.batches) == 0 {
		return
	}
	if p.done == nil {
		p.done = make(chan struct{}, 1)
	}
	p.s.Engine.Append(p.batches, func(outcomes []log.Appended) {
		p.appended = append(p.appended[:0], outcomes...)
		p.done <- struct{}{}
	})
	for _, release := range p.holds {
		release() // the batches have their place
	}
}

// topicError is why a topic takes no records at all from this request.
func (p *produceCall) topicError(t *topic) error {
	switch {
	case t == nil && p.frame.version >= 13:
		return kerr.UnknownTopicID
	case t == nil:
		return kerr.UnknownTopicOrPartition
	case !p.c.may(Write, Topic, t.name):
		return kerr.TopicAuthorizationFailed
	case t.internal:
		return &fault{kerr.InvalidTopicException, fmt.Sprintf("Topic '%s' belongs to the broker.", t.name)}
	}
	return nil
}

// verify holds one batch against the format, the topic's configs and its contract.
func (p *produceCall) verify(ctx context.Context, t *topic, part *producePart, out *produceOutcome, now int64) (record.Batch, error) {
	if p.frame.acks == 0 && t.config.Contract.Enabled() && !t.config.AcceptAcks0 {
		return nil, errAcks0
	}
	batch, err := record.Verify(part.records, record.Limits{MaxBytes: t.config.MaxMessageBytes})
	if err != nil {
		return nil, err
	}
	if batch.Attributes().Transactional() && p.frame.transactionalID == nil {
		return nil, &fault{kerr.TransactionalIDAuthorizationFailed, "A batch of a transaction came without a transactional id."}
	}
	records, err := p.s.Codecs.OpenContext(ctx, batch)
	if err != nil {
		return nil, err
	}
	defer records.Close()
	summary, err := records.Check(record.Rules{
		RequireKey: t.config.Compact,
		Bound:      !t.config.AppendTime,
		Now:        now, MaxBefore: t.config.TimestampBeforeMs, MaxAfter: t.config.TimestampAfterMs,
	})
	if err != nil {
		return nil, err
	}
	if summary.BadCount > 0 {
		for _, bad := range summary.Bad {
			out.faults = append(out.faults, recordFault{bad.Index, bad.Err.Error()})
		}
		first := summary.Bad[0]
		kind := kerr.InvalidRecord
		if errors.Is(first.Err, record.ErrInvalidTimestamp) {
			kind = kerr.InvalidTimestamp
		}
		return nil, &fault{kind, fmt.Sprintf("%d of %d records are refused; record %d: %v",
			summary.BadCount, records.Len(), first.Index, first.Err)}
	}
	if err := p.s.ask(ctx, t, records, out); err != nil {
		return nil, err
	}
	if batch, err = p.s.compress(t, batch, records); err != nil {
		return nil, err
	}
	if !t.config.AppendTime && summary.MaxTimestamp != batch.MaxTimestamp() {
		batch.SetMaxTimestamp(summary.MaxTimestamp)
	}
	return batch, nil
}

var (
	errAcks0 = &fault{kerr.InvalidRequiredAcks, "The topic has a contract, and a client that sends with acks=0 would never " +
		"learn that a record was refused. Use acks=1 or acks=all, or set the topic config typelog.acks0=accept."}
	errAcks0Refused = errors.New("a batch sent with acks=0 was refused, and there is no other way to tell the client")
	errUndecided    = errors.New("the contract could not be checked")
)

// ask asks the contract about a batch.
func (s *Server) ask(ctx context.Context, t *topic, records *record.Records, out *produceOutcome) error {
	if s.Contract == nil || !t.config.Contract.Enabled() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.Settings.ContractTimeout)
	defer cancel()
	verdict, err := s.Contract.Check(ctx, contract.Topic{Name: t.name, ID: t.id, Policy: t.config.Contract}, records)
	if err != nil {
		// Retriable, and plain that nothing was kept.
		return &fault{kerr.NotEnoughReplicas, fmt.Sprintf("%v, try again: %v", errUndecided, err)}
	}
	if verdict.Bad == 0 && len(verdict.Faults) == 0 {
		return nil
	}
	for _, f := range verdict.Faults {
		out.faults = append(out.faults, recordFault{f.Index, describe(f)})
	}
	text := fmt.Sprintf("%d of %d records do not fit the contract of topic %s", max(verdict.Bad, len(verdict.Faults)),
		records.Len(), t.name)
	if len(out.faults) > 0 {
		text += fmt.Sprintf("; record %d: %s", out.faults[0].index, out.faults[0].text)
	}
	return &contractError{fault{kerr.InvalidRecord, text}}
}

// contractError is a refusal by the contract.
type contractError struct{ fault }

// describe puts a fault into one line: value, schema id 7, targets[2].id: not a string.
func describe(f contract.Fault) string {
	text := f.Part.String()
	if f.SchemaID != 0 {
		text += fmt.Sprintf(", schema id %d", f.SchemaID)
	}
	if f.Pointer != "" {
		text += ", " + f.Pointer
	}
	text += ": " + f.Reason
	if len(text) > maxFaultText {
		text = strings.ToValidUTF8(text[:maxFaultText], "") + "…"
	}
	return text
}

// maxFaultText bounds what is said of one record, in bytes: values of the record may be part of it.
const maxFaultText = 500

// finish waits for the log and encodes the answer.
func (p *produceCall) finish() answer {
	if len(p.batches) > 0 {
		<-p.done
		for i, a := range p.appended {
			out := &p.parts[p.place[i]]
			out.outcome, out.err = a, a.Err
			if a.Err != nil {
				p.s.appendFailed(p.c, p.batches[i].Partition, a.Err)
				out.outcome.LogStart = p.s.logStartFor(p.batches[i].Partition, a.Err)
			}
		}
	}
	a := p.answer()
	p.s.calls.put(p)
	return a
}

// logStartFor is the log start that goes with an error, -1 where none does. A Java producer that is not known any more (it was
// idle for too long, or its topic was made again) begins anew only if it is told one; without it, it sends the same again.
func (s *Server) logStartFor(p log.Partition, err error) int64 {
	if !errors.Is(err, log.ErrUnknownProducer) {
		return -1
	}
	b, err := s.Engine.Bounds(p)
	if err != nil {
		return -1
	}
	return b.LogStart
}

func (p *produceCall) answer() answer {
	if p.frame.acks == 0 {
		for i := range p.parts {
			if err := p.parts[i].err; err != nil {
				return answer{close: fmt.Errorf("%w: %w", errAcks0Refused, err)}
			}
		}
		return answer{none: true}
	}
	resp := kmsg.ProduceResponse{Version: p.frame.version}
	resp.Topics = make([]kmsg.ProduceResponseTopic, len(p.frame.topics))
	parts := make([]kmsg.ProduceResponseTopicPartition, len(p.frame.parts))
	for i := range p.frame.topics {
		ft, rt := &p.frame.topics[i], &resp.Topics[i]
		if p.topics[i] != nil {
			rt.Topic = p.topics[i].name
		} else {
			rt.Topic = string(ft.name)
		}
		rt.TopicID = ft.id
		rt.Partitions = parts[ft.first:ft.last]
		for j := ft.first; j < ft.last; j++ {
			p.parts[j].encode(&parts[j], p.frame.parts[j].index)
		}
	}
	// Encoded here, because the frame and this call are used again for others after this.
	return answer{parts: []wire.Part{{Bytes: resp.AppendTo(make([]byte, 0, 64+64*len(parts)))}}}
}

// encode fills in the answer for one partition.
func (out *produceOutcome) encode(r *kmsg.ProduceResponseTopicPartition, index int32) {
	r.Default()
	r.Partition = index
	if out.err == nil {
		r.BaseOffset, r.LogAppendTime, r.LogStartOffset = out.outcome.BaseOffset, out.outcome.AppendTime, out.outcome.LogStart
		return
	}
	r.BaseOffset = -1
	r.ErrorCode, r.ErrorMessage = code(out.err), message(out.err)
	if errors.Is(out.err, log.ErrUnknownProducer) {
		r.LogStartOffset = out.outcome.LogStart
	}
	for i := range out.faults {
		e := kmsg.NewProduceResponseTopicPartitionErrorRecord()
		e.RelativeOffset, e.ErrorMessage = int32(out.faults[i].index), &out.faults[i].text
		r.ErrorRecords = append(r.ErrorRecords, e)
	}
}

// produceRow is Produce's row of the table. Its body is decoded by hand, and its records are not copied.
func produceRow(min, max int16, start func(s *Server, ctx context.Context, c caller, version int16, body []byte) (finish, error)) entry {
	sample := kmsg.NewPtrProduceRequest()
	return entry{
		key: sample.Key(), name: "Produce", min: min, max: max, bulk: true, setting: "socket.request.max.bytes",
		flexibleFrom: firstFlexible(sample, max), begin: start,
	}
}

// produceCalls recycles calls.
type produceCalls struct{ pool sync.Pool }

func (c *produceCalls) get() *produceCall {
	if p, ok := c.pool.Get().(*produceCall); ok {
		return p
	}
	return &produceCall{}
}

func (c *produceCalls) put(p *produceCall) {
	const keep = 1024 // a call that was larger is not worth keeping
	if cap(p.parts) > keep || cap(p.topics) > keep {
		return
	}
	clear(p.frame.topics)
	clear(p.frame.parts)
	clear(p.topics)
	clear(p.parts)
	clear(p.batches)
	clear(p.holds)
	clear(p.appended)
	*p = produceCall{
		frame:  produceFrame{topics: p.frame.topics[:0], parts: p.frame.parts[:0]},
		topics: p.topics[:0], parts: p.parts[:0], batches: p.batches[:0], place: p.place[:0], holds: p.holds[:0],
		appended: p.appended[:0],
		done:     p.done,
	}
	c.pool.Put(p)
}

// refused logs and counts a batch that was not taken.
func (s *Server) refused(c caller, t *topic, partition int32, acks int16, out *produceOutcome) {
	reason := refusalReason(out.err)
	s.metrics.refused.WithLabelValues(t.name, reason).Inc()
	held, ok := s.refusals.Allow(time.Now())
	if !ok {
		return
	}
	attrs := []any{"topic", t.name, "partition", partition, "client", c.ClientID, "from", c.Addr, "reason", reason,
		"error", out.err}
	if acks == 0 {
		attrs = append(attrs, "acks", 0)
	}
	if held > 0 {
		attrs = append(attrs, "not_logged_before", held)
	}
	s.Logger.Warn("refused a batch", attrs...)
}

// refusalReason names why a batch was refused, for the counter: few values, and stable ones.
func refusalReason(err error) string {
	var byContract *contractError
	switch {
	case errors.As(err, &byContract):
		return "contract"
	case errors.Is(err, kerr.NotEnoughReplicas):
		return "undecided"
	case err == error(errAcks0):
		return "acks0"
	case errors.Is(err, record.ErrCorrupt):
		return "corrupt"
	case errors.Is(err, record.ErrTooLarge), errors.Is(err, record.ErrExpandsTooFar):
		return "too_large"
	case errors.Is(err, record.ErrInvalidTimestamp), errors.Is(err, kerr.InvalidTimestamp):
		return "timestamp"
	}
	return "invalid"
}

// appendFailed logs what an operator should see of a failed append. Producers' own mistakes are theirs to report.
func (s *Server) appendFailed(c caller, p log.Partition, err error) {
	if !errors.Is(err, log.ErrStorage) && !errors.Is(err, log.ErrCorrupt) && code(err) != kerr.UnknownServerError.Code {
		return
	}
	if held, ok := s.failures.Allow(time.Now()); ok {
		s.Logger.Error("could not append", "partition", p, "client", c.ClientID, "error", err, "not_logged_before", held)
	}
}
