package record

import (
	"encoding/binary"
	"errors"
	"testing"
)

var kinds = []error{ErrCorrupt, ErrTooLarge, ErrExpandsTooFar, ErrUnsupportedMagic, ErrUnknownCompression, ErrInvalid, ErrInvalidTimestamp}

func oneKind(err error) bool {
	n := 0
	for _, k := range kinds {
		if errors.Is(err, k) {
			n++
		}
	}
	return n == 1
}

// FuzzVerify throws bytes at the whole way in. What passes must survive being rebuilt record by record.
func FuzzVerify(f *testing.F) {
	codecs := NewCodecs(1 << 20)
	small := Of(sample()[:4]...)
	for _, kind := range everyCompression {
		b, err := codecs.Repack(small, kind)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(b))
	}
	f.Add([]byte(Marker{ProducerID: 1, Commit: true}.Batch()))
	f.Fuzz(func(t *testing.T, in []byte) {
		// Without a right length and CRC hardly anything would get further than the header.
		if len(in) >= HeaderSize {
			in = append([]byte{}, in...)
			Batch(in).seal()
		}
		b, err := Verify(in, Limits{MaxBytes: 1 << 20})
		if err != nil {
			if !oneKind(err) {
				t.Fatalf("an error of no kind: %v", err)
			}
			_, _, _ = parseStoredMarker(in)
			return
		}
		checkRecords(t, codecs, b)
	})
}

func parseStoredMarker(in []byte) (Marker, bool, error) {
	b, err := VerifyStored(in)
	if err != nil {
		return Marker{}, false, err
	}
	return ParseMarker(b)
}

// FuzzRecords throws bytes at the decompressors and the record parser alone.
func FuzzRecords(f *testing.F) {
	codecs := NewCodecs(1 << 20)
	small := Of(sample()[:4]...)
	for _, kind := range everyCompression {
		b, err := codecs.Repack(small, kind)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(b.Payload()), uint8(kind), uint16(b.Count()))
	}
	f.Fuzz(func(t *testing.T, payload []byte, kind uint8, count uint16) {
		b := append(make(Batch, HeaderSize), payload...)
		b.putHeader(&Header{Attributes: Attributes(kind) & compressionMask, LastOffsetDelta: int32(count) - 1, Count: int32(count),
			ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1})
		b.seal()
		checkRecords(t, codecs, b)
	})
}

func checkRecords(t *testing.T, codecs *Codecs, b Batch) {
	r, err := codecs.Open(b)
	if err != nil {
		if !oneKind(err) {
			t.Fatalf("an error of no kind: %v", err)
		}
		return
	}
	defer r.Close()
	if r.Size() > 1<<20 && b.Attributes().Compression() != None {
		t.Fatalf("%d bytes, the limit is 1 MiB", r.Size())
	}
	s, err := r.Check(Rules{})
	var again Builder
	n := int32(0)
	werr := r.Walk(func(rec *Record) bool {
		if rec.OffsetDelta != n && b.Count() == b.LastOffsetDelta()+1 {
			t.Fatalf("record %d has offset delta %d", n, rec.OffsetDelta)
		}
		again.AddAt(rec.OffsetDelta, *rec)
		n++
		return true
	})
	if (err == nil) != (werr == nil) {
		t.Fatalf("Check says %v, Walk says %v", err, werr)
	}
	if err != nil {
		if !oneKind(err) {
			t.Fatalf("an error of no kind: %v", err)
		}
		return
	}
	if n != b.Count() {
		t.Fatalf("%d records, the header says %d", n, b.Count())
	}
	if n == 0 {
		return
	}
	rebuilt, err := codecs.Open(again.Build())
	if err != nil {
		t.Fatal(err)
	}
	s2, err := rebuilt.Check(Rules{})
	if err != nil || s2.MaxTimestamp != s.MaxTimestamp {
		t.Fatalf("rebuilt: %+v, %v; was %+v", s2, err, s)
	}
}

// FuzzHeader must never panic, and its size must be usable for a scan of a file.
func FuzzHeader(f *testing.F) {
	f.Add([]byte(Of(KV(0, nil, nil))))
	f.Fuzz(func(t *testing.T, in []byte) {
		h, err := ParseHeader(in)
		if err == nil && (h.Size() < HeaderSize || int32(binary.BigEndian.Uint32(in[8:])) != h.Length) {
			t.Fatalf("%+v", h)
		}
	})
}
