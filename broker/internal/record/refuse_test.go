package record

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"
)

// bad returns a copy of b that change has altered, with a right CRC.
func bad(b Batch, change func(b Batch)) Batch {
	c := append(Batch{}, b...)
	change(c)
	binary.BigEndian.PutUint32(c[atCRC:], Checksum(c[CRCStart:], 0))
	return c
}

func put16(at int, v int16) func(Batch) {
	return func(b Batch) { binary.BigEndian.PutUint16(b[at:], uint16(v)) }
}
func put32(at int, v int32) func(Batch) {
	return func(b Batch) { binary.BigEndian.PutUint32(b[at:], uint32(v)) }
}
func put64(at int, v int64) func(Batch) {
	return func(b Batch) { binary.BigEndian.PutUint64(b[at:], uint64(v)) }
}

func TestVerifyRefuses(t *testing.T) {
	b := Of(KV(5, []byte("k"), []byte("x")), KV(9, []byte("k"), []byte("y")))
	idempotent := Builder{Producer: &Producer{ID: 4, Epoch: 0, Sequence: 0}, Transactional: true}
	idempotent.Add(KV(5, nil, nil))
	idem := idempotent.Build()
	if _, err := Verify(idem, Limits{}); err != nil {
		t.Fatalf("a transactional batch: %v", err)
	}
	flipped := append(Batch{}, b...)
	flipped[len(flipped)-1] ^= 1
	for _, c := range []struct {
		name string
		b    []byte
		want error
	}{
		{"nothing", nil, ErrCorrupt},
		{"cut in the header", b[:HeaderSize-1], ErrCorrupt},
		{"cut in the records", b[:len(b)-1], ErrCorrupt},
		{"a byte more", append(append([]byte{}, b...), 0), ErrInvalid},
		{"two batches", append(append([]byte{}, b...), b...), ErrInvalid},
		{"a flipped bit", flipped, ErrCorrupt},
		{"message format v0", append(make([]byte, 16), make([]byte, 20)...), ErrUnsupportedMagic},
		{"message format v1", append(append(make([]byte, 16), 1), make([]byte, 20)...), ErrUnsupportedMagic},
		{"magic 3", bad(b, func(b Batch) { b[atMagic] = 3 }), ErrUnsupportedMagic},
		{"length 0", bad(b, put32(atLength, 0)), ErrCorrupt},
		{"length below the header", bad(b, put32(atLength, HeaderSize-Overhead-1)), ErrCorrupt},
		{"negative length", bad(b, put32(atLength, -1)), ErrCorrupt},
		{"length of 2 GiB", bad(b, put32(atLength, math.MaxInt32)), ErrTooLarge},
		{"base offset", bad(b, put64(atBaseOffset, 1)), ErrInvalid},
		{"compression 5", bad(b, put16(atAttributes, 5)), ErrUnknownCompression},
		{"compression 7", bad(b, put16(atAttributes, 7)), ErrUnknownCompression},
		{"control", bad(b, put16(atAttributes, 0x20)), ErrInvalid},
		{"delete horizon", bad(b, put16(atAttributes, 0x40)), ErrInvalid},
		{"unknown attribute", bad(b, put16(atAttributes, 0x100)), ErrInvalid},
		{"append time", bad(b, put16(atAttributes, 0x08)), ErrInvalidTimestamp},
		{"no records", bad(b, put32(atCount, 0)), ErrInvalid},
		{"negative count", bad(b, put32(atCount, -2)), ErrInvalid},
		{"count above the offsets", bad(b, put32(atCount, 3)), ErrInvalid},
		{"count below the offsets", bad(b, put32(atCount, 1)), ErrInvalid},
		{"last offset delta overflow", bad(b, func(b Batch) {
			put32(atCount, math.MinInt32)(b)
			put32(atLastOffsetDelta, math.MaxInt32)(b)
		}), ErrInvalid},
		{"more records than bytes", bad(b, func(b Batch) {
			put32(atCount, 1<<20)(b)
			put32(atLastOffsetDelta, 1<<20-1)(b)
		}), ErrInvalid},
		{"negative base timestamp", bad(b, put64(atBaseTimestamp, -2)), ErrInvalidTimestamp},
		{"negative max timestamp", bad(b, put64(atMaxTimestamp, math.MinInt64)), ErrInvalidTimestamp},
		{"producer id -2", bad(idem, put64(atProducerID, -2)), ErrInvalid},
		{"producer without epoch", bad(idem, put16(atProducerEpoch, -1)), ErrInvalid},
		{"producer without sequence", bad(idem, put32(atBaseSequence, -1)), ErrInvalid},
		{"transaction without producer", bad(idem, put64(atProducerID, -1)), ErrInvalid},
	} {
		limit := Limits{MaxBytes: 4096}
		if _, err := Verify(c.b, limit); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := Verify(b, Limits{MaxBytes: len(b) - 1}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte above the limit: %v", err)
	}
	if _, err := Verify(b, Limits{MaxBytes: len(b)}); err != nil {
		t.Errorf("at the limit: %v", err)
	}
}

// raw builds a batch whose records are the given bytes.
func raw(count int32, records ...byte) Batch {
	b := append(make(Batch, HeaderSize), records...)
	b.putHeader(&Header{LastOffsetDelta: count - 1, Count: count, ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1})
	b.seal()
	return b
}

func TestMalformedRecordsAreCorrupt(t *testing.T) {
	codecs := NewCodecs(0)
	// varints: 0 -> 0x00, 1 -> 0x02, 6 -> 0x0c, 7 -> 0x0e, -1 -> 0x01
	good := []byte{0x0c, 0, 0, 0, 0x01, 0x01, 0}
	second := []byte{0x0c, 0, 0, 0x02, 0x01, 0x01, 0}
	join := func(parts ...[]byte) []byte {
		var out []byte
		for _, p := range parts {
			out = append(out, p...)
		}
		return out
	}
	if r, err := codecs.Open(raw(2, join(good, second)...)); err != nil {
		t.Fatal(err)
	} else if _, err := r.Check(Rules{}); err != nil {
		t.Fatalf("well-formed: %v", err)
	}
	over := []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}
	for name, b := range map[string]Batch{
		"same offset twice":           raw(2, join(good, good)...),
		"first offset is 1":           raw(1, second...),
		"negative offset":             raw(1, 0x0c, 0, 0, 0x01, 0x01, 0x01, 0),
		"trailing byte in the batch":  raw(1, join(good, []byte{0})...),
		"trailing byte in the record": raw(1, 0x0e, 0, 0, 0, 0x01, 0x01, 0, 0),
		"length beyond the batch":     raw(1, 0x0e, 0, 0, 0, 0x01, 0x01, 0),
		"length below a record":       raw(1, 0x0a, 0, 0, 0, 0x01, 0x01, 0),
		"negative length":             raw(1, 0x01, 0, 0, 0, 0x01, 0x01, 0),
		"key beyond the record":       raw(1, 0x0c, 0, 0, 0, 0x10, 0x01, 0),
		"key length -2":               raw(1, 0x0c, 0, 0, 0, 0x03, 0x01, 0),
		"value beyond the record":     raw(1, 0x0c, 0, 0, 0, 0x01, 0x10, 0),
		"negative header count":       raw(1, 0x0c, 0, 0, 0, 0x01, 0x01, 0x01),
		"header count beyond":         raw(1, 0x0c, 0, 0, 0, 0x01, 0x01, 0x02),
		"header without a key":        raw(1, 0x10, 0, 0, 0, 0x01, 0x01, 0x02, 0x01, 0x01),
		"varint without an end":       raw(1, join(over, good)...),
		"64-bit offset":               raw(1, 0x18, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0x01, 0x01, 0, 0),
		"timestamp overflow":          bad(raw(1, join([]byte{0x1e, 0}, []byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, []byte{0, 0x01, 0x01, 0})...), put64(atBaseTimestamp, 1)),
		"fewer records than claimed":  bad(raw(1, join(good, second)...), func(b Batch) { put32(atCount, 1)(b); put32(atLastOffsetDelta, 0)(b) }),
	} {
		v, err := Verify(b, Limits{})
		if err != nil {
			t.Errorf("%s: the header is refused: %v", name, err)
			continue
		}
		r, err := codecs.Open(v)
		if err == nil {
			_, err = r.Check(Rules{})
		}
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want %v", name, err, ErrCorrupt)
		}
	}
}

func TestRulesNameTheRecordsThatBreakThem(t *testing.T) {
	const now = 1_700_000_000_000
	b := Of(
		KV(now, []byte("k"), nil),
		KV(now-10_001, []byte("k"), nil),
		KV(now+5_001, nil, nil),
		KV(-1, nil, nil),
		KV(now+5_000, []byte("k"), nil),
	)
	r, err := NewCodecs(0).Open(b)
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Check(Rules{RequireKey: true, Bound: true, Now: now, MaxBefore: 10_000, MaxAfter: 5_000})
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		index int
		err   error
	}{{1, ErrInvalidTimestamp}, {2, ErrInvalid}, {3, ErrInvalid}}
	if len(s.Bad) != len(want) || s.BadCount != len(want) || s.MaxTimestamp != now+5_001 {
		t.Fatalf("%+v", s)
	}
	for i, w := range want {
		if s.Bad[i].Index != w.index || !errors.Is(s.Bad[i].Err, w.err) {
			t.Errorf("bad %d is %+v, want %+v", i, s.Bad[i], w)
		}
	}
	if s, err = r.Check(Rules{RequireKey: true, MaxReports: 1}); err != nil || len(s.Bad) != 1 || s.BadCount != 2 {
		t.Errorf("with one report: %+v, %v", s, err)
	}
	if s, err = r.Check(Rules{}); err != nil || s.BadCount != 0 {
		t.Errorf("without rules: %+v, %v", s, err)
	}
}
