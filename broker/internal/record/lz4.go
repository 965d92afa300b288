package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/pierrec/lz4/v4"
)

const lz4Magic = 0x184D2204

// unlz4 decompresses one frame that fills src. Its shape is checked first, because the library reads things that
// Kafka's Java client refuses or does not see (linked blocks, several frames, the legacy form): a consumer must be able
// to read what was accepted.
func (c *Codecs) unlz4(dst, src []byte) ([]byte, error) {
	n, err := lz4FrameLen(src)
	if err != nil {
		return nil, err
	}
	if n != len(src) {
		return nil, fmt.Errorf("%d bytes follow the frame", len(src)-n)
	}
	z, _ := c.lz4s.Get().(*lz4.Reader)
	if z == nil {
		z = lz4.NewReader(nil)
	}
	z.Reset(bytes.NewReader(src))
	defer func() {
		z.Reset(nil) // it must not keep src
		c.lz4s.Put(z)
	}()
	return readAll(dst, z)
}

// lz4FrameLen walks the frame at the start of src from block to block and returns its length. It refuses what
// Kafka's Java client refuses. (LZ4 Frame Format Description 1.6.)
func lz4FrameLen(src []byte) (int, error) {
	const (
		independent     = 1 << 5
		blockChecksum   = 1 << 4
		contentSize     = 1 << 3
		contentChecksum = 1 << 2
		reserved        = 1 << 1
		dictionary      = 1 << 0
		fixed           = 4 + 2 + 1 // magic, flags, header checksum
	)
	cut := errors.New("the frame is cut off")
	if len(src) < fixed || binary.LittleEndian.Uint32(src) != lz4Magic {
		return 0, errors.New("no frame begins here")
	}
	flags := src[4]
	switch {
	case flags>>6 != 1:
		return 0, fmt.Errorf("frame version %d", flags>>6)
	case flags&independent == 0:
		return 0, errors.New("blocks depend on each other, which Kafka's clients cannot read")
	case flags&(reserved|dictionary) != 0:
		return 0, errors.New("the frame needs a dictionary or sets reserved flags")
	}
	at := fixed
	if flags&contentSize != 0 {
		at += 8
	}
	for {
		if len(src)-at < 4 {
			return 0, cut
		}
		size := binary.LittleEndian.Uint32(src[at:])
		at += 4
		if size == 0 { // the end mark
			break
		}
		n := int64(size & 0x7fffffff) // the top bit says: not compressed
		if flags&blockChecksum != 0 {
			n += 4
		}
		if n > int64(len(src)-at) {
			return 0, cut
		}
		at += int(n)
	}
	if flags&contentChecksum != 0 {
		at += 4
	}
	if at > len(src) {
		return 0, cut
	}
	return at, nil
}
