package record

import (
	"fmt"
	"testing"

	"github.com/typelog/typelog/broker/contract"
)

func filterSample(t *testing.T, c *Codecs, to Compression) Batch {
	t.Helper()
	b := Builder{BaseOffset: 100, LeaderEpoch: 3, Producer: &Producer{ID: 9, Epoch: 2, Sequence: 40}, Transactional: true}
	for i := range 5 {
		b.Add(KV(int64(1000+10*i), fmt.Appendf(nil, "k%d", i), fmt.Appendf(nil, "value %d", i), contract.Header{Key: "h", Value: []byte{byte(i)}}))
	}
	out, err := c.Repack(b.Build(), to)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func described(t *testing.T, c *Codecs, b Batch) string {
	t.Helper()
	if _, err := VerifyStored(b); err != nil {
		t.Fatal(err)
	}
	r, err := c.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text := ""
	if err := r.Walk(func(rec *Record) bool {
		text += fmt.Sprintf("%d %d %s=%s %v;", rec.OffsetDelta, rec.Timestamp, rec.Key, rec.Value, rec.Headers)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return text
}

func TestFilterKeepsOffsetsSequencesAndTimes(t *testing.T) {
	c := NewCodecs(0)
	for _, to := range []Compression{None, Gzip, Snappy, LZ4, Zstd} {
		in := filterSample(t, c, to)
		out, n, err := c.Filter(in, -1, func(rec *Record) bool { return rec.OffsetDelta == 1 || rec.OffsetDelta == 3 })
		if err != nil || n != 2 {
			t.Fatalf("%s: %d, %v", to, n, err)
		}
		if got, want := described(t, c, out), "1 1010 k1=value 1 [{h [1]}];3 1030 k3=value 3 [{h [3]}];"; got != want {
			t.Errorf("%s: %s, want %s", to, got, want)
		}
		was, is := in.Header(), out.Header()
		if is.LastOffset() != was.LastOffset() || is.BaseOffset != 100 || is.LastSequence() != was.LastSequence() || is.ProducerEpoch != 2 ||
			is.LeaderEpoch != 3 || is.Attributes != was.Attributes || is.MaxTimestamp != 1030 || is.Count != 2 {
			t.Errorf("%s: %+v of %+v", to, is, was)
		}
		same, _, err := c.Filter(in, -1, func(*Record) bool { return true })
		if err != nil || &same[0] != &in[0] {
			t.Errorf("%s: a batch that does not change was copied, %v", to, err)
		}
		if none, n, err := c.Filter(in, -1, func(*Record) bool { return false }); none != nil || n != 0 || err != nil {
			t.Errorf("%s: %v, %d, %v", to, none, n, err)
		}
	}
}

func TestFilterSetsTheDeleteHorizonOnce(t *testing.T) {
	c := NewCodecs(0)
	in := filterSample(t, c, None)
	before := described(t, c, in)
	out, _, err := c.Filter(in, 1<<62, func(*Record) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	if h := out.Header(); h.Horizon() != 1<<62 || h.MaxTimestamp != 1040 {
		t.Errorf("%+v", h)
	}
	if got := described(t, c, out); got != before {
		t.Errorf("%s, want %s", got, before)
	}
	again, _, err := c.Filter(out, 7, func(*Record) bool { return true })
	if h := again.Header(); err != nil || h.Horizon() != 1<<62 {
		t.Errorf("%d, %v", h.Horizon(), err)
	}
	if h := in.Header(); h.Horizon() != -1 {
		t.Error("a batch without a horizon has one")
	}
}

func TestFilterKeepsTheTimeOfAppend(t *testing.T) {
	c := NewCodecs(0)
	in := filterSample(t, c, Zstd)
	in.SetAppendTime(5000)
	out, _, err := c.Filter(in, 9000, func(rec *Record) bool { return rec.OffsetDelta == 0 })
	if err != nil {
		t.Fatal(err)
	}
	if got, want := described(t, c, out), "0 5000 k0=value 0 [{h [0]}];"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestEmptiedStandsForItsOffsets(t *testing.T) {
	c := NewCodecs(0)
	in := filterSample(t, c, Gzip)
	out := Emptied(in)
	if got := described(t, c, out); got != "" {
		t.Error(got)
	}
	h := out.Header()
	if h.BaseOffset != 100 || h.LastOffset() != 104 || h.LastSequence() != 44 || h.MaxTimestamp != -1 || !h.Attributes.Transactional() {
		t.Errorf("%+v", h)
	}
}
