package ocf

import (
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

const (
	// maxSnappyRatio is what a byte of snappy can stand for, at most: a copy of 64 bytes takes two or more.
	maxSnappyRatio = 32
	// maxWindow is the largest window of zstandard's own levels. Frames are decoded as a whole, so it costs nothing.
	maxWindow = 128 << 20
	// firstRoom is the least that is set aside for what a block decompresses to.
	firstRoom = 64 << 10
)

// expander decompresses the blocks of one file.
type expander struct {
	codec Codec
	most  int // bytes that a block may take
	flate io.ReadCloser
	zstd  *zstd.Decoder
}

func newExpander(codec Codec, most int) (*expander, error) {
	e := &expander{codec: codec, most: most}
	switch codec {
	case Null, Deflate, Snappy, Bzip2:
	case Zstandard:
		var err error
		e.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			return nil, err
		}
	case XZ:
		return nil, fmt.Errorf("%w: xz; write the file with zstandard or deflate instead", ErrCodec)
	default:
		return nil, fmt.Errorf("%w: %.64q; known are null, deflate, snappy, zstandard and bzip2", ErrCodec, string(codec))
	}
	return e, nil
}

// expand appends what src decompresses to to dst, which is empty.
func (e *expander) expand(dst, src []byte) ([]byte, error) {
	var err error
	switch e.codec {
	case Null:
		return append(dst, src...), nil
	case Deflate:
		return e.inflate(dst, src)
	case Snappy:
		return e.snappy(dst, src)
	case Bzip2:
		dst, err = e.drain(dst, bzip2.NewReader(bytes.NewReader(src)))
	default:
		return e.zstandard(dst, src)
	}
	return dst, err
}

func (e *expander) inflate(dst, src []byte) ([]byte, error) {
	in := bytes.NewReader(src) // what follows the end is ignored: some writers leave a part of zlib's checksum there
	if e.flate == nil {
		e.flate = flate.NewReader(in)
	} else if err := e.flate.(flate.Resetter).Reset(in, nil); err != nil {
		return dst, err
	}
	return e.drain(dst, e.flate)
}

// drain reads what a decompressor has, up to the limit and one byte more.
func (e *expander) drain(dst []byte, from io.Reader) ([]byte, error) {
	buf := bytes.NewBuffer(dst)
	n, err := buf.ReadFrom(io.LimitReader(from, int64(e.most)+1))
	if n > int64(e.most) {
		return buf.Bytes(), tooLarge("the block, decompressed,", e.most)
	}
	if err != nil {
		err = malformed("%s: %v", e.codec, err)
	}
	return buf.Bytes(), err
}

// snappy decodes the raw format, which Avro follows by the CRC-32 of what was compressed, big-endian.
func (e *expander) snappy(dst, src []byte) ([]byte, error) {
	if len(src) < 4 {
		return dst, malformed("a snappy block of %d bytes has no checksum", len(src))
	}
	body, sum := src[:len(src)-4], binary.BigEndian.Uint32(src[len(src)-4:])
	n, err := snappy.DecodedLen(body)
	switch {
	case err != nil:
		return dst, malformed("snappy: %v", err)
	case n > e.most:
		return dst, tooLarge("the block, decompressed,", e.most)
	case n > maxSnappyRatio*len(body):
		return dst, malformed("snappy: %d bytes cannot become %d", len(body), n)
	}
	if cap(dst) < n {
		dst = make([]byte, n)
	}
	out, err := snappy.Decode(dst[:cap(dst)], body)
	if err != nil {
		return dst[:0], malformed("snappy: %v", err)
	}
	if got := crc32.ChecksumIEEE(out); got != sum {
		return out, malformed("snappy: the checksum is %08x, the block says %08x", got, sum)
	}
	return out, nil
}

// zstandard decompresses into the room of dst, and into more as long as that is too little.
func (e *expander) zstandard(dst, src []byte) ([]byte, error) {
	if room := min(max(firstRoom, 4*len(src)), e.most); cap(dst) < room {
		dst = make([]byte, 0, room)
	}
	for {
		out, err := e.zstd.DecodeAll(src, dst[:0:min(cap(dst), e.most)])
		switch {
		case err == nil:
			return out, nil
		case !errors.Is(err, zstd.ErrDecoderSizeExceeded):
			return dst, malformed("zstandard: %v", err)
		case cap(dst) >= e.most:
			return dst, tooLarge("the block, decompressed,", e.most)
		}
		dst = make([]byte, 0, min(4*cap(dst), e.most))
	}
}

// packer compresses the blocks of one file.
type packer struct {
	codec Codec
	flate *flate.Writer
	zstd  *zstd.Encoder
}

func newPacker(codec Codec) (*packer, error) {
	p := &packer{codec: codec}
	var err error
	switch codec {
	case Null, Snappy:
	case Deflate:
		p.flate, err = flate.NewWriter(nil, flate.DefaultCompression)
	case Zstandard:
		p.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	default:
		err = fmt.Errorf("%w: %.64q; files are written with null, deflate, snappy or zstandard", ErrCodec, string(codec))
	}
	return p, err
}

// pack returns src compressed, in dst's memory if it has enough; dst is empty.
func (p *packer) pack(dst, src []byte) ([]byte, error) {
	switch p.codec {
	case Deflate:
		buf := bytes.NewBuffer(dst)
		p.flate.Reset(buf)
		if _, err := p.flate.Write(src); err != nil {
			return dst, err
		}
		err := p.flate.Close()
		return buf.Bytes(), err
	case Snappy:
		out := snappy.Encode(dst[:cap(dst)], src)
		return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(src)), nil
	case Zstandard:
		return p.zstd.EncodeAll(src, dst), nil
	}
	return src, nil
}
