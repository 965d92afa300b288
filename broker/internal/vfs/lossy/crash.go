package lossy

import (
	"math/rand/v2"
	"slices"
)

// Crash ends this file system, as a power cut does, and returns what the next start finds: everything that was synced,
// and each unsynced change with the given probability; -1 draws the probability too.
func (f *FS) Crash(rnd *rand.Rand, keep float64) *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crashed, f.last = true, 0
	if keep < 0 {
		keep = rnd.Float64()
	}
	kept := func() bool { return rnd.Float64() < keep }
	settle(f.root, kept, map[*node]bool{})
	return &FS{root: survive(f.root, kept, map[*node]*node{}), room: -1}
}

// Kill ends this file system as kill -9 of the process does: the next start finds everything that was written.
func (f *FS) Kill() *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crashed, f.last = true, 0
	return &FS{root: inherit(f.root), room: -1}
}

// inherit copies the tree with what is and what is not synced.
func inherit(n *node) *node {
	return &node{dir: n.dir, names: n.names, synced: n.synced, changes: n.changes,
		data: n.data, durable: n.durable, writes: n.writes}
}

// settle decides which changes of names reached the disk. It walks both what is seen and what is on the disk.
func settle(n *node, kept func() bool, seen map[*node]bool) {
	if !n.dir || seen[n] {
		return
	}
	seen[n] = true
	for _, c := range n.changes {
		if !c.done {
			c.done = true
			if kept() {
				for _, apply := range c.apply {
					apply()
				}
			}
		}
	}
	n.changes = nil
	for _, names := range []map[string]*node{n.names, n.synced} {
		for _, name := range sortedNames(names) {
			settle(names[name], kept, seen)
		}
	}
}

func sortedNames(m map[string]*node) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// survive copies what is on the disk.
func survive(n *node, kept func() bool, copies map[*node]*node) *node {
	if c := copies[n]; c != nil {
		return c
	}
	if n.dir {
		c := newDir()
		copies[n] = c
		for _, name := range sortedNames(n.synced) {
			child := survive(n.synced[name], kept, copies)
			c.names[name], c.synced[name] = child, child
		}
		return c
	}
	data := slices.Clone(n.durable)
	for _, w := range n.writes {
		if w.data == nil {
			if kept() {
				data = resize(data, w.size)
			}
			continue
		}
		data = tear(data, w, kept)
	}
	c := &node{data: data, durable: slices.Clone(data)}
	copies[n] = c
	return c
}

// tear applies some of the sectors of a write.
func tear(data []byte, w write, kept func() bool) []byte {
	for off := w.off; off < w.off+int64(len(w.data)); {
		end := min((off/sector+1)*sector, w.off+int64(len(w.data)))
		if kept() {
			if int64(len(data)) < end {
				data = resize(data, end)
			}
			copy(data[off:end], w.data[off-w.off:])
		}
		off = end
	}
	return data
}

func resize(b []byte, size int64) []byte {
	if int64(len(b)) >= size {
		return b[:size:size]
	}
	if int64(cap(b)) >= size {
		old := len(b)
		b = b[:size]
		clear(b[old:])
		return b
	}
	grown := make([]byte, size, size+size/2)
	copy(grown, b)
	return grown
}
