package datadir

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenKeepsClusterID(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.ClusterID) != 22 {
		t.Errorf("cluster id %q has %d characters, want 22", d.ClusterID, len(d.ClusterID))
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.ClusterID != d.ClusterID {
		t.Errorf("cluster id changed from %s to %s", d.ClusterID, again.ClusterID)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string]string
		kind  error
		says  string
	}{
		"newer":   {map[string]string{metaName: `{"format": 2, "cluster_id": "x"}`}, ErrNewer, "format 2"},
		"damaged": {map[string]string{metaName: `{"form`}, nil, "is damaged"},
		"empty":   {map[string]string{metaName: ``}, nil, "is damaged"},
		"foreign": {map[string]string{"holiday.jpg": "x"}, nil, "choose an empty directory"},
		"huge":    {map[string]string{metaName: strings.Repeat(" ", maxMeta+1)}, nil, "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for n, text := range tc.files {
				if err := os.WriteFile(filepath.Join(dir, n), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Open(dir)
			if err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("Open: %v; want one line with %q", err, tc.says)
			}
			if tc.kind != nil && !errors.Is(err, tc.kind) {
				t.Errorf("Open: %v is not %v", err, tc.kind)
			}
			if _, err := os.Stat(filepath.Join(dir, lockName)); name == "foreign" && err == nil {
				t.Error("a file was left in a directory that is not typelog's")
			}
			for n, text := range tc.files {
				if got, err := os.ReadFile(filepath.Join(dir, n)); err != nil || string(got) != text {
					t.Errorf("%s was changed", n)
				}
			}
		})
	}
}

// TestLockEndsWithProcess holds a directory from a second process, kills that without warning, and takes over.
func TestLockEndsWithProcess(t *testing.T) {
	if dir := os.Getenv("DATADIR_HOLD"); dir != "" {
		if _, err := Open(dir); err != nil {
			os.Exit(3)
		}
		os.Stdout.WriteString("held\n")
		select {}
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestLockEndsWithProcess$")
	cmd.Env = append(os.Environ(), "DATADIR_HOLD="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 8)); err != nil {
		t.Fatalf("the holder said nothing: %v", err)
	}
	if _, err := Open(dir); !errors.Is(err, ErrLocked) {
		t.Errorf("Open while held: %v, want ErrLocked", err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	d, err := Open(dir)
	if err != nil {
		t.Fatalf("Open after the holder was killed: %v", err)
	}
	d.Close()
}
