package registry

import (
	"maps"
	"slices"

	"github.com/typelog/typelog/registry/internal/model"
)

// Subjects lists the subjects that a prefix selects, sorted: those with a live version, all, or those with none.
func (r *Registry) Subjects(p model.Prefix, filter model.Filter) []model.Subject {
	out := []model.Subject{}
	r.inRead(func(c *catalog) {
		for _, name := range c.names(p) {
			live := c.subjects[name].latest() != nil
			if filter == model.WithDeleted || live == (filter == model.Live) {
				out = append(out, name)
			}
		}
	})
	return out
}

// Versions lists a subject's versions by number. A subject of which the filter selects nothing is not found.
func (r *Registry) Versions(subject string, filter model.Filter) ([]*model.Version, error) {
	var out []*model.Version
	var s model.Subject
	r.inRead(func(c *catalog) {
		s = resolve(c, subject)
		if versions := c.subject(s); versions != nil {
			for _, v := range versions.versions {
				if filter.Admits(v) {
					out = append(out, v)
				}
			}
		}
	})
	if len(out) == 0 {
		return nil, subjectNotFound(s)
	}
	return out, nil
}

// Version returns one version, or the newest live one if number is Latest. A version of the default context that is not
// there is looked for in all other contexts.
func (r *Registry) Version(subject string, number int32, filter model.Filter) (*model.Version, error) {
	var out *model.Version
	var refusal error
	r.inRead(func(c *catalog) {
		s := resolve(c, subject)
		for _, place := range append([]model.Subject{s}, elsewhere(c, s)...) {
			var err error
			if out, err = versionIn(c, place, number, filter); err == nil {
				return
			}
			if refusal == nil {
				refusal = err
			}
		}
	})
	if out != nil {
		return out, nil
	}
	return nil, refusal
}

func versionIn(v view, s model.Subject, number int32, filter model.Filter) (*model.Version, error) {
	versions := v.subject(s)
	if !versions.exists(filter != model.Live) {
		return nil, subjectNotFound(s)
	}
	version := versions.version(number)
	if number == model.Latest {
		version = versions.latest()
	}
	if version == nil || !filter.Admits(version) {
		return nil, versionNotFound(number)
	}
	return version, nil
}

// LatestWith returns the newest version whose metadata has all the given properties.
func (r *Registry) LatestWith(subject string, properties map[string]string, filter model.Filter) (*model.Version, error) {
	var out *model.Version
	var err error
	r.inRead(func(c *catalog) {
		s := resolve(c, subject)
		versions := c.subject(s)
		if !versions.exists(filter != model.Live) {
			err = subjectNotFound(s)
			return
		}
		for _, v := range slices.Backward(versions.versions) {
			if filter.Admits(v) && has(v.Schema.Metadata, properties) {
				out = v
				return
			}
		}
		err = model.Errorf(model.SchemaNotFound, "Schema not found")
	})
	return out, err
}

func has(m *model.Metadata, properties map[string]string) bool {
	if m == nil {
		return false
	}
	for k, want := range properties {
		if got, ok := m.Property(k); !ok || got != want {
			return false
		}
	}
	return true
}

// ReferencedBy lists the ids of the schemas that refer to a version, sorted; ids of several contexts may be equal.
func (r *Registry) ReferencedBy(subject string, number int32, filter model.Filter) ([]int32, error) {
	v, err := r.Version(subject, number, model.WithDeleted)
	if err != nil {
		return nil, err
	}
	ids := []int32{}
	r.inRead(func(c *catalog) {
		seen := map[identityKey]bool{}
		for _, by := range c.referrers[key(v)] {
			k := identityKey{by.Subject.Context(), by.ID}
			if filter.Admits(by) && !seen[k] {
				seen[k] = true
				ids = append(ids, by.ID)
			}
		}
	})
	slices.Sort(ids)
	return ids, nil
}

// Listed is a version with the other names of its subject.
type Listed = model.Listed

// Schemas lists all versions of the subjects that a prefix selects, or the newest of each. With aliases, each comes with
// the aliases of its subject, and a prefix may select an alias.
func (r *Registry) Schemas(p model.Prefix, filter model.Filter, latestOnly, aliases bool) []model.Listed {
	out := []model.Listed{}
	r.inRead(func(c *catalog) {
		var others map[model.Subject][]string
		names := c.names(p)
		if aliases {
			others = c.aliases()
			for name, list := range others {
				if c.subjects[name] != nil && slices.ContainsFunc(list, func(a string) bool { return p.Matches(model.Subject(a)) }) {
					names = append(names, name)
				}
			}
			slices.Sort(names)
			names = slices.Compact(names)
		}
		for _, name := range names {
			for i, v := range c.subjects[name].versions {
				if filter.Admits(v) && (!latestOnly || !slices.ContainsFunc(c.subjects[name].versions[i+1:], filter.Admits)) {
					out = append(out, model.Listed{Version: v, Aliases: others[name]})
				}
			}
		}
	})
	return out
}

// aliases are the names under which subjects are known besides their own.
func (c *catalog) aliases() map[model.Subject][]string {
	out := map[model.Subject][]string{}
	for _, name := range slices.Sorted(maps.Keys(c.configs)) {
		if c.configs[name].Alias != "" {
			target := resolve(c, string(name))
			out[target] = append(out[target], string(name))
		}
	}
	return out
}
