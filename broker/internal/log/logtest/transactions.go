package logtest

import (
	"slices"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
)

var transactionTests = []test{
	{"an open transaction holds the last stable offset", lastStable},
	{"the last stable offset is not below the log start", trimmedOpen},
	{"aborted transactions are listed", abortedList},
	{"markers keep their place among appends", markerOrder},
	{"markers fence", markerFencing},
	{"a marker wakes read_committed readers", markerWakes},
	{"the broker's own batches have no sequence", unsequenced},
	{"producers are told", activeProducers},
}

func (s *suite) end(id log.Partition, producer int64, epoch int16, commit bool, offset int64) {
	s.t.Helper()
	out := s.startControl(log.Control{Partition: id, ProducerID: producer, ProducerEpoch: epoch, Commit: commit}).wait()
	if len(out) != 1 || out[0].Err != nil || out[0].BaseOffset != offset {
		s.t.Fatalf("a marker: %+v, want offset %d", out, offset)
	}
}

func lastStable(s *suite) {
	p := s.one()
	s.mustAppend(p, values("a"), 0)
	s.mustAppend(p, produced(1, 0, 0, 2, true), 1)
	s.mustAppend(p, values("b"), 3)
	s.wantBounds(p, 0, 4, 1)
	r, got := s.read(p, 0, log.ReadCommitted)
	if len(got) != 1 || got[0].LastOffset() != 0 || r.Bounds.LastStable != 1 || r.Bounds.HighWatermark != 4 {
		s.t.Fatalf("read_committed gets %d batches, %+v", len(got), r.Bounds)
	}
	if r, got := s.read(p, 1, log.ReadCommitted); r.Err != nil || len(got) != 0 {
		s.t.Errorf("read_committed at the last stable offset: %+v", r)
	}
	if _, got := s.read(p, 0, log.ReadUncommitted); len(got) != 3 {
		s.t.Errorf("read_uncommitted gets %d batches", len(got))
	}
	for iso, want := range map[log.Isolation]int64{log.ReadCommitted: 1, log.ReadUncommitted: 4} {
		if got, err := s.e.ByTime(p, log.Latest, iso); err != nil || got.Offset != want {
			s.t.Errorf("latest under isolation %d is %+v, %v; want %d", iso, got, err, want)
		}
	}
	if got, err := s.e.ByTime(p, 1_700_000_000_000, log.ReadCommitted); err != nil || got.Offset != 0 {
		s.t.Errorf("a look-up under read_committed: %+v, %v", got, err)
	}
	s.wantErr("a write outside of the open transaction", s.append(p, produced(1, 0, 2, 1, false)).Err, log.ErrInvalidTxnState)
	s.end(p, 1, 0, true, 4)
	s.wantBounds(p, 0, 5, 5)
	r, got = s.read(p, 0, log.ReadCommitted)
	if len(got) != 4 || len(r.Aborted) != 0 {
		s.t.Fatalf("after the commit: %d batches, aborted %v", len(got), r.Aborted)
	}
	m, ok, err := record.ParseMarker(got[3])
	if err != nil || !ok || !m.Commit || m.ProducerID != 1 || !got[3].Attributes().Transactional() {
		s.t.Errorf("the marker is %+v, %v, %v", m, ok, err)
	}
}

func trimmedOpen(s *suite) {
	p := s.one()
	s.mustAppend(p, produced(1, 0, 0, 2, true), 0)
	s.mustAppend(p, values("a"), 2)
	if start, err := s.e.Trim(s.ctx(), p, 2); err != nil || start != 2 {
		s.t.Fatalf("trimmed to %d, %v", start, err)
	}
	s.wantBounds(p, 2, 3, 2)
	latest, err := s.e.ByTime(p, log.Latest, log.ReadCommitted)
	if err != nil || latest.Offset != 2 {
		s.t.Errorf("the latest is %+v, %v", latest, err)
	}
	if r, got := s.read(p, 2, log.ReadCommitted); r.Err != nil || len(got) != 0 {
		s.t.Errorf("read_committed where it was sent: %+v", r)
	}
	s.end(p, 1, 0, true, 3)
	s.wantBounds(p, 2, 4, 4)
}

func abortedList(s *suite) {
	p := s.one()
	s.mustAppend(p, produced(1, 0, 0, 2, true), 0)
	s.mustAppend(p, produced(2, 0, 0, 1, true), 2)
	s.end(p, 1, 0, false, 3)
	s.wantBounds(p, 0, 4, 2) // producer 2 is open
	s.mustAppend(p, produced(1, 0, 2, 1, true), 4)
	s.end(p, 2, 0, true, 5)
	s.end(p, 1, 0, false, 6)
	s.mustAppend(p, values("x"), 7)
	s.wantBounds(p, 0, 8, 8)
	sorted := func(offset int64) []log.AbortedTxn {
		r, _ := s.read(p, offset, log.ReadCommitted)
		slices.SortFunc(r.Aborted, func(a, b log.AbortedTxn) int { return int(a.FirstOffset - b.FirstOffset) })
		return r.Aborted
	}
	first, second := log.AbortedTxn{ProducerID: 1, FirstOffset: 0}, log.AbortedTxn{ProducerID: 1, FirstOffset: 4}
	for offset, want := range [][]log.AbortedTxn{{first, second}, {first, second}, {first, second}, {first, second},
		{second}, {second}, {second}, nil} {
		if got := sorted(int64(offset)); !slices.Equal(got, want) {
			s.t.Errorf("aborted from %d: %v, want %v", offset, got, want)
		}
	}
	if r, _ := s.read(p, 0, log.ReadUncommitted); len(r.Aborted) != 0 {
		s.t.Errorf("read_uncommitted gets a list: %v", r.Aborted)
	}
	// The records of the aborted transactions are still there, for readers that do not care.
	if _, got := s.read(p, 0, log.ReadUncommitted); len(got) != 7 {
		s.t.Errorf("%d batches", len(got))
	}
}

func markerOrder(s *suite) {
	p := s.one()
	var all []*pending
	for i := range int32(10) {
		all = append(all,
			s.start(log.Batch{Partition: p, Bytes: produced(1, 0, i, 1, true)}),
			s.startControl(log.Control{Partition: p, ProducerID: 1, Commit: i%2 == 0}))
	}
	for i, a := range all {
		if out := a.wait(); len(out) != 1 || out[0].Err != nil || out[0].BaseOffset != int64(i) {
			s.t.Fatalf("number %d: %+v", i, out)
		}
		a.once()
	}
	s.wantBounds(p, 0, 20, 20)
	r, _ := s.read(p, 0, log.ReadCommitted)
	if len(r.Aborted) != 5 {
		s.t.Errorf("aborted: %v", r.Aborted)
	}
}

func markerFencing(s *suite) {
	p := s.one()
	s.mustAppend(p, produced(1, 5, 0, 1, true), 0)
	out := s.startControl(log.Control{Partition: p, ProducerID: 1, ProducerEpoch: 4, Commit: true}).wait()
	s.wantErr("a marker of an old epoch", out[0].Err, log.ErrInvalidProducerEpoch)
	s.wantBounds(p, 0, 1, 0)
	s.end(p, 1, 6, false, 1) // the coordinator raised the epoch and aborts
	s.wantErr("the fenced producer", s.append(p, produced(1, 5, 1, 1, true)).Err, log.ErrInvalidProducerEpoch)
	s.mustAppend(p, produced(1, 6, 0, 1, true), 2)
	s.end(p, 1, 6, true, 3)
	s.end(p, 77, 0, true, 4) // of a producer that wrote nothing here
	s.wantBounds(p, 0, 5, 5)
}

func markerWakes(s *suite) {
	p := s.one()
	s.mustAppend(p, produced(1, 0, 0, 1, true), 0)
	wake := make(chan struct{}, 2)
	defer s.e.Watch([]log.Partition{p}, func() { wake <- struct{}{} })()
	s.end(p, 1, 0, true, 1)
	s.woken("a marker", wake)
	if _, got := s.read(p, 0, log.ReadCommitted); len(got) != 2 {
		s.t.Errorf("%d batches after the commit", len(got))
	}
}

func unsequenced(s *suite) {
	p := s.one()
	own := func(epoch int16, transactional bool) log.Appended {
		out := s.start(log.Batch{Partition: p, Bytes: produced(1, epoch, 0, 2, transactional), Unsequenced: true}).wait()
		return out[0]
	}
	for i := range int64(3) {
		if got := own(3, true); got.Err != nil || got.Duplicate || got.BaseOffset != 2*i {
			s.t.Fatalf("number %d: %+v", i, got)
		}
	}
	s.wantErr("an old epoch", own(2, true).Err, log.ErrInvalidProducerEpoch)
	s.wantErr("a write outside of the open transaction", own(3, false).Err, log.ErrInvalidTxnState)
	s.wantBounds(p, 0, 6, 0)
	s.end(p, 1, 4, true, 6)
	s.wantErr("the fenced producer", own(3, true).Err, log.ErrInvalidProducerEpoch)
	s.wantBounds(p, 0, 7, 7)
}

func activeProducers(s *suite) {
	p := s.one()
	s.mustAppend(p, produced(9, 0, 0, 3, false), 0)
	s.mustAppend(p, produced(5, 2, 0, 1, true), 3)
	s.end(p, 9, 1, true, 4)
	got, err := s.e.Producers(p)
	if err != nil || len(got) != 2 || got[0].LastTimestamp == 0 {
		s.t.Fatalf("producers: %+v, %v", got, err)
	}
	for i := range got {
		got[i].LastTimestamp = 0
	}
	want := []log.ActiveProducer{
		{ID: 5, Epoch: 2, LastSequence: 0, CoordinatorEpoch: -1, TxnStart: 3},
		{ID: 9, Epoch: 1, LastSequence: -1, CoordinatorEpoch: 0, TxnStart: -1},
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("producers: %+v, want %+v", got, want)
	}
	_, err = s.e.Producers(log.Partition{Topic: p.Topic, Index: 77})
	s.wantErr("producers of no partition", err, log.ErrUnknownPartition)
}
