package meta

import (
	"context"
	"database/sql"
	"fmt"
)

// applicationID marks the file as a broker's (PRAGMA application_id): "tlbr".
const applicationID = 0x746c6272

// migrations lead from one schema version (PRAGMA user_version) to the next; the first makes an empty file version 1.
// They are never changed, only added to.
var migrations = [...]string{
	`CREATE TABLE topics (
		id         BLOB PRIMARY KEY CHECK (length(id) = 16),
		name       TEXT NOT NULL,
		partitions INTEGER NOT NULL CHECK (partitions > 0),
		state      INTEGER NOT NULL CHECK (state IN (0, 1)), -- 0 active, 1 deleting
		created    INTEGER NOT NULL,                         -- milliseconds since the epoch
		changed    INTEGER NOT NULL                          -- the number of its last change
	) STRICT, WITHOUT ROWID;
	CREATE UNIQUE INDEX topics_by_name ON topics (name) WHERE state = 0;
	CREATE TABLE topic_configs (
		topic BLOB NOT NULL REFERENCES topics (id) ON DELETE CASCADE,
		name  TEXT NOT NULL,
		value TEXT NOT NULL,
		PRIMARY KEY (topic, name)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE broker_configs (
		name  TEXT PRIMARY KEY,
		value TEXT NOT NULL
	) STRICT, WITHOUT ROWID;
	CREATE TABLE counters (
		name  TEXT PRIMARY KEY,
		value INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;
	INSERT INTO counters VALUES
		('change', 0),       -- the number of the last change
		('producer_id', 0),  -- the next producer id
		('leader_epoch', 0); -- the broker's leader epoch`,
}

// migrate brings the file to the newest schema, in one transaction, and refuses what is not a broker's or newer.
func migrate(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var app, version, tables int
	for query, to := range map[string]*int{
		"PRAGMA application_id":              &app,
		"PRAGMA user_version":                &version,
		"SELECT count(*) FROM sqlite_schema": &tables,
	} {
		if err := tx.QueryRowContext(ctx, query).Scan(to); err != nil {
			return err
		}
	}
	switch {
	case tables > 0 && app != applicationID:
		return fmt.Errorf("%w: it is a database of something else", ErrCorrupt)
	case version > len(migrations):
		return fmt.Errorf("%w: its schema is version %d, this typelog knows up to %d; start it with the newer typelog, or with another data directory",
			ErrNewer, version, len(migrations))
	case version < 0 || version > 0 && tables == 0:
		return fmt.Errorf("%w: schema version %d with %d tables", ErrCorrupt, version, tables)
	case version == len(migrations):
		return nil
	}
	for _, m := range migrations[version:] {
		if _, err := tx.ExecContext(ctx, m); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, len(migrations))); err != nil {
		return err
	}
	return tx.Commit()
}
