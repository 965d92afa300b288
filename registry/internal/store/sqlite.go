package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	_ "modernc.org/sqlite" // the database driver

	"github.com/typelog/typelog/registry/internal/model"
)

// format is the newest database format that this build reads and writes; it stands in PRAGMA user_version.
const format = 2

// applicationID marks the file as a registry database ("tlsr" in ASCII); it stands in PRAGMA application_id.
const applicationID = 0x746c7372

// keptChanges is how many entries of the change log are kept at least.
const keptChanges = 10_000

// SQLite is a Store in one file. It has one connection, so one writer; reads of the registry do not come here.
type SQLite struct {
	db   *sql.DB
	path string

	mu    sync.Mutex // serializes everything that follows
	at    Position
	stmts statements
}

// OpenSQLite opens or creates the database file at path. Its directory must exist. It fails with ErrNewer or
// ErrForeign where the file is not for this build.
func OpenSQLite(ctx context.Context, path string) (*SQLite, error) {
	name, err := dataSource(path)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	s := &SQLite{db: db, path: path}
	if err := s.prepare(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return s, nil
}

// dataSource names the file as a URI, so that no character of the path is taken for an option.
func dataSource(path string) (string, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", path, err)
	}
	full = filepath.ToSlash(full)
	if !strings.HasPrefix(full, "/") {
		full = "/" + full // a drive letter
	}
	options := url.Values{}
	options.Set("_txlock", "immediate")
	for _, p := range []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)"} {
		options.Add("_pragma", p)
	}
	return (&url.URL{Scheme: "file", Path: full, RawQuery: options.Encode()}).String(), nil
}

func (s *SQLite) prepare(ctx context.Context) error {
	var version, application, tables int
	for pragma, to := range map[string]*int{
		"PRAGMA user_version":                &version,
		"PRAGMA application_id":              &application,
		"SELECT count(*) FROM sqlite_schema": &tables,
	} {
		if err := s.db.QueryRowContext(ctx, pragma).Scan(to); err != nil {
			return err
		}
	}
	switch {
	case tables == 0 && version == 0:
		if err := s.create(ctx); err != nil {
			return err
		}
	case application != applicationID:
		return fmt.Errorf("%w: move the file away, or choose another data directory", ErrForeign)
	case version > format:
		return fmt.Errorf("%w (its format is %d, this build knows up to %d): run that version, or restore a backup",
			ErrNewer, version, format)
	case version < format:
		if err := s.upgrade(ctx, version); err != nil {
			return fmt.Errorf("bring it from format %d to %d: %w", version, format, err)
		}
	}
	if err := s.db.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM changes").Scan(&s.at); err != nil {
		return err
	}
	return s.stmts.prepare(ctx, s.db)
}

func (s *SQLite) create(ctx context.Context) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, statement := range tables {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// upgrade brings the database from an older format to this build's, in one transaction.
func (s *SQLite) upgrade(ctx context.Context, from int) error {
	if from < 1 {
		return errors.New("there never was such a format: restore a backup")
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, step := range upgrades[from:] {
		for _, statement := range step {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", format)); err != nil {
		return err
	}
	return tx.Commit()
}

// Apply implements Store.
func (s *SQLite) Apply(ctx context.Context, at Position, changes []Change) (Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return s.at, fmt.Errorf("write %s: %w", s.path, err)
	}
	defer tx.Rollback()
	// Another process may have written: the position is the database's, not this object's.
	var now Position
	if err := tx.StmtContext(ctx, s.stmts.position).QueryRowContext(ctx).Scan(&now); err != nil {
		return s.at, fmt.Errorf("write %s: %w", s.path, err)
	}
	if now != at {
		return now, ErrConflict
	}
	w := writer{ctx: ctx, tx: tx, stmts: &s.stmts}
	for _, c := range changes {
		w.put(c)
	}
	w.trim()
	if w.err == nil {
		w.err = tx.Commit()
	}
	if w.err != nil {
		return s.at, fmt.Errorf("write %s: %w", s.path, w.err)
	}
	s.at = max(at, Position(w.last))
	return s.at, nil
}

// Load implements Store.
func (s *SQLite) Load(ctx context.Context, f func(Change) error) (Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", s.path, err)
	}
	defer tx.Rollback()
	r := reader{ctx: ctx, tx: tx, f: f}
	r.contexts()
	r.configs("")
	r.modes("")
	r.versions("")
	var at Position
	if r.err == nil {
		r.err = tx.StmtContext(ctx, s.stmts.position).QueryRowContext(ctx).Scan(&at)
	}
	if r.err != nil {
		return 0, fmt.Errorf("read %s: %w", s.path, r.err)
	}
	return at, nil
}

// Since implements Store.
func (s *SQLite) Since(ctx context.Context, after Position, f func(Change) error) (Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return after, fmt.Errorf("read %s: %w", s.path, err)
	}
	defer tx.Rollback()
	var first, last Position
	row := tx.QueryRowContext(ctx, "SELECT coalesce(min(seq), 1), coalesce(max(seq), 0) FROM changes")
	if err := row.Scan(&first, &last); err != nil {
		return after, fmt.Errorf("read %s: %w", s.path, err)
	}
	if after < first-1 || after > last {
		return after, ErrTooOld
	}
	r := reader{ctx: ctx, tx: tx, f: f}
	for _, k := range r.changedKeys(after) {
		r.current(k)
	}
	if r.err != nil {
		return after, fmt.Errorf("read %s: %w", s.path, r.err)
	}
	return last, nil
}

// Given implements Store.
func (s *SQLite) Given(ctx context.Context, subject model.Subject, number int32) (string, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var text string
	err := s.db.QueryRowContext(ctx, `SELECT coalesce(v.given, s.text) FROM versions v
		JOIN schemas s ON s.context = v.context AND s.id = v.id WHERE v.subject = ? AND v.version = ?`,
		string(subject), number).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read %s: %w", s.path, err)
	}
	return text, true, nil
}

// Check implements Store.
func (s *SQLite) Check(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var at Position
	if err := s.stmts.position.QueryRowContext(ctx).Scan(&at); err != nil {
		return fmt.Errorf("read %s: %w", s.path, err)
	}
	return nil
}

// Close implements Store.
func (s *SQLite) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.db.Close()
}
