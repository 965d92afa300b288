package store

import (
	"context"
	"database/sql"
	"fmt"
)

// tables makes an empty database. A schema's row belongs to its id; versions point at it. changes is the log that
// Since reads: one row for each change, with the key of what changed.
var tables = []string{
	`CREATE TABLE schemas (
		context TEXT NOT NULL, id INTEGER NOT NULL, guid BLOB NOT NULL, type TEXT NOT NULL, text TEXT NOT NULL,
		refs TEXT, metadata TEXT, rules TEXT, PRIMARY KEY (context, id)) WITHOUT ROWID`,
	`CREATE TABLE versions (
		subject TEXT NOT NULL, version INTEGER NOT NULL, context TEXT NOT NULL, id INTEGER NOT NULL,
		deleted INTEGER NOT NULL, time INTEGER NOT NULL, given TEXT, PRIMARY KEY (subject, version)) WITHOUT ROWID`,
	`CREATE INDEX versions_by_id ON versions (context, id)`,
	`CREATE TABLE contexts (
		name TEXT NOT NULL PRIMARY KEY, max_id INTEGER NOT NULL, listed INTEGER NOT NULL) WITHOUT ROWID`,
	`CREATE TABLE configs (subject TEXT NOT NULL PRIMARY KEY, config TEXT NOT NULL) WITHOUT ROWID`,
	`CREATE TABLE modes (subject TEXT NOT NULL PRIMARY KEY, mode TEXT NOT NULL) WITHOUT ROWID`,
	`CREATE TABLE changes (
		seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL)`,
	fmt.Sprintf("PRAGMA application_id = %d", applicationID),
	fmt.Sprintf("PRAGMA user_version = %d", format),
}

// upgrades bring a database from the format that is their index to the next one.
var upgrades = [...][]string{
	1: {`ALTER TABLE schemas ADD COLUMN rules TEXT`},
}

// The kinds of keys in the change log.
const (
	kindVersion = "version"
	kindConfig  = "config"
	kindMode    = "mode"
	kindContext = "context"
)

type statements struct {
	position, note, trim                                   *sql.Stmt
	putSchema, putVersion, idOfVersion, dropVersion, prune *sql.Stmt
	putConfig, dropConfig, putMode, dropMode, putContext   *sql.Stmt
}

func (s *statements) prepare(ctx context.Context, db *sql.DB) error {
	for _, p := range []struct {
		to   **sql.Stmt
		text string
	}{
		{&s.position, `SELECT coalesce(max(seq), 0) FROM changes`},
		{&s.note, `INSERT INTO changes (kind, name, number) VALUES (?, ?, ?)`},
		{&s.trim, `DELETE FROM changes WHERE seq <= ?`},
		{&s.putSchema, `INSERT INTO schemas (context, id, guid, type, text, refs, metadata, rules)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET guid = excluded.guid, type = excluded.type, text = excluded.text,
			refs = excluded.refs, metadata = excluded.metadata, rules = excluded.rules`},
		{&s.putVersion, `INSERT INTO versions (subject, version, context, id, deleted, time, given)
			VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET context = excluded.context, deleted = excluded.deleted, time = excluded.time,
			given = CASE WHEN id = excluded.id THEN coalesce(excluded.given, given) ELSE excluded.given END,
			id = excluded.id`},
		{&s.idOfVersion, `SELECT context, id FROM versions WHERE subject = ? AND version = ?`},
		{&s.dropVersion, `DELETE FROM versions WHERE subject = ? AND version = ?`},
		{&s.prune, `DELETE FROM schemas WHERE context = ?1 AND id = ?2
			AND NOT EXISTS (SELECT 1 FROM versions WHERE context = ?1 AND id = ?2)`},
		{&s.putConfig, `INSERT INTO configs (subject, config) VALUES (?, ?)
			ON CONFLICT DO UPDATE SET config = excluded.config`},
		{&s.dropConfig, `DELETE FROM configs WHERE subject = ?`},
		{&s.putMode, `INSERT INTO modes (subject, mode) VALUES (?, ?) ON CONFLICT DO UPDATE SET mode = excluded.mode`},
		{&s.dropMode, `DELETE FROM modes WHERE subject = ?`},
		{&s.putContext, `INSERT INTO contexts (name, max_id, listed) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET max_id = excluded.max_id, listed = excluded.listed`},
	} {
		stmt, err := db.PrepareContext(ctx, p.text)
		if err != nil {
			return err
		}
		*p.to = stmt
	}
	return nil
}
