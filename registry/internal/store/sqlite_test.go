package store_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/registry/internal/store"
	"github.com/typelog/typelog/registry/internal/store/storetest"
)

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T, place string) store.Store {
		dir := filepath.Join(place, "a directory with ? and %20")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		s, err := store.OpenSQLite(t.Context(), filepath.Join(dir, "registry.db"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func exec(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func TestSQLiteRefusesOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	s, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	exec(t, path, "PRAGMA user_version = 1000")
	if _, err = store.OpenSQLite(t.Context(), path); !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), path) {
		t.Errorf("a newer format: %v", err)
	}
	other := filepath.Join(t.TempDir(), "other.db")
	exec(t, other, "CREATE TABLE t (a)")
	if _, err = store.OpenSQLite(t.Context(), other); !errors.Is(err, store.ErrForeign) {
		t.Errorf("somebody else's database: %v", err)
	}
	text := filepath.Join(t.TempDir(), "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database ", 100)), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err = store.OpenSQLite(t.Context(), text); err == nil {
		t.Error("a text file was opened as a database")
	}
}

// TestSQLiteUpgrades: a database of the first format, as it was made then, is read with everything in it.
func TestSQLiteUpgrades(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	exec(t, path,
		`CREATE TABLE schemas (context TEXT NOT NULL, id INTEGER NOT NULL, guid BLOB NOT NULL, type TEXT NOT NULL,
			text TEXT NOT NULL, refs TEXT, metadata TEXT, PRIMARY KEY (context, id)) WITHOUT ROWID`,
		`CREATE TABLE versions (subject TEXT NOT NULL, version INTEGER NOT NULL, context TEXT NOT NULL, id INTEGER NOT NULL,
			deleted INTEGER NOT NULL, time INTEGER NOT NULL, given TEXT, PRIMARY KEY (subject, version)) WITHOUT ROWID`,
		`CREATE INDEX versions_by_id ON versions (context, id)`,
		`CREATE TABLE contexts (name TEXT NOT NULL PRIMARY KEY, max_id INTEGER NOT NULL, listed INTEGER NOT NULL) WITHOUT ROWID`,
		`CREATE TABLE configs (subject TEXT NOT NULL PRIMARY KEY, config TEXT NOT NULL) WITHOUT ROWID`,
		`CREATE TABLE modes (subject TEXT NOT NULL PRIMARY KEY, mode TEXT NOT NULL) WITHOUT ROWID`,
		`CREATE TABLE changes (seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL)`,
		`INSERT INTO schemas VALUES ('.', 1, x'00112233445566778899aabbccddeeff', 'AVRO', '"int"', NULL, NULL)`,
		`INSERT INTO versions VALUES ('s', 1, '.', 1, 0, 7, NULL)`,
		`INSERT INTO contexts VALUES ('.', 1, 1)`,
		"PRAGMA application_id = 1953264498", "PRAGMA user_version = 1")
	for range 2 { // the second time it is of this format
		s, err := store.OpenSQLite(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		var found []*model.Version
		if _, err := s.Load(t.Context(), func(c store.Change) error {
			if put, ok := c.(store.PutVersion); ok {
				found = append(found, put.Version)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if len(found) != 1 || found[0].Schema.Text != `"int"` || found[0].Schema.Rules != nil {
			t.Errorf("read %+v", found)
		}
		s.Close()
	}
}

func TestSQLiteIsDurable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	s, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2"} {
		if got := store.Pragma(t.Context(), s, pragma); got != want {
			t.Errorf("%s is %s, want %s", pragma, got, want)
		}
	}
}

func TestSQLiteForgetsOldChanges(t *testing.T) {
	s, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "registry.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var at store.Position
	batch := make([]store.Change, 1024)
	for i := range batch {
		batch[i] = store.PutMode{Subject: "s", Mode: model.ReadOnly}
	}
	for range 21 {
		if at, err = s.Apply(t.Context(), at, batch); err != nil {
			t.Fatal(err)
		}
	}
	nothing := func(store.Change) error { return nil }
	if _, err := s.Since(context.Background(), 1, nothing); !errors.Is(err, store.ErrTooOld) {
		t.Errorf("the beginning of the log: %v", err)
	}
	if now, err := s.Since(context.Background(), at-10_000, nothing); err != nil || now != at {
		t.Errorf("the last ten thousand changes: at %d of %d, %v", now, at, err)
	}
}
