package schema

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// javaFloat is Double.toString (size 64) or Float.toString (size 32) as Java had it until JDK 18, and as the recorded
// registry prints numbers: plain between 1e-3 and 1e7, otherwise with an exponent, and always with a digit after the
// point. It is not always the shortest text that reads back as f: whole numbers keep more digits than they need.
func javaFloat(f float64, size int) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0 && math.Signbit(f):
		return "-0.0"
	case f == 0:
		return "0.0"
	}
	sign := ""
	if f < 0 {
		sign, f = "-", -f
	}
	digits, point := javaDigits(f, size)
	switch {
	case 0 < point && point <= 7:
		if len(digits) <= point {
			return sign + digits + strings.Repeat("0", point-len(digits)) + ".0"
		}
		return sign + digits[:point] + "." + digits[point:]
	case -3 < point && point <= 0:
		return sign + "0." + strings.Repeat("0", -point) + digits
	}
	rest := digits[1:]
	if rest == "" {
		rest = "0"
	}
	return sign + digits[:1] + "." + rest + "E" + strconv.Itoa(point-1)
}

// binary is a positive float as Java takes it apart: fraction * 2^(exponent-52), with the fraction's highest bit at
// position 52, of which only the highest bits are significant (53, or 24 of a float32, fewer of a subnormal).
type binary struct {
	fraction    uint64
	exponent    int
	significant int
}

func takeApart(f float64, size int) binary {
	const high = 52
	if size == 32 {
		b := math.Float32bits(float32(f))
		fraction, exponent := uint64(b&(1<<23-1))<<(high-23), int(b>>23)
		if exponent > 0 {
			return binary{fraction | 1<<high, exponent - 127, 24}
		}
		shift := bits.LeadingZeros64(fraction) - (63 - high)
		return binary{fraction << shift, -126 - shift, 24 - shift}
	}
	b := math.Float64bits(f)
	fraction, exponent := b&(1<<high-1), int(b>>high)
	if exponent > 0 {
		return binary{fraction | 1<<high, exponent - 1023, 53}
	}
	shift := bits.LeadingZeros64(fraction) - (63 - high)
	return binary{fraction << shift, -1022 - shift, 53 - shift}
}

// javaDigits returns the decimal digits of a positive float and the place of the decimal point before or in them.
func javaDigits(f float64, size int) (string, int) {
	b := takeApart(f, size)
	if digits, point, ok := b.whole(); ok {
		return digits, point
	}
	return b.generate()
}

// whole returns the digits of a float that is an integer below 2^63: all of them but those that lie below its
// precision.
func (b binary) whole() (string, int, bool) {
	tail := bits.TrailingZeros64(b.fraction)
	if b.exponent > 62 || 53-tail > b.exponent+1 {
		return "", 0, false
	}
	n := b.fraction
	if b.exponent >= 52 {
		n <<= b.exponent - 52
	} else {
		n >>= 52 - b.exponent
	}
	drop := 0
	if spare := b.exponent - b.significant - 1; spare > 1 {
		drop = int(float64(spare) * math.Log10(2))
		pow := uint64(math.Pow10(drop))
		up := n%pow >= pow/2 && drop > 0
		n /= pow
		if up {
			n++
		}
	}
	digits := strconv.FormatUint(n, 10)
	point := len(digits) + drop
	return trimZeros(digits), point, true
}

func trimZeros(digits string) string {
	if trimmed := strings.TrimRight(digits, "0"); trimmed != "" {
		return trimmed
	}
	return "0"
}

// generate makes digits until what is left is less than half a unit in the last place, by exact arithmetic:
// value/scale is the number without its decimal exponent, margin/scale that half unit.
func (b binary) generate() (string, int) {
	tail := bits.TrailingZeros64(b.fraction)
	width := 53 - tail                 // of the fraction without its trailing zeros
	tiny := max(0, width-b.exponent-1) // bits after the binary point
	decimal := b.estimate()            // of the decimal exponent, maybe one too large
	five, fiveScale := max(0, -decimal), max(0, decimal)
	two, twoScale := five+tiny+b.exponent, fiveScale+tiny
	twoMargin := two - b.significant
	two -= width - 1
	common := min(two, twoScale)
	two, twoScale, twoMargin = two-common, twoScale-common, twoMargin-common
	if width == 1 {
		twoMargin-- // below a power of two the floats are closer
	}
	if twoMargin < 0 {
		two, twoScale, twoMargin = two-twoMargin, twoScale-twoMargin, 0
	}
	value := scaled(b.fraction>>tail, five, two)
	scale := scaled(1, fiveScale, twoScale)
	margin := scaled(1, five, twoMargin)
	ten := big.NewInt(10)
	tens := new(big.Int).Mul(scale, ten)
	word := wordSize(width+two+bitsOfFive(five), twoScale+1+bitsOfFive(fiveScale+1))

	var digits []byte
	quotient, sum := new(big.Int), new(big.Int)
	low, high := false, false
	next := func() byte {
		quotient.QuoRem(value, scale, value)
		value.Mul(value, ten)
		wrap(margin.Mul(margin, ten), word)
		low = value.Cmp(margin) < 0
		high = wrap(sum.Add(value, margin), word).Cmp(tens) > 0
		return byte('0' + quotient.Int64())
	}
	if first := next(); first == '0' && !high {
		decimal--
	} else {
		digits = append(digits, first)
	}
	if decimal < -3 || decimal >= 8 {
		low, high = false, false // the form with an exponent has at least two digits
	}
	for !low && !high {
		digits = append(digits, next())
		if margin.Sign() <= 0 {
			low, high = true, true // overflowed: Java takes that for the end
		}
	}
	if high {
		rest := value.Lsh(value, 1).Cmp(tens)
		if !low || rest > 0 || rest == 0 && digits[len(digits)-1]&1 == 1 {
			digits, decimal = roundUp(digits, decimal)
		}
	}
	return trimZeros(string(digits)), decimal + 1
}

// wordSize returns in how many bits Java computes the digits of a number whose value and scale have at most so many
// bits: 32, 64, or 0 for as many as it takes.
func wordSize(value, scale int) uint {
	switch most := max(value, scale); {
	case most < 32:
		return 32
	case most < 64:
		return 64
	}
	return 0
}

// bitsOfFive is Java's bound for the bits of 5^n.
func bitsOfFive(n int) int {
	switch {
	case n == 0:
		return 0
	case n < 27:
		return int(math.Floor(float64(n)*math.Log2(5))) + 1
	}
	return 3 * n
}

// wrap reduces x to a signed word: Java's sums overflow there, and that shows in the last digit of some numbers.
func wrap(x *big.Int, word uint) *big.Int {
	if word == 0 || x.BitLen() < int(word) {
		return x
	}
	if word == 32 {
		return x.SetInt64(int64(int32(x.Int64())))
	}
	return x.SetInt64(int64(new(big.Int).And(x, new(big.Int).SetUint64(math.MaxUint64)).Uint64()))
}

// scaled returns n * 5^five * 2^two.
func scaled(n uint64, five, two int) *big.Int {
	x := new(big.Int).SetUint64(n)
	if five > 0 {
		x.Mul(x, new(big.Int).Exp(big.NewInt(5), big.NewInt(int64(five)), nil))
	}
	return x.Lsh(x, uint(two))
}

// estimate approximates the decimal exponent by a tangent to the logarithm at 1.5.
func (b binary) estimate() int {
	mantissa := math.Float64frombits(1023<<52 | b.fraction&(1<<52-1))
	return int(math.Floor((mantissa-1.5)*0.289529654 + 0.176091259 + float64(b.exponent)*0.301029995663981))
}

// roundUp adds one to the last digit.
func roundUp(digits []byte, decimal int) ([]byte, int) {
	for i := len(digits) - 1; i >= 0; i-- {
		if digits[i] != '9' {
			digits[i]++
			return digits, decimal
		}
		digits[i] = '0'
	}
	return append([]byte{'1'}, digits...), decimal + 1
}
