package logtest

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
)

var appendTests = []test{
	{"a new partition is empty", newPartition},
	{"offsets are dense", denseOffsets},
	{"successive appends keep their order", appendOrder},
	{"one request, many partitions", manyPartitions},
	{"outcomes are in order and each alone", mixedOutcomes},
	{"concurrent producers lose nothing", concurrent},
	{"the epoch is patched and the bytes are kept", patched},
	{"append time", appendTime},
	{"companions come with their batch or not at all", companions},
	{"unknown partitions", unknownPartitions},
}

func newPartition(s *suite) {
	p := s.one()
	s.wantBounds(p, 0, 0, 0)
	s.wantAll(p, 0)
	r, _ := s.read(p, 1, log.ReadUncommitted)
	s.wantErr("read past the end", r.Err, log.ErrOffsetOutOfRange)
	s.mustAppend(p, values("a"), 0)
	if err := s.e.Create(s.ctx(), []log.Partition{p}, plain()); err != nil {
		s.t.Fatalf("create again: %v", err)
	}
	s.wantAll(p, 0, "a")
}

func denseOffsets(s *suite) {
	p := s.one()
	s.mustAppend(p, values("a", "b", "c"), 0)
	s.mustAppend(p, values("d"), 3)
	s.mustAppend(p, values("e", "f"), 4)
	s.wantBounds(p, 0, 6, 6)
	for offset, want := range [][]string{{"a", "b", "c", "d", "e", "f"}, {"b", "c", "d", "e", "f"}, {"c", "d", "e", "f"},
		{"d", "e", "f"}, {"e", "f"}, {"f"}, nil} {
		s.wantAll(p, int64(offset), want...)
	}
}

func appendOrder(s *suite) {
	p := s.one()
	const n = 100
	var all []*pending
	var want []string
	for i := range n {
		v := fmt.Sprintf("record %d", i)
		want = append(want, v)
		all = append(all, s.start(log.Batch{Partition: p, Bytes: values(v)}))
	}
	for i, a := range all {
		out := a.wait()
		if len(out) != 1 || out[0].Err != nil || out[0].BaseOffset != int64(i) {
			s.t.Fatalf("append %d: %+v", i, out)
		}
		a.once()
	}
	s.wantAll(p, 0, want...)
}

func manyPartitions(s *suite) {
	parts := s.topic(5, plain())
	other := s.one()
	var batches []log.Batch
	for i, p := range parts {
		batches = append(batches, log.Batch{Partition: p, Bytes: values(fmt.Sprint(i, "a"), fmt.Sprint(i, "b"))})
	}
	batches = append(batches, log.Batch{Partition: other, Bytes: values("x")}, log.Batch{Partition: parts[0], Bytes: values("0c")})
	out := s.start(batches...).wait()
	if len(out) != len(batches) {
		s.t.Fatalf("%d outcomes for %d batches", len(out), len(batches))
	}
	for i, o := range out {
		want := int64(0)
		if i == len(out)-1 {
			want = 2
		}
		if o.Err != nil || o.BaseOffset != want || o.AppendTime != -1 || o.LogStart != 0 {
			s.t.Errorf("batch %d: %+v", i, o)
		}
	}
	s.wantAll(parts[0], 0, "0a", "0b", "0c")
	s.wantAll(parts[4], 0, "4a", "4b")
	s.wantAll(other, 0, "x")
}

func mixedOutcomes(s *suite) {
	p := s.one()
	gone := log.Partition{Topic: log.TopicID{0xde, 0xad}, Index: 0}
	out := s.start(
		log.Batch{Partition: p, Bytes: values("a")},
		log.Batch{Partition: gone, Bytes: values("b")},
		log.Batch{Partition: p, Bytes: produced(9, 0, 5, 1, false)}, // begins at sequence 5
		log.Batch{Partition: p, Bytes: values("c")},
	).wait()
	if len(out) != 4 {
		s.t.Fatalf("%d outcomes", len(out))
	}
	s.wantErr("a partition that does not exist", out[1].Err, log.ErrUnknownPartition)
	s.wantErr("an unknown producer", out[2].Err, log.ErrUnknownProducer)
	if out[0].Err != nil || out[0].BaseOffset != 0 || out[3].Err != nil || out[3].BaseOffset != 1 {
		s.t.Errorf("the others: %+v, %+v", out[0], out[3])
	}
	s.wantAll(p, 0, "a", "c")
	if out := s.start().wait(); len(out) != 0 {
		s.t.Errorf("a request without batches has %d outcomes", len(out))
	}
}

// concurrent has many goroutines append; each one's records must be there once and in its order.
func concurrent(s *suite) {
	parts := s.topic(3, plain())
	const writers, each = 8, 10
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			var all []*pending
			for i := range each {
				p := parts[(w+i)%len(parts)]
				all = append(all, s.start(log.Batch{Partition: p, Bytes: values(fmt.Sprintf("%d:%03d", w, i))}))
			}
			for _, a := range all {
				select {
				case out := <-a.ready:
					if out[0].Err != nil {
						s.t.Errorf("writer %d: %v", w, out[0].Err)
					}
				case <-s.t.Context().Done():
					return
				}
			}
		})
	}
	wg.Wait()
	total := 0
	last := make(map[string]string)
	for i, p := range parts {
		for _, v := range s.all(p, 0) {
			total++
			key := fmt.Sprint(i, v[:2])
			if last[key] >= v {
				s.t.Errorf("partition %d: %s follows %s", i, v, last[key])
			}
			last[key] = v
		}
	}
	if total != writers*each {
		s.t.Errorf("%d records, want %d", total, writers*each)
	}
}

func patched(s *suite) {
	p := s.one()
	epoch, err := s.e.LeaderEpoch(p)
	if err != nil || epoch < 0 {
		s.t.Fatalf("leader epoch %d, %v", epoch, err)
	}
	s.mustAppend(p, values("first"), 0)
	codecs := record.NewCodecs(0)
	for i, kind := range []record.Compression{record.None, record.Gzip, record.Snappy, record.LZ4, record.Zstd} {
		b, err := codecs.Repack(values("same", "bytes"), kind)
		if err != nil {
			s.t.Fatal(err)
		}
		b.SetLeaderEpoch(-1)
		sent := slices.Clone(b)
		base := int64(1 + 2*i)
		s.mustAppend(p, b, base)
		_, got := s.read(p, base, log.ReadUncommitted)
		if len(got) != 1 {
			s.t.Fatalf("%d batches at %d", len(got), base)
		}
		if got[0].LeaderEpoch() != epoch || got[0].BaseOffset() != base {
			s.t.Errorf("header %+v, want epoch %d", got[0].Header(), epoch)
		}
		if !slices.Equal(got[0][record.CRCStart:], sent[record.CRCStart:]) {
			s.t.Errorf("%s: the bytes under the CRC changed", kind)
		}
	}
}

func appendTime(s *suite) {
	cfg := plain()
	cfg.AppendTime = true
	p := s.topic(1, cfg)[0]
	out := s.append(p, values("a", "b"))
	if out.Err != nil || out.AppendTime <= 0 {
		s.t.Fatalf("%+v", out)
	}
	_, got := s.read(p, 0, log.ReadUncommitted)
	if len(got) != 1 || got[0].MaxTimestamp() != out.AppendTime || !got[0].Attributes().AppendTime() {
		s.t.Fatalf("stored %+v, answered %d", got[0].Header(), out.AppendTime)
	}
	first := s.append(p, produced(5, 0, 0, 1, false))
	if again := s.append(p, produced(5, 0, 0, 1, false)); again.AppendTime != first.AppendTime || !again.Duplicate {
		s.t.Errorf("a duplicate says %+v, its original %+v", again, first)
	}
	s.e.Configure(p.Topic, plain())
	if out := s.append(p, values("c")); out.Err != nil || out.AppendTime != -1 {
		s.t.Errorf("after the config changed: %+v", out)
	}
}

func companions(s *suite) {
	parts := s.topic(2, plain())
	main, dead := parts[0], parts[1]
	calls := 0
	with := func(b record.Batch, to log.Partition, fail error) log.Batch {
		return log.Batch{Partition: main, Bytes: b, Companions: func(base int64) ([]log.Batch, error) {
			calls++
			if fail != nil {
				return nil, fail
			}
			return []log.Batch{{Partition: to, Bytes: values(fmt.Sprintf("from %d", base))}}, nil
		}}
	}
	s.mustAppend(main, values("x", "y"), 0)
	if out := s.start(with(produced(3, 0, 0, 2, false), dead, nil)).wait(); out[0].Err != nil || out[0].BaseOffset != 2 {
		s.t.Fatalf("%+v", out)
	}
	s.wantAll(dead, 0, "from 2")

	if out := s.start(with(produced(3, 0, 0, 2, false), dead, nil)).wait(); out[0].Err != nil || !out[0].Duplicate {
		s.t.Fatalf("a duplicate: %+v", out)
	}
	if calls != 1 {
		s.t.Errorf("a duplicate asked for its companions")
	}
	if out := s.start(with(produced(3, 0, 9, 1, false), dead, nil)).wait(); out[0].Err == nil {
		s.t.Error("a gap was accepted")
	}
	s.wantAll(dead, 0, "from 2")

	nowhere := log.Partition{Topic: log.TopicID{1}, Index: 7}
	boom := errors.New("boom")
	s.wantErr("a companion without a partition", s.start(with(produced(3, 0, 2, 1, false), nowhere, nil)).wait()[0].Err, log.ErrUnknownPartition)
	s.wantErr("companions that fail", s.start(with(produced(3, 0, 2, 1, false), dead, boom)).wait()[0].Err, boom)
	s.wantBounds(main, 0, 4, 4)
	// The sequence was not used up, and neither was an offset.
	s.mustAppend(main, produced(3, 0, 2, 1, false), 4)
	s.wantAll(dead, 0, "from 2")
}

func unknownPartitions(s *suite) {
	p := s.one()
	for _, id := range []log.Partition{{Topic: p.Topic, Index: 1}, {Topic: p.Topic, Index: -1}, {Topic: log.TopicID{9}}} {
		s.wantErr("append", s.append(id, values("a")).Err, log.ErrUnknownPartition)
		s.wantErr("marker", s.startControl(log.Control{Partition: id, ProducerID: 1}).wait()[0].Err, log.ErrUnknownPartition)
		r, _ := s.read(id, 0, log.ReadUncommitted)
		s.wantErr("read", r.Err, log.ErrUnknownPartition)
		_, err := s.e.Bounds(id)
		s.wantErr("bounds", err, log.ErrUnknownPartition)
		_, err = s.e.ByTime(id, log.Latest, log.ReadUncommitted)
		s.wantErr("by time", err, log.ErrUnknownPartition)
		_, err = s.e.LeaderEpoch(id)
		s.wantErr("leader epoch", err, log.ErrUnknownPartition)
		_, err = s.e.EndOfEpoch(id, 0)
		s.wantErr("end of epoch", err, log.ErrUnknownPartition)
		_, err = s.e.Trim(s.ctx(), id, 0)
		s.wantErr("trim", err, log.ErrUnknownPartition)
	}
	s.e.Configure(log.TopicID{9}, plain()) // nothing to do, nothing to break
	if err := s.e.DeleteTopic(s.ctx(), log.TopicID{9}); err != nil {
		s.t.Errorf("deleting a topic that is not there: %v", err)
	}
}
