package memlog

import (
	"fmt"
	"slices"
	"time"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/log/producer"
	"github.com/typelog/typelog/broker/internal/record"
)

// Append puts the request in line.
func (e *Engine) Append(batches []log.Batch, done func([]log.Appended)) {
	e.enqueue(request{batches: batches, done: done})
}

// AppendControl puts the markers in line.
func (e *Engine) AppendControl(markers []log.Control, done func([]log.Appended)) {
	e.enqueue(request{markers: markers, done: done})
}

func (e *Engine) enqueue(r request) {
	e.mu.Lock()
	e.queue = append(e.queue, r)
	arm := !e.armed
	e.armed = true
	e.mu.Unlock()
	if arm {
		time.AfterFunc(e.delay, e.commit)
	}
}

// commit decides everything in line, then answers.
func (e *Engine) commit() {
	e.committing.Lock()
	defer e.committing.Unlock()

	e.mu.Lock()
	if e.held > 0 {
		e.armed = false
		e.mu.Unlock()
		return
	}
	queue := e.queue
	e.queue, e.armed = nil, false
	if len(queue) == 0 {
		e.mu.Unlock()
		return
	}
	e.commits++
	now := e.now().UnixMilli()
	results := make([][]log.Appended, len(queue))
	moved := make(map[log.Partition]bool)
	for i, r := range queue {
		results[i] = make([]log.Appended, 0, len(r.batches)+len(r.markers))
		for _, b := range r.batches {
			results[i] = append(results[i], e.appendOne(b, now, moved))
		}
		for _, m := range r.markers {
			results[i] = append(results[i], e.appendMarker(m, now, moved))
		}
	}
	for id := range moved {
		p := e.parts[id]
		p.stable = p.producers.LastStable(p.next)
	}
	wakes := e.takeWatches(moved)
	e.mu.Unlock()

	for i, r := range queue {
		r.done(results[i])
	}
	wakeAll(wakes)
}

func refused(err error) log.Appended {
	return log.Appended{BaseOffset: -1, AppendTime: -1, LogStart: -1, Err: err}
}

// placed is a batch that has its offsets but is not counted yet, so that it can be taken back.
type placed struct {
	id     log.Partition
	p      *partition
	before int64 // the partition's next offset
	header record.Header
}

// appendOne appends a batch and its companions, all or none. mu is held.
func (e *Engine) appendOne(b log.Batch, now int64, moved map[log.Partition]bool) log.Appended {
	p, err := e.writable(b.Partition)
	if err != nil {
		return refused(err)
	}
	h := record.Batch(b.Bytes).Header()
	dup, err := check(p, &h, b.Unsequenced)
	if err != nil {
		return refused(fmt.Errorf("append to %s: %w", b.Partition, err))
	}
	if dup != nil {
		out := log.Appended{BaseOffset: dup.BaseOffset, AppendTime: -1, LogStart: p.start, Duplicate: true}
		if p.cfg.AppendTime {
			out.AppendTime = dup.Timestamp
		}
		return out
	}
	all := []placed{e.place(b.Partition, p, b.Bytes, now)}
	if b.Companions != nil {
		if err := e.placeCompanions(b, &all, now); err != nil {
			for _, x := range slices.Backward(all) {
				x.p.batches = x.p.batches[:len(x.p.batches)-1]
				x.p.next = x.before
			}
			return refused(fmt.Errorf("append to %s: companions: %w", b.Partition, err))
		}
	}
	for _, x := range all {
		x.p.producers.Apply(&x.header, now)
		moved[x.id] = true
	}
	out := log.Appended{BaseOffset: all[0].header.BaseOffset, AppendTime: -1, LogStart: p.start}
	if p.cfg.AppendTime {
		out.AppendTime = now
	}
	return out
}

func check(p *partition, h *record.Header, unsequenced bool) (*producer.Duplicate, error) {
	if unsequenced {
		return nil, p.producers.CheckUnsequenced(h)
	}
	return p.producers.Check(h)
}

func (e *Engine) placeCompanions(b log.Batch, all *[]placed, now int64) error {
	companions, err := b.Companions((*all)[0].header.BaseOffset)
	if err != nil {
		return err
	}
	for _, c := range companions {
		p, err := e.writable(c.Partition)
		if err != nil {
			return err
		}
		h := record.Batch(c.Bytes).Header()
		if dup, err := p.producers.Check(&h); err != nil {
			return err
		} else if dup == nil {
			*all = append(*all, e.place(c.Partition, p, c.Bytes, now))
		}
	}
	return nil
}

// place copies the bytes to the end of the partition.
func (e *Engine) place(id log.Partition, p *partition, bytes []byte, now int64) placed {
	b := record.Batch(slices.Clone(bytes))
	b.SetBaseOffset(p.next)
	b.SetLeaderEpoch(e.epoch)
	if p.cfg.AppendTime && !b.Attributes().Control() {
		b.SetAppendTime(now)
	}
	x := placed{id: id, p: p, before: p.next, header: b.Header()}
	p.batches = append(p.batches, b)
	p.next = x.header.NextOffset()
	return x
}

func (e *Engine) appendMarker(c log.Control, now int64, moved map[log.Partition]bool) log.Appended {
	p, err := e.writable(c.Partition)
	if err != nil {
		return refused(err)
	}
	m := record.Marker{
		ProducerID:       c.ProducerID,
		ProducerEpoch:    c.ProducerEpoch,
		CoordinatorEpoch: c.CoordinatorEpoch,
		Commit:           c.Commit,
		Timestamp:        now,
	}
	if err := p.producers.CheckMarker(&m); err != nil {
		return refused(fmt.Errorf("append to %s: %w", c.Partition, err))
	}
	x := e.place(c.Partition, p, m.Batch(), now)
	p.producers.ApplyMarker(&m, x.header.BaseOffset, now)
	moved[c.Partition] = true
	return log.Appended{BaseOffset: x.header.BaseOffset, AppendTime: -1, LogStart: p.start}
}

// writable is called with mu held.
func (e *Engine) writable(id log.Partition) (*partition, error) {
	p, err := e.find("append", id)
	if err != nil {
		return nil, err
	}
	if e.failure != nil {
		return nil, fmt.Errorf("append to %s: %w", id, e.failure)
	}
	return p, nil
}
