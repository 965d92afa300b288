package memlog

import "github.com/typelog/typelog/broker/internal/log"

// watch waits for the first of its partitions to move.
type watch struct {
	parts []log.Partition
	wake  func()
}

// Watch calls wake once, when one of the partitions moves or goes away.
func (e *Engine) Watch(parts []log.Partition, wake func()) (stop func()) {
	w := &watch{parts: parts, wake: wake}
	e.mu.Lock()
	closed := e.closed
	if !closed {
		e.watches[w] = struct{}{}
	}
	e.mu.Unlock()
	if closed {
		wake()
	}
	return func() {
		e.mu.Lock()
		delete(e.watches, w)
		e.mu.Unlock()
	}
}

// Watched is the number of watches that wait.
func (e *Engine) Watched() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.watches)
}

// takeWatches removes and returns the watches of these partitions. mu is held; the caller wakes them without it.
func (e *Engine) takeWatches(moved map[log.Partition]bool) []*watch {
	var out []*watch
	if len(moved) == 0 {
		return nil
	}
	for w := range e.watches {
		for _, id := range w.parts {
			if moved[id] {
				out = append(out, w)
				delete(e.watches, w)
				break
			}
		}
	}
	return out
}

func wakeAll(ws []*watch) {
	for _, w := range ws {
		w.wake()
	}
}
