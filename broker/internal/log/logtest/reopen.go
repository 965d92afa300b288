package logtest

import (
	"fmt"

	"github.com/typelog/typelog/broker/internal/log"
)

var reopenTests = []test{
	{"records, producers, transactions and trims survive", survival},
	{"a deleted topic stays deleted", deletionSurvives},
}

func survival(s *suite) {
	parts := s.topic(2, plain())
	p := parts[0]
	for i := range int32(8) {
		s.mustAppend(p, produced(1, 3, 2*i, 2, false), int64(2*i))
	}
	s.mustAppend(p, produced(2, 0, 0, 1, true), 16)
	s.end(p, 2, 0, false, 17)
	s.mustAppend(p, produced(2, 0, 1, 1, true), 18) // open
	if _, err := s.e.Trim(s.ctx(), p, 5); err != nil {
		s.t.Fatal(err)
	}
	before := s.all(p, 5)
	for round := range 2 {
		s.e = s.reopen(s.t, s.e)
		s.wantBounds(p, 5, 19+int64(round), 18)
		s.wantBounds(parts[1], 0, 0, 0)
		s.wantAll(p, 5, append(before, []string{"again 0"}[:round]...)...)
		for i := int32(3); i < 8; i++ {
			if out := s.append(p, produced(1, 3, 2*i, 2, false)); !out.Duplicate || out.BaseOffset != int64(2*i) {
				s.t.Errorf("batch %d again: %+v", i, out)
			}
		}
		s.wantErr("an older batch", s.append(p, produced(1, 3, 0, 2, false)).Err, log.ErrDuplicateSequence)
		s.wantErr("an old epoch", s.append(p, produced(1, 2, 16, 2, false)).Err, log.ErrInvalidProducerEpoch)
		s.mustAppend(p, values(fmt.Sprint("again ", round)), 19+int64(round))
	}
	s.end(p, 2, 0, true, 21)
	s.wantBounds(p, 5, 22, 22)
	r, _ := s.read(p, 5, log.ReadCommitted)
	if len(r.Aborted) != 1 || r.Aborted[0] != (log.AbortedTxn{ProducerID: 2, FirstOffset: 16}) {
		s.t.Errorf("aborted: %v", r.Aborted)
	}
}

func deletionSurvives(s *suite) {
	gone, kept := s.one(), s.one()
	s.mustAppend(gone, values("gone"), 0)
	s.mustAppend(kept, values("kept"), 0)
	if err := s.e.DeleteTopic(s.ctx(), gone.Topic); err != nil {
		s.t.Fatal(err)
	}
	s.e = s.reopen(s.t, s.e)
	_, err := s.e.Bounds(gone)
	s.wantErr("bounds of a deleted topic", err, log.ErrUnknownPartition)
	s.wantAll(kept, 0, "kept")
}
