package partlog

import (
	"fmt"
	"sync/atomic"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
)

// request is one call of Append or AppendControl.
type request struct {
	results []log.Appended
	left    atomic.Int32 // outcomes that are missing, and one for the call itself
	done    func([]log.Appended)
}

func newRequest(n int, done func([]log.Appended)) *request {
	r := &request{results: make([]log.Appended, n), done: done}
	r.left.Store(int32(n) + 1)
	return r
}

// decided counts an outcome; the last one answers.
func (r *request) decided() {
	if r.left.Add(-1) == 0 {
		r.done(r.results)
	}
}

func (r *request) refuse(i int, err error) {
	r.results[i] = log.Appended{BaseOffset: -1, AppendTime: -1, LogStart: -1, Err: err}
	r.decided()
}

// op is something that takes its place in the order of the queues: a batch, or only a wait for what came before.
type op struct {
	p      *partition   // nil for a wait that concerns no partition
	bytes  record.Batch // nil for a wait
	header record.Header
	seg    *segment
	pos    int64
	more   bool // the next op belongs to the same unit
	loose  bool // not journalled
	// unwritten: it is not in its segment, because the partition is stopped. err is the answer then, nil if it is in the
	// journal. The writer sets both.
	unwritten bool
	err       error
	// Where the outcome goes: a request's result, or a channel.
	req  *request
	i    int
	wait chan error
}

// Append implements log.Engine. It waits only while the journal is full.
func (e *Engine) Append(batches []log.Batch, done func([]log.Appended)) {
	r := newRequest(len(batches), done)
	defer r.decided()
	var total int64
	for i := range batches {
		total += int64(len(batches[i].Bytes))
	}
	if err := e.refusesAll(batches); err != nil {
		e.refuseAll(r, err)
		return
	}
	if err := e.journal.Admit(total); err != nil {
		e.refuseAll(r, e.storageError(err))
		return
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		e.journal.Forget(total)
		e.refuseAll(r, log.ErrClosed)
		return
	}
	ops := make([]op, len(batches))
	now := e.now()
	for i := range batches {
		b, o := &batches[i], &ops[i]
		o.req, o.i = r, i
		var err error
		if b.Companions != nil {
			err = e.appendUnit(b, o, now)
		} else {
			err = e.appendOne(b, o, now)
		}
		if err != nil || o.bytes == nil || o.loose {
			e.journal.Forget(int64(len(b.Bytes)))
		}
		if err != nil {
			r.refuse(i, fmt.Errorf("append to %s: %w", b.Partition, err))
		}
	}
}

func (e *Engine) refuseAll(r *request, err error) {
	for i := range r.results {
		r.refuse(i, err)
	}
}

// writable returns a partition that takes appends; e.mu is held.
func (e *Engine) writable(id log.Partition) (*partition, error) {
	p := e.parts[id]
	if p == nil {
		return nil, log.ErrUnknownPartition
	}
	return p, e.failure()
}

// appendOne decides a batch without companions. An error means that it was refused.
func (e *Engine) appendOne(b *log.Batch, o *op, now int64) error {
	p, err := e.writable(b.Partition)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := e.accepts(p, "append to", int64(len(b.Bytes))); err != nil {
		return err
	}
	if dup, err := e.check(p, b, o); dup || err != nil {
		return err
	}
	e.placeOp(p, b.Bytes, o, now)
	e.enqueue(o)
	return nil
}

// check asks the producer table. A duplicate is answered here: behind its original. p.mu is held.
func (e *Engine) check(p *partition, b *log.Batch, o *op) (duplicate bool, err error) {
	h := record.Batch(b.Bytes).Header()
	if b.Unsequenced {
		return false, p.producers.CheckUnsequenced(&h)
	}
	dup, err := p.producers.Check(&h)
	if err != nil || dup == nil {
		return false, err
	}
	out := &o.req.results[o.i]
	*out = log.Appended{BaseOffset: dup.BaseOffset, AppendTime: -1, LogStart: p.logStart, Duplicate: true}
	if p.cfg.AppendTime {
		out.AppendTime = dup.Timestamp
	}
	o.p = p
	e.enqueue(o)
	return true, nil
}

// placeOp gives a batch that passed its place. p.mu is held.
func (e *Engine) placeOp(p *partition, b record.Batch, o *op, now int64) {
	o.p, o.bytes, o.loose = p, b, p.unjournaled
	o.header, o.seg, o.pos = p.place(b, e.epoch, now)
	p.producers.Apply(&o.header, now)
	e.markDirty(p)
	if o.req != nil {
		out := &o.req.results[o.i]
		*out = log.Appended{BaseOffset: o.header.BaseOffset, AppendTime: -1, LogStart: p.logStart}
		if p.cfg.AppendTime {
			out.AppendTime = now
		}
	}
}

// appendUnit decides a batch with companions: all are placed or none, and all lie in one unit of the journal. Only one
// unit is placed at a time, because it locks several partitions.
func (e *Engine) appendUnit(b *log.Batch, o *op, now int64) error {
	p, err := e.writable(b.Partition)
	if err != nil {
		return err
	}
	e.units.Lock()
	defer e.units.Unlock()
	locked := map[*partition]bool{p: true}
	p.mu.Lock()
	defer func() {
		for p := range locked {
			p.mu.Unlock()
		}
	}()
	if err := e.accepts(p, "append to", int64(len(b.Bytes))); err != nil {
		return err
	}
	if dup, err := e.check(p, b, o); dup || err != nil {
		return err
	}
	companions, err := b.Companions(p.next)
	if err != nil {
		return fmt.Errorf("companions: %w", err)
	}
	unit := []*op{o}
	targets := []*partition{p}
	bytes := []record.Batch{b.Bytes}
	for i := range companions {
		c := &companions[i]
		q, err := e.writable(c.Partition)
		if err != nil {
			return fmt.Errorf("companion for %s: %w", c.Partition, err)
		}
		if !locked[q] {
			q.mu.Lock()
			locked[q] = true
		}
		if err := e.accepts(q, "append to", int64(len(c.Bytes))); err != nil {
			return fmt.Errorf("companion: %w", err)
		}
		h := record.Batch(c.Bytes).Header()
		dup, err := q.producers.Check(&h)
		if err != nil {
			return fmt.Errorf("companion for %s: %w", c.Partition, err)
		}
		if dup == nil {
			unit, targets, bytes = append(unit, &op{}), append(targets, q), append(bytes, c.Bytes)
		}
	}
	for i, o := range unit {
		e.placeOp(targets[i], bytes[i], o, now)
		if i > 0 && !o.loose {
			e.journal.Charge(int64(len(o.bytes)))
		}
		o.more = i < len(unit)-1
	}
	e.enqueue(unit...)
	return nil
}

// AppendControl implements log.Engine.
func (e *Engine) AppendControl(markers []log.Control, done func([]log.Appended)) {
	r := newRequest(len(markers), done)
	defer r.decided()
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		e.refuseAll(r, log.ErrClosed)
		return
	}
	now := e.now()
	for i := range markers {
		if err := e.appendMarker(&markers[i], &op{req: r, i: i}, now); err != nil {
			r.refuse(i, fmt.Errorf("marker for %s: %w", markers[i].Partition, err))
		}
	}
}

func (e *Engine) appendMarker(c *log.Control, o *op, now int64) error {
	p, err := e.writable(c.Partition)
	if err != nil {
		return err
	}
	m := record.Marker{ProducerID: c.ProducerID, ProducerEpoch: c.ProducerEpoch, CoordinatorEpoch: c.CoordinatorEpoch,
		Commit: c.Commit, Timestamp: now}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := e.accepts(p, "append to", record.HeaderSize); err != nil {
		return err
	}
	if err := p.producers.CheckMarker(&m); err != nil {
		return err
	}
	o.p, o.bytes, o.loose = p, m.Batch(), p.unjournaled
	o.header, o.seg, o.pos = p.place(o.bytes, e.epoch, now)
	p.producers.ApplyMarker(&m, o.header.BaseOffset, now)
	e.markDirty(p)
	o.req.results[o.i] = log.Appended{BaseOffset: o.header.BaseOffset, AppendTime: -1, LogStart: p.logStart}
	if !o.loose {
		e.journal.Charge(int64(len(o.bytes)))
	}
	e.enqueue(o)
	return nil
}
