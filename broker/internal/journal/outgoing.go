package journal

import (
	"encoding/binary"
	"unsafe"

	"github.com/typelog/typelog/broker/internal/vfs"
)

// outgoing is what the next write consists of: staged bytes, which are copied into an aligned buffer, and between them
// whole blocks of large payloads, which are written from where they lie. Nothing of it is changed before it is written.
type outgoing struct {
	staged []byte   // aligned
	cut    int      // staged bytes before it are in pieces
	pieces [][]byte // aligned, of whole blocks, in the order of the file
	lent   int      // bytes in pieces that are not staged
}

// lendFrom is the size in bytes from which a payload is worth a padding frame that brings it to its place in a block.
const lendFrom = 32 << 10

// size is the length of everything.
func (o *outgoing) size() int64 { return int64(len(o.staged) + o.lent) }

// room is the most bytes that a frame with a payload of n bytes takes.
func room(n int) int64 {
	if n < lendFrom {
		return frameRoom + int64(n)
	}
	return frameRoom + int64(n) + frameRoom + blockSize
}

// reserve makes room for n more staged bytes.
func (o *outgoing) reserve(n int64) {
	if need := roundUp(int64(len(o.staged)) + n); need > int64(cap(o.staged)) {
		// Grown in steps, so that a light load costs little memory. Pieces of the old buffer stay as they are.
		grown := vfs.Aligned(int(max(need, min(2*int64(cap(o.staged)), maxWrite), 64<<10)))
		o.staged = append(grown[:0], o.staged...)
	}
}

// stagedRoom is how much of a payload's room is staged.
func stagedRoom(payload []byte) int64 {
	n := len(payload)
	if !lendable(payload) {
		return room(n)
	}
	return room(n) - int64(n) + 2*blockSize
}

// inBlock is where a payload begins in its block of memory.
func inBlock(payload []byte) int {
	return int(uintptr(unsafe.Pointer(unsafe.SliceData(payload))) % blockSize)
}

// lendable reports whether a payload can be written from where it lies: it must be large, and have its header before it in the same
// block.
func lendable(payload []byte) bool {
	at := inBlock(payload)
	return len(payload) >= lendFrom && (at == 0 || at >= frameHeader)
}

// take appends a frame, for which reserve has made room. sum is the checksum of the payload from byte from on, if from is
// above 0.
func (o *outgoing) take(f *Frame, sum uint32, from int) {
	o.skip(frameHeader)
	lend := lendable(f.Payload)
	if lend {
		o.align(f)
	}
	o.header(f, sum, from)
	if !lend {
		o.staged = append(o.staged, f.Payload...)
		return
	}
	// Staged up to the end of this block, then blocks as they lie, and the rest staged again.
	first := (blockSize - len(o.staged)%blockSize) % blockSize
	last := first + (len(f.Payload)-first)/blockSize*blockSize
	o.staged = append(o.staged, f.Payload[:first]...)
	o.seal()
	o.pieces = append(o.pieces, f.Payload[first:last])
	o.lent += last - first
	o.staged = append(o.staged, f.Payload[last:]...)
}

// align puts padding before a frame, so that its payload comes to lie in the file as it does in memory, modulo blocks.
func (o *outgoing) align(f *Frame) {
	gap := (inBlock(f.Payload) - frameHeader - len(o.staged)%blockSize + 2*blockSize) % blockSize
	if gap > 0 && gap < frameHeader {
		gap += blockSize
	}
	if gap > 0 {
		o.padding(gap, f.generation, f.Sequence)
	}
}

// seal makes a piece of what is staged, which ends with a block.
func (o *outgoing) seal() {
	if o.cut < len(o.staged) {
		o.pieces = append(o.pieces, o.staged[o.cut:len(o.staged):len(o.staged)])
		o.cut = len(o.staged)
	}
}

// skip fills a block with zeros if a header does not fit what is left of it.
func (o *outgoing) skip(n int) {
	if rest := blockSize - len(o.staged)%blockSize; rest < n {
		o.zeros(rest)
	}
}

func (o *outgoing) zeros(n int) {
	at := len(o.staged)
	o.staged = o.staged[:at+n]
	clear(o.staged[at:])
}

// padding appends a padding frame of n bytes.
func (o *outgoing) padding(n int, generation, next uint64) {
	at := len(o.staged)
	o.zeros(n)
	pad := Frame{Sequence: next, generation: generation, kind: kindPadding, Payload: o.staged[at+frameHeader : at+n]}
	o.staged = o.staged[:at]
	o.header(&pad, 0, 0)
	o.staged = o.staged[:at+n]
}

// header appends a frame's header.
func (o *outgoing) header(f *Frame, sum uint32, from int) {
	at := len(o.staged)
	o.staged = o.staged[:at+frameHeader]
	h := o.staged[at:]
	be := binary.BigEndian
	be.PutUint32(h[4:], uint32(len(f.Payload)))
	be.PutUint64(h[8:], f.generation)
	be.PutUint64(h[16:], f.Sequence)
	h[24], h[25], h[26], h[27] = f.kind, 0, 0, 0
	if f.more {
		h[25] = flagMore
	}
	be.PutUint32(h[28:], uint32(f.Partition))
	copy(h[32:], f.Topic[:])
	crc := checksum(seed(f.generation), h[4:])
	if from > 0 && len(f.Payload)-from >= lendFrom {
		crc = combine(checksum(crc, f.Payload[:from]), sum, len(f.Payload)-from)
	} else {
		crc = checksum(crc, f.Payload)
	}
	be.PutUint32(h, crc)
}

// finish fills the last block and returns everything. The result is valid until reset.
func (o *outgoing) finish(generation, next uint64) [][]byte {
	if rest := (blockSize - len(o.staged)%blockSize) % blockSize; rest >= frameHeader {
		o.padding(rest, generation, next)
	} else {
		o.zeros(rest)
	}
	o.seal()
	return o.pieces
}

// reset forgets everything.
func (o *outgoing) reset() {
	clear(o.pieces)
	o.staged, o.pieces, o.cut, o.lent = o.staged[:0], o.pieces[:0], 0, 0
	if cap(o.staged) > keepBuffer {
		o.staged = nil
	}
}
