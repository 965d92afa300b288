package avro

import (
	"encoding/binary"
	"unicode/utf8"
	"unsafe"
)

// highBits are the bits that no ASCII byte has, and that all but the last byte of a number have.
const highBits = 0x8080808080808080

// validText reports whether b is UTF-8. Most texts are short and ASCII: those take a few loads.
func validText(b []byte) bool {
	if len(b) >= 8 {
		return isASCII(b) || utf8.Valid(b)
	}
	if len(b) >= 4 {
		seen := binary.LittleEndian.Uint32(b) | binary.LittleEndian.Uint32(b[len(b)-4:])
		return seen&(highBits>>32) == 0 || utf8.Valid(b)
	}
	var seen byte
	for _, c := range b {
		seen |= c
	}
	return seen < 0x80 || utf8.Valid(b)
}

// isASCII reports whether b, at least 8 bytes, is ASCII. It is small enough to become part of its callers.
func isASCII(b []byte) bool {
	last := len(b) - 8
	seen := binary.LittleEndian.Uint64(b[last:])
	for i := 0; i < last; i += 8 {
		seen |= binary.LittleEndian.Uint64(b[i:])
	}
	return seen&highBits == 0
}

// textBytes is s as bytes that must not be changed.
func textBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// compact removes the high bit of each of the 8 bytes of x and closes the gaps: 8 groups of 7 bits become 56 bits.
func compact(x uint64) uint64 {
	x &= 0x7f7f7f7f7f7f7f7f
	x = x&0x007f007f007f007f | x&0x7f007f007f007f00>>1
	x = x&0x00003fff00003fff | x&0x3fff00003fff0000>>2
	return x&0x000000000fffffff | x&0x0fffffff00000000>>4
}
