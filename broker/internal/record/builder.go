package record

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/typelog/typelog/broker/contract"
)

// Producer is what an idempotent producer writes into a batch's header.
type Producer struct {
	ID       int64
	Epoch    int16
	Sequence int32 // of the first record; -1 for control batches
}

// Builder builds one batch. Records are added in order; their offsets are dense unless AddAt says otherwise. The zero
// value is ready to use; Codecs.Repack compresses what it builds.
type Builder struct {
	// BaseOffset and LeaderEpoch are usually left for the log to patch.
	BaseOffset  int64
	LeaderEpoch int32
	// Producer is nil for a batch without idempotence.
	Producer      *Producer
	Transactional bool
	Control       bool

	buf     Batch // header (written last) and records
	scratch []byte
	count   int32
	last    int32 // offset delta
	base    int64 // timestamps
	max     int64
}

// Add appends a record with the next offset. The builder copies what it needs. The record's OffsetDelta is ignored. It
// panics past 2^31-1 records or bytes: that is the caller's bug.
func (b *Builder) Add(rec Record) {
	next := b.last + 1
	if b.count == 0 {
		next = 0
	}
	b.AddAt(next, rec)
}

// AddAt appends a record at an offset delta that is larger than the last one's (compacted logs have gaps).
func (b *Builder) AddAt(delta int32, rec Record) {
	if b.count == 0 {
		if cap(b.buf) == 0 {
			b.buf = make(Batch, 0, 512)
		}
		b.buf = append(b.buf[:0], make([]byte, HeaderSize)...)
		b.base, b.max = rec.Timestamp, rec.Timestamp
	} else if delta <= b.last {
		panic(fmt.Sprintf("record: offset delta %d after %d", delta, b.last))
	}
	b.scratch = appendRecord(b.scratch[:0], delta, rec.Timestamp-b.base, &rec)
	if len(b.buf)+len(b.scratch)+binary.MaxVarintLen32 > math.MaxInt32 {
		panic("record: a batch of more than 2 GiB")
	}
	b.buf = binary.AppendVarint(b.buf, int64(len(b.scratch)))
	b.buf = append(b.buf, b.scratch...)
	b.count++
	b.last = delta
	b.max = max(b.max, rec.Timestamp)
}

// appendRecord appends a record without its length.
func appendRecord(dst []byte, offsetDelta int32, timestampDelta int64, rec *Record) []byte {
	dst = append(dst, 0) // attributes
	dst = binary.AppendVarint(dst, timestampDelta)
	dst = binary.AppendVarint(dst, int64(offsetDelta))
	dst = appendBytes(dst, rec.Key)
	dst = appendBytes(dst, rec.Value)
	dst = binary.AppendVarint(dst, int64(len(rec.Headers)))
	for i := range rec.Headers {
		dst = binary.AppendVarint(dst, int64(len(rec.Headers[i].Key)))
		dst = append(dst, rec.Headers[i].Key...)
		dst = appendBytes(dst, rec.Headers[i].Value)
	}
	return dst
}

func appendBytes(dst, v []byte) []byte {
	if v == nil {
		return binary.AppendVarint(dst, -1)
	}
	dst = binary.AppendVarint(dst, int64(len(v)))
	return append(dst, v...)
}

// Len is the number of records so far.
func (b *Builder) Len() int { return int(b.count) }

// Size is the length of the batch so far, in bytes.
func (b *Builder) Size() int { return max(len(b.buf), HeaderSize) }

// Build returns the batch, uncompressed and sealed, and makes the builder ready for the next one with the same fields.
// The batch is the caller's. Without records it returns nil.
func (b *Builder) Build() Batch {
	if b.count == 0 {
		return nil
	}
	out := b.buf
	h := Header{
		BaseOffset:      b.BaseOffset,
		LeaderEpoch:     b.LeaderEpoch,
		LastOffsetDelta: b.last,
		BaseTimestamp:   b.base,
		MaxTimestamp:    b.max,
		ProducerID:      -1,
		ProducerEpoch:   -1,
		BaseSequence:    -1,
		Count:           b.count,
	}
	if p := b.Producer; p != nil {
		h.ProducerID, h.ProducerEpoch, h.BaseSequence = p.ID, p.Epoch, p.Sequence
	}
	if b.Transactional {
		h.Attributes |= transactionalBit
	}
	if b.Control {
		h.Attributes |= controlBit
	}
	out.putHeader(&h)
	out.seal()
	b.buf, b.count, b.last = nil, 0, 0
	return out
}

// putHeader writes all fields but length and CRC, which seal writes.
func (b Batch) putHeader(h *Header) {
	b.SetBaseOffset(h.BaseOffset)
	b.SetLeaderEpoch(h.LeaderEpoch)
	b[atMagic] = Magic
	binary.BigEndian.PutUint16(b[atAttributes:], uint16(h.Attributes))
	binary.BigEndian.PutUint32(b[atLastOffsetDelta:], uint32(h.LastOffsetDelta))
	binary.BigEndian.PutUint64(b[atBaseTimestamp:], uint64(h.BaseTimestamp))
	binary.BigEndian.PutUint64(b[atMaxTimestamp:], uint64(h.MaxTimestamp))
	binary.BigEndian.PutUint64(b[atProducerID:], uint64(h.ProducerID))
	binary.BigEndian.PutUint16(b[atProducerEpoch:], uint16(h.ProducerEpoch))
	binary.BigEndian.PutUint32(b[atBaseSequence:], uint32(h.BaseSequence))
	binary.BigEndian.PutUint32(b[atCount:], uint32(h.Count))
}

// Of builds one plain batch of records without a producer, at base offset 0. It returns nil without records.
func Of(records ...Record) Batch {
	var b Builder
	for _, rec := range records {
		b.Add(rec)
	}
	return b.Build()
}

// KV is a record with a key, a value and a timestamp, and no headers.
func KV(timestamp int64, key, value []byte, headers ...contract.Header) Record {
	return Record{Timestamp: timestamp, Key: key, Value: value, Headers: headers}
}
