package api

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// produceFrame is a Produce request, decoded by hand: kmsg would make structs for as many partitions as a frame claims, and
// could not be told to stop. Everything in it aliases the frame. Versions 0 to 13 (KIP-516 brought the topic id in 13):
//
//	transactional id   nullable string                from version 3
//	acks               int16
//	timeout            int32, ms
//	topics             array of
//	  name             string                       up to version 12
//	  id               16 bytes                     from version 13
//	  partitions       array of
//	    index          int32
//	    records        nullable bytes
//	    tagged fields                               from version 9
//	  tagged fields                                 from version 9
//	tagged fields                                   from version 9
//
// From version 9 on, lengths are uvarints that count from 1, and 0 is null (KIP-482).
type produceFrame struct {
	version int16
	// transactionalID is nil if none is given.
	transactionalID []byte
	acks            int16
	topics          []produceTopic
	// parts are the partitions of all topics, one after another.
	parts []producePart
}

type produceTopic struct {
	name        []byte
	id          [16]byte
	first, last int // its partitions are parts[first:last]
}

type producePart struct {
	index   int32
	records []byte // nil for null
}

// maxProduceParts bounds the topics and the partitions of one Produce request. A partition brings at least a batch's
// header of 61 bytes, so that honest requests are far below.
const maxProduceParts = 1 << 16

var (
	errFrameShort = errors.New("the request ends too early, or a length in it is wrong")
	errFrameDense = fmt.Errorf("more than %d topics or partitions in one Produce request", maxProduceParts)
)

// decodeProduce decodes the body of a Produce request. The slices of f are used again.
func decodeProduce(version int16, body []byte, f *produceFrame) error {
	r := frameReader{b: body, flexible: version >= 9}
	*f = produceFrame{version: version, topics: f.topics[:0], parts: f.parts[:0]}
	if version >= 3 {
		f.transactionalID = r.nullableString()
	}
	f.acks = int16(r.uint16())
	r.uint32() // the timeout: an append is decided when it is flushed, or not at all
	topicMin, partMin := 2+4, 4+4
	switch {
	case version >= 13:
		topicMin, partMin = 16+1+1, 4+1+1
	case r.flexible:
		topicMin, partMin = 1+1+1, 4+1+1
	}
	topics := r.array(topicMin)
	if topics > maxProduceParts {
		return errFrameDense
	}
	for range topics {
		t := produceTopic{first: len(f.parts)}
		if version >= 13 {
			copy(t.id[:], r.take(16))
		} else if t.name = r.nullableString(); t.name == nil {
			return errFrameShort // a topic has a name, if an empty one
		}
		n := r.array(partMin)
		if n > maxProduceParts-len(f.parts) {
			return errFrameDense
		}
		for range n {
			p := producePart{index: int32(r.uint32()), records: r.nullableBytes()}
			r.tags()
			if r.bad {
				return errFrameShort
			}
			f.parts = append(f.parts, p)
		}
		r.tags()
		if r.bad {
			return errFrameShort
		}
		t.last = len(f.parts)
		f.topics = append(f.topics, t)
	}
	r.tags()
	if r.bad {
		return errFrameShort
	}
	return nil
}

// peekProduce looks at the beginning of a Produce request of which more is to come, and refuses one whose first array cannot
// be right: there is no need to take in 100 MiB to see that.
func peekProduce(version int16, prefix []byte) error {
	r := frameReader{b: prefix, flexible: version >= 9}
	count := func() int {
		if r.flexible {
			return r.uvarint() - 1
		}
		return int(int32(r.uint32()))
	}
	if version >= 3 {
		r.nullableString()
	}
	r.take(2 + 4)
	topics := count()
	if version >= 13 {
		r.take(16)
	} else {
		r.nullableString()
	}
	switch {
	case r.bad:
		return nil // what matters lies further behind
	case topics <= 0:
		return errFrameShort
	case topics > maxProduceParts:
		return errFrameDense
	}
	if parts := count(); !r.bad && parts > maxProduceParts {
		return errFrameDense
	}
	return nil
}

// frameReader reads the protocol's primitives. After a failure it returns zeros, and bad is set.
type frameReader struct {
	b        []byte
	flexible bool
	bad      bool
}

func (r *frameReader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.b, r.bad = nil, true
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *frameReader) uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *frameReader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// uvarint reads at most 32 bits.
func (r *frameReader) uvarint() int {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || n > 5 || v > 1<<32-1 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return int(v)
}

// nullableString returns nil for null.
func (r *frameReader) nullableString() []byte {
	if r.flexible {
		return r.sized(r.uvarint() - 1)
	}
	return r.sized(int(int16(r.uint16())))
}

// nullableBytes returns nil for null.
func (r *frameReader) nullableBytes() []byte {
	if r.flexible {
		return r.sized(r.uvarint() - 1)
	}
	return r.sized(int(int32(r.uint32())))
}

func (r *frameReader) sized(n int) []byte {
	if r.bad || n < 0 {
		return nil
	}
	return r.take(n)
}

// array reads an array's length and checks it against the bytes that are left, of which each element takes at least min.
// A null array is an empty one.
func (r *frameReader) array(min int) int {
	n := 0
	if r.flexible {
		n = r.uvarint() - 1
	} else {
		n = int(int32(r.uint32()))
	}
	if r.bad || n < 0 {
		return 0
	}
	if n > len(r.b)/min {
		r.b, r.bad = nil, true
		return 0
	}
	return n
}

// tags skips tagged fields.
func (r *frameReader) tags() {
	if !r.flexible {
		return
	}
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		r.uvarint()
		r.take(r.uvarint())
	}
}
