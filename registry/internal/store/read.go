package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/typelog/typelog/registry/internal/model"
)

// reader tells facts out of one transaction. The first error stops it. Schemas that several versions share are the
// same object.
type reader struct {
	ctx context.Context
	tx  *sql.Tx
	f   func(Change) error
	err error

	schemas map[schemaKey]*model.Schema
}

type schemaKey struct {
	context string
	id      int32
}

type changedKey struct {
	kind, name string
	number     int32
}

func (r *reader) query(each func(*sql.Rows) error, text string, args ...any) {
	if r.err != nil {
		return
	}
	rows, err := r.tx.QueryContext(r.ctx, text, args...)
	if err != nil {
		r.err = err
		return
	}
	defer rows.Close()
	for rows.Next() {
		if r.err = each(rows); r.err != nil {
			return
		}
	}
	r.err = rows.Err()
}

func (r *reader) contexts() { r.contextsWhere("") }

func (r *reader) contextsWhere(where string, args ...any) {
	r.query(func(rows *sql.Rows) error {
		var c PutContext
		if err := rows.Scan(&c.Name, &c.MaxID, &c.Listed); err != nil {
			return err
		}
		return r.f(c)
	}, "SELECT name, max_id, listed FROM contexts "+where, args...)
}

func (r *reader) configs(where string, args ...any) {
	r.query(func(rows *sql.Rows) error {
		var subject, text string
		if err := rows.Scan(&subject, &text); err != nil {
			return err
		}
		c := PutConfig{Subject: model.Subject(subject)}
		if err := json.Unmarshal([]byte(text), &c.Config); err != nil {
			return fmt.Errorf("configuration of %q: %w", subject, err)
		}
		return r.f(c)
	}, "SELECT subject, config FROM configs "+where, args...)
}

func (r *reader) modes(where string, args ...any) {
	r.query(func(rows *sql.Rows) error {
		var subject, mode string
		if err := rows.Scan(&subject, &mode); err != nil {
			return err
		}
		return r.f(PutMode{Subject: model.Subject(subject), Mode: model.Mode(mode)})
	}, "SELECT subject, mode FROM modes "+where, args...)
}

func (r *reader) versions(where string, args ...any) {
	if r.schemas == nil {
		r.schemas = map[schemaKey]*model.Schema{}
	}
	r.query(func(rows *sql.Rows) error {
		v, err := r.version(rows)
		if err != nil {
			return err
		}
		return r.f(PutVersion{Version: v})
	}, `SELECT v.subject, v.version, v.context, v.id, v.deleted, v.time, s.guid, s.type, s.text, s.refs, s.metadata, s.rules
		FROM versions v JOIN schemas s ON s.context = v.context AND s.id = v.id `+where+
		` ORDER BY v.subject, v.version`, args...)
}

func (r *reader) version(rows *sql.Rows) (*model.Version, error) {
	var (
		v                     model.Version
		k                     schemaKey
		subject               string
		guid                  sql.RawBytes
		kind, text            sql.RawBytes
		refs, metadata, rules sql.NullString
	)
	err := rows.Scan(&subject, &v.Number, &k.context, &k.id, &v.Deleted, &v.Time, &guid, &kind, &text, &refs, &metadata, &rules)
	if err != nil {
		return nil, err
	}
	v.Subject, v.ID = model.Subject(subject), k.id
	if v.Schema = r.schemas[k]; v.Schema != nil {
		return &v, nil
	}
	s := &model.Schema{Type: model.Type(kind), Text: string(text)}
	if copy(s.GUID[:], guid) != len(s.GUID) {
		return nil, fmt.Errorf("%q version %d: its guid is damaged", subject, v.Number)
	}
	if s.References, err = decodeReferences(refs); err != nil {
		return nil, fmt.Errorf("%q version %d: references: %w", subject, v.Number, err)
	}
	if metadata.Valid {
		s.Metadata = &model.Metadata{}
		if err := json.Unmarshal([]byte(metadata.String), s.Metadata); err != nil {
			return nil, fmt.Errorf("%q version %d: metadata: %w", subject, v.Number, err)
		}
	}
	if rules.Valid {
		s.Rules = &model.RuleSet{}
		if err := json.Unmarshal([]byte(rules.String), s.Rules); err != nil {
			return nil, fmt.Errorf("%q version %d: rules: %w", subject, v.Number, err)
		}
	}
	v.Schema, r.schemas[k] = s, s
	return &v, nil
}

// changedKeys are the keys that changed, each once, in the order of their last change.
func (r *reader) changedKeys(after Position) []changedKey {
	var keys []changedKey
	r.query(func(rows *sql.Rows) error {
		var k changedKey
		if err := rows.Scan(&k.kind, &k.name, &k.number); err != nil {
			return err
		}
		keys = append(keys, k)
		return nil
	}, `SELECT kind, name, number FROM changes WHERE seq > ? GROUP BY kind, name, number ORDER BY max(seq)`, after)
	return keys
}

// current tells the present state behind a key: the fact, or that it is gone.
func (r *reader) current(k changedKey) {
	told := false
	tell := r.f
	r.f = func(c Change) error { told = true; return tell(c) }
	defer func() { r.f = tell }()
	var gone Change
	switch k.kind {
	case kindVersion:
		r.versions("WHERE v.subject = ? AND v.version = ?", k.name, k.number)
		gone = DropVersion{Subject: model.Subject(k.name), Number: k.number}
	case kindConfig:
		r.configs("WHERE subject = ?", k.name)
		gone = DropConfig{Subject: model.Subject(k.name)}
	case kindMode:
		r.modes("WHERE subject = ?", k.name)
		gone = DropMode{Subject: model.Subject(k.name)}
	case kindContext:
		r.contextsWhere("WHERE name = ?", k.name)
	}
	if !told && r.err == nil && gone != nil {
		r.err = tell(gone)
	}
}
