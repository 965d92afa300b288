package serde

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// PrefixLen is the length in bytes of the prefix of Confluent's wire format: a zero byte and the schema id as a
// big-endian int32.
const PrefixLen = 5

// ErrPrefix says that bytes do not begin with a prefix.
var ErrPrefix = errors.New("no schema id: the bytes do not begin with 0x00 and a four-byte id")

// AppendPrefix appends the prefix for a schema id to dst.
func AppendPrefix(dst []byte, id int32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, 0), uint32(id))
}

// SplitPrefix returns the schema id in front of a payload, and the payload, which aliases b.
func SplitPrefix(b []byte) (id int32, payload []byte, err error) {
	if len(b) < PrefixLen {
		return 0, nil, fmt.Errorf("%w (%d bytes)", ErrPrefix, len(b))
	}
	if b[0] != 0 {
		return 0, nil, fmt.Errorf("%w (the first byte is 0x%02x)", ErrPrefix, b[0])
	}
	id = int32(binary.BigEndian.Uint32(b[1:]))
	if id < 0 {
		return 0, nil, fmt.Errorf("%w (the id would be %d)", ErrPrefix, id)
	}
	return id, b[PrefixLen:], nil
}
