package record

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Sizes and the one message format that is spoken here.
const (
	// HeaderSize is the length of a batch without records.
	HeaderSize = 61
	// Overhead is what a batch's length field does not count.
	Overhead = 12
	// Magic is the message format's version.
	Magic = 2
)

// Positions in the header; the package comment draws them.
const (
	atBaseOffset      = 0
	atLength          = 8
	atLeaderEpoch     = 12
	atMagic           = 16
	atCRC             = 17
	atAttributes      = 21
	atLastOffsetDelta = 23
	atBaseTimestamp   = 27
	atMaxTimestamp    = 35
	atProducerID      = 43
	atProducerEpoch   = 51
	atBaseSequence    = 53
	atCount           = 57
)

// Attributes are a batch's attribute bits.
type Attributes int16

const (
	compressionMask   Attributes = 0x07
	appendTimeBit     Attributes = 0x08
	transactionalBit  Attributes = 0x10
	controlBit        Attributes = 0x20
	deleteHorizonBit  Attributes = 0x40
	unknownAttributes            = ^(compressionMask | appendTimeBit | transactionalBit | controlBit | deleteHorizonBit)
)

// Compression of the records.
func (a Attributes) Compression() Compression { return Compression(a & compressionMask) }

// AppendTime reports that the timestamps are the broker's (message.timestamp.type=LogAppendTime).
func (a Attributes) AppendTime() bool { return a&appendTimeBit != 0 }

// Transactional reports that the records belong to a transaction.
func (a Attributes) Transactional() bool { return a&transactionalBit != 0 }

// Control reports that the batch is a marker and holds nothing for consumers.
func (a Attributes) Control() bool { return a&controlBit != 0 }

// DeleteHorizon reports that the base timestamp is the time after which tombstones may go (KIP-534).
func (a Attributes) DeleteHorizon() bool { return a&deleteHorizonBit != 0 }

// Header is a decoded batch header.
type Header struct {
	BaseOffset      int64
	Length          int32 // as the field says; Size is that of the whole batch
	LeaderEpoch     int32
	Magic           int8
	CRC             uint32
	Attributes      Attributes
	LastOffsetDelta int32
	BaseTimestamp   int64
	MaxTimestamp    int64
	ProducerID      int64
	ProducerEpoch   int16
	BaseSequence    int32
	Count           int32
}

// Size is the length of the whole batch in bytes.
func (h *Header) Size() int64 { return int64(h.Length) + Overhead }

// LastOffset is the offset of the batch's last record, or of where it was.
func (h *Header) LastOffset() int64 { return h.BaseOffset + int64(h.LastOffsetDelta) }

// NextOffset is the offset after the batch.
func (h *Header) NextOffset() int64 { return h.LastOffset() + 1 }

// LastSequence is the sequence number of the last record, or -1 without an idempotent producer.
func (h *Header) LastSequence() int32 {
	if h.ProducerID < 0 || h.BaseSequence < 0 {
		return -1
	}
	return AddSequence(h.BaseSequence, h.LastOffsetDelta)
}

// AddSequence adds n >= 0 to a sequence number; after the largest int32 comes 0 (KIP-98).
func AddSequence(seq, n int32) int32 { return int32((int64(seq) + int64(n)) & 0x7fffffff) }

// ParseHeader decodes the header at the start of b, which must hold at least HeaderSize bytes; what follows is not
// looked at. It checks magic and that the length can be that of a batch. It does not check the CRC, so nothing else
// in the header can be trusted. The error is ErrUnsupportedMagic or ErrCorrupt.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderSize {
		return Header{}, fmt.Errorf("%w: %d bytes, a batch has at least %d", ErrCorrupt, len(b), HeaderSize)
	}
	h := Batch(b).Header()
	if h.Magic != Magic {
		return h, fmt.Errorf("%w: magic %d, only %d is supported", ErrUnsupportedMagic, h.Magic, Magic)
	}
	if h.Length < HeaderSize-Overhead {
		return h, fmt.Errorf("%w: length field %d is below %d", ErrCorrupt, h.Length, HeaderSize-Overhead)
	}
	return h, nil
}

// Batch is the bytes of one whole batch. Its methods may be called on any slice of at least HeaderSize bytes; they
// mean something once Verify or CheckCRC has passed. Setters write in place and are not safe for concurrent use.
type Batch []byte

// Header decodes all fields.
func (b Batch) Header() Header {
	_ = b[HeaderSize-1]
	return Header{
		BaseOffset:      b.BaseOffset(),
		Length:          b.Length(),
		LeaderEpoch:     b.LeaderEpoch(),
		Magic:           b.Magic(),
		CRC:             b.CRC(),
		Attributes:      b.Attributes(),
		LastOffsetDelta: b.LastOffsetDelta(),
		BaseTimestamp:   b.BaseTimestamp(),
		MaxTimestamp:    b.MaxTimestamp(),
		ProducerID:      b.ProducerID(),
		ProducerEpoch:   b.ProducerEpoch(),
		BaseSequence:    b.BaseSequence(),
		Count:           b.Count(),
	}
}

func (b Batch) int16At(at int) int16 { return int16(binary.BigEndian.Uint16(b[at:])) }
func (b Batch) int32At(at int) int32 { return int32(binary.BigEndian.Uint32(b[at:])) }
func (b Batch) int64At(at int) int64 { return int64(binary.BigEndian.Uint64(b[at:])) }

// BaseOffset is the offset of the first record.
func (b Batch) BaseOffset() int64 { return b.int64At(atBaseOffset) }

// Length is the length field: the bytes after it.
func (b Batch) Length() int32 { return b.int32At(atLength) }

// Size is the length of the whole batch as the header says.
func (b Batch) Size() int64 { return int64(b.Length()) + Overhead }

// LeaderEpoch is the partition leader epoch, which the CRC does not cover.
func (b Batch) LeaderEpoch() int32 { return b.int32At(atLeaderEpoch) }

// Magic is the message format's version.
func (b Batch) Magic() int8 { return int8(b[atMagic]) }

// CRC is the checksum that the header holds.
func (b Batch) CRC() uint32 { return binary.BigEndian.Uint32(b[atCRC:]) }

// Attributes are the attribute bits.
func (b Batch) Attributes() Attributes { return Attributes(b.int16At(atAttributes)) }

// LastOffsetDelta is the last offset minus the base offset.
func (b Batch) LastOffsetDelta() int32 { return b.int32At(atLastOffsetDelta) }

// LastOffset is the offset of the last record.
func (b Batch) LastOffset() int64 { return b.BaseOffset() + int64(b.LastOffsetDelta()) }

// BaseTimestamp is what the records' timestamp deltas count from, in milliseconds since the epoch.
func (b Batch) BaseTimestamp() int64 { return b.int64At(atBaseTimestamp) }

// MaxTimestamp is the largest timestamp of the records, in milliseconds since the epoch.
func (b Batch) MaxTimestamp() int64 { return b.int64At(atMaxTimestamp) }

// ProducerID is the producer id, or -1.
func (b Batch) ProducerID() int64 { return b.int64At(atProducerID) }

// ProducerEpoch is the producer's epoch, or -1.
func (b Batch) ProducerEpoch() int16 { return b.int16At(atProducerEpoch) }

// BaseSequence is the sequence number of the first record, or -1.
func (b Batch) BaseSequence() int32 { return b.int32At(atBaseSequence) }

// Count is the number of records.
func (b Batch) Count() int32 { return b.int32At(atCount) }

// Payload is the records as they lie in the batch, compressed or not. It aliases b.
func (b Batch) Payload() []byte { return b[HeaderSize:] }

// SetBaseOffset patches the base offset. The CRC stays valid.
func (b Batch) SetBaseOffset(offset int64) {
	binary.BigEndian.PutUint64(b[atBaseOffset:], uint64(offset))
}

// SetLeaderEpoch patches the partition leader epoch. The CRC stays valid.
func (b Batch) SetLeaderEpoch(epoch int32) {
	binary.BigEndian.PutUint32(b[atLeaderEpoch:], uint32(epoch))
}

// SetAppendTime makes now (milliseconds since the epoch) the timestamp of all records, sets the timestamp type
// to log append time (KIP-32) and computes the CRC again, which reads the whole batch. The base timestamp and the
// records stay as they are, as in Apache Kafka; readers go by the max timestamp.
func (b Batch) SetAppendTime(now int64) {
	b.setTimestamps(b.Attributes()|appendTimeBit, now)
}

// SetMaxTimestamp corrects the max timestamp to what the records say and computes the CRC again. It does nothing if
// they agree.
func (b Batch) SetMaxTimestamp(ms int64) {
	if b.MaxTimestamp() != ms {
		b.setTimestamps(b.Attributes(), ms)
	}
}

func (b Batch) setTimestamps(a Attributes, maxTimestamp int64) {
	binary.BigEndian.PutUint16(b[atAttributes:], uint16(a))
	binary.BigEndian.PutUint64(b[atMaxTimestamp:], uint64(maxTimestamp))
	b.seal()
}

// seal writes the length and the CRC.
func (b Batch) seal() {
	binary.BigEndian.PutUint32(b[atLength:], uint32(len(b)-Overhead))
	binary.BigEndian.PutUint32(b[atCRC:], Checksum(b[atAttributes:], 0))
}

// CheckCRC reports whether the batch's CRC matches its bytes. b must be exactly one batch.
func (b Batch) CheckCRC() bool { return Checksum(b[atAttributes:], 0) == b.CRC() }

// CRCStart is where the bytes that a batch's CRC covers begin.
const CRCStart = atAttributes

// Checksum adds p to a running CRC-32C, which starts as 0. It lets a reader that holds only a window of a batch check
// it piece by piece, from CRCStart on.
func Checksum(p []byte, crc uint32) uint32 {
	// MakeTable returns the standard library's own table for this polynomial, with the hardware's instructions.
	return crc32.Update(crc, crc32.MakeTable(crc32.Castagnoli), p)
}
