package meta

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Store is an open broker.db. It is safe for concurrent use.
type Store struct {
	path string
	db   *sql.DB
	now  atomic.Pointer[Snapshot]

	// writing is held during a change. It guards stale.
	writing sync.Mutex
	// stale: a commit failed in a way that leaves open whether it happened, so that the snapshot has to be read again
	// before the next change.
	stale bool
}

// Open opens the file, making it if it is missing; its directory must exist. It reads everything once. The error wraps
// ErrNewer, ErrCorrupt or ErrStorage and names the file.
func Open(ctx context.Context, path string) (*Store, error) {
	s, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, kind(err))
	}
	return s, nil
}

func open(ctx context.Context, path string) (*Store, error) {
	dsn, err := source(path)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	// One connection: one writer, and the pragmas hold for all there is.
	db.SetMaxOpenConns(1)
	s := &Store{path: path, db: db}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// source is the driver's name for the file, with the pragmas that every connection gets. fullfsync is for macOS, where
// an fsync alone does not reach the disk.
func source(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	p := filepath.ToSlash(abs)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p // a drive letter
	}
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "fullfsync(1)", "checkpoint_fullfsync(1)",
	}}
	return (&url.URL{Scheme: "file", Path: p, RawQuery: q.Encode()}).String(), nil
}

func (s *Store) start(ctx context.Context) error {
	if err := s.quickCheck(ctx); err != nil {
		return err
	}
	if err := migrate(ctx, s.db); err != nil {
		return err
	}
	// SQLite syncs the directory for its journals; this makes sure of the file itself.
	if err := syncDir(filepath.Dir(s.path)); err != nil {
		return err
	}
	return s.reload(ctx)
}

func (s *Store) quickCheck(ctx context.Context) error {
	var mode, found string
	if err := s.db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("%w: SQLite cannot use a write-ahead log here (journal mode %s): is the directory on a network file system?", ErrStorage, mode)
	}
	if err := s.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("%w: %s", ErrCorrupt, found)
	}
	return nil
}

// syncDir makes directory entries durable. Windows does that with the file itself.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Close closes the file. Snapshots stay usable.
func (s *Store) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close %s: %w", s.path, kind(err))
	}
	return nil
}

// Snapshot returns everything as it is now.
func (s *Store) Snapshot() *Snapshot { return s.now.Load() }

// reload reads everything from the file.
func (s *Store) reload(ctx context.Context) error {
	next := &Snapshot{
		byName: make(map[string]*Topic), byID: make(map[TopicID]*Topic), folded: make(map[string]int), configs: make(map[string]string),
	}
	tx, err := s.db.BeginTx(ctx, nil) // one moment for all tables
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := readCounters(ctx, tx, next); err != nil {
		return err
	}
	if err := readTopics(ctx, tx, next); err != nil {
		return err
	}
	err = each(ctx, tx, "SELECT name, value FROM broker_configs", func(scan func(...any) error) error {
		var name, value string
		if err := scan(&name, &value); err != nil {
			return err
		}
		next.configs[name] = value
		return nil
	})
	if err != nil {
		return err
	}
	s.now.Store(next)
	return nil
}

func readCounters(ctx context.Context, tx *sql.Tx, into *Snapshot) error {
	seen := 0
	err := each(ctx, tx, "SELECT name, value FROM counters", func(scan func(...any) error) error {
		var name string
		var value int64
		if err := scan(&name, &value); err != nil {
			return err
		}
		seen++
		switch name {
		case "change":
			into.version = value
		case "producer_id":
			into.producer = value
		case "leader_epoch":
			into.epoch = int32(value)
		default:
			seen--
		}
		return nil
	})
	if err == nil && seen != 3 {
		err = fmt.Errorf("%w: %d of 3 counters", ErrCorrupt, seen)
	}
	return err
}

func readTopics(ctx context.Context, tx *sql.Tx, into *Snapshot) error {
	err := each(ctx, tx, "SELECT id, name, partitions, state, created, changed FROM topics", func(scan func(...any) error) error {
		var id []byte
		t := &Topic{Configs: make(map[string]string)}
		if err := scan(&id, &t.Name, &t.Partitions, &t.Deleting, &t.Created, &t.Changed); err != nil {
			return err
		}
		copy(t.ID[:], id)
		into.byID[t.ID] = t
		if !t.Deleting {
			into.byName[t.Name] = t
			into.folded[fold(t.Name)]++
		}
		return nil
	})
	if err != nil {
		return err
	}
	return each(ctx, tx, "SELECT topic, name, value FROM topic_configs", func(scan func(...any) error) error {
		var topic []byte
		var name, value string
		if err := scan(&topic, &name, &value); err != nil {
			return err
		}
		t := into.byID[TopicID(topic)]
		if t == nil {
			return fmt.Errorf("%w: config %s of a topic that is not there", ErrCorrupt, name)
		}
		t.Configs[name] = value // nobody has seen the topic yet
		return nil
	})
}

// each runs a query and hands each row's Scan to f.
func each(ctx context.Context, tx *sql.Tx, query string, f func(scan func(...any) error) error) error {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
