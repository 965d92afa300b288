package producer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
)

// A snapshot is a Table as bytes, for an engine that does not want to read a whole log to know its producers. All
// integers are big-endian.
//
//	"tlps"           4 bytes
//	version          1 byte, 1
//	through          8  one past the last offset that was applied
//	producer count   4, then for each, by id:
//	   id 8, epoch 2, coordinator epoch 4, last used 8, open transaction's first offset 8 (-1: none), batch count 1,
//	   then for each batch, oldest first: first sequence 4, last sequence 4, base offset 8, max timestamp 8
//	ended count      4, then for each: first offset 8, marker offset 8
//	aborted count    4, then for each: producer id 8, first offset 8, marker offset 8
//	CRC-32C          4  of everything before
const (
	snapshotMagic   = "tlps"
	snapshotVersion = 1
)

// ErrSnapshot: the bytes are no snapshot that can be read here. The log itself still knows everything.
var ErrSnapshot = errors.New("unusable producer snapshot")

// AppendSnapshot appends the table to dst. through is one past the last offset that was applied; the engine goes on
// from there when it reads the snapshot. Equal tables give equal bytes.
func (t *Table) AppendSnapshot(dst []byte, through int64) []byte {
	be := binary.BigEndian
	start := len(dst)
	dst = append(dst, snapshotMagic...)
	dst = append(dst, snapshotVersion)
	dst = be.AppendUint64(dst, uint64(through))
	dst = be.AppendUint32(dst, uint32(len(t.producers)))
	for _, id := range slices.Sorted(maps.Keys(t.producers)) {
		s := t.producers[id]
		first, open := t.open[id]
		if !open {
			first = -1
		}
		dst = be.AppendUint64(dst, uint64(id))
		dst = be.AppendUint16(dst, uint16(s.epoch))
		dst = be.AppendUint32(dst, uint32(s.coordinatorEpoch))
		dst = be.AppendUint64(dst, uint64(s.lastUsed))
		dst = be.AppendUint64(dst, uint64(first))
		dst = append(dst, byte(s.n))
		for _, b := range s.batches[:s.n] {
			dst = be.AppendUint32(dst, uint32(b.first))
			dst = be.AppendUint32(dst, uint32(b.last))
			dst = be.AppendUint64(dst, uint64(b.base))
			dst = be.AppendUint64(dst, uint64(b.timestamp))
		}
	}
	dst = be.AppendUint32(dst, uint32(len(t.ended)))
	for _, e := range t.ended {
		dst = be.AppendUint64(dst, uint64(e.first))
		dst = be.AppendUint64(dst, uint64(e.marker))
	}
	dst = be.AppendUint32(dst, uint32(len(t.aborted)))
	for _, a := range t.aborted {
		dst = be.AppendUint64(dst, uint64(a.ProducerID))
		dst = be.AppendUint64(dst, uint64(a.FirstOffset))
		dst = be.AppendUint64(dst, uint64(a.Marker))
	}
	return be.AppendUint32(dst, checksum(dst[start:]))
}

// ReadSnapshot reads what AppendSnapshot wrote; b holds nothing else. The error wraps ErrSnapshot.
func ReadSnapshot(b []byte) (t *Table, through int64, err error) {
	const fixed = len(snapshotMagic) + 1 + 8 + 3*4 + 4
	if len(b) < fixed || string(b[:len(snapshotMagic)]) != snapshotMagic {
		return nil, 0, fmt.Errorf("%w: no snapshot begins here", ErrSnapshot)
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if got := checksum(body); got != sum {
		return nil, 0, fmt.Errorf("%w: CRC-32C is %08x, the last bytes say %08x", ErrSnapshot, got, sum)
	}
	if v := body[len(snapshotMagic)]; v != snapshotVersion {
		return nil, 0, fmt.Errorf("%w: version %d, only %d is known", ErrSnapshot, v, snapshotVersion)
	}
	r := reader{b: body[len(snapshotMagic)+1:]}
	through = r.int64()
	t = &Table{}
	for range r.count(minProducer) {
		t.readProducer(&r)
	}
	for range r.count(2 * 8) {
		t.ended = append(t.ended, ended{first: r.int64(), marker: r.int64()})
	}
	for range r.count(3 * 8) {
		t.aborted = append(t.aborted, Aborted{ProducerID: r.int64(), FirstOffset: r.int64(), Marker: r.int64()})
	}
	if r.short || len(r.b) != 0 {
		return nil, 0, fmt.Errorf("%w: its counts do not fit its length", ErrSnapshot)
	}
	return t, through, nil
}

const minProducer = 8 + 2 + 4 + 8 + 8 + 1

func (t *Table) readProducer(r *reader) {
	id := r.int64()
	s := t.state(id)
	s.epoch = int16(r.uint(2))
	s.coordinatorEpoch = int32(r.uint(4))
	s.lastUsed = r.int64()
	if first := r.int64(); first >= 0 {
		if t.open == nil {
			t.open = make(map[int64]int64)
		}
		t.open[id] = first
	}
	n := r.uint(1)
	if n > Remembered {
		r.short = true
		return
	}
	s.n = int8(n)
	for i := range s.n {
		s.batches[i] = batch{first: int32(r.uint(4)), last: int32(r.uint(4)), base: r.int64(), timestamp: r.int64()}
	}
}

// reader takes integers off the front of b; past its end it gives zeros and sets short.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) uint(size int) (v uint64) {
	if r.short || len(r.b) < size {
		r.short = true
		return 0
	}
	for _, c := range r.b[:size] {
		v = v<<8 | uint64(c)
	}
	r.b = r.b[size:]
	return v
}

func (r *reader) int64() int64 { return int64(r.uint(8)) }

// count takes a count of elements that have at least size bytes each, and gives 0 for one that cannot be.
func (r *reader) count(size int) int {
	n := r.uint(4)
	if n*uint64(size) > uint64(len(r.b)) {
		r.short = true
		return 0
	}
	return int(n)
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
