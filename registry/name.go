package registry

import "github.com/typelog/typelog/registry/internal/model"

// resolve is the subject that a name in a request means: its canonical spelling, or what that is an alias of. An alias
// is followed once. An alias without a context means its own context.
func resolve(v view, written string) model.Subject {
	s := model.ParseSubject(written)
	if c := v.config(s); c != nil && c.Alias != "" {
		return model.ParseSubject(string(model.Subject(c.Alias).In(s.Context())))
	}
	return s
}

// Resolve is the subject that a name means: its canonical spelling, or what that is an alias of.
func (r *Registry) Resolve(subject string) model.Subject { return resolve(r.present(), subject) }

// elsewhere lists the other contexts in which a subject of the default context is looked for.
func elsewhere(v view, s model.Subject) []model.Subject {
	if s.Context() != model.DefaultContext {
		return nil
	}
	var out []model.Subject
	for _, context := range v.contextNames() {
		if context != model.DefaultContext {
			out = append(out, model.Qualify(context, s.Name()))
		}
	}
	return out
}

// contextLabel is a context as it stands in messages: nothing for the default one.
func contextLabel(s model.Subject) string {
	if s.Context() == model.DefaultContext {
		return ""
	}
	return string(s.Scope())
}
