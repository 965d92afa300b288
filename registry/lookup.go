package registry

import (
	"slices"
	"strconv"

	"github.com/typelog/typelog/registry/internal/model"
)

// Lookup finds the version of a subject that is the given schema. A subject of the default context that does not have
// it is looked for in all other contexts. Version and ID of the question are ignored, except Latest.
func (r *Registry) Lookup(q model.Registration, filter model.Filter) (model.Registered, error) {
	return r.lookup(r.present(), q, filter)
}

func (r *Registry) lookup(v view, q model.Registration, filter model.Filter) (model.Registered, error) {
	s := resolve(v, q.Subject)
	var refusal error
	for _, place := range append([]model.Subject{s}, elsewhere(v, s)...) {
		found, ok, err := r.lookupIn(v, place, q, filter)
		if ok {
			return found, nil
		}
		if refusal == nil {
			refusal = err
		}
	}
	return model.Registered{}, refusal
}

func (r *Registry) lookupIn(v view, s model.Subject, q model.Registration, filter model.Filter) (
	found model.Registered, ok bool, err error) {
	config := effectiveConfig(v, s)
	p, err := r.parse(v, s, q.Source, q.Normalize || model.Set(config.Normalize), lenient)
	if err != nil {
		return found, false, err
	}
	if !v.subject(s).exists(filter != model.Live) {
		return found, false, subjectNotFound(s)
	}
	if p.schema.Text != "" {
		m := matcher{v: v, subject: v.subject(s), config: config, filter: filter, plain: true}
		if found, ok = r.match(m, p, q.Version); ok {
			return found, true, nil
		}
	}
	return found, false, model.Errorf(model.SchemaNotFound, "Schema not found")
}

// matcher looks for a content among a subject's versions.
type matcher struct {
	v       view
	subject *subject
	config  model.Config
	filter  model.Filter
	// plain: a question without metadata means a version without, even where the configuration adds some.
	plain bool
}

// match finds the version that is the given schema: the one with that very content; else, if the question has no
// metadata, the one with the latest's metadata; else one that is the same once its references are written out.
func (r *Registry) match(m matcher, p *parsed, version int32) (model.Registered, bool) {
	if m.subject == nil {
		return model.Registered{}, false
	}
	latest := m.subject.latest()
	if version == model.Latest {
		return matchLatest(m, p.schema, latest)
	}
	asked := p.schema.Attached()
	contents := []*model.Schema{p.schema}
	if asked != (model.Attached{}) || !m.plain {
		contents[0] = p.schema.With(m.complete(asked))
	}
	inherits := latest != nil && (asked.Metadata == nil && latest.Schema.Metadata != nil || asked.Rules == nil && latest.Schema.Rules != nil)
	if inherits {
		contents = append(contents, p.schema.With(m.inherited(asked, latest)))
	}
	for _, content := range contents {
		for _, v := range slices.Backward(m.subject.versions) {
			if v.Schema.Same(content) && m.filter.Admits(v) {
				return model.Registered{Version: v}, true
			}
		}
	}
	if inherits {
		if found, ok := matchLatest(m, p.schema, latest); ok {
			return found, true
		}
	}
	return r.matchResolved(m, p)
}

// matchLatest accepts the latest version if it is the given schema but for the number that the registry keeps in it.
func matchLatest(m matcher, s *model.Schema, latest *model.Version) (model.Registered, bool) {
	if latest == nil {
		return model.Registered{}, false
	}
	want := s.With(withoutNumber(m.inherited(s.Attached(), latest)))
	have := latest.Schema.With(withoutNumber(latest.Schema.Attached()))
	return model.Registered{Version: latest, Stored: true}, want.Same(have)
}

// withoutNumber takes the version's number out; metadata that had nothing else is the same as none.
func withoutNumber(a model.Attached) model.Attached {
	if _, ok := a.Metadata.Property(model.VersionProperty); ok {
		if a.Metadata = a.Metadata.WithoutProperty(model.VersionProperty); a.Metadata.Equal(&model.Metadata{}) {
			a.Metadata = nil
		}
	}
	return a
}

// complete adds to metadata and rules what the configuration adds.
func (m matcher) complete(given model.Attached) model.Attached {
	return model.Attached{Metadata: m.config.DefaultMetadata, Rules: m.config.DefaultRules}.Merge(given).
		Merge(model.Attached{Metadata: m.config.OverrideMetadata, Rules: m.config.OverrideRules})
}

// inherited is the metadata and the rules of a new version: what it does not bring it has from the latest, which may be
// nil. An inherited number is brought up to date.
func (m matcher) inherited(given model.Attached, latest *model.Version) model.Attached {
	if latest == nil {
		return m.complete(given)
	}
	out := m.complete(given.Or(latest.Schema.Attached()))
	if _, ok := out.Metadata.Property(model.VersionProperty); ok && given.Metadata == nil {
		out.Metadata = out.Metadata.WithProperty(model.VersionProperty, strconv.Itoa(int(m.subject.next())))
	}
	return out
}

// matchResolved finds a version with references that is the given schema, which has none, once they are written out.
func (r *Registry) matchResolved(m matcher, p *parsed) (model.Registered, bool) {
	if len(p.schema.References) > 0 || p.avro == nil {
		return model.Registered{}, false
	}
	for _, v := range slices.Backward(m.subject.versions) {
		if !m.filter.Admits(v) || len(v.Schema.References) == 0 || v.Schema.Type != model.Avro {
			continue
		}
		if text, err := r.resolvedText(m.v, v); err == nil && text == p.schema.Text {
			return model.Registered{Version: v, Stored: true}, true
		}
	}
	return model.Registered{}, false
}

// resolvedText is a version's schema with its references written out.
func (r *Registry) resolvedText(v view, version *model.Version) (string, error) {
	if version.Schema.Type != model.Avro || len(version.Schema.References) == 0 {
		return version.Schema.Text, nil
	}
	avro, err := r.stored(v, version, 1)
	if err != nil {
		return "", unreadable(version, err)
	}
	return avro.Resolved(), nil
}

func subjectNotFound(s model.Subject) error {
	return model.Errorf(model.SubjectNotFound, "Subject '%s' not found.", s)
}

func versionNotFound(number int32) error {
	return model.Errorf(model.VersionNotFound, "Version %d not found.", number)
}
