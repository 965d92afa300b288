package journal

import (
	"encoding/binary"
	"hash/crc32"
)

// checksum adds p to a running CRC-32C, which starts as 0.
func checksum(crc uint32, p []byte) uint32 {
	return crc32.Update(crc, crc32.MakeTable(crc32.Castagnoli), p)
}

// seed is what the checksums of a generation's frames start from.
func seed(generation uint64) uint32 {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], generation)
	return checksum(0, b[:])
}

// combine returns the checksum of two runs of bytes, one behind the other, from those of each: that of the first is moved on
// by as many zeros as the second has bytes, which is a multiplication by x^(8n) modulo the polynomial. It takes about a
// microsecond.
func combine(first, second uint32, secondLen int) uint32 {
	factor := uint32(1) << 31 // x^0
	for n, k := uint(secondLen), 3; n > 0; n, k = n>>1, k+1 {
		if n&1 == 1 {
			factor = multiply(powers[k%len(powers)], factor)
		}
	}
	return multiply(factor, first) ^ second
}

// powers[k] is x^(2^k) modulo the polynomial, which repeats after 32.
var powers = func() (p [32]uint32) {
	p[0] = 1 << 30 // x^1
	for k := 1; k < len(p); k++ {
		p[k] = multiply(p[k-1], p[k-1])
	}
	return p
}()

// multiply multiplies two polynomials over GF(2) modulo CRC-32C's. The highest bit is the coefficient of x^0.
func multiply(a, b uint32) (product uint32) {
	for bit := uint32(1) << 31; bit > 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		if b&1 == 1 {
			b = b>>1 ^ crc32.Castagnoli
		} else {
			b >>= 1
		}
	}
	return product
}
