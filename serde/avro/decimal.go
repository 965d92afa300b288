package avro

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// Decimal is an exact decimal number: an unscaled integer times 10 to the power of -scale. The zero value is 0 with scale
// 0. It is immutable. Compare with Equal or Cmp, not with ==.
type Decimal struct {
	small int64
	large *big.Int // set if and only if the integer does not fit small
	scale int32
}

// maxScale bounds scales: nothing real needs more, and 10^scale must not become a way to spend memory.
const maxScale = 1 << 14

// NewDecimal returns unscaled × 10^-scale: NewDecimal(1999, 2) is 19.99. It panics if the scale is below 0 or
// above 16384; ParseDecimal and decoding return errors instead.
func NewDecimal(unscaled int64, scale int) Decimal {
	if scale < 0 || scale > maxScale {
		panic("avro: scale " + strconv.Itoa(scale) + " of a decimal is out of range")
	}
	return Decimal{small: unscaled, scale: int32(scale)}
}

// NewBigDecimal returns unscaled × 10^-scale. It copies unscaled. It panics as NewDecimal does.
func NewBigDecimal(unscaled *big.Int, scale int) Decimal {
	d := NewDecimal(0, scale)
	if unscaled.IsInt64() {
		d.small = unscaled.Int64()
	} else {
		d.large = new(big.Int).Set(unscaled)
	}
	return d
}

// ParseDecimal parses a number such as -12.50; the digits after the point are its scale. There is no exponent.
func ParseDecimal(s string) (Decimal, error) {
	digits := strings.TrimPrefix(s, "-")
	whole, frac, point := strings.Cut(digits, ".")
	if whole == "" || point && frac == "" || !allDigits(whole) || !allDigits(frac) || len(s) > 2*maxScale || len(frac) > maxScale {
		return Decimal{}, valueError(fmt.Sprintf("%.40q is no decimal number", s))
	}
	v, ok := new(big.Int).SetString(whole+frac, 10)
	if !ok {
		return Decimal{}, valueError(fmt.Sprintf("%.40q is no decimal number", s))
	}
	if len(digits) < len(s) {
		v.Neg(v)
	}
	return NewBigDecimal(v, len(frac)), nil
}

// MustDecimal is ParseDecimal for constants: it panics if s is no number.
func MustDecimal(s string) Decimal {
	d, err := ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return d
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Scale is the number of digits after the point.
func (d Decimal) Scale() int { return int(d.scale) }

// Unscaled returns the unscaled integer, and false if it does not fit an int64.
func (d Decimal) Unscaled() (int64, bool) { return d.small, d.large == nil }

// Big returns the unscaled integer in a big.Int of the caller's own.
func (d Decimal) Big() *big.Int {
	if d.large != nil {
		return new(big.Int).Set(d.large)
	}
	return big.NewInt(d.small)
}

// Sign returns -1, 0 or 1.
func (d Decimal) Sign() int {
	if d.large != nil {
		return d.large.Sign()
	}
	switch {
	case d.small < 0:
		return -1
	case d.small > 0:
		return 1
	}
	return 0
}

// Precision is the number of digits of the unscaled integer; 1 for 0.
func (d Decimal) Precision() int {
	if d.large != nil {
		return bigDigits(d.large)
	}
	return digits64(d.small)
}

func digits64(v int64) int {
	u := uint64(v)
	if v < 0 {
		u = -u
	}
	n := 1
	for u >= 10 {
		u /= 10
		n++
	}
	return n
}

const log10of2 = math.Ln2 / math.Ln10

// bigDigits counts decimal digits without printing, exactly.
func bigDigits(v *big.Int) int {
	// 10^(n-1) <= |v| for n = floor((bits-1)·log10(2))+1; at most one more digit is possible.
	n := int(float64(v.BitLen()-1)*log10of2) + 1
	if v.CmpAbs(pow10(n)) >= 0 {
		n++
	}
	return n
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// Cmp compares the numbers, whatever their scales: 1.5 equals 1.50.
func (d Decimal) Cmp(e Decimal) int {
	if d.scale == e.scale && d.large == nil && e.large == nil {
		switch {
		case d.small < e.small:
			return -1
		case d.small > e.small:
			return 1
		}
		return 0
	}
	a, b := d.Big(), e.Big()
	if d.scale < e.scale {
		a.Mul(a, pow10(int(e.scale-d.scale)))
	} else {
		b.Mul(b, pow10(int(d.scale-e.scale)))
	}
	return a.Cmp(b)
}

// Equal reports whether the numbers are equal, whatever their scales.
func (d Decimal) Equal(e Decimal) bool { return d.Cmp(e) == 0 }

// Rescale returns the same number with another scale, or an *Error if digits would be lost.
func (d Decimal) Rescale(scale int) (Decimal, error) {
	if scale < 0 || scale > maxScale {
		return d, valueError(fmt.Sprintf("a decimal's scale cannot be %d", scale))
	}
	by := scale - int(d.scale)
	if by == 0 {
		return d, nil
	}
	if d.large == nil && by > 0 && by < len(powers) {
		hi, lo := bits.Mul64(abs64(d.small), powers[by])
		if hi == 0 && lo <= math.MaxInt64 {
			v := int64(lo)
			if d.small < 0 {
				v = -v
			}
			return Decimal{small: v, scale: int32(scale)}, nil
		}
	}
	v := d.Big()
	if by > 0 {
		return NewBigDecimal(v.Mul(v, pow10(by)), scale), nil
	}
	rest := new(big.Int)
	if v.QuoRem(v, pow10(-by), rest); rest.Sign() != 0 {
		return d, valueError(fmt.Sprintf("%v has more than %d digits after the point", d, scale))
	}
	return NewBigDecimal(v, scale), nil
}

var powers = [...]uint64{1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

func abs64(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

// String returns the number with exactly Scale digits after the point.
func (d Decimal) String() string {
	var s string
	if d.large != nil {
		s = d.large.String()
	} else {
		s = strconv.FormatInt(d.small, 10)
	}
	if d.scale == 0 {
		return s
	}
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	if missing := int(d.scale) + 1 - len(s); missing > 0 {
		s = strings.Repeat("0", missing) + s
	}
	return sign + s[:len(s)-int(d.scale)] + "." + s[len(s)-int(d.scale):]
}

// MarshalText returns String's form.
func (d Decimal) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText parses String's form.
func (d *Decimal) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDecimal(string(text))
	return err
}
