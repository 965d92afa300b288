package avro

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// The Append functions append one value's binary encoding (Avro specification, "Binary Encoding") to dst and return the
// extended slice. They keep nothing.

// AppendBoolean appends a boolean.
func AppendBoolean(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// AppendInt appends an int: zigzag, then base 128.
func AppendInt(dst []byte, v int32) []byte { return AppendLong(dst, int64(v)) }

// AppendLong appends a long: zigzag, then base 128.
func AppendLong(dst []byte, v int64) []byte {
	u := uint64(v<<1 ^ v>>63)
	if u >= 0x80 {
		return appendUvarint(dst, u)
	}
	return append(dst, byte(u))
}

func appendUvarint(dst []byte, u uint64) []byte {
	switch {
	case u < 1<<14:
		return append(dst, byte(u)|0x80, byte(u>>7))
	case u < 1<<21:
		return append(dst, byte(u)|0x80, byte(u>>7)|0x80, byte(u>>14))
	case u < 1<<28:
		return append(dst, byte(u)|0x80, byte(u>>7)|0x80, byte(u>>14)|0x80, byte(u>>21))
	}
	dst = append(dst, byte(u)|0x80, byte(u>>7)|0x80, byte(u>>14)|0x80, byte(u>>21)|0x80)
	for u >>= 28; u >= 0x80; u >>= 7 {
		dst = append(dst, byte(u)|0x80)
	}
	return append(dst, byte(u))
}

// AppendFloat appends a float: 4 bytes, little-endian.
func AppendFloat(dst []byte, v float32) []byte {
	return binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
}

// AppendDouble appends a double: 8 bytes, little-endian.
func AppendDouble(dst []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
}

// AppendBytes appends bytes: their length as a long, then they.
func AppendBytes(dst, v []byte) []byte {
	return append(AppendLong(dst, int64(len(v))), v...)
}

// AppendString appends a string without looking whether it is UTF-8: use it for constants and for strings that
// CheckString passed.
func AppendString(dst []byte, v string) []byte {
	return append(AppendLong(dst, int64(len(v))), v...)
}

// AppendText appends a string, or returns dst and an *Error if it is no valid UTF-8.
func AppendText(dst []byte, v string) ([]byte, error) {
	at, n := len(dst), len(v)
	if n < 4 || n >= 64 || cap(dst)-at <= n {
		return appendAnyText(dst, v)
	}
	// Most texts are short and ASCII: their words are looked at on the way.
	dst = dst[:at+1+n]
	dst[at] = byte(n << 1)
	from, to := textBytes(v), dst[at+1:]
	var seen uint64
	if last := n - 8; last >= 0 {
		seen = binary.LittleEndian.Uint64(from[last:])
		binary.LittleEndian.PutUint64(to[last:], seen)
		for i := 0; i < last; i += 8 {
			word := binary.LittleEndian.Uint64(from[i:])
			binary.LittleEndian.PutUint64(to[i:], word)
			seen |= word
		}
	} else {
		low, high := binary.LittleEndian.Uint32(from), binary.LittleEndian.Uint32(from[n-4:])
		binary.LittleEndian.PutUint32(to, low)
		binary.LittleEndian.PutUint32(to[n-4:], high)
		seen = uint64(low | high)
	}
	if seen&highBits == 0 || utf8.ValidString(v) {
		return dst, nil
	}
	return dst[:at], notText()
}

func appendAnyText(dst []byte, v string) ([]byte, error) {
	if !validText(textBytes(v)) {
		return dst, notText()
	}
	if len(v) < 64 {
		dst = append(dst, byte(len(v)<<1))
	} else {
		dst = AppendLong(dst, int64(len(v)))
	}
	return append(dst, v...), nil
}

// CheckString returns an *Error if v is no valid UTF-8, as the specification demands of a string.
func CheckString(v string) error {
	if validText(textBytes(v)) {
		return nil
	}
	return notText()
}

func notText() error { return valueError("the string is not valid UTF-8") }

// AppendFixed appends a fixed: its bytes. The caller sees to it that there are as many as the type's size.
func AppendFixed(dst, v []byte) []byte { return append(dst, v...) }

// AppendBlock begins a block of n items of an array, or n pairs (key, value) of a map. n must not be negative; a block
// of 0 ends the array or map, so write it once, at the end, and never for an empty block before.
func AppendBlock(dst []byte, n int) []byte { return AppendLong(dst, int64(n)) }

// AppendEnd ends an array or map.
func AppendEnd(dst []byte) []byte { return append(dst, 0) }
