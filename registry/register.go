package registry

import (
	"context"
	"math"
	"strconv"
	"time"

	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/registry/internal/store"
)

// Register makes a schema a version of a subject, unless it is one already: then that version is the answer, even
// where the mode refuses changes. It returns once the version is on disk.
func (r *Registry) Register(ctx context.Context, q model.Registration) (model.Registered, error) {
	q = q.Tidy()
	// Planned here first: what is there already or is refused needs no transaction, and what is slow about a schema is
	// done, and remembered, before the committer sees it.
	out, changes, err := r.newRegistration(r.present(), q).plan(r.now())
	if err != nil || len(changes) == 0 {
		return out, err
	}
	err = r.submit(ctx, false, func(v view, now time.Time) (changes []store.Change, err error) {
		out, changes, err = r.newRegistration(v, q).plan(now)
		return changes, err
	})
	if err != nil {
		return model.Registered{}, err
	}
	return out, nil
}

// registration is one request, seen against one state of the registry.
type registration struct {
	registry *Registry
	view     view
	asked    model.Registration
	subject  model.Subject
	config   model.Config
	mode     model.Mode
	versions *subject // nil if there are none
}

func (r *Registry) newRegistration(v view, q model.Registration) *registration {
	s := resolve(v, q.Subject)
	p := &registration{registry: r, view: v, asked: q, subject: s, config: effectiveConfig(v, s), mode: effectiveMode(v, s),
		versions: v.subject(s)}
	p.asked.Normalize = q.Normalize || model.Set(p.config.Normalize)
	return p
}

func (p *registration) importing() bool { return p.mode == model.Import }

// source is the schema as asked for, or the latest version's if none was sent.
func (p *registration) source() (model.Source, error) {
	src := p.asked.Source
	if !src.Blank() || p.importing() {
		return src, nil
	}
	latest := p.versions.latest()
	if latest == nil {
		return src, model.Errorf(model.InvalidSchema, "Empty schema")
	}
	src.Text, src.Type = latest.Schema.Text, latest.Schema.Type
	if len(src.References) == 0 {
		src.References = latest.Schema.References
	}
	return src, nil
}

// existing finds the version that the request would make again.
func (p *registration) existing() (model.Registered, bool, error) {
	src, err := p.source()
	if err != nil {
		return model.Registered{}, false, err
	}
	s, err := p.registry.parse(p.view, p.subject, src, p.asked.Normalize, lenient)
	if err != nil {
		return model.Registered{}, false, err
	}
	if name, ok := model.AnyContext(p.subject); ok {
		q := p.asked
		q.Subject = name
		out, err := p.registry.lookup(p.view, q, model.Live)
		if err != nil {
			err = model.Errorf(model.InvalidSubject, "The specified subject '%s' is not a valid subject.", p.subject)
		}
		out.Stored = true
		return out, err == nil, err
	}
	m := matcher{v: p.view, subject: p.versions, config: p.config, filter: model.Live}
	out, ok := p.registry.match(m, s, p.asked.Version)
	if ok && p.asked.ID != model.NoID && p.asked.ID != out.ID {
		return model.Registered{}, false, nil
	}
	return out, ok, nil
}

// plan decides what to change.
func (p *registration) plan(now time.Time) (model.Registered, []store.Change, error) {
	none := model.Registered{}
	if p.asked.Version <= 0 && !p.asked.Tags.Asked() {
		if out, ok, err := p.existing(); ok || err != nil {
			return out, nil, err
		}
	}
	if err := p.permitted(); err != nil {
		return none, nil, err
	}
	number := p.versions.next()
	if p.asked.Version > 0 {
		if number != p.asked.Version && !p.importing() {
			return none, nil, model.Errorf(model.InvalidSchema, "Version is not one more than previous version")
		}
		number = p.asked.Version
	}
	s, err := p.content()
	if err != nil {
		return none, nil, err
	}
	var warnings []model.Warning
	if !p.importing() {
		if warnings, err = p.registry.admits(p, s); err != nil {
			return none, nil, err
		}
	}
	id, changes, err := p.identify(s.schema)
	if err != nil {
		return none, nil, err
	}
	content := s.schema
	if known := p.view.identity(p.subject.Context(), id); known != nil {
		content = known // the same; one copy will do
	}
	v := &model.Version{Subject: p.subject, Number: number, ID: id, Time: now.UnixMilli(), Schema: content}
	// A softly deleted version with the same id gives way to the new one, unless somebody refers to it.
	changes = append(changes, store.PutVersion{Version: v, Given: p.asked.Text})
	if p.versions != nil {
		for _, old := range p.versions.versions {
			if old.Deleted && old.ID == id && old.Number < number && !p.view.refersTo(key(old)) {
				changes = append(changes, store.DropVersion{Subject: old.Subject, Number: old.Number})
			}
		}
	}
	return model.Registered{Version: v, Warnings: warnings}, changes, nil
}

// permitted asks the mode.
func (p *registration) permitted() error {
	switch {
	case p.mode.Refuses():
		return readOnly(p.subject)
	case p.importing() && p.asked.ID == model.NoID:
		return model.Errorf(model.NotPermitted, "Subject %s in context %s is not in read-write mode",
			p.subject, contextLabel(p.subject))
	case !p.importing() && p.asked.ID != model.NoID:
		return model.Errorf(model.NotPermitted, "Subject %s in context %s is not in import mode",
			p.subject, contextLabel(p.subject))
	}
	return nil
}

// content is the new version's schema with its metadata.
func (p *registration) content() (*parsed, error) {
	how := strict
	if p.importing() {
		how = lenient
	}
	src, err := p.source()
	if err == nil {
		src, err = p.retag(src)
	}
	if err != nil {
		return nil, err
	}
	s, err := p.registry.parse(p.view, p.subject, src, p.asked.Normalize, how)
	if err != nil {
		return nil, err
	}
	if len(s.schema.Text) > maxSchema || len(src.Text) > maxSchema {
		return nil, model.Errorf(model.SchemaTooLarge, "Register operation failed because schema is too large")
	}
	if p.importing() {
		return s, nil
	}
	m := matcher{subject: p.versions, config: p.config}
	attached := m.inherited(s.schema.Attached(), p.versions.latest())
	if _, ok := attached.Metadata.Property(model.VersionProperty); ok || p.asked.Version != 0 || p.asked.Tags.Asked() {
		attached.Metadata = attached.Metadata.WithProperty(model.VersionProperty, strconv.Itoa(int(p.versions.next())))
	}
	return &parsed{schema: s.schema.With(attached), avro: s.avro}, nil
}

// identify gives the content its id: the one that it has in this context, or the next.
func (p *registration) identify(s *model.Schema) (int32, []store.Change, error) {
	context := p.subject.Context()
	highest, listed := p.view.maxID(context)
	id := p.asked.ID
	if id == model.NoID {
		// The guid is an MD5, which can be made to collide: only the same content has the same id.
		known, ok := p.view.idOf(context, s.GUID)
		switch {
		case ok && p.view.identity(context, known).Same(s):
			id = known
		case highest == math.MaxInt32:
			return 0, nil, model.Errorf(model.StoreFailed, "No schema id is left in context %s", context)
		default:
			id = highest + 1
		}
	} else if old := p.view.identity(context, id); old != nil && !old.Same(s) {
		return 0, nil, model.Errorf(model.NotPermitted, "Overwrite new schema with id %d in context %s is not permitted.",
			id, contextLabel(p.subject))
	}
	if id <= highest && listed {
		return id, nil, nil
	}
	return id, []store.Change{store.PutContext{Name: context, MaxID: max(id, highest), Listed: true}}, nil
}
