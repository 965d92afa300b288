package partlog

import (
	"fmt"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/vfs"
)

// slack is what the reserve holds beyond the journal's size, in bytes: room for what is under way, for the ledger and the
// catalogue, and, while the disk is full, for topics that go on.
func (e *Engine) slack() int64 { return min(maxSlack, e.opts.JournalBound/2) }

// withRoom does something that takes room on the disk. If there is none, the reserve is given up and it is done again; from
// then on the disk counts as full.
func (e *Engine) withRoom(do func() error) error {
	for {
		given := e.reserve.times()
		err := do()
		if !vfs.IsFull(err) {
			return err
		}
		more := e.reserve.giveUp(given)
		e.declareFull(err)
		if !more {
			return err
		}
	}
}

// MakeRoom gives up the reserve if err says that the disk is full, and reports whether to try again what failed. It is for
// stores that share the disk.
func (e *Engine) MakeRoom(err error) bool {
	if !vfs.IsFull(err) {
		return false
	}
	given := e.reserve.times()
	e.declareFull(err)
	return e.reserve.giveUp(given)
}

// declareFull has appends refused until there is room.
func (e *Engine) declareFull(err error) {
	err = fmt.Errorf("%w: the disk is full: %w", log.ErrStorage, err)
	if !e.full.CompareAndSwap(nil, &err) {
		return
	}
	e.allowance.Store(e.slack() / 2)
	e.log.Error("the disk is full: appends are refused until there is room again; reads, deletions, trims and offset commits go on",
		"error", err, "directory", e.opts.Dir)
	e.kick()
}

// lookForRoom is done from time to time. The reserve is given up before the disk is full to the last byte, because others on
// it (the catalogue) cannot ask for it.
func (e *Engine) lookForRoom() {
	if e.full.Load() == nil {
		if err := e.reserve.room(e.reserve.margin); err != nil {
			e.MakeRoom(err)
			return
		}
		e.reviveAll()
		return
	}
	e.refill()
}

// growJournal makes a file of the journal, with which all of them have total bytes. The reserve must be able to grow with it;
// final reports that it cannot, so that the journal should not grow further.
func (e *Engine) growJournal(total int64, create func() error) (final bool, err error) {
	if err := e.reserve.hold(total + e.slack()); err != nil {
		if !vfs.IsFull(err) {
			e.log.Warn("the reserve for a full disk cannot grow", "error", err)
		} else {
			final = true
			e.MakeRoom(err)
		}
	}
	return final, e.withRoom(create)
}

// accepts returns why a partition takes no n bytes now, or nil. mu of the partition is held.
func (e *Engine) accepts(p *partition, doing string, n int64) error {
	if err := p.writable(doing); err != nil {
		return err
	}
	full := e.full.Load()
	if full == nil {
		return nil
	}
	if !p.cfg.Essential || e.allowance.Add(-n) < 0 {
		return *full
	}
	return nil
}

// refusesAll returns why none of the batches can be taken now, or nil. It is asked before an append waits for room in the
// journal.
func (e *Engine) refusesAll(batches []log.Batch) error {
	full := e.full.Load()
	if full == nil {
		return nil
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	for i := range batches {
		if p := e.parts[batches[i].Partition]; p != nil {
			p.mu.Lock()
			essential := p.cfg.Essential
			p.mu.Unlock()
			if essential {
				return nil
			}
		}
	}
	return *full
}

// margin is the bytes that are left on a disk that counts as full, before the reserve is given up.
func (e *Engine) margin() int64 { return e.slack() / 4 }

// refill takes appends again once there is room for the reserve. It does nothing while the disk does not count as full.
func (e *Engine) refill() {
	if e.full.Load() == nil || e.failure() != nil {
		return
	}
	e.tryCheckpoint() // releases files of the journal
	size := e.journal.Total() + e.slack()
	if err := e.reserve.hold(size); err != nil {
		return
	}
	e.reviveAll()
	e.full.Store(nil)
	e.log.Info("there is room on the disk again: appends are taken", "reserve_bytes", size)
}

// roomMayBe looks soon whether there is room again, because something was removed.
func (e *Engine) roomMayBe() {
	if e.full.Load() != nil {
		e.kick()
	}
}
