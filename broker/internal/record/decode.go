package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// errFull: the records do not fit into the buffer that they are decompressed into.
var errFull = errors.New("buffer too small")

// room guesses how many bytes src decompresses to. A wrong guess costs time, not correctness. claimed tells that src says
// so itself; that is not believed beyond what src could hold.
func room(kind Compression, src []byte) (n int64, claimed bool) {
	claim, most := int64(-1), int64(0)
	switch kind {
	case Zstd:
		var h zstd.Header
		if h.Decode(src) == nil && h.HasFCS {
			// A block of 4 bytes makes at most 128 KiB.
			claim, most = int64(min(h.FrameContentSize, math.MaxInt64)), 32<<10*int64(len(src))
		}
	case Snappy:
		claim, most = snappyLen(src), 32*int64(len(src))
	}
	if claim >= 0 && claim <= most {
		return claim, true
	}
	return max(roomGrowth*int64(len(src)), firstRoom), false
}

// decode decompresses src into dst, which is empty and keeps its capacity. The result begins where dst does. Any error
// but errFull means that src is damaged.
func (c *Codecs) decode(kind Compression, dst, src []byte) ([]byte, error) {
	switch kind {
	case Gzip:
		return c.gunzip(dst, src)
	case Snappy:
		return unsnappy(dst, src)
	case LZ4:
		return c.unlz4(dst, src)
	}
	return c.unzstd(dst, src)
}

// readAll reads r to its end into dst.
func readAll(dst []byte, r io.Reader) ([]byte, error) {
	for {
		if len(dst) == cap(dst) {
			var more [1]byte
			if n, err := io.ReadFull(r, more[:]); n > 0 {
				return nil, errFull
			} else if err != io.EOF {
				return nil, err
			}
			return dst, nil
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return nil, err
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
		return nil, err
	}
	return readAll(dst, z)
}

// zstdNoRoom is what the library says, with no kind of its own, when a frame that does not tell its size (librdkafka's)
// runs into the end of the buffer within a block.
const zstdNoRoom = "output bigger than max block size"

// unzstd decompresses whole frames. The capacity of dst is the bound, because the library's own memory limit would
// bound the window, too, and refuse small batches that were compressed at a high level.
func (c *Codecs) unzstd(dst, src []byte) ([]byte, error) {
	out, err := c.zstds.DecodeAll(src, dst)
	if err == nil {
		return out, nil
	}
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || strings.Contains(err.Error(), zstdNoRoom) {
		return nil, errFull
	}
	return nil, err
}

// xerial begins what snappy-java's stream writes; two int32 versions follow.
var xerial = [...]byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHeader = len(xerial) + 8

// snappyBlocks calls f for each raw block of src.
func snappyBlocks(src []byte, f func(block []byte) error) error {
	if len(src) < xerialHeader || !bytes.Equal(src[:len(xerial)], xerial[:]) {
		return f(src)
	}
	for src = src[xerialHeader:]; len(src) > 0; {
		if len(src) < 4 {
			return errors.New("cut off inside a block's length")
		}
		n := binary.BigEndian.Uint32(src)
		src = src[4:]
		if uint64(n) > uint64(len(src)) {
			return fmt.Errorf("a block of %d bytes, %d are left", n, len(src))
		}
		if err := f(src[:n]); err != nil {
			return err
		}
		src = src[n:]
	}
	return nil
}

// snappyLen adds up the lengths that the blocks claim; -1 if that cannot be done.
func snappyLen(src []byte) int64 {
	var sum int64
	err := snappyBlocks(src, func(block []byte) error {
		n, err := snappy.DecodedLen(block)
		sum += int64(n)
		return err
	})
	if err != nil {
		return -1
	}
	return sum
}

func unsnappy(dst, src []byte) ([]byte, error) {
	err := snappyBlocks(src, func(block []byte) error {
		n, err := snappy.DecodedLen(block)
		if err != nil {
			return err
		}
		// A copy makes at most 64 bytes of 3.
		if n > 32*len(block) {
			return fmt.Errorf("a block of %d bytes cannot hold %d", len(block), n)
		}
		if n > cap(dst)-len(dst) {
			return errFull
		}
		// Strict: the plain decoder takes S2's extensions too, which Kafka's clients cannot read.
		out, err := snappy.DecodeStrict(dst[len(dst):len(dst)+n], block)
		if err != nil {
			return err
		}
		dst = dst[:len(dst)+len(out)]
		return nil
	})
	if err != nil {
		return nil, err
	}
	return dst, nil
}
