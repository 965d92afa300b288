package logtest

import (
	"github.com/typelog/typelog/broker/internal/log"
)

var holdTests = []test{
	{"nothing is seen before it is committed", unseenBeforeCommit},
	{"a marker counts once it is committed", markerBeforeCommit},
	{"one commit for what waits", pipelinedWhileHeld},
}

func unseenBeforeCommit(s *suite) {
	p := s.one()
	s.mustAppend(p, values("a"), 0)
	release := s.hold(s.e)
	defer release()
	wake := make(chan struct{}, 2)
	defer s.e.Watch([]log.Partition{p}, func() { wake <- struct{}{} })()
	under := s.start(log.Batch{Partition: p, Bytes: values("b")})
	again := s.start(log.Batch{Partition: p, Bytes: produced(1, 0, 0, 1, false)}, log.Batch{Partition: p, Bytes: produced(1, 0, 0, 1, false)})
	s.wantBounds(p, 0, 1, 1)
	s.wantAll(p, 0, "a")
	r, _ := s.read(p, 2, log.ReadUncommitted)
	s.wantErr("read above the high watermark", r.Err, log.ErrOffsetOutOfRange)
	if got, err := s.e.ByTime(p, log.Latest, log.ReadUncommitted); err != nil || got.Offset != 1 {
		s.t.Errorf("latest is %+v, %v", got, err)
	}
	if got, err := s.e.ByTime(p, log.MaxTimestamp, log.ReadUncommitted); err != nil || got.Offset != 0 {
		s.t.Errorf("the max timestamp is at %+v, %v", got, err)
	}
	if len(under.ready) != 0 || len(again.ready) != 0 || len(wake) != 0 {
		s.t.Error("answered or woken before the commit")
	}
	release()
	if out := under.wait(); out[0].Err != nil || out[0].BaseOffset != 1 {
		s.t.Errorf("%+v", out)
	}
	if out := again.wait(); out[0].Duplicate || !out[1].Duplicate || out[1].BaseOffset != 2 {
		s.t.Errorf("%+v", out)
	}
	s.woken("the commit", wake)
	s.wantAll(p, 0, "a", "b", "1/0/0")
}

func markerBeforeCommit(s *suite) {
	p := s.one()
	s.mustAppend(p, produced(1, 0, 0, 1, true), 0)
	release := s.hold(s.e)
	defer release()
	m := s.startControl(log.Control{Partition: p, ProducerID: 1, Commit: true})
	s.wantBounds(p, 0, 1, 0)
	release()
	m.wait()
	s.wantBounds(p, 0, 2, 2)
}

func pipelinedWhileHeld(s *suite) {
	p := s.one()
	release := s.hold(s.e)
	defer release()
	var all []*pending
	for i := range int32(5) {
		all = append(all, s.start(log.Batch{Partition: p, Bytes: produced(1, 0, i, 1, false)}))
	}
	lost := s.start(log.Batch{Partition: p, Bytes: produced(1, 0, 7, 1, false)})
	release()
	for i, a := range all {
		if out := a.wait(); out[0].Err != nil || out[0].BaseOffset != int64(i) {
			s.t.Errorf("batch %d: %+v", i, out)
		}
	}
	s.wantErr("a gap", lost.wait()[0].Err, log.ErrOutOfOrderSequence)
}
