package partlog

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"

	"github.com/typelog/typelog/broker/internal/vfs"
)

// halt ends a partition's writes, because its files cannot be written or flushed: until there is room if the disk is full,
// otherwise until the next start. What has its place is still journalled, so that no unit is torn and no offset is left out, and
// is answered: the partition has it when it comes back. Reads of what could be read before go on.
func (e *Engine) halt(p *partition, err error) {
	full := vfs.IsFull(err)
	err = e.storageError(err)
	p.mu.Lock()
	first := p.stopped == nil && !p.gone
	if first {
		p.stopped, p.forRoom = err, full
	}
	p.mu.Unlock()
	if !first {
		return
	}
	until := "until a restart"
	if full {
		until = "until there is room on the disk"
	}
	e.log.Error("a partition's writes are refused "+until+"; its reads and the other partitions go on",
		"partition", p.id.String(), "error", err)
	e.addStopped(p)
}

// addStopped has the next checkpoints keep the partition's frames.
func (e *Engine) addStopped(p *partition) {
	e.dirtyMu.Lock()
	e.stopped = append(e.stopped, p)
	e.dirtyMu.Unlock()
}

// removeStopped has the partition's frames released like all others.
func (e *Engine) removeStopped(p *partition) {
	e.dirtyMu.Lock()
	defer e.dirtyMu.Unlock()
	if slices.Contains(e.stopped, p) {
		e.stopped = slices.DeleteFunc(slices.Clone(e.stopped), func(q *partition) bool { return q == p })
	}
}

// stoppedNow returns the partitions that have been stopped so far.
func (e *Engine) stoppedNow() []*partition {
	e.dirtyMu.Lock()
	defer e.dirtyMu.Unlock()
	return e.stopped[:len(e.stopped):len(e.stopped)]
}

// writable is called with mu held.
func (p *partition) writable(doing string) error {
	if err := p.usable(doing); err != nil {
		return err
	}
	return p.stopped
}

// isStopped reports whether the partition's state must not be noted.
func (p *partition) isStopped() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopped != nil
}

// ownFault reports whether an error concerns the files of one partition only. That the process or the system has run out of
// something is not the partition's fault.
func ownFault(err error) bool {
	var path *fs.PathError
	if !errors.As(err, &path) {
		return false
	}
	for _, global := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		if errors.Is(err, global) {
			return false
		}
	}
	return true
}

// errUnreadable is what a partition answers whose files cannot be read at a start.
func (e *Engine) errUnreadable(err error) error {
	return e.storageError(fmt.Errorf("its files cannot be read or repaired: %w", err))
}
