package registry

import (
	"maps"
	"slices"
	"strings"

	"github.com/typelog/typelog/registry/internal/model"
)

// ByID returns a version that has an id, softly deleted or not. subject, if not empty, says which one is preferred and
// in which context the id counts; a subject of the default context is looked for in the others, too.
func (r *Registry) ByID(id int32, subject string) (*model.Version, error) {
	var out *model.Version
	r.inRead(func(c *catalog) {
		s := resolve(c, subject)
		places := []model.Subject{s}
		if subject != "" {
			places = append(places, elsewhere(c, s)...)
		}
		var hint *model.Version
		for _, place := range places {
			state := c.contexts[place.Context()]
			if state == nil || state.ids[id] == nil {
				continue
			}
			identity := state.ids[id]
			if place.Name() == "" {
				out = identity.last
				return
			}
			if v := use(identity, place); v != nil {
				out = v
				return
			}
			if hint == nil {
				hint = identity.last
			}
		}
		out = hint
	})
	if out == nil {
		return nil, model.Errorf(model.SchemaNotFound, "Schema %d not found", id)
	}
	return out, nil
}

// use is the newest version of a subject that has an identity.
func use(id *identity, s model.Subject) *model.Version {
	var out *model.Version
	for k, v := range id.uses {
		if k.subject == s && (out == nil || out.Number < k.number) {
			out = v
		}
	}
	return out
}

// Uses lists the versions that have an id in the context of subject (the default one if it is ""), the newest of each
// subject, sorted by subject.
func (r *Registry) Uses(id int32, subject string, filter model.Filter) ([]*model.Version, error) {
	found := false
	newest := map[model.Subject]*model.Version{}
	r.inRead(func(c *catalog) {
		state := c.contexts[resolve(c, subject).Context()]
		if state == nil || state.ids[id] == nil {
			return
		}
		found = true
		for _, v := range state.ids[id].uses {
			if old := newest[v.Subject]; filter.Admits(v) && (old == nil || old.Number < v.Number) {
				newest[v.Subject] = v
			}
		}
	})
	if !found {
		return nil, model.Errorf(model.SchemaNotFound, "Schema not found")
	}
	return slices.SortedFunc(maps.Values(newest), func(a, b *model.Version) int {
		return strings.Compare(string(a.Subject), string(b.Subject))
	}), nil
}

// MaxID is the highest id that was ever given out in the context of subject.
func (r *Registry) MaxID(subject string) int32 {
	var id int32
	r.inRead(func(c *catalog) { id, _ = c.maxID(resolve(c, subject).Context()) })
	return id
}

// ByGUID returns a version with a content.
func (r *Registry) ByGUID(written string) (*model.Version, error) {
	var out *model.Version
	if g, ok := model.ParseGUID(written); ok {
		r.inRead(func(c *catalog) {
			for _, at := range c.idsOf(g) {
				out = c.contexts[at.Context].ids[at.ID].last
				return
			}
		})
	}
	if out == nil {
		return nil, model.Errorf(model.SchemaNotFound, "Schema %s not found", written)
	}
	return out, nil
}

// IDs lists the ids of a content, by context; none for a guid that nobody has.
func (r *Registry) IDs(written string) []model.ContextID {
	out := []model.ContextID{}
	if g, ok := model.ParseGUID(written); ok {
		r.inRead(func(c *catalog) { out = c.idsOf(g) })
	}
	return out
}

func (c *catalog) idsOf(g model.GUID) []model.ContextID {
	out := []model.ContextID{}
	for _, context := range slices.Sorted(maps.Keys(c.contexts)) {
		if id, ok := c.contexts[context].guids[g]; ok {
			out = append(out, model.ContextID{Context: context, ID: id})
		}
	}
	return out
}

// ResolvedText is a version's schema with its references written out.
func (r *Registry) ResolvedText(version *model.Version) (string, error) {
	return r.resolvedText(r.present(), version)
}
