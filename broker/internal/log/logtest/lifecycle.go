package logtest

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
)

var lifecycleTests = []test{
	{"trim", trim},
	{"delete, and create again with a new id", deleteTopic},
	{"chunks outlive deletion and trimming", chunksOutlive},
	{"close decides what is under way", closing},
	{"a cancelled context changes nothing", cancelled},
}

func trim(s *suite) {
	p := s.one()
	s.mustAppend(p, values("a", "b", "c"), 0)
	s.mustAppend(p, values("d"), 3)
	s.mustAppend(p, produced(1, 0, 0, 1, false), 4)
	at := func(offset, want int64) {
		s.t.Helper()
		if got, err := s.e.Trim(s.ctx(), p, offset); err != nil || got != want {
			s.t.Fatalf("trim to %d: %d, %v; want %d", offset, got, err, want)
		}
	}
	at(0, 0)
	at(2, 2) // inside a batch
	s.wantBounds(p, 2, 5, 5)
	r, _ := s.read(p, 1, log.ReadUncommitted)
	s.wantErr("read below the log start", r.Err, log.ErrOffsetOutOfRange)
	s.wantAll(p, 2, "c", "d", "1/0/0")
	at(1, 2) // it does not go back
	for _, offset := range []int64{6, -2} {
		_, err := s.e.Trim(s.ctx(), p, offset)
		s.wantErr("trim out of range", err, log.ErrOffsetOutOfRange)
	}
	at(-1, 5)
	s.wantBounds(p, 5, 5, 5)
	s.wantAll(p, 5)
	if out := s.append(p, values("e")); out.Err != nil || out.BaseOffset != 5 || out.LogStart != 5 {
		s.t.Fatalf("append after trimming everything: %+v", out)
	}
	// The producer's records are gone, its sequence is not.
	if out := s.append(p, produced(1, 0, 0, 1, false)); !out.Duplicate || out.BaseOffset != 4 {
		s.t.Errorf("a duplicate of a trimmed batch: %+v", out)
	}
	s.mustAppend(p, produced(1, 0, 1, 1, false), 6)
}

func deleteTopic(s *suite) {
	old := s.topic(2, plain())
	kept := s.one()
	s.mustAppend(old[0], produced(1, 0, 0, 1, false), 0)
	s.mustAppend(kept, values("kept"), 0)
	if err := s.e.DeleteTopic(s.ctx(), old[0].Topic); err != nil {
		s.t.Fatal(err)
	}
	for _, p := range old {
		_, err := s.e.Bounds(p)
		s.wantErr("bounds", err, log.ErrUnknownPartition)
		s.wantErr("append", s.append(p, values("late")).Err, log.ErrUnknownPartition)
	}
	fresh := s.topic(2, plain()) // the same name has a new id
	s.wantBounds(fresh[0], 0, 0, 0)
	s.wantErr("a producer of the old topic", s.append(fresh[0], produced(1, 0, 1, 1, false)).Err, log.ErrUnknownProducer)
	s.mustAppend(fresh[0], produced(1, 0, 0, 1, false), 0)
	s.wantAll(kept, 0, "kept")
}

func chunksOutlive(s *suite) {
	big := strings.Repeat("z", 3000)
	for _, how := range []string{"delete", "trim"} {
		p := s.one()
		for i := range 5 {
			s.mustAppend(p, values(big), int64(i))
		}
		_, want := s.read(p, 0, log.ReadUncommitted)
		kept := s.chunks(p)
		var err error
		if how == "delete" {
			err = s.e.DeleteTopic(s.ctx(), p.Topic)
		} else {
			_, err = s.e.Trim(s.ctx(), p, -1)
		}
		if err != nil {
			s.t.Fatalf("%s: %v", how, err)
		}
		q := s.one() // and something new takes whatever room there is now
		s.mustAppend(q, values(strings.Repeat("n", 20_000)), 0)
		got := s.split(s.drain(kept), 0)
		if !slices.EqualFunc(got, want, func(a, b record.Batch) bool { return slices.Equal(a, b) }) {
			s.t.Errorf("%s: a chunk that was kept reads something else", how)
		}
	}
}

func closing(s *suite) {
	p := s.one()
	s.mustAppend(p, values("a"), 0)
	kept := s.chunks(p)
	wake := make(chan struct{}, 2)
	s.e.Watch([]log.Partition{p}, func() { wake <- struct{}{} })
	under := s.start(log.Batch{Partition: p, Bytes: values("b")})
	if err := s.e.Close(); err != nil {
		s.t.Fatal(err)
	}
	if out := under.wait(); out[0].Err != nil || out[0].BaseOffset != 1 {
		s.t.Errorf("an append under way: %+v", out)
	}
	under.once()
	s.woken("closing", wake)
	if got := s.split(s.drain(kept), 0); len(got) != 1 {
		s.t.Errorf("a chunk that was kept holds %d batches", len(got))
	}
	s.wantErr("append", s.append(p, values("c")).Err, log.ErrClosed)
	s.wantErr("marker", s.startControl(log.Control{Partition: p}).wait()[0].Err, log.ErrClosed)
	r, _ := s.read(p, 0, log.ReadUncommitted)
	s.wantErr("read", r.Err, log.ErrClosed)
	_, err := s.e.Bounds(p)
	s.wantErr("bounds", err, log.ErrClosed)
	s.wantErr("create", s.e.Create(s.ctx(), []log.Partition{p}, plain()), log.ErrClosed)
	s.wantErr("delete", s.e.DeleteTopic(s.ctx(), p.Topic), log.ErrClosed)
	if err := s.e.Close(); err != nil {
		s.t.Errorf("close again: %v", err)
	}
}

func cancelled(s *suite) {
	p := s.one()
	s.mustAppend(p, values("a"), 0)
	ctx, cancel := context.WithCancel(s.ctx())
	cancel()
	never := log.Partition{Topic: log.TopicID{0xaa}, Index: 0}
	_, trimErr := s.e.Trim(ctx, p, 1)
	for what, err := range map[string]error{
		"create": s.e.Create(ctx, []log.Partition{never}, plain()),
		"delete": s.e.DeleteTopic(ctx, p.Topic),
		"trim":   trimErr,
	} {
		if !errors.Is(err, context.Canceled) {
			s.t.Errorf("%s: %v", what, err)
		}
	}
	_, err := s.e.Bounds(never)
	s.wantErr("bounds of what was not created", err, log.ErrUnknownPartition)
	s.wantBounds(p, 0, 1, 1)
}
