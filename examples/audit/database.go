package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the database driver

	"github.com/typelog/typelog/schemas/audit"
	"github.com/typelog/typelog/serde/avro"
)

// databaseVersion is the version of the tables below, in SQLite's user_version.
const databaseVersion = 1

// createTables makes the tables. Times are microseconds since 1970-01-01T00:00:00Z; targets, changes and metadata are
// JSON; what is null in the event is NULL. A row holds all of its event.
const createTables = `
CREATE TABLE IF NOT EXISTS events (
	event_id          BLOB PRIMARY KEY,
	occurred_at       INTEGER NOT NULL,
	recorded_at       INTEGER NOT NULL,
	action            TEXT NOT NULL,
	operation         TEXT NOT NULL,
	outcome           TEXT NOT NULL,
	reason            TEXT,
	actor_type        TEXT NOT NULL,
	actor_id          TEXT NOT NULL,
	actor_name        TEXT,
	on_behalf_of      TEXT,
	auth_method       TEXT,
	targets           TEXT NOT NULL,
	source_service    TEXT NOT NULL,
	source_version    TEXT,
	source_host       TEXT,
	source_ip         TEXT,
	source_user_agent TEXT,
	request_id        TEXT,
	trace_id          TEXT,
	changes           TEXT NOT NULL,
	metadata          TEXT NOT NULL,
	producer_id       TEXT NOT NULL,
	sequence          INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS events_by_producer ON events (producer_id, sequence);
CREATE INDEX IF NOT EXISTS events_by_time ON events (occurred_at);
`

// insertEvent leaves an event that is there already as it is.
const insertEvent = `INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (event_id) DO NOTHING`

// database is the store of events. Several processes may use one file.
type database struct{ *sql.DB }

// openDatabase opens the file, and creates it and its tables if create says so.
func openDatabase(ctx context.Context, path string, create bool) (database, error) {
	if _, err := os.Stat(path); !create && errors.Is(err, fs.ErrNotExist) {
		return database{}, fmt.Errorf("%s does not exist: audit store --db %s writes it", path, path)
	}
	name, err := dataSource(path)
	if err != nil {
		return database{}, err
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return database{}, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	if err := prepare(ctx, db); err != nil {
		return database{}, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return database{db}, nil
}

// dataSource names the file as a URI, so that no character of the path is taken for an option.
func dataSource(path string) (string, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", path, err)
	}
	if full = filepath.ToSlash(full); !strings.HasPrefix(full, "/") {
		full = "/" + full // a drive letter
	}
	options := url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(30000)", "journal_mode(WAL)", "synchronous(FULL)"}}
	return (&url.URL{Scheme: "file", Path: full, RawQuery: options.Encode()}).String(), nil
}

func prepare(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing after a commit
	var version, tables int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return err
	}
	if version == databaseVersion {
		return nil
	}
	if version != 0 || tables > 0 {
		return fmt.Errorf("the file holds another program's tables, or another version's (%d, not %d): choose another file", version, databaseVersion)
	}
	if _, err := tx.ExecContext(ctx, createTables+fmt.Sprintf("PRAGMA user_version = %d", databaseVersion)); err != nil {
		return err
	}
	return tx.Commit()
}

// insert stores events in one transaction, which is durable when it returns. It returns how many were new.
func (db database) insert(ctx context.Context, events []*audit.AuditEvent) (stored int64, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }() // nothing after a commit
	statement, err := tx.PrepareContext(ctx, insertEvent)
	if err != nil {
		return 0, err
	}
	for _, e := range events {
		row, err := rowOf(e)
		if err != nil {
			return 0, fmt.Errorf("event %s: %w", e.EventID, err)
		}
		result, err := statement.ExecContext(ctx, row...)
		if err != nil {
			return 0, fmt.Errorf("event %s: %w", e.EventID, err)
		}
		n, err := result.RowsAffected()
		if err != nil {
			return 0, err
		}
		stored += n
	}
	return stored, tx.Commit()
}

// rowOf returns an event's columns, in the order of the table.
func rowOf(e *audit.AuditEvent) ([]any, error) {
	var texts [3]string
	for i, v := range []any{orEmpty(e.Targets), orEmpty(e.Changes), e.Metadata} {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		texts[i] = string(text)
	}
	return []any{
		e.EventID[:], e.OccurredAt.UnixMicro(), e.RecordedAt.UnixMicro(), e.Action, e.Operation.String(), e.Outcome.String(),
		null(e.Reason), e.Actor.Type.String(), e.Actor.ID, null(e.Actor.Name), null(e.Actor.OnBehalfOf), null(e.Actor.AuthMethod),
		texts[0], e.Source.Service, null(e.Source.Version), null(e.Source.Host), null(e.Source.IP), null(e.Source.UserAgent),
		null(e.Trace.RequestID), null(e.Trace.TraceID), texts[1], texts[2], e.Producer.ID, e.Producer.Sequence,
	}, nil
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func null(s avro.Opt[string]) sql.NullString { return sql.NullString{String: s.Value, Valid: s.Valid} }
