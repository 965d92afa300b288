package main

import (
	"testing"
	"time"
)

// TestRun: every part measures something, on little data. What is measured decides nothing here.
func TestRun(t *testing.T) {
	if _, err := run(20*time.Millisecond, 1, 200, t.TempDir()); err != nil {
		t.Fatal(err)
	}
}
