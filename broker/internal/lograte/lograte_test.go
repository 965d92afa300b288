package lograte

import (
	"testing"
	"time"
)

func TestAllow(t *testing.T) {
	l := New(time.Second, 2)
	now := time.Unix(1000, 0)
	let := 0
	for range 10 {
		if held, ok := l.Allow(now); ok {
			let++
			if held != 0 {
				t.Errorf("held %d before anything was held back", held)
			}
		}
	}
	if let != 2 {
		t.Errorf("%d lines in one period, want 2", let)
	}
	if held, ok := l.Allow(now.Add(time.Second)); !ok || held != 8 {
		t.Errorf("next period: held %d, ok %v; want 8, true", held, ok)
	}
}
