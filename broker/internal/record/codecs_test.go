package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// compressed makes a batch whose payload is taken to be compressed as kind says.
func compressed(kind Compression, count int32, payload []byte) Batch {
	b := raw(count, payload...)
	return bad(b, put16(atAttributes, int16(kind)))
}

func TestABombIsRefusedAtTheLimit(t *testing.T) {
	const limit = 1 << 20
	codecs := NewCodecs(limit)
	free := NewCodecs(64 << 20)
	for _, size := range []int{limit + 1, 20 << 20} {
		plain := Of(KV(0, nil, make([]byte, size)))
		for _, kind := range everyCompression[1:] {
			bomb, err := free.Repack(plain, kind)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := codecs.Open(bomb); !errors.Is(err, ErrExpandsTooFar) {
				t.Errorf("%s, %d bytes from %d: %v", kind, size, len(bomb), err)
			}
		}
	}
	// A batch that just fits passes.
	for _, kind := range everyCompression[1:] {
		plain := Of(KV(0, nil, make([]byte, limit-20)))
		b, err := free.Repack(plain, kind)
		if err != nil {
			t.Fatal(err)
		}
		r, err := codecs.Open(b)
		if err != nil {
			t.Fatalf("%s at the limit: %v", kind, err)
		}
		if _, err := r.Check(Rules{}); err != nil {
			t.Errorf("%s at the limit: %v", kind, err)
		}
		r.Close()
	}
}

func TestDamagedCompressionIsCorrupt(t *testing.T) {
	codecs := NewCodecs(0)
	plain := Of(sample()...)
	for _, kind := range everyCompression[1:] {
		b, err := codecs.Repack(plain, kind)
		if err != nil {
			t.Fatal(err)
		}
		payload := b.Payload()
		for name, p := range map[string][]byte{
			"empty":    nil,
			"cut":      payload[:len(payload)-len(payload)/3],
			"one byte": payload[:1],
			"garbage":  bytes.Repeat([]byte{0xa5}, 400),
			"trailing": append(append([]byte{}, payload...), 1, 2, 3, 4, 5),
		} {
			r, err := codecs.Open(compressed(kind, b.Count(), p))
			if err == nil {
				_, err = r.Check(Rules{})
				r.Close()
			}
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s, %s: %v", kind, name, err)
			}
		}
	}
}

func TestSnappyRawAndFramed(t *testing.T) {
	codecs := NewCodecs(0)
	want := sample()
	plain := Of(want...)
	rawBlock := compressed(Snappy, plain.Count(), snappy.Encode(nil, plain.Payload()))
	r, err := codecs.Open(bad(rawBlock, func(b Batch) {
		put64(atBaseTimestamp, plain.BaseTimestamp())(b)
	}))
	if err != nil {
		t.Fatal(err)
	}
	equalRecords(t, collect(t, r), want)

	framed, err := codecs.Repack(plain, Snappy)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(framed.Payload(), []byte("\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01")) {
		t.Errorf("not snappy-java's framing: % x", framed.Payload()[:16])
	}
}

func TestWhatJavaClientsCannotReadIsRefused(t *testing.T) {
	codecs := NewCodecs(0)
	// Long repeats at changing distances make the S2 encoder use its own extension.
	var src []byte
	for i := range 200 {
		src = append(src, bytes.Repeat([]byte("0123456789abcdefghijklmnop"), 5)...)
		src = append(src, byte(i), byte(i>>4), 'x')
	}
	ext := s2.EncodeBest(nil, src)
	if _, err := snappy.DecodeStrict(nil, ext); err == nil {
		t.Fatal("the test's block has no S2 extension")
	}
	if _, err := codecs.Open(compressed(Snappy, 1, ext)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("S2: %v", err)
	}

	frame := func(opts ...lz4.Option) []byte {
		var out bytes.Buffer
		w := lz4.NewWriter(&out)
		if err := w.Apply(opts...); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(Of(sample()...).Payload()); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	count := int32(len(sample()))
	for name, opts := range map[string][]lz4.Option{
		"plain":           nil,
		"block checksums": {lz4.BlockChecksumOption(true)},
		"content size":    {lz4.SizeOption(uint64(len(Of(sample()...).Payload())))},
		"no checksum":     {lz4.ChecksumOption(false)},
	} {
		if r, err := codecs.Open(compressed(LZ4, count, frame(opts...))); err != nil {
			t.Errorf("lz4, %s: %v", name, err)
		} else if _, err := r.Check(Rules{}); err != nil {
			t.Errorf("lz4, %s: %v", name, err)
		}
	}
	one := frame()
	linked := append([]byte{}, one...)
	linked[4] &^= 1 << 5
	for name, p := range map[string][]byte{
		"legacy frame":  frame(lz4.LegacyOption(true)),
		"two frames":    append(append([]byte{}, one...), one...),
		"linked blocks": linked,
	} {
		if _, err := codecs.Open(compressed(LZ4, count, p)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("lz4, %s: %v", name, err)
		}
	}
}

func TestAClaimedLengthAllocatesNothing(t *testing.T) {
	codecs := NewCodecs(0)
	lie := binary.AppendUvarint(nil, 30<<20) // a snappy block that claims 30 MiB
	b := compressed(Snappy, 1, append(lie, 0, 0, 0, 0, 0, 0))
	const rounds = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range rounds {
		if _, err := codecs.Open(b); !errors.Is(err, ErrCorrupt) {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if got := (after.TotalAlloc - before.TotalAlloc) / rounds; got > 64<<10 {
		t.Errorf("%d bytes for a claim", got)
	}
}

// TestZstdFramesWithoutASize: librdkafka compresses as a stream, so that its frames do not say how large they become.
func TestZstdFramesWithoutASize(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	codecs := NewCodecs(0)
	for _, size := range []int{100, 70_000, 200_000, 300_000, 1_000_000, 5_000_000} {
		var plain []byte // lines that differ in a number, as logs do: they shrink to a tenth and less
		for len(plain) < size {
			plain = fmt.Appendf(plain, `{"level":"info","user":"somebody","number":%d,"path":"/api/v1/things"}`, rnd.Uint32())
		}
		plain = plain[:size]
		var packed bytes.Buffer
		w, err := zstd.NewWriter(&packed)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < size; i += 1000 { // in pieces, so that the writer cannot know
			w.Write(plain[i:min(i+1000, size)])
			if i == 0 {
				w.Flush()
			}
		}
		w.Close()
		got, err := codecs.expand(t.Context(), Zstd, packed.Bytes())
		if err != nil || !bytes.Equal(*got, plain) {
			t.Errorf("%d bytes: %v", size, err)
			continue
		}
		codecs.recycle(got)
	}
}
