package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
)

var errShortRead = errors.New("the log ends before its high watermark")

// read visits all records of a partition up to what is its high watermark when it begins.
func (t *Topic) read(ctx context.Context, p log.Partition, visit func(Effect) error) error {
	bounds, err := t.engine.Bounds(p)
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	for offset := bounds.LogStart; offset < bounds.HighWatermark; {
		if err := ctx.Err(); err != nil {
			return err
		}
		buf.Reset()
		if err := t.fetch(p, offset, &buf); err != nil {
			return fmt.Errorf("at offset %d: %w", offset, err)
		}
		next, err := t.walk(buf.Bytes(), offset, visit)
		if err != nil {
			return err
		}
		if next <= offset {
			return fmt.Errorf("at offset %d of %d: %w", offset, bounds.HighWatermark, errShortRead)
		}
		offset = next
	}
	return nil
}

// fetch reads whole batches from offset on into buf: at least one, and about readBytes.
func (t *Topic) fetch(p log.Partition, offset int64, buf *bytes.Buffer) error {
	results := t.engine.Read(
		[]log.ReadRequest{{Partition: p, Offset: offset, MaxBytes: readBytes}},
		log.ReadLimits{MaxBytes: readBytes, Isolation: log.ReadUncommitted},
	)
	err := results[0].Err
	for _, c := range results[0].Chunks {
		if err == nil {
			_, err = c.WriteTo(buf)
		}
		c.Release()
	}
	return err
}

// walk visits the records of whole batches that are not below offset, and returns the offset after the last one.
func (t *Topic) walk(b []byte, offset int64, visit func(Effect) error) (int64, error) {
	next := offset
	for len(b) > 0 {
		h, err := record.ParseHeader(b)
		if err != nil {
			return 0, fmt.Errorf("batch after offset %d: %w", next, err)
		}
		if h.Size() > int64(len(b)) {
			return 0, fmt.Errorf("batch at offset %d: %w: %d bytes, %d were read", h.BaseOffset, record.ErrCorrupt, h.Size(), len(b))
		}
		batch, err := record.VerifyStored(b[:h.Size()])
		if err != nil {
			return 0, fmt.Errorf("batch at offset %d: %w", h.BaseOffset, err)
		}
		if h.Attributes.Control() {
			err = visitMarker(batch, visit)
		} else {
			err = t.walkBatch(batch, offset, visit)
		}
		if err != nil {
			return 0, err
		}
		next = max(next, h.NextOffset())
		b = b[h.Size():]
	}
	return next, nil
}

// visitMarker visits the end of a transaction.
func visitMarker(batch record.Batch, visit func(Effect) error) error {
	if batch.Header().Count == 0 {
		return nil // compaction has left it to stand for its offsets
	}
	m, ok, err := record.ParseMarker(batch)
	if err == nil && ok {
		err = visit(EndPending{Producer{m.ProducerID, m.ProducerEpoch}, m.CoordinatorEpoch, m.Commit})
	}
	if err != nil {
		return fmt.Errorf("marker at offset %d: %w", batch.BaseOffset(), err)
	}
	return nil
}

func (t *Topic) walkBatch(batch record.Batch, from int64, visit func(Effect) error) error {
	records, err := t.codecs.Open(batch)
	if err != nil {
		return fmt.Errorf("batch at offset %d: %w", batch.BaseOffset(), err)
	}
	defer records.Close()
	h := batch.Header()
	var failed error
	err = records.Walk(func(rec *record.Record) bool {
		at := batch.BaseOffset() + int64(rec.OffsetDelta)
		if at < from {
			return true
		}
		effect, err := t.form.decode(rec.Key, rec.Value)
		if err == nil && h.Attributes.Transactional() {
			effect, err = pending(effect, &h)
		}
		if err == nil && effect != nil {
			err = visit(effect)
		}
		if err != nil {
			failed = fmt.Errorf("record at offset %d: %w", at, err)
		}
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	if err != nil {
		return fmt.Errorf("batch at offset %d: %w", batch.BaseOffset(), err)
	}
	return nil
}

// pending is an effect within a transaction.
func pending(e Effect, h *record.Header) (Effect, error) {
	switch e := e.(type) {
	case nil:
		return nil, nil
	case PutOffset:
		return PutPending{Producer{h.ProducerID, h.ProducerEpoch}, e.Group, e.Offset}, nil
	}
	return nil, fmt.Errorf("%w: %T within a transaction", errMalformed, e)
}
