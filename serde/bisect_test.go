package serde

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestBisection runs the search against a broker that refuses any run with a bad record in it, whole, and checks that
// every record meets its fate once and in order.
func TestBisection(t *testing.T) {
	for name, tc := range map[string]struct {
		n        int
		bad      []int
		maxTries int
		giveUpAt int // records decided before giving up; -1: never
	}{
		"one of ten thousand": {10_000, []int{6_137}, 30, -1},
		"the first":           {10_000, []int{0}, 30, -1},
		"the last":            {10_000, []int{9_999}, 30, -1},
		"alone":               {1, []int{0}, 1, -1},
		"two apart":           {1_000, []int{10, 900}, 50, -1},
		"all":                 {1_000, nil, 12, 0},
		"a pair at the start": {2, []int{0, 1}, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bad := map[int]bool{}
			for _, i := range tc.bad {
				bad[i] = true
			}
			if tc.bad == nil {
				for i := range tc.n {
					bad[i] = true
				}
			}
			found, stored, tries, gaveUp := play(tc.n, func(i int) bool { return bad[i] })
			if tries > tc.maxTries {
				t.Errorf("took %d tries, want at most %d", tries, tc.maxTries)
			}
			if gaveUp != (tc.giveUpAt >= 0) {
				t.Fatalf("gave up: %v", gaveUp)
			}
			if !gaveUp && (len(found) != len(tc.bad) || stored != tc.n-len(tc.bad)) {
				t.Errorf("found bad records %v and stored %d, want %v and %d", found, stored, tc.bad, tc.n-len(tc.bad))
			}
			for i, at := range found {
				if !gaveUp && at != tc.bad[i] {
					t.Errorf("found bad record %d, want %d", at, tc.bad[i])
				}
			}
		})
	}
}

// TestBisectionRandom: whatever is bad, all that it calls bad is bad, and unless it gives up all that is good is stored.
func TestBisectionRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 2_000 {
		n := 1 + r.IntN(300)
		bad := make([]bool, n)
		wantBad := 0
		for range r.IntN(4) + 1 {
			bad[r.IntN(n)] = true
		}
		for _, b := range bad {
			if b {
				wantBad++
			}
		}
		found, stored, _, gaveUp := play(n, func(i int) bool { return bad[i] })
		if gaveUp {
			if len(found) != 1 || stored != n-wantBad && stored > n-wantBad {
				t.Fatalf("gave up after %d bad and %d stored of %v", len(found), stored, bad)
			}
			continue
		}
		if len(found) != wantBad || stored != n-wantBad {
			t.Fatalf("found %d bad and stored %d of %v", len(found), stored, bad)
		}
	}
}

// play drives a bisection over n records that were refused together.
func play(n int, bad func(int) bool) (found []int, stored, tries int, gaveUp bool) {
	b := newBisection(n)
	at := 0
	for k := b.next(); k > 0; k = b.next() {
		tries++
		accepted := k
		for i := at; i < at+k; i++ {
			if bad(i) {
				accepted = 0
				break
			}
		}
		what := b.tried(k, accepted)
		at += accepted
		stored += accepted
		switch what {
		case foundBad:
			found = append(found, at)
			at++
		case giveUp:
			return found, stored, tries, true
		}
	}
	return found, stored, tries, false
}
