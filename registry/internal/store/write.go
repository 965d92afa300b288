package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/typelog/typelog/registry/internal/model"
)

// writer makes changes in one transaction. The first error stops it.
type writer struct {
	ctx   context.Context
	tx    *sql.Tx
	stmts *statements
	last  int64
	err   error
}

func (w *writer) put(c Change) {
	switch c := c.(type) {
	case PutVersion:
		w.putVersion(c)
		w.note(kindVersion, string(c.Version.Subject), c.Version.Number)
	case DropVersion:
		w.dropVersion(c)
		w.note(kindVersion, string(c.Subject), c.Number)
	case PutConfig:
		text, err := json.Marshal(c.Config)
		w.fail(err)
		w.exec(w.stmts.putConfig, string(c.Subject), string(text))
		w.note(kindConfig, string(c.Subject), 0)
	case DropConfig:
		w.exec(w.stmts.dropConfig, string(c.Subject))
		w.note(kindConfig, string(c.Subject), 0)
	case PutMode:
		w.exec(w.stmts.putMode, string(c.Subject), string(c.Mode))
		w.note(kindMode, string(c.Subject), 0)
	case DropMode:
		w.exec(w.stmts.dropMode, string(c.Subject))
		w.note(kindMode, string(c.Subject), 0)
	case PutContext:
		w.exec(w.stmts.putContext, c.Name, c.MaxID, c.Listed)
		w.note(kindContext, c.Name, 0)
	default:
		w.fail(errors.New("unknown kind of change"))
	}
}

func (w *writer) putVersion(c PutVersion) {
	v := c.Version
	oldContext, oldID, existed := w.find(v.Subject, v.Number)
	refs, err := encodeReferences(v.Schema.References)
	w.fail(err)
	var metadata, rules sql.NullString
	if v.Schema.Metadata != nil {
		metadata = w.json(v.Schema.Metadata)
	}
	if v.Schema.Rules != nil {
		rules = w.json(v.Schema.Rules)
	}
	name := v.Subject.Context()
	w.exec(w.stmts.putSchema, name, v.ID, v.Schema.GUID[:], string(v.Schema.Type), v.Schema.Text, refs, metadata, rules)
	given := sql.NullString{String: c.Given, Valid: c.Given != "" && c.Given != v.Schema.Text}
	w.exec(w.stmts.putVersion, string(v.Subject), v.Number, name, v.ID, v.Deleted, v.Time, given)
	if existed && oldID != v.ID {
		w.exec(w.stmts.prune, oldContext, oldID)
	}
}

func (w *writer) json(value any) sql.NullString {
	text, err := json.Marshal(value)
	w.fail(err)
	return sql.NullString{String: string(text), Valid: true}
}

func (w *writer) dropVersion(c DropVersion) {
	name, id, ok := w.find(c.Subject, c.Number)
	if !ok {
		return
	}
	w.exec(w.stmts.dropVersion, string(c.Subject), c.Number)
	w.exec(w.stmts.prune, name, id)
}

func (w *writer) find(subject model.Subject, number int32) (name string, id int32, ok bool) {
	if w.err != nil {
		return "", 0, false
	}
	row := w.tx.StmtContext(w.ctx, w.stmts.idOfVersion).QueryRowContext(w.ctx, string(subject), number)
	err := row.Scan(&name, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", 0, false
	}
	w.fail(err)
	return name, id, w.err == nil
}

func (w *writer) note(kind, name string, number int32) {
	if result := w.exec(w.stmts.note, kind, name, number); result != nil {
		last, err := result.LastInsertId()
		w.fail(err)
		w.last = last
	}
}

// trim forgets the beginning of the change log once in a while.
func (w *writer) trim() {
	if w.last > 2*keptChanges && w.last%1024 == 0 {
		w.exec(w.stmts.trim, w.last-keptChanges)
	}
}

func (w *writer) exec(stmt *sql.Stmt, args ...any) sql.Result {
	if w.err != nil {
		return nil
	}
	result, err := w.tx.StmtContext(w.ctx, stmt).ExecContext(w.ctx, args...)
	w.fail(err)
	return result
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

type reference struct {
	Name    string `json:"name,omitempty"`
	Subject string `json:"subject"`
	Version int32  `json:"version"`
}

func encodeReferences(list []model.Reference) (sql.NullString, error) {
	if len(list) == 0 {
		return sql.NullString{}, nil
	}
	out := make([]reference, len(list))
	for i, r := range list {
		out[i] = reference(r)
	}
	text, err := json.Marshal(out)
	return sql.NullString{String: string(text), Valid: true}, err
}

func decodeReferences(text sql.NullString) ([]model.Reference, error) {
	if !text.Valid {
		return nil, nil
	}
	var in []reference
	if err := json.Unmarshal([]byte(text.String), &in); err != nil {
		return nil, err
	}
	list := make([]model.Reference, len(in))
	for i, r := range in {
		list[i] = model.Reference(r)
	}
	return list, nil
}
