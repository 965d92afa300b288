package bench

import (
	"math/bits"
	"time"
)

// histogram counts durations in buckets whose width is under one percent of their value, in bounded memory.
type histogram struct {
	counts [buckets]int64
	n      int64
	max    time.Duration
}

const (
	subBits = 7 // 128 buckets for each power of two
	buckets = (64 - subBits) << subBits
)

// bucket of a duration in nanoseconds. Below 2^subBits each value has its own.
func bucket(d time.Duration) int {
	v := uint64(max(d, 0))
	if v < 1<<subBits {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return shift<<subBits + int(v>>shift)
}

// upper is the largest duration in a bucket.
func upper(b int) time.Duration {
	if b < 2<<subBits {
		return time.Duration(b)
	}
	shift := b>>subBits - 1
	mantissa := uint64(b - shift<<subBits)
	return time.Duration((mantissa+1)<<shift - 1)
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucket(d)]++
	h.n++
	h.max = max(h.max, d)
}

func (h *histogram) merge(o *histogram) {
	for i, c := range o.counts {
		h.counts[i] += c
	}
	h.n += o.n
	h.max = max(h.max, o.max)
}

// quantile returns a duration that the given share of all lies at or below; 0 if there is none.
func (h *histogram) quantile(q float64) time.Duration {
	rank := max(int64(q*float64(h.n)+0.999999), 1)
	var seen int64
	for i, c := range h.counts {
		if seen += c; seen >= rank && c > 0 {
			return min(upper(i), h.max)
		}
	}
	return h.max
}

// into writes the quantiles into a result.
func (h *histogram) into(r *Result) {
	ms := func(d time.Duration) float64 { return float64(d) / 1e6 }
	r.P50, r.P95, r.P99, r.P999, r.Max = ms(h.quantile(.5)), ms(h.quantile(.95)), ms(h.quantile(.99)), ms(h.quantile(.999)), ms(h.max)
}
