package main

import (
	"os"
	"path/filepath"
	"testing"
)

// The vectors are found in the directory that is named, and in its directory vectors.
func TestVectorsIn(t *testing.T) {
	dir := t.TempDir()
	if got := vectorsIn(dir); got != dir {
		t.Errorf("found in %s", got)
	}
	inner := filepath.Join(dir, "vectors")
	if err := os.Mkdir(inner, 0o777); err != nil {
		t.Fatal(err)
	}
	if got := vectorsIn(dir); got != inner {
		t.Errorf("found in %s", got)
	}
}
