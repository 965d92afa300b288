package avro

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// UUID is the logical type uuid, of a string or of a fixed(16): 16 bytes in network byte order (RFC 9562).
type UUID [16]byte

const uuidLen = 36

// ParseUUID parses the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx, in either case.
func ParseUUID(s string) (UUID, error) {
	u, ok := parseUUID([]byte(s))
	if !ok {
		return UUID{}, valueError(fmt.Sprintf("%.40q is no UUID", s))
	}
	return u, nil
}

// parseUUID allocates nothing.
func parseUUID(s []byte) (u UUID, ok bool) {
	if len(s) != uuidLen || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return u, false
	}
	at := 0
	for i := range u {
		if at == 8 || at == 13 || at == 18 || at == 23 {
			at++
		}
		hi, lo := nibble(s[at]), nibble(s[at+1])
		if hi|lo > 15 {
			return u, false
		}
		u[i] = hi<<4 | lo
		at += 2
	}
	return u, true
}

func nibble(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}

// String returns the form that ParseUUID takes, in lower case.
func (u UUID) String() string { return string(u.appendText(make([]byte, 0, uuidLen))) }

func (u UUID) appendText(dst []byte) []byte {
	for i, end := range [...]int{4, 6, 8, 10, 16} {
		start := 0
		if i > 0 {
			dst = append(dst, '-')
			start = 2 + 2*i
		}
		dst = hex.AppendEncode(dst, u[start:end])
	}
	return dst
}

// MarshalText returns String's form.
func (u UUID) MarshalText() ([]byte, error) { return u.appendText(nil), nil }

// UnmarshalText parses String's form.
func (u *UUID) UnmarshalText(text []byte) (err error) {
	*u, err = ParseUUID(string(text))
	return err
}

// AppendUUID appends a uuid that is encoded as a string. One that is a fixed(16) is appended with AppendFixed.
func AppendUUID(dst []byte, u UUID) []byte { return u.appendText(append(dst, uuidLen<<1)) }

// UUID reads a uuid that is encoded as a string. One that is a fixed(16) is read with Fixed.
func (r *Reader) UUID() UUID {
	start := r.pos
	n := r.length("the length of a uuid")
	u, ok := parseUUID(r.buf[r.pos : r.pos+n])
	if !ok {
		r.fail(ErrMalformed, start, "the string is no UUID")
		return UUID{}
	}
	r.pos += n
	return u
}

// Duration is the logical type duration: three amounts that do not add up, because months and days differ in length.
type Duration struct {
	Months, Days, Millis uint32
}

// AppendDuration appends a duration: a fixed of 12 bytes, three little-endian numbers.
func AppendDuration(dst []byte, d Duration) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, d.Months)
	dst = binary.LittleEndian.AppendUint32(dst, d.Days)
	return binary.LittleEndian.AppendUint32(dst, d.Millis)
}

// Duration reads a duration.
func (r *Reader) Duration() Duration {
	var b [12]byte
	r.Fixed(b[:])
	return Duration{
		Months: binary.LittleEndian.Uint32(b[0:]),
		Days:   binary.LittleEndian.Uint32(b[4:]),
		Millis: binary.LittleEndian.Uint32(b[8:]),
	}
}

// String returns the amounts in words.
func (d Duration) String() string {
	return fmt.Sprintf("%d months %d days %d ms", d.Months, d.Days, d.Millis)
}
