package vfs_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/typelog/typelog/broker/internal/vfs"
	"github.com/typelog/typelog/broker/internal/vfs/lossy"
)

// TestFileSystems holds the real file system and the tests' one to the same contract.
func TestFileSystems(t *testing.T) {
	for name, disk := range map[string]vfs.FS{"os": vfs.OS{}, "lossy": lossy.New()} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "a", "b")
			must(t, disk.MkdirAll(dir))
			file := filepath.Join(dir, "file")
			f, err := disk.Create(file)
			must(t, err)
			if _, err := disk.Create(file); !errors.Is(err, fs.ErrExist) {
				t.Errorf("create again: %v", err)
			}
			must(t, f.Preallocate(3*vfs.BlockSize))
			must(t, f.Preallocate(vfs.BlockSize))
			if size, err := f.Size(); err != nil || size != 3*vfs.BlockSize {
				t.Errorf("%d bytes, %v", size, err)
			}
			must(t, errors.Join(f.Sync(), f.Close(), disk.SyncDir(dir)))

			d, err := disk.OpenDirect(file)
			must(t, err)
			block := vfs.Aligned(vfs.BlockSize)
			copy(block, "direct")
			_, err = d.WriteAt(block, vfs.BlockSize)
			must(t, errors.Join(err, d.Sync(), d.Close()))

			moved := filepath.Join(dir, "moved")
			must(t, disk.Rename(file, moved))
			r, err := disk.OpenRead(moved)
			must(t, err)
			got := make([]byte, 6)
			_, err = r.ReadAt(got, vfs.BlockSize)
			must(t, errors.Join(err, r.Close()))
			if !bytes.Equal(got, []byte("direct")) {
				t.Errorf("read %q", got)
			}
			if _, err := disk.Open(file); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the old name: %v", err)
			}
			entries, err := disk.List(filepath.Dir(dir))
			must(t, err)
			if len(entries) != 1 || entries[0] != (vfs.Entry{Name: "b", Dir: true}) {
				t.Errorf("%v", entries)
			}
			must(t, disk.RemoveAll(dir))
			must(t, disk.RemoveAll(dir))
		})
	}
}

// TestOpenFilesCanBeRemovedAndRenamed: retention takes a segment away that is being read.
func TestOpenFilesCanBeRemovedAndRenamed(t *testing.T) {
	for name, disk := range map[string]vfs.FS{"os": vfs.OS{}, "lossy": lossy.New()} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "d")
			must(t, disk.MkdirAll(dir))
			for _, how := range []string{"remove", "rename", "remove all"} {
				file, moved := filepath.Join(dir, "file"), filepath.Join(dir, "moved")
				w, err := disk.Create(file)
				must(t, err)
				_, err = w.WriteAt([]byte("content"), 0)
				must(t, err)
				r, err := disk.OpenRead(file)
				must(t, err)
				d, err := disk.OpenDirect(file)
				must(t, err)
				switch how {
				case "remove":
					must(t, disk.Remove(file))
				case "rename":
					must(t, disk.Rename(file, moved))
				case "remove all":
					must(t, disk.RemoveAll(dir))
					must(t, disk.MkdirAll(dir))
				}
				again, err := disk.Create(file) // the name is free at once
				must(t, err)
				got := make([]byte, 7)
				_, err = r.ReadAt(got, 0)
				must(t, errors.Join(err, r.Close(), w.Close(), d.Close(), again.Close(), disk.Remove(file)))
				if string(got) != "content" {
					t.Errorf("%s: read %q", how, got)
				}
			}
		})
	}
}

// TestLossyLoses: what was not synced is gone after a crash, names and bytes each by itself.
func TestLossyLoses(t *testing.T) {
	disk := lossy.New()
	must(t, errors.Join(disk.MkdirAll("/d"), disk.SyncDir("/")))
	write := func(name, text string, sync bool) {
		f, err := disk.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			f, err = disk.Create(name)
		}
		must(t, err)
		_, err = f.WriteAt([]byte(text), 0)
		must(t, err)
		if sync {
			must(t, f.Sync())
		}
		must(t, f.Close())
	}
	write("/d/kept", "kept", true)
	must(t, disk.SyncDir("/d"))
	write("/d/kept", "lost", false)
	write("/d/nameless", "synced, but its name is not", true)
	after := disk.Crash(rand.New(rand.NewPCG(1, 2)), 0)
	f, err := after.OpenRead("/d/kept")
	must(t, err)
	got := make([]byte, 4)
	_, err = f.ReadAt(got, 0)
	must(t, err)
	if string(got) != "kept" {
		t.Errorf("read %q", got)
	}
	if _, err := after.OpenRead("/d/nameless"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a name that was not synced: %v", err)
	}
	if _, err := disk.OpenRead("/d/kept"); !errors.Is(err, lossy.ErrCrashed) {
		t.Errorf("the old machine: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestDirectFallsBack: a write that direct I/O refuses (here for its alignment, elsewhere for the file system) goes
// through the page cache.
func TestDirectFallsBack(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	f, err := vfs.OS{}.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if f, err = (vfs.OS{}).OpenDirect(name); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range 2 {
		if _, err := f.WriteAt([]byte("odd"), int64(3*i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(name); err != nil || string(b) != "oddodd" {
		t.Errorf("%q, %v", b, err)
	}
}
