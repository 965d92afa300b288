package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// packers are the pooled compressors of Codecs, for the default level of each codec.
type packers struct {
	gzipWriters sync.Pool
	lz4Writers  sync.Pool
	zstdWriters sync.Pool
}

// Repack returns the batch with its records compressed as to says, with a CRC of its own; everything else in the header
// stays. A batch that is so already is returned as it is, otherwise the result is a new slice. Errors are those of
// Open.
func (c *Codecs) Repack(b Batch, to Compression) (Batch, error) {
	if b.Attributes().Compression() == to {
		return b, nil
	}
	r, err := c.Open(b)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out := make(Batch, HeaderSize, HeaderSize+len(r.data)/2+64)
	h := r.header
	h.Attributes = h.Attributes&^compressionMask | Attributes(to)
	if out, err = c.compress(out, r.data, to); err != nil {
		return nil, fmt.Errorf("compress with %s: %w", to, err)
	}
	out.putHeader(&h)
	out.seal()
	return out, nil
}

// compress appends src to dst, compressed.
func (c *Codecs) compress(dst, src []byte, to Compression) ([]byte, error) {
	switch to {
	case None:
		return append(dst, src...), nil
	case Gzip:
		w, _ := c.gzipWriters.Get().(*gzip.Writer)
		if w == nil {
			w = gzip.NewWriter(nil)
		}
		defer c.gzipWriters.Put(w)
		return through(w, dst, src)
	case Snappy:
		return appendXerial(dst, src), nil
	case LZ4:
		w, _ := c.lz4Writers.Get().(*lz4.Writer)
		if w == nil {
			w = lz4.NewWriter(nil)
		}
		defer c.lz4Writers.Put(w)
		return through(w, dst, src)
	case Zstd:
		w, _ := c.zstdWriters.Get().(*zstd.Encoder)
		if w == nil {
			var err error
			if w, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true)); err != nil {
				return dst, err
			}
		}
		defer c.zstdWriters.Put(w)
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
