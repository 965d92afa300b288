package main

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/typelog/typelog/serde/avro/internal/bench/sale"
)

// byHand is what a careful programmer writes for this one record without a generator or a library: the fields in order,
// with the standard library, refusing what is no UTF-8 and symbols that are none.
func byHand(dst []byte, s *sale.Sale) ([]byte, bool) {
	if !utf8.ValidString(s.Number) || !utf8.ValidString(s.Buyer) || !utf8.ValidString(s.Remark) || s.State < 0 || s.State > 3 {
		return dst, false
	}
	dst = handText(dst, s.Number)
	dst = handText(dst, s.Buyer)
	dst = handText(dst, s.Remark)
	dst = binary.AppendVarint(dst, s.Total)
	dst = binary.AppendVarint(dst, s.Revision)
	dst = append(dst, byte(s.State)<<1)
	if s.Voucher.Valid {
		if !utf8.ValidString(s.Voucher.Value) {
			return dst, false
		}
		dst = handText(append(dst, 2), s.Voucher.Value)
	} else {
		dst = append(dst, 0)
	}
	if len(s.Lines) > 0 {
		dst = binary.AppendVarint(dst, int64(len(s.Lines)))
		for i := range s.Lines {
			l := &s.Lines[i]
			if !utf8.ValidString(l.Article) {
				return dst, false
			}
			dst = handText(dst, l.Article)
			dst = binary.AppendVarint(dst, int64(l.Count))
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(l.Price))
		}
	}
	dst = append(dst, 0)
	if len(s.Tags) > 0 {
		dst = binary.AppendVarint(dst, int64(len(s.Tags)))
		for k, v := range s.Tags {
			if !utf8.ValidString(k) || !utf8.ValidString(v) {
				return dst, false
			}
			dst = handText(handText(dst, k), v)
		}
	}
	dst = append(dst, 0)
	dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(s.Mass))
	dst = append(binary.AppendVarint(dst, int64(len(s.Checksum))), s.Checksum...)
	dst = binary.AppendVarint(dst, s.Placed.UnixMicro())
	if !s.Rebate.Valid {
		return append(dst, 0), true
	}
	unscaled, small := s.Rebate.Value.Unscaled()
	if !small || s.Rebate.Value.Scale() != 4 {
		return dst, false
	}
	return handDecimal(append(dst, 2), unscaled), true
}

// handText appends a string. encoding/binary's varints are zigzag, as Avro's are.
func handText(dst []byte, s string) []byte {
	return append(binary.AppendVarint(dst, int64(len(s))), s...)
}

// handDecimal appends an unscaled integer as the shortest two's complement that holds it.
func handDecimal(dst []byte, v int64) []byte {
	n := 1
	for n < 8 && v>>(8*n-1) != v>>63 {
		n++
	}
	dst = append(dst, byte(n<<1))
	for n--; n >= 0; n-- {
		dst = append(dst, byte(v>>(8*n)))
	}
	return dst
}
