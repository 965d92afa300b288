package bench

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestQuantiles holds the histogram against sorting.
func TestQuantiles(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 50 {
		var h, half histogram
		all := make([]time.Duration, 1+rng.IntN(3000))
		for i := range all {
			all[i] = time.Duration(rng.Uint64() >> (1 + rng.UintN(62)))
			if i%2 == 0 {
				h.add(all[i])
			} else {
				half.add(all[i])
			}
		}
		h.merge(&half)
		slices.Sort(all)
		for _, q := range []float64{0.01, .5, .9, .99, .999, 1} {
			want := all[max(int(q*float64(len(all))+0.999999), 1)-1]
			got := h.quantile(q)
			if got < want || float64(got) > float64(want)*1.01+1 {
				t.Errorf("quantile %v of %d durations is %d, want %d up to one percent more", q, len(all), got, want)
			}
		}
		if h.quantile(1) != all[len(all)-1] || h.n != int64(len(all)) {
			t.Errorf("the largest of %d is %v, want %v", h.n, h.quantile(1), all[len(all)-1])
		}
	}
	if q := new(histogram).quantile(.5); q != 0 {
		t.Errorf("the median of nothing is %v", q)
	}
}

// TestBuckets: every bucket's upper end lies in it, and one more lies in the next.
func TestBuckets(t *testing.T) {
	last := bucket(1<<63 - 1)
	for b := range last {
		if got := bucket(upper(b)); got != b {
			t.Fatalf("the upper end %d of bucket %d lies in %d", upper(b), b, got)
		}
		if got := bucket(upper(b) + 1); got != b+1 {
			t.Fatalf("what follows the upper end %d of bucket %d lies in %d", upper(b), b, got)
		}
	}
}
