package main

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// build makes the real binary, once for a test.
func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "typelog")
	if runtime.GOOS == "windows" {
		bin += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", bin, "github.com/typelog/typelog/cmd/typelog").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// TestKilled is the promise of the whole: whatever is killed, what was acknowledged is there, once, and in order.
func TestKilled(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var log strings.Builder
	totals, err := torture(t.Context(), config{
		binary: build(t), seed: seed, rounds: 8, topics: 2, partitions: 3, producers: 3,
		longest: 300 * time.Millisecond, pause: 200 * time.Microsecond, wholeEvery: 4,
		args: []string{"--log-level", "warn"}, log: &log,
	}, directory(t.TempDir()))
	if err != nil {
		t.Fatalf("seed %d: %v\n%s", seed, err, log.String())
	}
	t.Log(totals)
	if totals.kills != 8 || totals.acked < 1600 || totals.polled == 0 || totals.topicSteps == 0 {
		t.Errorf("too little was tried: %v", totals)
	}
}
