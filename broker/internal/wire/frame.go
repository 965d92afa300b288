package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A frame is
//
//	size            int32, of what follows
//	api key         int16
//	api version     int16
//	correlation id  int32
//	client id       nullable string (int16 length, -1 for null)    header v1 and v2
//	tagged fields   uvarint count, then tag, size, bytes of each   header v2 (KIP-482)
//	body
const (
	sizeBytes = 4
	keyBytes  = 4 // key and version
	minFrame  = keyBytes + 4
	firstStep = 4 << 10 // what is allocated for a frame before any of it has arrived
	growth    = 4       // a full buffer is followed by one this many times as large
)

var (
	errFrameSize = errors.New("frame size")
	errHeader    = errors.New("malformed request header")
)

// readBody reads n bytes. The buffer grows as they arrive, and more is asked before each step, so that a length that is only
// claimed costs nothing. pool is nil if the buffer is to be the garbage collector's. peek, which may be nil, can stop a frame whose
// first bytes have arrived.
func readBody(r *bufio.Reader, n int, more func(n int64) error, pool *buffers, peek func([]byte) error) ([]byte, error) {
	get := func(n int) []byte { return make([]byte, n) }
	put := func([]byte) {}
	var buf []byte
	if pool != nil {
		get, put = pool.get, pool.put
		buf = pool.spare(n) // memory that is there already need not grow
	}
	step := min(n, max(firstStep, r.Buffered()))
	for have := 0; ; step = min(n, growth*have) {
		if err := more(int64(step - have)); err != nil {
			put(buf)
			return nil, err
		}
		if cap(buf) < step {
			next := get(step)
			copy(next, buf[:have])
			put(buf)
			buf = next
		}
		buf = buf[:step]
		m, err := io.ReadFull(r, buf[have:])
		if have += m; err != nil {
			put(buf)
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if have == n {
			return buf, nil
		}
		if peek != nil {
			if err := peek(buf); err != nil {
				put(buf)
				return nil, err
			}
			peek = nil
		}
	}
}

// parseHeader reads what follows key and version in a header and returns the correlation id, the client id and the length
// of what it read.
func parseHeader(b []byte, version int8) (corr int32, client []byte, n int, err error) {
	if len(b) < 4 {
		return 0, nil, 0, errHeader
	}
	corr, n = int32(binary.BigEndian.Uint32(b)), 4
	if version == 0 {
		return corr, nil, n, nil
	}
	if len(b) < n+2 {
		return 0, nil, 0, errHeader
	}
	l := int(int16(binary.BigEndian.Uint16(b[n:])))
	if n += 2; l > len(b)-n || l < -1 {
		return 0, nil, 0, errHeader
	}
	if l > 0 {
		client = b[n : n+l]
		n += l
	}
	if version == 1 {
		return corr, client, n, nil
	}
	count, m := binary.Uvarint(b[n:])
	if m <= 0 {
		return 0, nil, 0, errHeader
	}
	for n += m; count > 0; count-- {
		if _, m = binary.Uvarint(b[n:]); m <= 0 {
			return 0, nil, 0, errHeader
		}
		n += m
		size, m := binary.Uvarint(b[n:])
		if m <= 0 || size > uint64(len(b)-n-m) {
			return 0, nil, 0, errHeader
		}
		n += m + int(size)
	}
	return corr, client, n, nil
}

// checkSize checks the size that a frame claims for itself.
func checkSize(size int32, key, version int16, a Admission) error {
	if int64(size) <= int64(a.MaxBytes) {
		return nil
	}
	hint := ""
	if a.Setting != "" {
		hint = "; the broker setting " + a.Setting + " raises the limit"
	}
	return fmt.Errorf("%w: a request of key %d version %d claims %d bytes, at most %d are taken%s",
		errFrameSize, key, version, size, a.MaxBytes, hint)
}
