package avro

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"math/bits"
)

// The encodings of decimals: the unscaled integer as big-endian two's complement, in bytes (as few as possible) or in a
// fixed (sign-extended); and big-decimal, which carries its scale.

// Fit returns d with the given scale if that loses nothing and needs no more than precision digits (0: any number), and
// an *Error otherwise.
func (d Decimal) Fit(precision, scale int) (Decimal, error) {
	d, err := d.Rescale(scale)
	if err != nil {
		return d, err
	}
	if precision > 0 && d.tooLong(precision) {
		return d, valueError(fmt.Sprintf("%.60v has more than %d digits", d, precision))
	}
	return d, nil
}

func (d Decimal) tooLong(precision int) bool {
	if d.large == nil {
		return precision < len(powers) && abs64(d.small) >= powers[precision]
	}
	n := d.large.BitLen()
	switch least, most := int(float64(n-1)*log10of2)+1, int(float64(n)*log10of2)+1; {
	case most <= precision:
		return false
	case least > precision:
		return true
	}
	return bigDigits(d.large) > precision // only here is the power of ten worth its price
}

// AppendDecimal appends d as a decimal of bytes. It is rescaled exactly; if that is not possible or it has more
// than precision digits, dst and an *Error are returned.
func AppendDecimal(dst []byte, d Decimal, precision, scale int) ([]byte, error) {
	d, err := d.Fit(precision, scale)
	if err != nil {
		return dst, err
	}
	n := d.size()
	return d.appendTwos(AppendLong(dst, int64(n)), n), nil
}

// AppendDecimalFixed appends d as a decimal of a fixed of so many bytes. See AppendDecimal.
func AppendDecimalFixed(dst []byte, d Decimal, size, precision, scale int) ([]byte, error) {
	d, err := d.Fit(precision, scale)
	if err != nil {
		return dst, err
	}
	if d.size() > size {
		return dst, valueError(fmt.Sprintf("%.60v does not fit %d bytes", d, size))
	}
	return d.appendTwos(dst, size), nil
}

// AppendBigDecimal appends d as a big-decimal: bytes that hold the unscaled integer, as bytes, and the scale.
func AppendBigDecimal(dst []byte, d Decimal) []byte {
	n := d.size()
	total := longSize(int64(n)) + n + longSize(int64(d.scale))
	dst = AppendLong(dst, int64(total))
	dst = d.appendTwos(AppendLong(dst, int64(n)), n)
	return AppendInt(dst, d.scale)
}

func longSize(v int64) int {
	return (bits.Len64(uint64(v)<<1^uint64(v>>63)|1) + 6) / 7
}

// size is the least number of bytes that hold the unscaled integer in two's complement.
func (d Decimal) size() int {
	if d.large == nil {
		return bits.Len64(uint64(d.small^d.small>>63))/8 + 1
	}
	n := d.large.BitLen()
	if d.large.Sign() < 0 && d.large.TrailingZeroBits() == uint(n-1) {
		n-- // -2^k needs one bit less
	}
	return n/8 + 1
}

// appendTwos appends the unscaled integer in n bytes, n >= size.
func (d Decimal) appendTwos(dst []byte, n int) []byte {
	if d.large == nil {
		for ; n > 8; n-- {
			dst = append(dst, byte(d.small>>63))
		}
		if n == 0 {
			return dst
		}
		end := len(dst) + n
		return binary.BigEndian.AppendUint64(dst, uint64(d.small)<<(64-8*uint(n)))[:end]
	}
	v := d.large
	if v.Sign() < 0 { // two's complement: 2^(8n) + v
		v = new(big.Int).Add(v, new(big.Int).Lsh(big.NewInt(1), uint(8*n)))
	}
	at := len(dst)
	dst = append(dst, make([]byte, n)...)
	v.FillBytes(dst[at:])
	return dst
}

// decimalOf decodes two's complement bytes, at least one.
func decimalOf(b []byte, scale int) Decimal {
	d := Decimal{scale: int32(scale)}
	fill := byte(int8(b[0]) >> 7)
	for len(b) > 8 && b[0] == fill && byte(int8(b[1])>>7) == fill {
		b = b[1:]
	}
	if len(b) <= 8 {
		v := int64(int8(fill))
		for _, c := range b {
			v = v<<8 | int64(c)
		}
		d.small = v
		return d
	}
	v := new(big.Int).SetBytes(b)
	if fill != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	d.large = v
	return d
}

// Decimal reads a decimal of bytes that has no more than precision digits.
func (r *Reader) Decimal(precision, scale int) Decimal {
	start := r.pos
	n := r.length("the length of a decimal")
	return r.decimal(start, n, precision, scale)
}

// DecimalFixed reads a decimal of a fixed of so many bytes that has no more than precision digits.
func (r *Reader) DecimalFixed(size, precision, scale int) Decimal {
	if r.Remaining() < size {
		r.truncated(r.pos, fmt.Sprintf("a fixed of %d bytes", size))
		return Decimal{}
	}
	return r.decimal(r.pos, size, precision, scale)
}

func (r *Reader) decimal(start, n, precision, scale int) Decimal {
	b := r.buf[r.pos : r.pos+n]
	if r.err != nil {
		return Decimal{}
	}
	if 0 < n && n <= 8 && precision > 0 { // most fit 64 bits
		if d := decimalOf(b, scale); !d.tooLong(precision) {
			r.pos += n
			return d
		}
	}
	if reason := checkDecimal(b, precision); reason != "" {
		r.fail(ErrMalformed, start, reason)
		return Decimal{}
	}
	r.pos += n
	return decimalOf(b, scale)
}

// checkDecimal says what is wrong with a decimal's bytes, or "". It allocates only for integers past 64 bits.
func checkDecimal(b []byte, precision int) string {
	if len(b) == 0 {
		return "a decimal has no bytes"
	}
	if precision > 0 && (len(b) > 8 || precision < 19) {
		// Bound the work: 10^precision takes fewer than precision/2 bytes, so that longer ones are sign bytes or too long.
		if len(b) > precision/2+9 && !signExtended(b, precision/2+9) || decimalOf(b, 0).tooLong(precision) {
			return fmt.Sprintf("a decimal has more than %d digits", precision)
		}
	}
	return ""
}

// signExtended reports whether all but the last n bytes only repeat the sign.
func signExtended(b []byte, n int) bool {
	fill := byte(int8(b[0]) >> 7)
	for _, c := range b[:len(b)-n] {
		if c != fill {
			return false
		}
	}
	return int8(b[len(b)-n])>>7 == int8(fill)
}

// BigDecimal reads a big-decimal.
func (r *Reader) BigDecimal() Decimal {
	start := r.pos
	n := r.length("the length of a big-decimal")
	if r.err != nil {
		return Decimal{}
	}
	unscaled, scale, reason := splitBigDecimal(r.buf[r.pos : r.pos+n])
	if reason != "" {
		r.fail(ErrMalformed, start, reason)
		return Decimal{}
	}
	r.pos += n
	return decimalOf(unscaled, scale)
}

// splitBigDecimal finds the parts of a big-decimal's content.
func splitBigDecimal(b []byte) (unscaled []byte, scale int, reason string) {
	n, used := longAt(b)
	if used == 0 || n < 1 || n > int64(len(b)-used) {
		return nil, 0, "a big-decimal's unscaled value is cut off"
	}
	unscaled, b = b[used:used+int(n)], b[used+int(n):]
	v, used := longAt(b)
	if used == 0 || used != len(b) {
		return nil, 0, "a big-decimal's scale is malformed"
	}
	if v < 0 || v > maxScale {
		return nil, 0, fmt.Sprintf("a big-decimal's scale must be between 0 and %d, this is %d", maxScale, v)
	}
	return unscaled, int(v), ""
}

// longAt decodes the long at the start of b and returns how many bytes it takes; 0 if it is malformed.
func longAt(b []byte) (int64, int) {
	u, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, 0
	}
	return int64(u>>1) ^ -int64(u&1), n
}
