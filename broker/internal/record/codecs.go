package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// Codecs decompresses and compresses records. It holds pools, so that a broker needs one for its life. It is safe for
// concurrent use.
type Codecs struct {
	limit   int
	buffers sync.Pool // *[]byte
	gzips   sync.Pool // *gzip.Reader
	lz4s    sync.Pool // *lz4.Reader
	zstds   *zstd.Decoder
	packers
}

// DefaultExpandLimit is what one batch may decompress to, in bytes, where nobody said otherwise: far above what
// clients collect into a batch, far below what hurts a broker.
const DefaultExpandLimit = 32 << 20

const (
	// keepBuffer is the largest buffer that goes back to the pool; larger ones are rare and left to the collector.
	keepBuffer = 4 << 20
	firstRead  = 64 << 10
	// maxZstdWindow is the largest window of the format's own levels (22, long mode off). Only frames that lie whole in
	// memory are decoded, so the window itself costs nothing.
	maxZstdWindow = 128 << 20
)

// NewCodecs returns codecs that refuse a batch whose records decompress to more than limit bytes (ErrExpandsTooFar); 0
// or less means DefaultExpandLimit. Uncompressed records are never copied and need no limit.
func NewCodecs(limit int) *Codecs {
	if limit <= 0 {
		limit = DefaultExpandLimit
	}
	c := &Codecs{limit: limit}
	d, err := zstd.NewReader(nil,
		zstd.WithDecoderMaxWindow(maxZstdWindow),
		zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderLowmem(true))
	if err != nil {
		panic(fmt.Sprintf("record: zstd refuses constant options: %v", err))
	}
	c.zstds = d
	return c
}

// Open returns the records of a batch that Verify or VerifyStored has passed, decompressed. They alias b if it is
// uncompressed and a pooled buffer otherwise; Close gives that back. The error is ErrCorrupt, ErrExpandsTooFar or
// ErrUnknownCompression.
func (c *Codecs) Open(b Batch) (*Records, error) {
	h := b.Header()
	r := &Records{header: h, data: b.Payload()}
	kind := h.Attributes.Compression()
	if kind != None {
		buf, err := c.expand(kind, b.Payload())
		if err != nil {
			return nil, err
		}
		r.data, r.buf, r.codecs = *buf, buf, c
	}
	if int64(h.Count)*minRecordSize > int64(len(r.data)) {
		r.Close()
		return nil, fmt.Errorf("%w: %d records cannot lie in %d bytes", ErrCorrupt, h.Count, len(r.data))
	}
	return r, nil
}

// expand decompresses src into a pooled buffer.
func (c *Codecs) expand(kind Compression, src []byte) (*[]byte, error) {
	buf, _ := c.buffers.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	var err error
	dst := (*buf)[:0]
	switch kind {
	case Gzip:
		dst, err = c.gunzip(dst, src)
	case Snappy:
		dst, err = c.unsnappy(dst, src)
	case LZ4:
		dst, err = c.unlz4(dst, src)
	case Zstd:
		dst, err = c.unzstd(dst, src)
	default:
		err = fmt.Errorf("%w: %d", ErrUnknownCompression, kind)
	}
	if err == nil && len(dst) > c.limit {
		err = c.tooFar()
	}
	if dst != nil {
		*buf = dst
	}
	if err != nil {
		c.recycle(buf)
		if errors.Is(err, ErrExpandsTooFar) || errors.Is(err, ErrUnknownCompression) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %s: %v", ErrCorrupt, kind, err)
	}
	return buf, nil
}

func (c *Codecs) recycle(buf *[]byte) {
	if cap(*buf) <= keepBuffer {
		c.buffers.Put(buf)
	}
}

func (c *Codecs) tooFar() error {
	return fmt.Errorf("%w: more than %d bytes", ErrExpandsTooFar, c.limit)
}

// readAll appends everything that r gives to dst. It grows dst as bytes arrive, never for a claimed length.
func (c *Codecs) readAll(dst []byte, r io.Reader, hint int) ([]byte, error) {
	if want := min(max(hint, firstRead), c.limit+1); cap(dst) < want {
		dst = make([]byte, 0, want)
	}
	for {
		if len(dst) == cap(dst) {
			if len(dst) > c.limit {
				return dst, c.tooFar()
			}
			grown := make([]byte, len(dst), min(2*cap(dst), c.limit+1))
			copy(grown, dst)
			dst = grown
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
		if len(dst) > c.limit {
			return dst, c.tooFar()
		}
	}
}

func (c *Codecs) gunzip(dst, src []byte) ([]byte, error) {
	z, _ := c.gzips.Get().(*gzip.Reader)
	if z == nil {
		z = new(gzip.Reader)
	}
	defer c.gzips.Put(z)
	if err := z.Reset(bytes.NewReader(src)); err != nil {
		return dst, err
	}
	return c.readAll(dst, z, 4*len(src))
}

// zstdNoRoom is what the library says, with no kind of its own, when a frame that does not tell its size (librdkafka's) runs
// into the end of the buffer within a block.
const zstdNoRoom = "output bigger than max block size"

// unzstd decompresses into a buffer that it sizes itself: the library's own memory limit would bound the window, too,
// and refuse small batches that were compressed at a high level.
func (c *Codecs) unzstd(dst, src []byte) ([]byte, error) {
	want := max(4*len(src), firstRead)
	var h zstd.Header
	if err := h.Decode(src); err != nil {
		return dst, err
	}
	if h.HasFCS {
		if h.FrameContentSize > uint64(c.limit) {
			return dst, c.tooFar()
		}
		// A block of 4 bytes makes at most 128 KiB, so nothing is allocated for a claim beyond that.
		want = min(int(h.FrameContentSize), 32<<10*len(src))
	}
	for {
		want = min(want, c.limit)
		if cap(dst) < want {
			dst = make([]byte, 0, want)
		}
		out, err := c.zstds.DecodeAll(src, dst[:0:min(cap(dst), c.limit)])
		if err == nil {
			return out, nil
		}
		if !errors.Is(err, zstd.ErrDecoderSizeExceeded) && !strings.Contains(err.Error(), zstdNoRoom) {
			return dst, err
		}
		if cap(dst) >= c.limit {
			return dst, c.tooFar()
		}
		want = 2 * cap(dst)
	}
}

// xerial begins what snappy-java's stream writes; two int32 versions follow.
var xerial = [...]byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHeader = len(xerial) + 8

func (c *Codecs) unsnappy(dst, src []byte) ([]byte, error) {
	if len(src) < xerialHeader || !bytes.Equal(src[:len(xerial)], xerial[:]) {
		return c.unsnap(dst, src)
	}
	for src = src[xerialHeader:]; len(src) > 0; {
		if len(src) < 4 {
			return dst, errors.New("cut off inside a block's length")
		}
		n := binary.BigEndian.Uint32(src)
		src = src[4:]
		if uint64(n) > uint64(len(src)) {
			return dst, fmt.Errorf("a block of %d bytes, %d are left", n, len(src))
		}
		var err error
		if dst, err = c.unsnap(dst, src[:n]); err != nil {
			return dst, err
		}
		src = src[n:]
	}
	return dst, nil
}

// unsnap appends one raw block. A copy makes at most 64 bytes of 3, so a length that claims much more is a lie,
// and nothing is allocated for it.
func (c *Codecs) unsnap(dst, block []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(block)
	if err != nil {
		return dst, err
	}
	if n > 32*len(block) {
		return dst, fmt.Errorf("a block of %d bytes cannot hold %d", len(block), n)
	}
	if n > c.limit-len(dst) {
		return dst, c.tooFar()
	}
	if cap(dst)-len(dst) < n {
		grown := make([]byte, len(dst), max(len(dst)+n, min(2*cap(dst), c.limit)))
		copy(grown, dst)
		dst = grown
	}
	// Strict: the plain decoder takes S2's extensions too, which Kafka's clients cannot read.
	out, err := snappy.DecodeStrict(dst[len(dst):cap(dst)], block)
	if err != nil {
		return dst, err
	}
	return dst[:len(dst)+len(out)], nil
}
