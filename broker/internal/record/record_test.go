package record

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/typelog/typelog/broker/contract"
)

var everyCompression = []Compression{None, Gzip, Snappy, LZ4, Zstd}

// sample is a batch with every shape of record: nulls, empty and long parts, headers.
func sample() []Record {
	recs := []Record{
		{Timestamp: 1700000000000, Key: []byte("k"), Value: []byte("v")},
		{Timestamp: 1700000000005, Key: nil, Value: []byte{}},
		{Timestamp: 1699999999999, Key: []byte{}, Value: nil},
		{Timestamp: 1700000000001, Key: []byte("h"), Value: bytes.Repeat([]byte("typed "), 5000), Headers: []contract.Header{
			{Key: "trace", Value: []byte{1, 2, 3}}, {Key: "", Value: nil}, {Key: "ü", Value: []byte{}},
		}},
	}
	for i := range 200 {
		recs = append(recs, KV(1700000001000+int64(i), fmt.Appendf(nil, "key-%d", i), bytes.Repeat([]byte{byte(i)}, i)))
	}
	return recs
}

func equalRecords(t *testing.T, got, want []Record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range want {
		g, w := got[i], want[i]
		if g.Timestamp != w.Timestamp || !bytes.Equal(g.Key, w.Key) || !bytes.Equal(g.Value, w.Value) ||
			(g.Key == nil) != (w.Key == nil) || (g.Value == nil) != (w.Value == nil) || len(g.Headers) != len(w.Headers) {
			t.Fatalf("record %d is %+v, want %+v", i, g, w)
		}
		for j := range w.Headers {
			gh, wh := g.Headers[j], w.Headers[j]
			if gh.Key != wh.Key || !bytes.Equal(gh.Value, wh.Value) || (gh.Value == nil) != (wh.Value == nil) {
				t.Fatalf("record %d header %d is %+v, want %+v", i, j, gh, wh)
			}
		}
	}
}

// collect copies all records out.
func collect(t *testing.T, r *Records) []Record {
	t.Helper()
	var out []Record
	err := r.Walk(func(rec *Record) bool {
		c := *rec
		c.Key, c.Value = clone(rec.Key), clone(rec.Value)
		c.Headers = nil
		for _, h := range rec.Headers {
			c.Headers = append(c.Headers, contract.Header{Key: h.Key, Value: clone(h.Value)})
		}
		out = append(out, c)
		return true
	})
	if err != nil {
		t.Fatalf("walk: %v", err)
	}
	return out
}

func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

func TestRoundTripThroughEveryCompression(t *testing.T) {
	codecs := NewCodecs(0)
	want := sample()
	plain := Of(want...)
	for _, from := range everyCompression {
		b, err := codecs.Repack(plain, from)
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range everyCompression {
			c, err := codecs.Repack(b, to)
			if err != nil {
				t.Fatalf("%s to %s: %v", from, to, err)
			}
			v, err := Verify(c, Limits{MaxBytes: len(c)})
			if err != nil {
				t.Fatalf("%s to %s: %v", from, to, err)
			}
			r, err := codecs.Open(v)
			if err != nil {
				t.Fatalf("%s to %s: %v", from, to, err)
			}
			equalRecords(t, collect(t, r), want)
			s, err := r.Check(Rules{})
			if err != nil || s.BadCount != 0 || s.MaxTimestamp != plain.MaxTimestamp() {
				t.Fatalf("%s to %s: check says %+v, %v", from, to, s, err)
			}
			r.Close()
			r.Close()
		}
	}
}

func TestPatchingOffsetAndEpochKeepsTheCRC(t *testing.T) {
	b := Of(KV(5, nil, []byte("x")), KV(9, nil, []byte("y")))
	b.SetBaseOffset(1 << 40)
	b.SetLeaderEpoch(77)
	if _, err := VerifyStored(b); err != nil {
		t.Fatal(err)
	}
	if h := b.Header(); h.BaseOffset != 1<<40 || h.LeaderEpoch != 77 || h.LastOffset() != 1<<40+1 || h.NextOffset() != 1<<40+2 {
		t.Fatalf("header %+v", h)
	}
}

func TestAppendTimeReplacesEveryTimestamp(t *testing.T) {
	b := Of(KV(5, nil, []byte("x")), KV(9, nil, []byte("y")))
	b.SetAppendTime(4242)
	if _, err := VerifyStored(b); err != nil {
		t.Fatal(err)
	}
	r, err := NewCodecs(0).Open(b)
	if err != nil {
		t.Fatal(err)
	}
	for i, rec := range collect(t, r) {
		if rec.Timestamp != 4242 {
			t.Errorf("record %d has timestamp %d", i, rec.Timestamp)
		}
	}
	if _, err := Verify(b, Limits{}); !errors.Is(err, ErrInvalidTimestamp) {
		t.Errorf("a producer that claims log append time gets %v", err)
	}
}

func TestMarkers(t *testing.T) {
	for _, want := range []Marker{
		{ProducerID: 7, ProducerEpoch: 3, CoordinatorEpoch: 11, Commit: true, Timestamp: 1700000000000},
		{ProducerID: 1 << 50, ProducerEpoch: 0, CoordinatorEpoch: 0, Commit: false, Timestamp: 1},
	} {
		b := want.Batch()
		if _, err := VerifyStored(b); err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(b, Limits{}); !errors.Is(err, ErrInvalid) {
			t.Errorf("a client's control batch gets %v", err)
		}
		got, ok, err := ParseMarker(b)
		if err != nil || !ok || got != want {
			t.Errorf("parsed %+v, %v, %v; want %+v", got, ok, err, want)
		}
	}
}

func TestSequencesWrap(t *testing.T) {
	for _, c := range []struct{ seq, n, want int32 }{
		{0, 0, 0}, {5, 3, 8}, {1<<31 - 1, 1, 0}, {1<<31 - 3, 5, 2}, {1<<31 - 1, 1<<31 - 1, 1<<31 - 2},
	} {
		if got := AddSequence(c.seq, c.n); got != c.want {
			t.Errorf("%d + %d = %d, want %d", c.seq, c.n, got, c.want)
		}
	}
}
