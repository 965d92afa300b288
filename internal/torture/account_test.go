package main

import (
	"strings"
	"testing"
)

// TestFaultsAreFound tells the account of each kind of fault: a checker that finds nothing in a broken log proves nothing.
func TestFaultsAreFound(t *testing.T) {
	p := place{"t", 0}
	a1, a2, a3, b1 := id{1, 1}, id{1, 2}, id{1, 3}, id{2, 1}
	for _, c := range []struct {
		name, want string
		do         func(a *account)
	}{
		{"all is well", "", func(a *account) {
			a.acknowledged(p, 0, a1)
			a.polled("tail", p, 0, a1)
			a.acknowledged(p, 1, b1)
			a.gaveUp(p, a2)
			a.whole(p, a.wants()[p], []id{a1, b1, a3})
		}},
		{"acknowledged, then missing at the end", "lost write", func(a *account) {
			a.acknowledged(p, 0, a1)
			a.acknowledged(p, 1, a2)
			a.whole(p, a.wants()[p], []id{a1})
		}},
		{"read, then gone", "lost write", func(a *account) {
			a.polled("tail", p, 0, a1)
			a.whole(p, a.wants()[p], nil)
		}},
		{"read, then another", "inconsistent offset", func(a *account) {
			a.polled("tail", p, 0, a1)
			a.whole(p, a.wants()[p], []id{b1})
		}},
		{"missing in the middle", "lost write", func(a *account) { a.whole(p, want{}, []id{a1, a3}) }},
		{"twice", "duplicate", func(a *account) { a.whole(p, want{}, []id{a1, a1}) }},
		{"out of order", "out of order", func(a *account) { a.gaveUp(p, a1); a.whole(p, want{}, []id{a2, a1}) }},
		{"one offset, two records", "inconsistent offset", func(a *account) {
			a.acknowledged(p, 0, a1)
			a.acknowledged(p, 0, b1)
		}},
		{"a poll that jumps back", "non-monotonic poll", func(a *account) {
			a.polled("tail", p, 0, a1)
			a.polled("tail", p, 0, a1)
		}},
		{"a poll that skips", "non-monotonic poll", func(a *account) { a.polled("tail", p, 1, a1) }},
		{"a commit that went back", "lost commit", func(a *account) {
			a.commit(p, 5)
			a.commitNow(p, a.wants()[p].committed, 4)
		}},
	} {
		a := newAccount()
		c.do(a)
		got := strings.Join(a.faulty(), "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: found %q, want %q", c.name, got, c.want)
		}
	}
}
