package logtest

import (
	"bytes"
	"strings"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
)

var readTests = []test{
	{"offsets out of range", readRange},
	{"limits cut between batches, the first always comes", readLimits},
	{"limits hold over all partitions", readManyPartitions},
	{"look-up by time", byTime},
	{"look-up by time in compressed batches", byTimeCompressed},
	{"end of epoch", endOfEpoch},
	{"watch first, read then: nothing is missed", watching},
	{"watches end", watchStops},
}

func readRange(s *suite) {
	p := s.one()
	s.mustAppend(p, values("a", "b"), 0)
	for _, offset := range []int64{-1, 3, 1 << 62} {
		r, _ := s.read(p, offset, log.ReadUncommitted)
		s.wantErr("out of range", r.Err, log.ErrOffsetOutOfRange)
		if len(r.Chunks) != 0 {
			s.t.Errorf("offset %d: an error with chunks", offset)
		}
		if r.Bounds.HighWatermark != 2 {
			s.t.Errorf("offset %d: an error without bounds: %+v", offset, r.Bounds)
		}
	}
	if r, _ := s.read(p, 2, log.ReadUncommitted); r.Err != nil || len(r.Chunks) != 0 {
		s.t.Errorf("read at the end: %+v", r)
	}
}

func readLimits(s *suite) {
	p := s.one()
	big := strings.Repeat("x", 10_000)
	for i := range 4 {
		s.mustAppend(p, values(big), int64(i))
	}
	size := len(values(big))
	for _, c := range []struct{ partition, total, want int }{
		{1 << 20, 1 << 20, 4},
		{3 * size, 1 << 20, 3},
		{1 << 20, 3*size + size/2, 3},
		{1 << 20, 4*size - 1, 3},
		{1, 1 << 20, 1},
		{1 << 20, 1, 1},
		{0, 0, 1},
	} {
		rs := s.e.Read([]log.ReadRequest{{Partition: p, Offset: 0, MaxBytes: c.partition}}, log.ReadLimits{MaxBytes: c.total})
		if got := s.batches(&rs[0], 0); len(got) != c.want {
			s.t.Errorf("%d bytes of the partition, %d in all: %d batches, want %d", c.partition, c.total, len(got), c.want)
		}
	}
}

func readManyPartitions(s *suite) {
	parts := s.topic(4, plain())
	big := strings.Repeat("y", 5_000)
	size := len(values(big))
	for _, p := range parts[1:] {
		s.mustAppend(p, values(big), 0)
		s.mustAppend(p, values(big), 1)
	}
	read := func(total int) (counts []int) {
		var reqs []log.ReadRequest
		for _, p := range parts {
			reqs = append(reqs, log.ReadRequest{Partition: p, MaxBytes: 1 << 20})
		}
		rs := s.e.Read(reqs, log.ReadLimits{MaxBytes: total})
		if len(rs) != len(reqs) {
			s.t.Fatalf("%d results for %d requests", len(rs), len(reqs))
		}
		for i := range rs {
			counts = append(counts, len(s.batches(&rs[i], 0)))
			if rs[i].Err != nil {
				s.t.Errorf("partition %d: %v", i, rs[i].Err)
			}
			if want := int64(2); i > 0 && rs[i].Bounds.HighWatermark != want {
				s.t.Errorf("partition %d has bounds %+v", i, rs[i].Bounds)
			}
		}
		return counts
	}
	for _, c := range []struct {
		total int
		want  [4]int
	}{
		{1 << 20, [4]int{0, 2, 2, 2}},
		{3 * size, [4]int{0, 2, 1, 0}},
		{1, [4]int{0, 1, 0, 0}}, // the first partition that has records, whole
	} {
		if got := read(c.total); [4]int(got) != c.want {
			s.t.Errorf("%d bytes: %v batches, want %v", c.total, got, c.want)
		}
	}
}

// stamped builds a batch of records with these timestamps.
func stamped(ts ...int64) record.Batch {
	var b record.Builder
	for _, t := range ts {
		b.Add(record.KV(t, nil, []byte("v")))
	}
	return b.Build()
}

func (s *suite) wantTime(id log.Partition, ts int64, offset, timestamp int64) {
	s.t.Helper()
	got, err := s.e.ByTime(id, ts, log.ReadUncommitted)
	if err != nil || got.Offset != offset || got.Timestamp != timestamp {
		s.t.Errorf("at %d: %+v, %v; want offset %d at %d", ts, got, err, offset, timestamp)
	}
}

func byTime(s *suite) {
	p := s.one()
	s.wantTime(p, log.Earliest, 0, -1)
	s.wantTime(p, log.Latest, 0, -1)
	s.wantTime(p, log.MaxTimestamp, -1, -1)
	s.wantTime(p, 0, -1, -1)
	s.mustAppend(p, stamped(100, 300, 200), 0)
	s.mustAppend(p, stamped(150), 3)
	s.mustAppend(p, stamped(400, 400), 4)
	for _, c := range []struct{ ts, offset, at int64 }{
		{0, 0, 100}, {100, 0, 100}, {101, 1, 300}, {201, 1, 300}, {301, 4, 400}, {400, 4, 400}, {401, -1, -1},
		{log.Earliest, 0, -1}, {log.Latest, 6, -1}, {log.MaxTimestamp, 4, 400},
	} {
		s.wantTime(p, c.ts, c.offset, c.at)
	}
	if _, err := s.e.Trim(s.ctx(), p, 2); err != nil {
		s.t.Fatal(err)
	}
	s.wantTime(p, 0, 2, 200)
	s.wantTime(p, log.Earliest, 2, -1)
	epoch, err := s.e.LeaderEpoch(p)
	if err != nil {
		s.t.Fatal(err)
	}
	if got, err := s.e.ByTime(p, 400, log.ReadUncommitted); err != nil || got.LeaderEpoch != epoch {
		s.t.Errorf("%+v, %v; want epoch %d", got, err, epoch)
	}
}

func byTimeCompressed(s *suite) {
	p := s.one()
	codecs := record.NewCodecs(0)
	next := int64(0)
	for i, kind := range []record.Compression{record.Gzip, record.Snappy, record.LZ4, record.Zstd} {
		base := int64(1000 * (i + 1))
		b, err := codecs.Repack(stamped(base, base+10, base+20), kind)
		if err != nil {
			s.t.Fatal(err)
		}
		s.mustAppend(p, b, next)
		next += 3
	}
	for i := range int64(4) {
		s.wantTime(p, 1000*(i+1)+5, 3*i+1, 1000*(i+1)+10)
	}
}

func endOfEpoch(s *suite) {
	p := s.one()
	epoch, err := s.e.LeaderEpoch(p)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mustAppend(p, values("a", "b"), 0)
	if got, err := s.e.EndOfEpoch(p, epoch); err != nil || got != (log.EpochEnd{Epoch: epoch, EndOffset: 2}) {
		s.t.Errorf("the current epoch ends at %+v, %v", got, err)
	}
	for _, unknown := range []int32{epoch + 1, 1 << 30, -1} {
		if got, err := s.e.EndOfEpoch(p, unknown); err != nil || got != (log.EpochEnd{Epoch: -1, EndOffset: -1}) {
			s.t.Errorf("epoch %d ends at %+v, %v", unknown, got, err)
		}
	}
}

// watching is what a long poll does, against a writer; it must see every record without ever polling.
func watching(s *suite) {
	parts := s.topic(2, plain())
	const n = 20
	go func() {
		for i := range n {
			p := s.start(log.Batch{Partition: parts[i%2], Bytes: values("v")})
			select {
			case <-p.ready:
			case <-s.t.Context().Done():
				return
			}
		}
	}()
	var at [2]int64
	for at[0]+at[1] < n {
		wake := make(chan struct{}, 2)
		stop := s.e.Watch(parts, func() { wake <- struct{}{} })
		rs := s.e.Read([]log.ReadRequest{{Partition: parts[0], Offset: at[0], MaxBytes: 1 << 20},
			{Partition: parts[1], Offset: at[1], MaxBytes: 1 << 20}}, log.ReadLimits{MaxBytes: 1 << 20})
		more := false
		for i := range rs {
			for _, b := range s.batches(&rs[i], at[i]) {
				at[i] = b.LastOffset() + 1
				more = true
			}
		}
		if !more {
			s.woken("an append", wake)
		}
		stop()
		stop()
	}
}

func watchStops(s *suite) {
	parts := s.topic(3, plain())
	stopped, woken, other := make(chan struct{}, 2), make(chan struct{}, 2), make(chan struct{}, 2)
	stop := s.e.Watch(parts[:1], func() { stopped <- struct{}{} })
	stop()
	defer s.e.Watch(parts[:2], func() { woken <- struct{}{} })()
	defer s.e.Watch(parts[2:], func() { other <- struct{}{} })()
	s.mustAppend(parts[0], values("a"), 0)
	s.woken("an append", woken)
	s.mustAppend(parts[0], values("b"), 1)
	s.mustAppend(parts[1], values("c"), 0)
	if len(stopped) != 0 {
		s.t.Error("a watch woke after stop")
	}
	if len(woken) != 0 {
		s.t.Error("a watch woke twice")
	}
	if len(other) != 0 {
		s.t.Error("a watch woke for a partition that it does not watch")
	}
	if err := s.e.DeleteTopic(s.ctx(), parts[2].Topic); err != nil {
		s.t.Fatal(err)
	}
	s.woken("a deletion", other)
}

// chunks reads a partition and keeps the chunks.
func (s *suite) chunks(id log.Partition) []log.Chunk {
	s.t.Helper()
	rs := s.e.Read([]log.ReadRequest{{Partition: id, MaxBytes: 1 << 30}}, log.ReadLimits{MaxBytes: 1 << 30})
	if rs[0].Err != nil || len(rs[0].Chunks) == 0 {
		s.t.Fatalf("read: %+v", rs[0])
	}
	return rs[0].Chunks
}

// drain writes chunks that were read before and releases them.
func (s *suite) drain(chunks []log.Chunk) []byte {
	s.t.Helper()
	var buf bytes.Buffer
	for _, c := range chunks {
		if n, err := c.WriteTo(&buf); err != nil || n != c.Len() {
			s.t.Fatalf("a kept chunk of %d bytes wrote %d: %v", c.Len(), n, err)
		}
		c.Release()
	}
	return buf.Bytes()
}
