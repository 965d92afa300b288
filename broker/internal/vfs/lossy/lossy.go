// Package lossy is a file system in memory for tests. Crash makes another one of it that holds what was synced and,
// of everything else, a random part: names, whole writes and single sectors of 512 bytes are lost or kept each by
// itself. Writes, syncs and the rest can be made to fail, and the disk can be full.
//
// It keeps to the contract of package vfs and to no more: an order of operations survives a crash only where it was
// synced.
package lossy

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/typelog/typelog/broker/internal/vfs"
)

// ErrCrashed is the answer to everything after Crash.
var ErrCrashed = errors.New("the machine has crashed")

// Op names an operation for Fail.
type Op string

// The operations.
const (
	Create      Op = "create"
	Write       Op = "write"
	Sync        Op = "sync"
	SyncDir     Op = "syncdir"
	Rename      Op = "rename"
	Remove      Op = "remove"
	Truncate    Op = "truncate"
	Preallocate Op = "preallocate"
)

const sector = 512

// FS is the file system. Make one with New.
type FS struct {
	mu      sync.Mutex
	root    *node
	crashed bool
	fail    func(op Op, name string) error
	room    int64 // bytes left; negative is no limit
	syncs   int
	ops     int // that change something, so far
	last    int // the one that crashes; 0 is none
}

var _ vfs.FS = (*FS)(nil)

// node is a file or a directory.
type node struct {
	dir bool

	names   map[string]*node // as processes see them
	synced  map[string]*node // as they lie on the disk
	changes []*change        // what SyncDir would make durable

	data    []byte
	durable []byte
	writes  []write
}

// change is one operation on names; a rename is one change of two directories.
type change struct {
	apply []func()
	done  bool
}

// write is one write that was not synced; with a nil data the file was cut or grown to size.
type write struct {
	off  int64
	data []byte
	size int64
}

// New returns an empty file system without faults.
func New() *FS { return &FS{root: newDir(), room: -1} }

func newDir() *node {
	return &node{dir: true, names: map[string]*node{}, synced: map[string]*node{}}
}

// Fail makes f decide before each operation whether it fails; nil ends that. f is called under a lock and must not call
// the file system.
func (f *FS) Fail(fail func(op Op, name string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

// SetRoom leaves n more bytes for files to grow by; negative is no limit.
func (f *FS) SetRoom(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.room = n
}

// CrashAt ends the file system at the n-th operation that changes something from now on: that one and all later ones fail with
// ErrCrashed. Crash or Kill then say what the next start finds.
func (f *FS) CrashAt(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops, f.last = 0, n
}

// Crashed reports whether the machine has crashed.
func (f *FS) Crashed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.crashed
}

// Ops counts the operations that changed something since the start or the last CrashAt.
func (f *FS) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops
}

// Syncs counts the successful File.Sync calls.
func (f *FS) Syncs() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.syncs
}

// check is called with the lock held.
func (f *FS) check(op Op, name string) error {
	if f.ops++; f.last > 0 && f.ops >= f.last {
		f.crashed = true
	}
	if f.crashed {
		return &os.PathError{Op: string(op), Path: name, Err: ErrCrashed}
	}
	if f.fail != nil {
		if err := f.fail(op, name); err != nil {
			return &os.PathError{Op: string(op), Path: name, Err: err}
		}
	}
	return nil
}

func (f *FS) find(name string) *node {
	n := f.root
	for part := range strings.SplitSeq(filepath.ToSlash(filepath.Clean(name)), "/") {
		if part == "" || part == "." {
			continue
		}
		if n == nil || !n.dir {
			return nil
		}
		n = n.names[part]
	}
	return n
}

// parent returns the directory of name and its last part.
func (f *FS) parent(name string) (*node, string, error) {
	d := f.find(filepath.Dir(name))
	if d == nil || !d.dir {
		return nil, "", &os.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return d, filepath.Base(name), nil
}

func (d *node) set(name string, n *node) {
	d.names[name] = n
	d.changes = append(d.changes, &change{apply: []func(){func() { d.synced[name] = n }}})
}

// Create implements vfs.FS.
func (f *FS) Create(name string) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check(Create, name); err != nil {
		return nil, err
	}
	d, base, err := f.parent(name)
	if err != nil {
		return nil, err
	}
	if d.names[base] != nil {
		return nil, &os.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	n := &node{}
	d.set(base, n)
	return &file{fs: f, n: n, name: name}, nil
}

// Open implements vfs.FS.
func (f *FS) Open(name string) (vfs.File, error) { return f.open(name, false, false) }

// OpenRead implements vfs.FS.
func (f *FS) OpenRead(name string) (vfs.File, error) { return f.open(name, true, false) }

// OpenDirect implements vfs.FS.
func (f *FS) OpenDirect(name string) (vfs.File, error) { return f.open(name, false, true) }

func (f *FS) open(name string, readOnly, direct bool) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.crashed {
		return nil, &os.PathError{Op: "open", Path: name, Err: ErrCrashed}
	}
	n := f.find(name)
	if n == nil || n.dir {
		return nil, &os.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &file{fs: f, n: n, name: name, readOnly: readOnly, direct: direct}, nil
}

// Rename implements vfs.FS.
func (f *FS) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check(Rename, from); err != nil {
		return err
	}
	fd, fb, err := f.parent(from)
	if err != nil {
		return err
	}
	td, tb, err := f.parent(to)
	if err != nil {
		return err
	}
	n := fd.names[fb]
	if n == nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrNotExist}
	}
	if old := td.names[tb]; old != nil && old.dir {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrExist}
	}
	delete(fd.names, fb)
	td.names[tb] = n
	c := &change{apply: []func(){func() { delete(fd.synced, fb) }, func() { td.synced[tb] = n }}}
	fd.changes = append(fd.changes, c)
	if td != fd {
		td.changes = append(td.changes, c)
	}
	return nil
}

// Remove implements vfs.FS.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.find(name); n != nil && n.dir && len(n.names) > 0 {
		return &os.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
	}
	return f.remove(name)
}

// RemoveAll implements vfs.FS.
func (f *FS) RemoveAll(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (f *FS) remove(name string) error {
	if err := f.check(Remove, name); err != nil {
		return err
	}
	d, base, err := f.parent(name)
	if err != nil {
		return err
	}
	n := d.names[base]
	if n == nil {
		return &os.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	if f.room >= 0 {
		f.room += n.weight()
	}
	delete(d.names, base)
	d.changes = append(d.changes, &change{apply: []func(){func() { delete(d.synced, base) }}})
	return nil
}

func (n *node) weight() int64 {
	total := int64(len(n.data))
	for _, child := range n.names {
		total += child.weight()
	}
	return total
}

// MkdirAll implements vfs.FS.
func (f *FS) MkdirAll(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.root
	for part := range strings.SplitSeq(filepath.ToSlash(filepath.Clean(name)), "/") {
		if part == "" || part == "." {
			continue
		}
		child := n.names[part]
		if child == nil {
			if err := f.check(Create, name); err != nil {
				return err
			}
			child = newDir()
			n.set(part, child)
		}
		if !child.dir {
			return &os.PathError{Op: "mkdir", Path: name, Err: syscall.ENOTDIR}
		}
		n = child
	}
	return nil
}

// List implements vfs.FS.
func (f *FS) List(dir string) ([]vfs.Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.find(dir)
	if f.crashed {
		return nil, ErrCrashed
	}
	if n == nil || !n.dir {
		return nil, &os.PathError{Op: "list", Path: dir, Err: fs.ErrNotExist}
	}
	var entries []vfs.Entry
	for _, name := range sortedNames(n.names) {
		entries = append(entries, vfs.Entry{Name: name, Dir: n.names[name].dir})
	}
	return entries, nil
}

// Stat implements vfs.FS.
func (f *FS) Stat(name string) (vfs.Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.find(name)
	if n == nil {
		return vfs.Info{}, &os.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return vfs.Info{Size: int64(len(n.data)), Dir: n.dir}, nil
}

// Free implements vfs.FS.
func (f *FS) Free(string) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.room < 0 {
		return math.MaxInt64, nil
	}
	return f.room, nil
}

// SyncDir implements vfs.FS.
func (f *FS) SyncDir(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check(SyncDir, dir); err != nil {
		return err
	}
	n := f.find(dir)
	if n == nil || !n.dir {
		return &os.PathError{Op: "syncdir", Path: dir, Err: fs.ErrNotExist}
	}
	for _, c := range n.changes {
		if !c.done {
			c.done = true
			for _, apply := range c.apply {
				apply()
			}
		}
	}
	n.changes = nil
	return nil
}
