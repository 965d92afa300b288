package producer

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
)

// script drives a table as an engine does: check, then apply at the next offset.
type script struct {
	t    *testing.T
	tab  *Table
	next int64
	now  int64
}

func header(id int64, epoch int16, seq, count int32) record.Header {
	return record.Header{ProducerID: id, ProducerEpoch: epoch, BaseSequence: seq, LastOffsetDelta: count - 1, Count: count}
}

// send offers a batch and reports "ok OFFSET", "dup OFFSET" or the error's kind.
func (s *script) send(h record.Header) string {
	dup, err := s.tab.Check(&h)
	switch {
	case err != nil:
		for _, kind := range []error{log.ErrDuplicateSequence, log.ErrOutOfOrderSequence, log.ErrUnknownProducer,
			log.ErrInvalidProducerEpoch, log.ErrInvalidTxnState} {
			if errors.Is(err, kind) {
				return kind.Error()
			}
		}
		return "error of no kind: " + err.Error()
	case dup != nil:
		return fmt.Sprintf("dup %d", dup.BaseOffset)
	}
	h.BaseOffset = s.next
	h.MaxTimestamp = s.next * 10
	s.next += int64(h.Count)
	s.tab.Apply(&h, s.now)
	return fmt.Sprintf("ok %d", h.BaseOffset)
}

func (s *script) want(h record.Header, want string) {
	s.t.Helper()
	if got := s.send(h); got != want {
		s.t.Errorf("producer %d epoch %d sequence %d+%d: %s, want %s",
			h.ProducerID, h.ProducerEpoch, h.BaseSequence, h.Count, got, want)
	}
}

func (s *script) marker(id int64, epoch int16, commit bool) {
	s.t.Helper()
	m := record.Marker{ProducerID: id, ProducerEpoch: epoch, Commit: commit}
	if err := s.tab.CheckMarker(&m); err != nil {
		s.t.Fatal(err)
	}
	s.tab.ApplyMarker(&m, s.next, s.now)
	s.next++
}

func TestSequences(t *testing.T) {
	s := &script{t: t, tab: &Table{}}
	unknown, order, old := log.ErrUnknownProducer.Error(), log.ErrOutOfOrderSequence.Error(), log.ErrDuplicateSequence.Error()
	fenced := log.ErrInvalidProducerEpoch.Error()

	s.want(header(-1, -1, -1, 3), "ok 0") // no producer: nothing to check
	s.want(header(7, 0, 5, 1), unknown)
	s.want(header(7, 0, 0, 2), "ok 3")
	s.want(header(7, 0, 0, 2), "dup 3")
	s.want(header(7, 0, 3, 1), order) // a gap
	s.want(header(7, 0, 2, 1), "ok 5")
	s.want(header(7, 0, 1, 2), old)   // records 1 and 2 are there, but not as this batch
	s.want(header(7, 0, 2, 2), order) // 2 is there and 3 is not: neither success nor append would be true
	s.want(header(7, 0, 3, 10), "ok 6")
	s.want(header(7, 0, 13, 1), "ok 16")
	s.want(header(7, 0, 14, 1), "ok 17")
	s.want(header(7, 0, 15, 1), "ok 18")
	s.want(header(7, 0, 0, 2), old) // the sixth last
	for seq, want := range map[int32]string{3: "dup 6", 13: "dup 16", 14: "dup 17", 15: "dup 18"} {
		n := int32(1)
		if seq == 3 {
			n = 10
		}
		s.want(header(7, 0, seq, n), want)
	}
	s.want(header(8, 3, 0, 1), "ok 19") // another producer is another matter
	s.want(header(8, 2, 0, 1), fenced)
	s.want(header(8, 4, 1, 1), order)
	s.want(header(8, 4, 0, 1), "ok 20")
	s.want(header(8, 3, 1, 1), fenced)
	s.want(header(8, 4, 0, 1), "dup 20")
	if s.tab.Len() != 2 {
		t.Errorf("%d producers", s.tab.Len())
	}
}

func TestSequencesWrapAroundInt32(t *testing.T) {
	s := &script{t: t, tab: &Table{}}
	h := header(1, 0, 0, 1)
	h.LastOffsetDelta = math.MaxInt32 - 3
	s.tab.Apply(&h, 0) // as if 2^31-2 records had been written
	s.next = math.MaxInt32
	s.want(header(1, 0, math.MaxInt32-2, 2), "ok 2147483647")
	s.want(header(1, 0, math.MaxInt32, 3), "ok 2147483649") // 2^31-1, 0, 1
	s.want(header(1, 0, math.MaxInt32, 3), "dup 2147483649")
	s.want(header(1, 0, 2, 1), "ok 2147483652")
	s.want(header(1, 0, 4, 1), log.ErrOutOfOrderSequence.Error())
	s.want(header(1, 0, math.MaxInt32-1, 1), log.ErrDuplicateSequence.Error())
}

func TestTransactionsHoldTheLastStableOffset(t *testing.T) {
	s := &script{t: t, tab: &Table{}}
	txn := func(id int64, seq int32) record.Header {
		h := header(id, 0, seq, 2)
		h.Attributes = 0x10
		return h
	}
	stable := func(hw, want int64) {
		t.Helper()
		if got := s.tab.LastStable(hw); got != want {
			t.Errorf("last stable offset under %d is %d, want %d", hw, got, want)
		}
	}
	s.want(header(-1, -1, -1, 4), "ok 0")
	s.want(txn(1, 0), "ok 4")
	s.want(txn(2, 0), "ok 6")
	s.want(header(1, 0, 2, 1), log.ErrInvalidTxnState.Error())
	stable(8, 4)
	stable(2, 2)          // the high watermark is the bound
	s.marker(1, 0, false) // 8
	stable(8, 4)          // the marker could still be lost
	stable(9, 6)          // producer 2 is open
	s.want(txn(1, 2), "ok 9")
	s.marker(2, 0, true) // 11
	stable(12, 9)
	s.marker(1, 0, false) // 12
	stable(13, 13)

	in := func(from, to int64, want ...log.AbortedTxn) {
		t.Helper()
		if got := s.tab.AbortedIn(from, to); !slices.Equal(got, want) {
			t.Errorf("aborted in [%d, %d): %v, want %v", from, to, got, want)
		}
	}
	first, second := log.AbortedTxn{ProducerID: 1, FirstOffset: 4}, log.AbortedTxn{ProducerID: 1, FirstOffset: 9}
	in(0, 13, first, second)
	in(0, 4)
	in(0, 5, first)
	in(8, 9, first) // its marker is read
	in(9, 13, second)
	in(13, 20)
	s.tab.Trim(9)
	in(0, 13, second)
	s.marker(9, 0, true) // no transaction is open: nothing to end
	stable(14, 14)
}

func TestMarkersFence(t *testing.T) {
	s := &script{t: t, tab: &Table{}}
	s.want(header(1, 3, 0, 1), "ok 0")
	if err := s.tab.CheckMarker(&record.Marker{ProducerID: 1, ProducerEpoch: 2}); !errors.Is(err, log.ErrInvalidProducerEpoch) {
		t.Errorf("an old marker: %v", err)
	}
	s.tab.ApplyMarker(&record.Marker{ProducerID: 1, ProducerEpoch: 4, CoordinatorEpoch: 9}, 1, 0)
	s.next = 2
	s.want(header(1, 3, 1, 1), log.ErrInvalidProducerEpoch.Error())
	s.want(header(1, 4, 1, 1), log.ErrOutOfOrderSequence.Error())
	s.want(header(1, 4, 0, 1), "ok 2")
	err := s.tab.CheckMarker(&record.Marker{ProducerID: 1, ProducerEpoch: 4, CoordinatorEpoch: 8})
	if !errors.Is(err, log.ErrInvalidProducerEpoch) {
		t.Errorf("an old coordinator: %v", err)
	}
}

func TestExpiry(t *testing.T) {
	s := &script{t: t, tab: &Table{}}
	for id := range int64(10) {
		s.now = id * 100
		h := header(id, 0, 0, 1)
		if id == 0 {
			h.Attributes = 0x10 // an open transaction
		}
		s.send(h)
	}
	if n := s.tab.Expire(1000, 600, 0); n != 3 || s.tab.Len() != 7 {
		t.Errorf("forgot %d, %d are left", n, s.tab.Len())
	}
	if n := s.tab.Expire(1000, 10_000, 3); n != 4 || s.tab.Len() != 3 {
		t.Errorf("forgot %d, %d are left", n, s.tab.Len())
	}
	s.want(header(9, 0, 0, 1), "dup 9")
	s.want(header(8, 0, 0, 1), "dup 8")
	s.want(header(7, 0, 1, 1), log.ErrUnknownProducer.Error())
	if got := s.tab.LastStable(100); got != 0 {
		t.Errorf("the open transaction is gone: %d", got)
	}
}

func TestSnapshotsDecideAsTheTableDoes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	s := &script{t: t, tab: &Table{}}
	seqs := map[int64]int32{}
	for range 2000 {
		s.now++
		id := rnd.Int64N(20)
		switch rnd.IntN(10) {
		case 0:
			s.marker(id, 0, rnd.IntN(2) == 0)
		default:
			h := header(id, 0, seqs[id], 1+rnd.Int32N(5))
			h.Attributes = 0x10
			if s.send(h) == fmt.Sprintf("ok %d", s.next-int64(h.Count)) {
				seqs[id] += h.Count
			}
		}
		if rnd.IntN(100) == 0 {
			s.tab.LastStable(s.next - rnd.Int64N(3))
		}
	}
	b := s.tab.AppendSnapshot([]byte("x"), s.next)[1:]
	back, through, err := ReadSnapshot(b)
	if err != nil || through != s.next {
		t.Fatalf("%d, %v", through, err)
	}
	if again := back.AppendSnapshot(nil, through); !bytes.Equal(again, b) {
		t.Fatal("a snapshot of the snapshot differs")
	}
	for range 500 {
		h := header(rnd.Int64N(25), int16(rnd.IntN(2)), max(seqs[rnd.Int64N(20)]-rnd.Int32N(40), 0), 1+rnd.Int32N(5))
		h.Attributes = record.Attributes(rnd.IntN(2) * 0x10)
		d1, e1 := s.tab.Check(&h)
		d2, e2 := back.Check(&h)
		if fmt.Sprint(e1) != fmt.Sprint(e2) || (d1 == nil) != (d2 == nil) || d1 != nil && *d1 != *d2 {
			t.Fatalf("%+v: %v %v and %v %v", h, d1, e1, d2, e2)
		}
	}
	for _, hw := range []int64{s.next - 5, s.next} {
		if a, b := s.tab.LastStable(hw), back.LastStable(hw); a != b {
			t.Errorf("last stable %d and %d", a, b)
		}
	}
	if !slices.Equal(s.tab.AbortedIn(0, s.next), back.AbortedIn(0, s.next)) {
		t.Error("aborted transactions differ")
	}
}

func TestDamagedSnapshotsAreRefused(t *testing.T) {
	s := &script{t: t, tab: &Table{}}
	s.send(header(1, 0, 0, 1))
	good := s.tab.AppendSnapshot(nil, 1)
	for i := range good {
		for _, b := range [][]byte{good[:i], append(append(slices.Clone(good[:i]), good[i]^0x40), good[i+1:]...)} {
			if _, _, err := ReadSnapshot(b); !errors.Is(err, ErrSnapshot) {
				t.Fatalf("byte %d of %d: %v", i, len(good), err)
			}
		}
	}
}

func FuzzReadSnapshot(f *testing.F) {
	s := &script{t: nil, tab: &Table{}}
	s.send(header(1, 0, 0, 1))
	f.Add(s.tab.AppendSnapshot(nil, 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= 4 { // give it a right checksum, so that what is inside is read
			b = append([]byte{}, b...)
			sum := checksum(b[:len(b)-4])
			b = append(b[:len(b)-4], byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum))
		}
		tab, through, err := ReadSnapshot(b)
		if err != nil {
			return
		}
		h := header(1, 0, 1, 1)
		_, _ = tab.Check(&h)
		_, _, err = ReadSnapshot(tab.AppendSnapshot(nil, through))
		if err != nil {
			t.Fatal(err)
		}
	})
}
