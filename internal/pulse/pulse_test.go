package pulse

import (
	"context"
	"testing"
	"time"
)

// TestRun: it rests without requests, wakes with the first, and ends when it is told to, asleep or not.
func TestRun(t *testing.T) {
	for name, beat := range map[string]bool{"idle": false, "busy": true} {
		t.Run(name, func(t *testing.T) {
			p := New()
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				p.Run(ctx)
				close(ended)
			}()
			rests := func() bool { return p.asleep.Load() }
			until(t, "it does not rest", rests)
			if beat {
				for range 1000 {
					p.Beat()
				}
				if rests() {
					t.Error("it rests while there are requests")
				}
				until(t, "it does not rest again", rests)
				p.Beat()
			}
			cancel()
			select {
			case <-ended:
			case <-time.After(10 * time.Second):
				t.Error("it does not end")
			}
		})
	}
}

func until(t *testing.T, otherwise string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(otherwise)
		}
	}
}
