package partlog

import (
	"container/list"
	"errors"
	"io/fs"
	"sync"

	"github.com/typelog/typelog/broker/internal/vfs"
)

// files keeps segment files open, the last used ones up to a limit, and those that somebody reads as long as they
// do.
type files struct {
	fs    vfs.FS
	limit int

	mu   sync.Mutex
	open map[*segment]*handle
	lru  list.List // of *handle, last used in front
}

// handle is an open segment file.
type handle struct {
	vfs.File
	files *files
	seg   *segment
	refs  int
	elem  *list.Element // nil once it was taken out of the table
}

func newFiles(fsys vfs.FS, limit int) *files {
	return &files{fs: fsys, limit: limit, open: map[*segment]*handle{}}
}

// get opens the segment's file, or makes it if create is set and it is missing. The handle must be given back with put.
// created reports that it is new, so that its directory must be synced.
func (t *files) get(s *segment, create bool) (h *handle, created bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h := t.open[s]; h != nil {
		h.refs++
		t.lru.MoveToFront(h.elem)
		return h, false, nil
	}
	f, err := t.fs.Open(s.path())
	if create && errors.Is(err, fs.ErrNotExist) {
		f, err = t.fs.Create(s.path())
		created = true
	}
	if err != nil {
		return nil, false, err
	}
	h = &handle{File: f, files: t, seg: s, refs: 1}
	h.elem = t.lru.PushFront(h)
	t.open[s] = h
	for e := t.lru.Back(); e != nil && len(t.open) > t.limit; {
		old := e.Value.(*handle)
		e = e.Prev()
		if old.refs == 0 {
			t.forget(old)
		}
	}
	return h, created, nil
}

func (t *files) put(h *handle) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h.refs--
	if h.refs > 0 {
		return
	}
	if h.elem == nil {
		_ = h.File.Close()
	} else if len(t.open) > t.limit {
		t.forget(h)
	}
}

// forget takes a handle out of the table and closes its file when nobody uses it any more. mu is held.
func (t *files) forget(h *handle) {
	t.lru.Remove(h.elem)
	delete(t.open, h.seg)
	h.elem = nil
	if h.refs == 0 {
		_ = h.File.Close()
	}
}

// drop forgets the files of segments that go away.
func (t *files) drop(segments []*segment) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range segments {
		if h := t.open[s]; h != nil {
			t.forget(h)
		}
	}
}

// close forgets all.
func (t *files) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, h := range t.open {
		t.forget(h)
	}
}
