package journal

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/typelog/typelog/broker/internal/vfs"
)

const (
	magic       = "tljourn1"
	blockSize   = vfs.BlockSize
	frameHeader = 48
	// frameRoom is the most that a frame takes beyond its payload: a header does not cross the end of a block.
	frameRoom = 2*frameHeader - 1

	kindData    = 1
	kindPadding = 2
	flagMore    = 1
)

// header is what a file's first block says.
type header struct {
	generation uint64
	first      uint64 // sequence number
}

func (h header) encode(block []byte) {
	clear(block)
	be := binary.BigEndian
	copy(block, magic)
	be.PutUint64(block[8:], h.generation)
	be.PutUint64(block[16:], h.first)
	be.PutUint32(block[24:], blockSize)
	be.PutUint32(block[28:], checksum(0, block[:28]))
}

var errHeader = errors.New("no journal header")

func parseHeader(b []byte) (header, error) {
	be := binary.BigEndian
	if len(b) < 32 || string(b[:8]) != magic || be.Uint32(b[28:]) != checksum(0, b[:28]) {
		return header{}, errHeader
	}
	if size := be.Uint32(b[24:]); size != blockSize {
		return header{}, fmt.Errorf("journal blocks of %d bytes, this version knows %d", size, blockSize)
	}
	return header{generation: be.Uint64(b[8:]), first: be.Uint64(b[16:])}, nil
}

// Frame is one entry of the journal as recovery finds it.
type Frame struct {
	Sequence  uint64
	Topic     [16]byte
	Partition int32
	// Payload is valid during the call that it is handed to.
	Payload []byte

	generation uint64
	kind       byte
	more       bool
}

// parseFrame decodes the frame at the start of b and returns its length, or 0 if there is no valid one of this
// generation with this sequence number.
func parseFrame(b []byte, generation, sequence uint64) (Frame, int) {
	if len(b) < frameHeader {
		return Frame{}, 0
	}
	be := binary.BigEndian
	size := uint64(be.Uint32(b[4:])) + frameHeader
	f := Frame{
		Sequence:   be.Uint64(b[16:]),
		Partition:  int32(be.Uint32(b[28:])),
		Topic:      [16]byte(b[32:48]),
		generation: be.Uint64(b[8:]),
		kind:       b[24],
		more:       b[25] == flagMore,
	}
	known := f.kind == kindData || f.kind == kindPadding && !f.more
	if size > uint64(len(b)) || f.generation != generation || f.Sequence != sequence || !known || b[25]&^flagMore != 0 {
		return Frame{}, 0
	}
	if be.Uint32(b) != checksum(seed(generation), b[4:size]) {
		return Frame{}, 0
	}
	f.Payload = b[frameHeader:size:size]
	return f, int(size)
}

// scan walks the frames of a whole file (header block included) and calls f for each unit. It returns the sequence
// number that is due after the last whole unit, and where in the file that unit ends.
func scan(b []byte, h header, f func(unit []Frame) error) (next uint64, end int, err error) {
	next, end = h.first, blockSize
	var unit []Frame
	due, at := next, blockSize
	for at < len(b) {
		if rest := blockSize - at%blockSize; rest < frameHeader {
			at += rest
			continue
		}
		frame, n := parseFrame(b[at:], h.generation, due)
		if n == 0 {
			break
		}
		at += n
		if frame.kind == kindPadding {
			continue
		}
		due++
		unit = append(unit, frame)
		if frame.more {
			continue
		}
		if err := f(unit); err != nil {
			return next, end, err
		}
		unit = unit[:0]
		next, end = due, at
	}
	return next, end, nil
}
