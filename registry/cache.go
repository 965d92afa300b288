package registry

import (
	"sync"

	"github.com/typelog/typelog/serde/avro/schema"
)

type textKey struct {
	text      string
	normalize bool
	how       strictness
}

type parsedText struct {
	avro *schema.Schema
	text string
}

// The caches of parsed schemas are bounded in entries and in bytes of schema text.
const (
	maxCached      = 8192
	maxCachedBytes = 4 << 20
)

// cache is a bounded map. When it is full it forgets entries at random, which needs no bookkeeping on a hit.
type cache[K comparable, V any] struct {
	mu      sync.RWMutex // guards what follows
	entries map[K]cached[V]
	size    int
	epoch   int // how often it was cleared
}

type cached[V any] struct {
	value V
	size  int
}

func (c *cache[K, V]) get(k K) (V, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.entries[k]
	return e.value, ok
}

// clear forgets everything.
func (c *cache[K, V]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries, c.size = nil, 0
	c.epoch++
}

// now is the epoch that a value belongs to whose computation begins.
func (c *cache[K, V]) now() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.epoch
}

// put remembers a value, unless the cache was cleared since the value's computation began.
func (c *cache[K, V]) put(k K, value V, size, epoch int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return
	}
	if c.entries == nil {
		c.entries = map[K]cached[V]{}
	}
	if _, ok := c.entries[k]; ok {
		return
	}
	for other, e := range c.entries {
		if len(c.entries) < maxCached && c.size+size <= maxCachedBytes {
			break
		}
		delete(c.entries, other)
		c.size -= e.size
	}
	c.entries[k] = cached[V]{value, size}
	c.size += size
}
