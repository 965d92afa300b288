package logtest

import (
	"fmt"
	"math"

	"github.com/typelog/typelog/broker/internal/log"
)

var idempotenceTests = []test{
	{"a duplicate gets the original offset", duplicates},
	{"gaps, old batches and overlaps are refused", sequences},
	{"an old epoch is fenced", fencing},
	{"sequences wrap around int32", wrapping},
	{"five batches in flight", pipelined},
	{"a duplicate of a batch in flight", duplicateInFlight},
	{"a refused batch uses up nothing", refusedUsesNothing},
}

func duplicates(s *suite) {
	parts := s.topic(2, plain())
	p := parts[0]
	s.mustAppend(p, values("x"), 0)
	for i := range int32(7) {
		s.mustAppend(p, produced(1, 0, 3*i, 3, false), int64(1+3*i))
	}
	for i := range int32(7) {
		out := s.append(p, produced(1, 0, 3*i, 3, false))
		if i < 2 {
			s.wantErr(fmt.Sprintf("batch %d", i), out.Err, log.ErrDuplicateSequence)
			continue
		}
		if out.Err != nil || !out.Duplicate || out.BaseOffset != int64(1+3*i) {
			s.t.Errorf("batch %d again: %+v", i, out)
		}
	}
	s.wantBounds(p, 0, 22, 22)
	// The other partition knows nothing of this producer.
	s.mustAppend(parts[1], produced(1, 0, 0, 3, false), 0)
}

func sequences(s *suite) {
	p := s.one()
	s.wantErr("an unknown producer", s.append(p, produced(1, 0, 4, 1, false)).Err, log.ErrUnknownProducer)
	s.mustAppend(p, produced(1, 0, 0, 10, false), 0)
	s.wantErr("a gap", s.append(p, produced(1, 0, 11, 1, false)).Err, log.ErrOutOfOrderSequence)
	s.wantErr("a part of a batch", s.append(p, produced(1, 0, 5, 2, false)).Err, log.ErrDuplicateSequence)
	s.wantErr("half old, half new", s.append(p, produced(1, 0, 5, 10, false)).Err, log.ErrOutOfOrderSequence)
	s.mustAppend(p, produced(1, 0, 10, 1, false), 10)
	s.wantBounds(p, 0, 11, 11)
}

func fencing(s *suite) {
	p := s.one()
	s.mustAppend(p, produced(1, 2, 0, 1, false), 0)
	s.wantErr("an old epoch", s.append(p, produced(1, 1, 1, 1, false)).Err, log.ErrInvalidProducerEpoch)
	s.wantErr("a new epoch that does not begin at 0", s.append(p, produced(1, 3, 1, 1, false)).Err, log.ErrOutOfOrderSequence)
	s.mustAppend(p, produced(1, 3, 0, 1, false), 1)
	s.wantErr("the epoch before", s.append(p, produced(1, 2, 0, 1, false)).Err, log.ErrInvalidProducerEpoch)
	s.mustAppend(p, produced(1, 3, 1, 1, false), 2)
}

// wrapping gets near the end of the sequence numbers with one batch of a single record that claims a last offset delta of
// nearly 2^31, as compaction leaves it.
func wrapping(s *suite) {
	p := s.one()
	b := produced(1, 0, 0, 1, false)
	s.mustAppend(p, stretched(b, math.MaxInt32-4), 0)
	next := int64(math.MaxInt32 - 3)
	s.mustAppend(p, produced(1, 0, math.MaxInt32-3, 3, false), next)
	s.mustAppend(p, produced(1, 0, math.MaxInt32, 3, false), next+3)
	s.mustAppend(p, produced(1, 0, 2, 1, false), next+6)
	if out := s.append(p, produced(1, 0, math.MaxInt32, 3, false)); !out.Duplicate || out.BaseOffset != next+3 {
		s.t.Errorf("a duplicate across the wrap: %+v", out)
	}
	s.wantErr("a gap after the wrap", s.append(p, produced(1, 0, 4, 1, false)).Err, log.ErrOutOfOrderSequence)
}

// pipelined sends five batches before any can be committed, twice, as a client does that lost its connection.
func pipelined(s *suite) {
	p := s.one()
	for round := range int32(3) {
		var first, again [5]*pending
		for i := range int32(5) {
			first[i] = s.start(log.Batch{Partition: p, Bytes: produced(1, 0, round*10+2*i, 2, false)})
		}
		for i := range int32(5) {
			again[i] = s.start(log.Batch{Partition: p, Bytes: produced(1, 0, round*10+2*i, 2, false)})
		}
		for i := range 5 {
			want := int64(round)*10 + 2*int64(i)
			if out := first[i].wait()[0]; out.Err != nil || out.BaseOffset != want || out.Duplicate {
				s.t.Errorf("batch %d: %+v, want offset %d", i, out, want)
			}
			if out := again[i].wait()[0]; out.Err != nil || out.BaseOffset != want || !out.Duplicate {
				s.t.Errorf("batch %d again: %+v, want offset %d", i, out, want)
			}
		}
	}
	s.wantBounds(p, 0, 30, 30)
}

func duplicateInFlight(s *suite) {
	p := s.one()
	out := s.start(
		log.Batch{Partition: p, Bytes: produced(1, 0, 0, 3, false)},
		log.Batch{Partition: p, Bytes: produced(1, 0, 0, 3, false)},
		log.Batch{Partition: p, Bytes: produced(1, 0, 3, 1, false)},
	).wait()
	if out[0].Err != nil || out[0].Duplicate || out[1].Err != nil || !out[1].Duplicate || out[1].BaseOffset != out[0].BaseOffset {
		s.t.Errorf("%+v", out)
	}
	if out[2].Err != nil || out[2].BaseOffset != 3 {
		s.t.Errorf("the one after: %+v", out[2])
	}
	s.wantBounds(p, 0, 4, 4)
}

func refusedUsesNothing(s *suite) {
	p := s.one()
	s.mustAppend(p, produced(1, 0, 0, 1, false), 0)
	a := s.start(log.Batch{Partition: p, Bytes: produced(1, 0, 5, 1, false)})
	b := s.start(log.Batch{Partition: p, Bytes: produced(1, 0, 6, 1, false)})
	s.wantErr("a gap", a.wait()[0].Err, log.ErrOutOfOrderSequence)
	s.wantErr("what follows a gap", b.wait()[0].Err, log.ErrOutOfOrderSequence)
	s.mustAppend(p, produced(1, 0, 1, 1, false), 1)
}
