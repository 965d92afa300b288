package registry

import (
	"context"
	"time"

	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/registry/internal/store"
)

// scopes are the keys at which the configuration or mode of a subject is looked for, nearest first.
func scopes(s model.Subject) [3]model.Subject { return [3]model.Subject{s, s.Scope(), model.Global} }

// effectiveMode is the mode that a subject is in.
func effectiveMode(v view, s model.Subject) model.Mode {
	for _, scope := range scopes(s) {
		if m, ok := v.mode(scope); ok {
			return m
		}
	}
	return model.ReadWrite
}

// Mode is the mode that is set for a subject, for a context (":.context:"), or for the default context (""). Aliases
// are not followed. With effective, it is the mode that a subject is in, whoever set it.
func (r *Registry) Mode(subject string, effective bool) (model.Mode, error) {
	s := model.ParseSubject(subject)
	var m model.Mode
	var ok bool
	r.inRead(func(c *catalog) {
		if m, ok = c.mode(s); !ok && effective {
			m, ok = effectiveMode(c, s), true
		}
	})
	switch {
	case ok:
		return m, nil
	case s == model.Top:
		return model.ReadWrite, nil
	}
	return "", model.Errorf(model.NoSubjectMode, "Subject '%s' does not have subject-level mode configured", s)
}

// SetMode sets a mode, or clears it if m is "". IMPORT needs a place without subjects, unless it is forced; what is
// softly deleted there is removed for good.
func (r *Registry) SetMode(ctx context.Context, subject string, m model.Mode, force bool) error {
	s := model.ParseSubject(subject)
	if m == model.Forwarding && s != model.Global {
		return model.Errorf(model.InvalidMode, "Forward mode only supported on global level")
	}
	return r.submit(ctx, true, func(v view, _ time.Time) ([]store.Change, error) {
		if m == "" {
			return []store.Change{store.DropMode{Subject: s}}, nil
		}
		var changes []store.Change
		if m == model.Import && !force {
			for _, name := range r.catalog.names(within(s)) {
				if s.Name() != "" && name != s {
					continue
				}
				if v.subject(name).exists(false) {
					return nil, model.Errorf(model.NotPermitted, "Cannot import since found existing subjects")
				}
				changes = append(changes, removeSubject(v.subject(name))...)
			}
		}
		return append(changes, store.PutMode{Subject: s, Mode: m}), nil
	})
}

// within selects the subjects that a configuration or mode at s may reach.
func within(s model.Subject) model.Prefix {
	if s == model.Global {
		return model.Everything()
	}
	return model.Prefix{Context: s.Context(), Name: s.Name()}
}

// DeleteMode removes a mode and returns what it was. recursive removes those of the context's subjects, too.
func (r *Registry) DeleteMode(ctx context.Context, subject string, recursive bool) (model.Mode, error) {
	s := model.ParseSubject(subject)
	var old model.Mode
	err := r.submit(ctx, true, func(v view, _ time.Time) ([]store.Change, error) {
		var ok bool
		var changes []store.Change
		if old, ok = v.mode(s); ok {
			changes = append(changes, store.DropMode{Subject: s})
		} else if s == model.Top {
			old = model.ReadWrite
		} else if !recursive {
			return nil, subjectNotFound(s)
		}
		if recursive {
			for name := range r.catalog.modes {
				if name != s && s.IsContext() && within(s).Matches(name) {
					changes = append(changes, store.DropMode{Subject: name})
				}
			}
		}
		return changes, nil
	})
	return old, err
}

// writable refuses changes to a subject that is in a mode that refuses them.
func writable(v view, s model.Subject) error {
	if effectiveMode(v, s).Refuses() {
		return readOnly(s)
	}
	return nil
}

func readOnly(s model.Subject) error {
	name := string(s)
	if s == model.Top {
		name = "null"
	}
	return model.Errorf(model.NotPermitted, "Subject %s in context %s is in read-only mode", name, contextLabel(s))
}
