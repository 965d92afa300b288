package record

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Codecs decompresses and compresses records. It holds pools and a bound on what all opened records may take together, so
// that a broker needs one for its life. It is safe for concurrent use.
type Codecs struct {
	limit  int
	budget *budget
	small  sync.Pool // *[]byte, see buffer
	large  sync.Pool
	gzips  sync.Pool // *gzip.Reader
	lz4s   sync.Pool // *lz4.Reader
	zstds  *zstd.Decoder
	packers
}

// DefaultExpandLimit is what one batch may decompress to, in bytes, where nobody said otherwise: far above what
// clients collect into a batch, far below what hurts a broker.
const DefaultExpandLimit = 32 << 20

const (
	// smallBuffer and largeBuffer bound the buffers of the two pools; larger ones are rare and left to the collector.
	smallBuffer = 256 << 10
	largeBuffer = 4 << 20
	// firstRoom is the least that is set aside for decompressed records, in bytes.
	firstRoom = 64 << 10
	// roomGrowth is how much more is set aside when that was too little, as a factor, and what records are expected
	// to grow by in the first place.
	roomGrowth = 4
	// maxZstdWindow is the largest window of the format's own levels (22, long mode off). Only frames that lie whole in
	// memory are decoded, so the window itself costs nothing.
	maxZstdWindow = 128 << 20
)

// NewCodecs returns codecs that refuse a batch whose records decompress to more than limit bytes (ErrExpandsTooFar); 0
// or less means DefaultExpandLimit. All records that are open at a time take at most one and a half times that.
// Uncompressed records are never copied and count for nothing.
func NewCodecs(limit int) *Codecs {
	if limit <= 0 {
		limit = DefaultExpandLimit
	}
	c := &Codecs{limit: limit, budget: newBudget(int64(limit) + int64(limit)/2)}
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

// Open is OpenContext without an end to its patience.
func (c *Codecs) Open(b Batch) (*Records, error) { return c.OpenContext(context.Background(), b) }

// OpenContext returns the records of a batch that Verify or VerifyStored has passed, decompressed. They alias b if it
// is uncompressed and a pooled buffer otherwise; Close gives that back. While others hold too much memory it waits, so
// a goroutine must not hold compressed records while it opens others. The error is ErrCorrupt, ErrExpandsTooFar,
// ErrUnknownCompression or ctx's own.
func (c *Codecs) OpenContext(ctx context.Context, b Batch) (*Records, error) {
	h := b.Header()
	r := &Records{header: h, data: b.Payload()}
	if kind := h.Attributes.Compression(); kind != None {
		buf, err := c.expand(ctx, kind, b.Payload())
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

// expand decompresses src into a pooled buffer whose capacity is taken from the budget. It begins with a guess and takes
// a larger buffer if that is too small, but holds nothing while it waits for one, so that nobody waits in a circle. As
// rooms grow by a factor, what is decompressed in vain is a fraction of the end result.
func (c *Codecs) expand(ctx context.Context, kind Compression, src []byte) (*[]byte, error) {
	if kind > Zstd {
		return nil, fmt.Errorf("%w: %d", ErrUnknownCompression, kind)
	}
	want, claimed := room(kind, src)
	if claimed && want > int64(c.limit) {
		return nil, c.tooFar()
	}
	for {
		buf := c.buffer(int(min(want, int64(c.limit))))
		if err := c.budget.take(ctx, int64(cap(*buf))); err != nil {
			c.pool(buf)
			return nil, err
		}
		most := min(cap(*buf), c.limit)
		out, err := c.decode(kind, (*buf)[:0:most], src)
		if err == nil {
			// The same array; cap is restored, so that Close gives back what was taken.
			*buf = (*buf)[:len(out):cap(*buf)]
			return buf, nil
		}
		c.recycle(buf)
		switch {
		case !errors.Is(err, errFull):
			return nil, fmt.Errorf("%w: %s: %v", ErrCorrupt, kind, err)
		case most >= c.limit:
			return nil, c.tooFar()
		}
		want = roomGrowth * int64(most)
	}
}

func (c *Codecs) tooFar() error {
	return fmt.Errorf("%w: more than %d bytes", ErrExpandsTooFar, c.limit)
}

// buffer returns an empty buffer with room for so many bytes. Small and large ones are pooled apart, so that little
// records do not hold much memory.
func (c *Codecs) buffer(room int) *[]byte {
	room = max(room, firstRoom)
	pool := &c.small
	if room > smallBuffer {
		pool = &c.large
	}
	buf, _ := pool.Get().(*[]byte)
	if buf == nil || cap(*buf) < room {
		b := make([]byte, 0, room)
		buf = &b
	}
	return buf
}

// recycle gives a buffer's memory back.
func (c *Codecs) recycle(buf *[]byte) {
	held := int64(cap(*buf))
	c.pool(buf)
	c.budget.give(held)
}

func (c *Codecs) pool(buf *[]byte) {
	*buf = (*buf)[:0]
	switch {
	case cap(*buf) <= smallBuffer:
		c.small.Put(buf)
	case cap(*buf) <= largeBuffer:
		c.large.Put(buf)
	}
}
