package partlog

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// halt ends a partition's writes until the next start, because its files cannot be written or flushed. What has its place
// is still journalled, so that no unit is torn and no offset is left out, and is answered: the next start has it. Reads of
// what could be read before go on.
func (e *Engine) halt(p *partition, err error) {
	err = e.storageError(err)
	p.mu.Lock()
	first := p.stopped == nil && !p.gone
	if first {
		p.stopped = err
	}
	p.mu.Unlock()
	if first {
		e.log.Error("a partition's writes are refused until a restart; its reads and the other partitions go on",
			"partition", p.id.String(), "error", err)
		e.addStopped(p)
	}
}

// addStopped has the next checkpoints keep the partition's frames.
func (e *Engine) addStopped(p *partition) {
	e.dirtyMu.Lock()
	e.stopped = append(e.stopped, p)
	e.dirtyMu.Unlock()
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
