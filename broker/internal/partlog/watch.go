package partlog

import (
	"sync/atomic"

	"github.com/typelog/typelog/broker/internal/log"
)

// watcher wakes somebody once. It hangs on each of its partitions until one of them moves or it is stopped.
type watcher struct {
	wake  func()
	fired atomic.Bool
}

func (w *watcher) fire() {
	if w.fired.CompareAndSwap(false, true) {
		w.wake()
	}
}

// Watch implements log.Engine. It costs one map entry for each partition, and no goroutine.
func (e *Engine) Watch(parts []log.Partition, wake func()) (stop func()) {
	w := &watcher{wake: wake}
	on := make([]*partition, 0, len(parts))
	e.mu.RLock()
	closed := e.closed
	for _, id := range parts {
		if p := e.parts[id]; p != nil && !closed {
			on = append(on, p)
		}
	}
	e.mu.RUnlock()
	if closed {
		w.fire()
		return func() {}
	}
	for _, p := range on {
		p.mu.Lock()
		gone := p.gone
		if !gone {
			if p.watchers == nil {
				p.watchers = make(map[*watcher]struct{})
			}
			p.watchers[w] = struct{}{}
		}
		p.mu.Unlock()
		if gone {
			w.fire()
		}
	}
	// Close wakes all watchers that it finds; one that came too late for that wakes itself.
	e.mu.RLock()
	closed = e.closed
	e.mu.RUnlock()
	if closed {
		w.fire()
	}
	return func() {
		w.fired.Store(true)
		for _, p := range on {
			p.mu.Lock()
			delete(p.watchers, w)
			p.mu.Unlock()
		}
	}
}

// takeWatchers returns the partition's watchers, who must be woken without the lock, and forgets them. mu is held.
func (p *partition) takeWatchers() map[*watcher]struct{} {
	ws := p.watchers
	p.watchers = nil
	return ws
}

func wakeAll(ws map[*watcher]struct{}) {
	for w := range ws {
		w.fire()
	}
}
