package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/registry/internal/records"
	"github.com/typelog/typelog/registry/internal/store"
	"github.com/typelog/typelog/serde/avro/schema"
)

// importTimeout bounds the transaction of an import, which may be a whole registry.
const importTimeout = 10 * time.Minute

// Export writes everything to w, as lines with the records that Confluent's registry keeps in its topic: contexts,
// configurations, modes, then all versions, softly deleted ones too, those with lower ids first. It is the state of one
// moment.
func (r *Registry) Export(ctx context.Context, w io.Writer) error {
	changes := r.snapshot()
	var buf []byte
	for _, c := range changes {
		if err := ctx.Err(); err != nil {
			return err
		}
		if put, ok := c.(store.PutVersion); ok {
			given, found, err := r.store.Given(ctx, put.Version.Subject, put.Version.Number)
			if err != nil {
				return fmt.Errorf("registry: export: %w", err)
			}
			if found { // or it was removed meanwhile
				put.Given, c = given, put
				c = put
			}
		}
		var err error
		if buf, err = records.Append(buf[:0], c); err != nil {
			return fmt.Errorf("registry: export: %w", err)
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	return nil
}

// snapshot is everything there is, in the order of an export.
func (r *Registry) snapshot() []store.Change {
	var out []store.Change
	var versions []*model.Version
	r.inRead(func(c *catalog) {
		for _, name := range slices.Sorted(maps.Keys(c.contexts)) {
			s := c.contexts[name]
			highest := int32(0)
			for id := range s.ids {
				highest = max(highest, id)
			}
			note := store.PutContext{Name: name, MaxID: s.maxID, Listed: s.listed}
			if highest == s.maxID {
				note.MaxID = 0 // the versions say so
			}
			if name != model.DefaultContext || note.MaxID > 0 {
				note.Listed = note.Listed || name == model.DefaultContext
				out = append(out, note)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(c.configs)) {
			out = append(out, store.PutConfig{Subject: name, Config: *c.configs[name]})
		}
		for _, name := range slices.Sorted(maps.Keys(c.modes)) {
			out = append(out, store.PutMode{Subject: name, Mode: c.modes[name]})
		}
		for _, s := range c.subjects {
			versions = append(versions, s.versions...)
		}
	})
	slices.SortFunc(versions, func(a, b *model.Version) int {
		return cmp.Or(cmp.Compare(a.Subject.Context(), b.Subject.Context()), cmp.Compare(a.ID, b.ID),
			cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Number, b.Number))
	})
	for _, v := range versions {
		out = append(out, store.PutVersion{Version: v})
	}
	return out
}

// Import takes in what Export wrote, or the records of a Confluent registry's topic, with all ids, versions and times, in
// one transaction: everything or nothing. What is there already and the same stays; a version or an id that is something
// else here is refused. Configurations, modes and deletions are taken over.
func (r *Registry) Import(ctx context.Context, in io.Reader) (model.Imported, error) {
	staged, err := records.Read(in)
	if fault := (*records.Error)(nil); errors.As(err, &fault) {
		return model.Imported{}, model.Errorf(model.InvalidImport, "%v", fault)
	}
	if err != nil {
		return model.Imported{}, err
	}
	var out model.Imported
	err = r.submitFor(ctx, importTimeout, func(v view, now time.Time) ([]store.Change, error) {
		i := intake{registry: r, draft: newDraft(r.catalog), now: now, maxIDs: map[string]store.PutContext{}}
		changes, err := i.plan(staged)
		out = i.told
		return changes, err
	})
	return out, err
}

// intake plans one import.
type intake struct {
	registry *Registry
	draft    *draft // the catalog with what was taken in on top
	now      time.Time
	maxIDs   map[string]store.PutContext
	told     model.Imported
}

func (i *intake) plan(staged []records.Staged) ([]store.Change, error) {
	var changes []store.Change
	var added []records.Staged
	for _, s := range staged {
		switch c := s.Change.(type) {
		case store.PutVersion:
			same, err := i.version(&c)
			if err != nil {
				return nil, i.at(s, err)
			}
			if same {
				i.told.Unchanged++
				continue
			}
			i.draft.add([]store.Change{c})
			changes = append(changes, c)
			added = append(added, records.Staged{Change: c, Line: s.Line})
			i.told.Versions++
		case store.PutContext:
			i.context(c.Name, c.MaxID, c.Listed)
		case store.PutConfig:
			changes = append(changes, c)
			i.told.Configs++
		case store.PutMode:
			changes = append(changes, c)
			i.told.Modes++
		}
	}
	for _, s := range added {
		if err := i.readable(s.Change.(store.PutVersion).Version); err != nil {
			return nil, i.at(s, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(i.maxIDs)) {
		changes = append(changes, i.maxIDs[name])
	}
	return changes, nil
}

func (i *intake) at(s records.Staged, err error) error {
	kind := model.InvalidImport
	if refusal := (*model.Error)(nil); errors.As(err, &refusal) {
		kind = refusal.Kind
	}
	return &model.Error{Kind: kind, Message: fmt.Sprintf("line %d: %v", s.Line, err), Cause: err}
}

// version decides about one version. It is the same if nothing has to change.
func (i *intake) version(c *store.PutVersion) (same bool, err error) {
	v := *c.Version
	c.Version = &v
	if v.Subject.Name() == "" && v.Subject.Context() != model.DefaultContext {
		return false, fmt.Errorf("%q is a context and not a subject", v.Subject)
	}
	if v.Time == 0 {
		v.Time = i.now.UnixMilli()
	}
	name := v.Subject.Context()
	old := i.draft.subject(v.Subject).version(v.Number)
	switch {
	case old != nil && old.ID == v.ID && old.Schema.Same(v.Schema):
		if old.Deleted == v.Deleted {
			return true, nil
		}
		v.Time = old.Time
	case old != nil:
		return false, model.Errorf(model.NotPermitted, "Subject '%s' has another schema as version %d (id %d, not %d): import into a "+
			"registry without it, or delete it there for good", v.Subject, v.Number, old.ID, v.ID)
	}
	if known := i.draft.identity(name, v.ID); known != nil {
		if !known.Same(v.Schema) {
			return false, model.Errorf(model.NotPermitted, "Overwrite new schema with id %d in context %s is not permitted.", v.ID,
				contextLabel(v.Subject))
		}
		v.Schema = known // one copy will do
	}
	if err := writable(i.draft, v.Subject); err != nil {
		return false, err
	}
	if len(v.Schema.Text) > maxSchema || len(c.Given) > maxSchema {
		return false, model.Errorf(model.SchemaTooLarge, "Register operation failed because schema is too large")
	}
	i.context(name, v.ID, true)
	return false, nil
}

// context notes ids that are taken.
func (i *intake) context(name string, id int32, listed bool) {
	highest, known := i.draft.maxID(name)
	note, ok := i.maxIDs[name]
	if !ok {
		if highest >= id && (known || !listed) {
			return
		}
		note = store.PutContext{Name: name, MaxID: highest, Listed: known}
	}
	note.MaxID, note.Listed = max(note.MaxID, id), note.Listed || listed
	i.maxIDs[name] = note
}

// readable demands that an Avro schema can be read with its references, wherever these came from.
func (i *intake) readable(v *model.Version) error {
	if v.Schema.Type != model.Avro || v.Schema.Text == "" {
		return nil
	}
	_, resolved, err := i.registry.references(i.draft, v.Subject.Context(), v.Schema.References, false, 0)
	if err == nil {
		_, err = schema.Parse(v.Schema.Text, schema.WithReferences(resolved...), schema.Lenient())
	}
	if err != nil {
		return model.Errorf(model.InvalidSchema, "subject '%s' version %d: %v", v.Subject, v.Number, err)
	}
	return nil
}
