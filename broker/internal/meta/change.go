package meta

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// change runs one transaction. do gets the present snapshot and returns the next one; it is swapped in once the
// transaction is durable. If do fails, or the commit, nothing has changed.
func (s *Store) change(ctx context.Context, what string, do func(tx *sql.Tx, now *Snapshot) (*Snapshot, error)) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.transact(ctx, do); err != nil {
		return fmt.Errorf("%s: %w", what, kind(err))
	}
	return nil
}

func (s *Store) transact(ctx context.Context, do func(tx *sql.Tx, now *Snapshot) (*Snapshot, error)) error {
	if s.stale {
		if err := s.reload(ctx); err != nil {
			return err
		}
		s.stale = false
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	next, err := do(tx, s.now.Load())
	if err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		s.stale = true
		// A commit that failed for want of room leaves SQLite's transaction open. If there is none, this says so, which
		// is as good.
		_, _ = s.db.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return err
	}
	s.now.Store(next)
	return nil
}

// kind gives an error of the database or the file system its kind.
func kind(err error) error {
	for _, k := range []error{ErrExists, ErrUnknownTopic, ErrInvalid, ErrNewer, ErrCorrupt, ErrStorage, ErrExhausted,
		context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, k) {
			return err
		}
	}
	var coded *sqlite.Error
	if errors.As(err, &coded) {
		switch coded.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
	}
	return fmt.Errorf("%w: %w", ErrStorage, err)
}

// tick takes the next change number.
func tick(ctx context.Context, tx *sql.Tx) (n int64, err error) {
	err = tx.QueryRowContext(ctx, "UPDATE counters SET value = value + 1 WHERE name = 'change' RETURNING value").Scan(&n)
	return n, err
}

// Create adds a topic; Changed and Deleting of t are ignored. Of two creations of one name, one wins and the other gets
// ErrExists. A topic that is being deleted is no obstacle.
func (s *Store) Create(ctx context.Context, t Topic) error {
	if err := CheckName(t.Name); err != nil {
		return err
	}
	if t.ID == (TopicID{}) || t.Partitions < 1 {
		return fmt.Errorf("%w: %s with id %x and %d partitions", ErrInvalid, t.Name, t.ID, t.Partitions)
	}
	return s.change(ctx, "create topic "+t.Name, func(tx *sql.Tx, now *Snapshot) (*Snapshot, error) {
		if now.ByName(t.Name) != nil || now.ByID(t.ID) != nil {
			return nil, ErrExists
		}
		n, err := tick(ctx, tx)
		if err != nil {
			return nil, err
		}
		added := t
		added.Configs, added.Changed, added.Deleting = maps.Clone(t.Configs), n, false
		if _, err := tx.ExecContext(ctx, "INSERT INTO topics (id, name, partitions, state, created, changed) VALUES (?, ?, ?, 0, ?, ?)",
			t.ID[:], t.Name, t.Partitions, t.Created, n); err != nil {
			return nil, err
		}
		if err := insertConfigs(ctx, tx, t.ID, t.Configs); err != nil {
			return nil, err
		}
		next := now.with(&added)
		next.version = n
		return next, nil
	})
}

func insertConfigs(ctx context.Context, tx *sql.Tx, id TopicID, configs map[string]string) error {
	for name, value := range configs {
		if _, err := tx.ExecContext(ctx, "INSERT INTO topic_configs (topic, name, value) VALUES (?, ?, ?)", id[:], name, value); err != nil {
			return err
		}
	}
	return nil
}

// edit changes one topic that is not being deleted: do changes the copy that it gets and writes the same to tx.
func (s *Store) edit(ctx context.Context, what string, id TopicID, do func(tx *sql.Tx, t *Topic) error) error {
	return s.change(ctx, fmt.Sprintf("%s of topic %x", what, id), func(tx *sql.Tx, now *Snapshot) (*Snapshot, error) {
		old := now.ByID(id)
		if old == nil || old.Deleting {
			return nil, ErrUnknownTopic
		}
		n, err := tick(ctx, tx)
		if err != nil {
			return nil, err
		}
		t := *old
		t.Changed = n
		if err := do(tx, &t); err != nil {
			return nil, err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE topics SET partitions = ?, state = ?, changed = ? WHERE id = ?",
			t.Partitions, t.Deleting, n, id[:]); err != nil {
			return nil, err
		}
		next := now.with(&t)
		next.version = n
		return next, nil
	})
}

// SetPartitions gives a topic more partitions. Fewer are ErrInvalid.
func (s *Store) SetPartitions(ctx context.Context, id TopicID, partitions int32) error {
	return s.edit(ctx, "partitions", id, func(_ *sql.Tx, t *Topic) error {
		if partitions < t.Partitions {
			return fmt.Errorf("%w: %s has %d partitions and cannot have %d", ErrInvalid, t.Name, t.Partitions, partitions)
		}
		t.Partitions = partitions
		return nil
	})
}

// SetConfigs replaces a topic's own configs.
func (s *Store) SetConfigs(ctx context.Context, id TopicID, configs map[string]string) error {
	return s.edit(ctx, "configs", id, func(tx *sql.Tx, t *Topic) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM topic_configs WHERE topic = ?", id[:]); err != nil {
			return err
		}
		t.Configs = maps.Clone(configs)
		return insertConfigs(ctx, tx, id, configs)
	})
}

// MarkDeleting takes a topic out of sight: its name is free, its id is known until Forget.
func (s *Store) MarkDeleting(ctx context.Context, id TopicID) error {
	return s.edit(ctx, "deletion", id, func(_ *sql.Tx, t *Topic) error {
		t.Deleting = true
		return nil
	})
}

// Forget ends a topic's deletion, once its partitions are gone. A topic that is not being deleted is ErrInvalid; one
// that is not there was forgotten before, which is no error.
func (s *Store) Forget(ctx context.Context, id TopicID) error {
	return s.change(ctx, fmt.Sprintf("forget topic %x", id), func(tx *sql.Tx, now *Snapshot) (*Snapshot, error) {
		t := now.ByID(id)
		if t == nil {
			return now, nil
		}
		if !t.Deleting {
			return nil, fmt.Errorf("%w: %s is not being deleted", ErrInvalid, t.Name)
		}
		n, err := tick(ctx, tx)
		if err != nil {
			return nil, err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM topics WHERE id = ?", id[:]); err != nil {
			return nil, err
		}
		next := now.without(id)
		next.version = n
		return next, nil
	})
}

// SetBrokerConfigs replaces the broker's dynamic configs.
func (s *Store) SetBrokerConfigs(ctx context.Context, configs map[string]string) error {
	return s.change(ctx, "set broker configs", func(tx *sql.Tx, now *Snapshot) (*Snapshot, error) {
		n, err := tick(ctx, tx)
		if err != nil {
			return nil, err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM broker_configs"); err != nil {
			return nil, err
		}
		for name, value := range configs {
			if _, err := tx.ExecContext(ctx, "INSERT INTO broker_configs (name, value) VALUES (?, ?)", name, value); err != nil {
				return nil, err
			}
		}
		next := *now
		next.version, next.configs = n, maps.Clone(configs)
		return &next, nil
	})
}

// AllocateProducerIDs takes n producer ids, first to first+n-1. They are never given out again, whatever happens, so a
// caller takes a block and hands it out from memory.
func (s *Store) AllocateProducerIDs(ctx context.Context, n int) (first int64, err error) {
	if n < 1 {
		return -1, fmt.Errorf("allocate %d producer ids: %w", n, ErrInvalid)
	}
	err = s.change(ctx, "allocate producer ids", func(tx *sql.Tx, now *Snapshot) (*Snapshot, error) {
		first = now.producer
		if int64(n) > math.MaxInt64-first {
			return nil, ErrExhausted
		}
		next := *now
		next.producer = first + int64(n)
		_, err := tx.ExecContext(ctx, "UPDATE counters SET value = ? WHERE name = 'producer_id'", next.producer)
		return &next, err
	})
	if err != nil {
		return -1, err
	}
	return first, nil
}

// RaiseEpoch makes the broker's leader epoch one larger and returns it. There is one for all partitions; it is raised
// at every start after an unclean stop, before anything is appended.
func (s *Store) RaiseEpoch(ctx context.Context) (epoch int32, err error) {
	err = s.change(ctx, "raise the leader epoch", func(tx *sql.Tx, now *Snapshot) (*Snapshot, error) {
		if now.epoch == math.MaxInt32 {
			return nil, ErrExhausted
		}
		next := *now
		next.epoch++
		epoch = next.epoch
		_, err := tx.ExecContext(ctx, "UPDATE counters SET value = ? WHERE name = 'leader_epoch'", next.epoch)
		return &next, err
	})
	if err != nil {
		return -1, err
	}
	return epoch, nil
}
