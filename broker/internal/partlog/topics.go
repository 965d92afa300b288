package partlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/typelog/typelog/broker/internal/log"
)

// Create implements log.Engine. The directory, its parents' entries and the partition's first state are durable when it
// returns.
func (e *Engine) Create(ctx context.Context, parts []log.Partition, cfg log.Config) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	e.changing.Lock()
	defer e.changing.Unlock()
	var fresh []log.Partition
	e.mu.RLock()
	closed := e.closed
	for _, id := range parts {
		if id.Index < 0 {
			e.mu.RUnlock()
			return fmt.Errorf("create %s: a partition's number is at least 0", id)
		}
		if e.parts[id] == nil {
			fresh = append(fresh, id)
		}
	}
	e.mu.RUnlock()
	if closed {
		return fmt.Errorf("create: %w", log.ErrClosed)
	}
	if len(fresh) == 0 {
		return nil
	}
	if err := e.failure(); err != nil {
		return fmt.Errorf("create %s: %w", fresh[0], err)
	}
	if err := e.withRoom(func() error { return e.makeDirs(fresh) }); err != nil {
		return fmt.Errorf("create %s: %w", fresh[0], e.storageError(err))
	}
	made := make([]*partition, len(fresh))
	records := make([]ledgerRecord, len(fresh))
	for i, id := range fresh {
		p := newPartition(id, e.partitionDir(id), cfg)
		state := p.state()
		made[i], records[i] = p, ledgerRecord{kindState, id, state.append(nil)}
	}
	if err := e.ledger.commitStates(records); err != nil {
		return fmt.Errorf("create %s: %w", fresh[0], e.ledgerFailed(err))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range made {
		e.put(p)
	}
	return nil
}

// put adds a partition to the tables. mu is held.
func (e *Engine) put(p *partition) {
	e.parts[p.id] = p
	e.topics[p.id.Topic] = append(e.topics[p.id.Topic], p)
}

// makeDirs makes the partitions' directories and syncs every directory that got a name.
func (e *Engine) makeDirs(ids []log.Partition) error {
	topics := map[log.TopicID]bool{}
	for _, id := range ids {
		if err := e.fs.MkdirAll(e.partitionDir(id)); err != nil {
			return err
		}
		topics[id.Topic] = true
	}
	for id := range topics {
		if err := e.fs.SyncDir(e.topicDir(id)); err != nil {
			return err
		}
	}
	return e.fs.SyncDir(filepath.Join(e.opts.Dir, "topics"))
}

// Configure implements log.Engine. Whether batches are journalled changes with the next checkpoint, which it asks for.
func (e *Engine) Configure(topic log.TopicID, cfg log.Config) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for _, p := range e.topics[topic] {
		p.mu.Lock()
		p.cfg = cfg
		if p.unjournaled != cfg.FlushOS {
			e.markDirty(p)
			e.kick()
		}
		p.mu.Unlock()
	}
}

// DeleteTopic implements log.Engine. The topic's directory is gone for every later start when it returns; what
// remains of the files is taken away then or at the next start.
func (e *Engine) DeleteTopic(ctx context.Context, topic log.TopicID) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("delete topic %x: %w", topic[:], err)
	}
	e.changing.Lock()
	defer e.changing.Unlock()
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return fmt.Errorf("delete topic %x: %w", topic[:], log.ErrClosed)
	}
	parts := e.topics[topic]
	delete(e.topics, topic)
	for _, p := range parts {
		delete(e.parts, p.id)
	}
	e.mu.Unlock()

	ids := make([]log.Partition, len(parts))
	for i, p := range parts {
		ids[i] = p.id
		// The writer holds io while it writes, and looks at gone before.
		p.io.Lock()
		p.mu.Lock()
		p.gone = true
		segments, ws := slices.Concat(p.segments, p.replaced), p.takeWatchers()
		p.mu.Unlock()
		p.io.Unlock()
		e.removeStopped(p)
		e.files.drop(segments)
		wakeAll(ws)
	}
	if err := e.discard(topic); err != nil {
		return fmt.Errorf("delete topic %x: %w", topic[:], err)
	}
	e.ledger.forget(ids)
	e.dropStranded(ids)
	e.roomMayBe()
	return nil
}

// discard moves a topic's directory out of the way, makes that durable, and then removes it.
func (e *Engine) discard(topic log.TopicID) error {
	trash := filepath.Join(e.opts.Dir, "trash")
	to := filepath.Join(trash, fmt.Sprintf("%x", topic[:]))
	if err := e.fs.RemoveAll(to); err != nil {
		return err
	}
	if err := e.fs.Rename(e.topicDir(topic), to); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		// Windows does not move a directory while somebody reads a file in it. The files can be removed where they are: if a
		// crash comes between, the catalogue still has the topic as one that is being deleted.
		if gone := e.fs.RemoveAll(e.topicDir(topic)); gone != nil {
			return errors.Join(err, gone)
		}
		return e.fs.SyncDir(filepath.Join(e.opts.Dir, "topics"))
	}
	if err := errors.Join(e.fs.SyncDir(filepath.Join(e.opts.Dir, "topics")), e.fs.SyncDir(trash)); err != nil {
		return err
	}
	if err := e.fs.RemoveAll(to); err != nil {
		e.log.Warn("files of a deleted topic stay until the next start", "dir", to, "error", err)
	}
	return nil
}
