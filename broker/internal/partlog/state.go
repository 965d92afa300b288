package partlog

import (
	"encoding/binary"
	"errors"
)

// epochStart is where a leader epoch begins.
type epochStart struct {
	epoch int32
	start int64
}

// segmentState is what the ledger knows of a segment.
type segmentState struct {
	base    int64
	gen     uint32 // how often compaction has written it
	size    int64  // bytes
	created int64  // milliseconds since the epoch
	maxTime int64  // milliseconds since the epoch, -1 if unknown
}

// partitionState is a partition as the ledger holds it; the package comment draws it.
type partitionState struct {
	logStart    int64
	next        int64
	unjournaled bool
	cleaned     int64 // where compaction goes on
	epochs      []epochStart
	segments    []segmentState
	producers   []byte
}

var errState = errors.New("a partition's state in the ledger cannot be read")

func (s *partitionState) append(dst []byte) []byte {
	be := binary.BigEndian
	dst = be.AppendUint64(dst, uint64(s.logStart))
	dst = be.AppendUint64(dst, uint64(s.next))
	var flags byte
	if s.unjournaled {
		flags |= stateUnjournaled
	}
	if s.compacted() {
		flags |= stateCompacted
	}
	dst = append(dst, flags)
	dst = be.AppendUint32(dst, uint32(len(s.epochs)))
	for _, e := range s.epochs {
		dst = be.AppendUint32(dst, uint32(e.epoch))
		dst = be.AppendUint64(dst, uint64(e.start))
	}
	dst = be.AppendUint32(dst, uint32(len(s.segments)))
	for _, g := range s.segments {
		for _, v := range [...]int64{g.base, g.size, g.created, g.maxTime} {
			dst = be.AppendUint64(dst, uint64(v))
		}
	}
	if s.compacted() {
		dst = be.AppendUint64(dst, uint64(s.cleaned))
		for _, g := range s.segments {
			dst = be.AppendUint32(dst, g.gen)
		}
	}
	return append(dst, s.producers...)
}

const (
	stateUnjournaled = 1
	stateCompacted   = 2
)

// compacted reports that compaction has been here.
func (s *partitionState) compacted() bool {
	for _, g := range s.segments {
		if g.gen > 0 {
			return true
		}
	}
	return s.cleaned > 0
}

// parseState decodes a state; producers aliases b.
func parseState(b []byte) (partitionState, error) {
	const epochSize, segmentSize = 12, 32
	be := binary.BigEndian
	var s partitionState
	if len(b) < 21 {
		return s, errState
	}
	s.logStart, s.next, s.unjournaled = int64(be.Uint64(b)), int64(be.Uint64(b[8:])), b[16]&stateUnjournaled != 0
	compacted := b[16]&stateCompacted != 0
	n := uint64(be.Uint32(b[17:]))
	b = b[21:]
	if n*epochSize+4 > uint64(len(b)) {
		return s, errState
	}
	for range n {
		s.epochs = append(s.epochs, epochStart{int32(be.Uint32(b)), int64(be.Uint64(b[4:]))})
		b = b[epochSize:]
	}
	n = uint64(be.Uint32(b))
	b = b[4:]
	if n*segmentSize > uint64(len(b)) {
		return s, errState
	}
	for range n {
		s.segments = append(s.segments, segmentState{base: int64(be.Uint64(b)), size: int64(be.Uint64(b[8:])),
			created: int64(be.Uint64(b[16:])), maxTime: int64(be.Uint64(b[24:]))})
		b = b[segmentSize:]
	}
	if compacted {
		if uint64(len(b)) < 8+4*n {
			return s, errState
		}
		if s.cleaned = int64(be.Uint64(b)); s.cleaned < 0 || s.cleaned > s.next {
			return s, errState
		}
		b = b[8:]
		for i := range s.segments {
			s.segments[i].gen = be.Uint32(b)
			b = b[4:]
		}
	}
	s.producers = b
	if s.logStart < 0 || s.next < s.logStart {
		return s, errState
	}
	for i, g := range s.segments {
		if g.size < 0 || g.base < 0 || g.base > s.next || i > 0 && g.base <= s.segments[i-1].base {
			return s, errState
		}
	}
	return s, nil
}
