package partlog

import (
	"fmt"
	"sync"

	"github.com/typelog/typelog/broker/internal/journal"
	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
)

// queue is what was placed and is not written yet, in order.
type queue struct {
	mu     sync.Mutex
	work   sync.Cond
	ops    []*op
	closed bool
}

func (q *queue) put(ops ...*op) {
	q.mu.Lock()
	q.ops = append(q.ops, ops...)
	q.mu.Unlock()
	q.work.Signal()
}

// take waits and returns everything that is queued; nil means that the queue is closed and empty. spare is used again.
func (q *queue) take(spare []*op) []*op {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.ops) == 0 && !q.closed {
		q.work.Wait()
	}
	ops := q.ops
	q.ops = spare[:0]
	return ops
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.work.Broadcast()
}

// enqueue puts ops into the order. The locks of their partitions are held, so that their places and the order agree.
func (e *Engine) enqueue(ops ...*op) { e.queue.put(ops...) }

// write is the writer's goroutine: it moves what is queued to the segments and then into the journal.
func (e *Engine) write() {
	defer e.running.Done()
	defer e.behind.close()
	w := &writer{e: e}
	var spare []*op
	for {
		ops := e.queue.take(spare)
		if len(ops) == 0 {
			return
		}
		w.round(ops)
		clear(ops)
		spare = ops
	}
}

// writer is what the writer's goroutine uses again.
type writer struct {
	e       *Engine
	touched []*partition
	entries []journal.Entry
	buf     []byte
}

// joinBelow is the size in bytes below which batches for one segment are written together.
const joinBelow = 64 << 10

// round writes one round of ops.
func (w *writer) round(ops []*op) {
	err := w.e.failure()
	if err == nil {
		w.segments(ops)
		err = w.enter(ops)
	}
	if err != nil {
		for _, o := range ops {
			w.e.settle(o, err)
		}
	}
}

// enter puts the round into the journal.
func (w *writer) enter(ops []*op) error {
	w.entries = w.entries[:0]
	for _, o := range ops {
		en := journal.Entry{Owner: o, More: o.more}
		if o.p != nil {
			en.Topic, en.Partition = o.p.id.Topic, o.p.id.Index
		}
		if !o.loose && o.bytes != nil {
			en.Payload, en.Sum, en.SumFrom = o.bytes, o.bytes.CRC(), record.CRCStart
		} else {
			w.e.loose.Add(int64(len(o.bytes)))
		}
		w.entries = append(w.entries, en)
	}
	err := w.e.journal.Append(w.entries)
	clear(w.entries)
	if err != nil {
		return w.e.fail(err)
	}
	if w.e.loose.Load() > w.e.looseBound {
		w.e.kick()
	}
	return nil
}

// segments writes the round's batches, partition by partition.
func (w *writer) segments(ops []*op) {
	for _, o := range ops {
		if o.bytes == nil {
			continue
		}
		if len(o.p.round) == 0 {
			w.touched = append(w.touched, o.p)
		}
		o.p.round = append(o.p.round, o)
	}
	for _, p := range w.touched {
		w.partition(p)
		clear(p.round)
		p.round = p.round[:0]
		if cap(p.round) > 64 {
			p.round = nil
		}
	}
	clear(w.touched)
	w.touched = w.touched[:0]
}

// partition writes one partition's batches, runs of small ones together. When that fails, the partition is stopped: its
// batches go on into the journal, and are not seen before a start has replayed them.
func (w *writer) partition(p *partition) {
	p.io.Lock()
	defer p.io.Unlock()
	p.mu.Lock()
	gone, stopped, interval := p.gone, p.stopped, p.cfg.IndexInterval
	p.mu.Unlock()
	if gone {
		return // settle says so
	}
	if stopped != nil {
		unwritten(p.round, stopped)
		return
	}
	for rest := p.round; len(rest) > 0; {
		n, size := 1, len(rest[0].bytes)
		for n < len(rest) && rest[n].seg == rest[0].seg && size+len(rest[n].bytes) <= joinBelow {
			size += len(rest[n].bytes)
			n++
		}
		if err := w.e.withRoom(func() error { return w.run(p, rest[:n]) }); err != nil {
			err = fmt.Errorf("a segment cannot be written: %w", err)
			w.e.halt(p, err)
			unwritten(rest, w.e.storageError(err))
			return
		}
		for _, o := range rest[:n] {
			o.seg.wrote(&o.header, o.pos, interval)
		}
		rest = rest[n:]
	}
}

// unwritten marks batches that are not in their segment. Those that are not journalled either are lost.
func unwritten(ops []*op, err error) {
	for _, o := range ops {
		o.unwritten = true
		if o.loose {
			o.err = err
		}
	}
}

// run writes batches that follow one another in one segment.
func (w *writer) run(p *partition, ops []*op) error {
	h, created, err := w.e.files.get(ops[0].seg, true)
	if err != nil {
		return err
	}
	defer w.e.files.put(h)
	p.newFiles = p.newFiles || created
	bytes := []byte(ops[0].bytes)
	if len(ops) > 1 {
		w.buf = w.buf[:0]
		for _, o := range ops {
			w.buf = append(w.buf, o.bytes...)
		}
		bytes = w.buf
	}
	if _, err = h.WriteAt(bytes, ops[0].pos); err == nil {
		w.e.behind.wrote(w.e.files, ops[0].seg, ops[0].pos+int64(len(bytes)))
	}
	return err
}

// complete is called by the journal with each group that is durable or has failed.
func (e *Engine) complete(group []journal.Entry, err error) {
	if err != nil {
		err = e.fail(err)
		for i := range group {
			e.settle(group[i].Owner.(*op), err)
		}
		return
	}
	// The last batch of each partition moves its high watermark, before anybody is answered.
	for i := range group {
		if o := group[i].Owner.(*op); o.bytes != nil && !o.unwritten {
			if o.p.settled == nil {
				e.moved = append(e.moved, o.p)
			}
			o.p.settled = o
		}
	}
	for _, p := range e.moved {
		o := p.settled
		p.settled = nil
		p.mu.Lock()
		ws := p.advance(o)
		p.mu.Unlock()
		wakeAll(ws)
	}
	clear(e.moved)
	e.moved = e.moved[:0]
	for i := range group {
		o := group[i].Owner.(*op)
		e.settle(o, o.err)
	}
}

// settle answers one op.
func (e *Engine) settle(o *op, err error) {
	if o.wait != nil {
		o.wait <- err
	}
	if o.req == nil {
		return
	}
	if err == nil && o.bytes != nil {
		o.p.mu.Lock()
		gone := o.p.gone
		o.p.mu.Unlock()
		if gone {
			err = fmt.Errorf("append to %s: %w", o.p.id, log.ErrUnknownPartition)
		}
	}
	if err != nil {
		o.req.refuse(o.i, err)
		return
	}
	o.req.decided()
}

// barrier waits until everything that is queued now is in the segments and durable.
func (e *Engine) barrier() error {
	o := &op{wait: make(chan error, 1)}
	e.queue.put(o)
	return <-o.wait
}
