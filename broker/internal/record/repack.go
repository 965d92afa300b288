package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// packers are the pooled compressors of Codecs, by level.
type packers struct {
	gzipWriters [gzip.BestCompression + 1]sync.Pool
	lz4Writers  [len(lz4Levels)]sync.Pool
	zstdWriters [zstd.SpeedBestCompression + 1]sync.Pool
}

// lz4Levels are the levels that the library has; the first one is its fast mode.
var lz4Levels = [...]lz4.CompressionLevel{lz4.Fast, lz4.Level1, lz4.Level2, lz4.Level3, lz4.Level4, lz4.Level5, lz4.Level6,
	lz4.Level7, lz4.Level8, lz4.Level9}

// DefaultLevel stands for what each codec's library takes for a good level.
const DefaultLevel = math.MinInt

// Repack returns the batch with its records compressed as to says, with a CRC of its own; everything else in the header
// stays. A batch that is so already is returned as it is, otherwise the result is a new slice. Errors are those of
// Open.
func (c *Codecs) Repack(b Batch, to Compression) (Batch, error) {
	return c.RepackLevel(b, to, DefaultLevel)
}

// RepackLevel is Repack with a level as in Kafka's compression.gzip.level (1 to 9), compression.lz4.level (1 to 17) or
// compression.zstd.level (up to 22), of which the nearest that there is is taken. Snappy has none. A batch that is compressed
// so already is left alone, whatever its level.
func (c *Codecs) RepackLevel(b Batch, to Compression, level int) (Batch, error) {
	if b.Attributes().Compression() == to {
		return b, nil
	}
	r, err := c.Open(b)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return c.pack(r, to, level)
}

// PackRecords is RepackLevel for a batch whose records are open, so that it is not decompressed twice. The header is that which
// the batch had when it was opened.
func (c *Codecs) PackRecords(b Batch, r *Records, to Compression, level int) (Batch, error) {
	if b.Attributes().Compression() == to {
		return b, nil
	}
	return c.pack(r, to, level)
}

func (c *Codecs) pack(r *Records, to Compression, level int) (out Batch, err error) {
	out = make(Batch, HeaderSize, HeaderSize+len(r.data)/2+64)
	h := r.header
	h.Attributes = h.Attributes&^compressionMask | Attributes(to)
	if out, err = c.compress(out, r.data, to, level); err != nil {
		return nil, fmt.Errorf("compress with %s: %w", to, err)
	}
	out.putHeader(&h)
	out.seal()
	return out, nil
}

// compress appends src to dst, compressed.
func (c *Codecs) compress(dst, src []byte, to Compression, level int) ([]byte, error) {
	switch to {
	case None:
		return append(dst, src...), nil
	case Gzip:
		if level < gzip.BestSpeed || level > gzip.BestCompression {
			level = 6
		}
		pool := &c.gzipWriters[level]
		w, _ := pool.Get().(*gzip.Writer)
		if w == nil {
			var err error
			if w, err = gzip.NewWriterLevel(nil, level); err != nil {
				return dst, err
			}
		}
		defer pool.Put(w)
		return through(w, dst, src)
	case Snappy:
		return appendXerial(dst, src), nil
	case LZ4:
		level = min(max(level, 0), len(lz4Levels)-1)
		pool := &c.lz4Writers[level]
		w, _ := pool.Get().(*lz4.Writer)
		if w == nil {
			w = lz4.NewWriter(nil)
			if err := w.Apply(lz4.CompressionLevelOption(lz4Levels[level])); err != nil {
				return dst, err
			}
		}
		defer pool.Put(w)
		return through(w, dst, src)
	case Zstd:
		speed := zstd.SpeedDefault
		if level != DefaultLevel {
			speed = zstd.EncoderLevelFromZstd(level)
		}
		pool := &c.zstdWriters[speed]
		w, _ := pool.Get().(*zstd.Encoder)
		if w == nil {
			var err error
			w, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderLevel(speed))
			if err != nil {
				return dst, err
			}
		}
		defer pool.Put(w)
		return w.EncodeAll(src, dst), nil
	}
	return dst, fmt.Errorf("%w: %d", ErrUnknownCompression, to)
}

// through appends what w makes of src to dst.
func through(w interface {
	io.WriteCloser
	Reset(io.Writer)
}, dst, src []byte) ([]byte, error) {
	out := bytes.NewBuffer(dst)
	w.Reset(out)
	if _, err := w.Write(src); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// appendXerial appends src in snappy-java's framing, which is what Kafka's Java client writes.
func appendXerial(dst, src []byte) []byte {
	const blockSize = 32 << 10
	dst = append(dst, xerial[:]...)
	dst = binary.BigEndian.AppendUint32(dst, 1) // version
	dst = binary.BigEndian.AppendUint32(dst, 1) // oldest compatible version
	for len(src) > 0 {
		n := min(len(src), blockSize)
		at := len(dst)
		dst = append(dst, make([]byte, 4+snappy.MaxEncodedLen(n))...)
		block := snappy.Encode(dst[at+4:], src[:n])
		binary.BigEndian.PutUint32(dst[at:], uint32(len(block)))
		dst = dst[:at+4+len(block)]
		src = src[n:]
	}
	return dst
}
