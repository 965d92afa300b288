package partlog

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/vfs"
)

// startedFS notes what its files are asked to bring to the disk.
type startedFS struct {
	vfs.FS
	mu     sync.Mutex
	ranges map[string][][2]int64
}

type startedFile struct {
	vfs.File
	fs   *startedFS
	name string
}

func (f *startedFS) wrap(name string, file vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &startedFile{file, f, name}, nil
}

func (f *startedFS) Create(name string) (vfs.File, error) {
	file, err := f.FS.Create(name)
	return f.wrap(name, file, err)
}

func (f *startedFS) Open(name string) (vfs.File, error) {
	file, err := f.FS.Open(name)
	return f.wrap(name, file, err)
}

func (f *startedFile) StartSync(off, n int64) {
	f.File.StartSync(off, n)
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.fs.ranges[f.name] = append(f.fs.ranges[f.name], [2]int64{off, off + n})
}

// TestWrittenBehind: while a partition is written, its segments are brought to the disk bit by bit, so that no more than a
// little of each is left for a checkpoint.
func TestWrittenBehind(t *testing.T) {
	fs := &startedFS{FS: vfs.OS{}, ranges: map[string][][2]int64{}}
	e, _, err := Open(Options{Dir: filepath.Join(t.TempDir(), "log"), FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	id := log.Partition{Topic: log.TopicID{1}}
	cfg := benchConfig()
	cfg.SegmentBytes = 3 << 20
	if err := e.Create(context.Background(), []log.Partition{id}, cfg); err != nil {
		t.Fatal(err)
	}
	const batches, size = 100, 64 << 10
	for range batches {
		done := make(chan error, 1)
		e.Append([]log.Batch{{Partition: id, Bytes: benchBatch(1, size)}}, func(out []log.Appended) { done <- out[0].Err })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	segments, total := 0, int64(0)
	for name, ranges := range fs.ranges {
		if !strings.HasSuffix(name, segmentSuffix) {
			t.Errorf("%s was asked for", name)
			continue
		}
		info, err := fs.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		end := int64(0)
		for _, r := range ranges {
			if r[0] != end || r[1] <= r[0] {
				t.Errorf("%s: the range %v follows what ends at %d", name, r, end)
			}
			end = r[1]
		}
		if left := info.Size - end; left < 0 || left >= behindBytes {
			t.Errorf("%s has %d bytes, %d of them were brought to the disk before the end", name, info.Size, end)
		}
		segments++
		total += info.Size
	}
	if want := int64(batches*size - behindBytes); segments < 2 || total < want {
		t.Errorf("%d segments with %d bytes were written behind, want at least %d bytes", segments, total, want)
	}
}
