package registry

import (
	"context"
	"time"

	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/registry/internal/store"
)

// effectiveConfig is the configuration that holds for a subject: the nearest one that exists, whole.
func effectiveConfig(v view, s model.Subject) model.Config {
	for _, scope := range scopes(s) {
		if c := v.config(scope); c != nil {
			return *c
		}
	}
	return model.Config{}
}

// SubjectConfig is the configuration that is set for a subject, for a context (":.context:"), or for the default
// context (""). Aliases are not followed. With effective, it is the one that holds for a subject, whoever set it.
func (r *Registry) SubjectConfig(subject string, effective bool) (model.Config, error) {
	s := model.ParseSubject(subject)
	var out model.Config
	var ok bool
	r.inRead(func(c *catalog) {
		if own := c.config(s); own != nil {
			out, ok = *own, true
		} else if effective {
			out, ok = effectiveConfig(c, s), true
		}
	})
	if ok || s == model.Top {
		return out, nil
	}
	return out, model.Errorf(model.NoSubjectConfig, "Subject '%s' does not have subject-level compatibility configured", s)
}

// UpdateConfig changes a configuration and returns the new one. change gets a copy of the old one; it may be called
// several times.
func (r *Registry) UpdateConfig(ctx context.Context, subject string, change func(*model.Config)) (model.Config, error) {
	s := model.ParseSubject(subject)
	var out model.Config
	err := r.submit(ctx, true, func(v view, _ time.Time) ([]store.Change, error) {
		if err := writable(v, s); err != nil {
			return nil, err
		}
		out = model.Config{}
		if old := v.config(s); old != nil {
			out = *old
		}
		change(&out)
		return []store.Change{store.PutConfig{Subject: s, Config: out}}, nil
	})
	return out, err
}

// DeleteConfig removes a configuration and returns what it was.
func (r *Registry) DeleteConfig(ctx context.Context, subject string) (model.Config, error) {
	s := model.ParseSubject(subject)
	var old model.Config
	err := r.submit(ctx, true, func(v view, _ time.Time) ([]store.Change, error) {
		c := v.config(s)
		if c == nil {
			if s == model.Top {
				return nil, nil
			}
			return nil, subjectNotFound(s)
		}
		if err := writable(v, s); err != nil {
			return nil, err
		}
		old = *c
		return []store.Change{store.DropConfig{Subject: s}}, nil
	})
	return old, err
}
