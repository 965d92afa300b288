package registry

import (
	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/registry/internal/store"
)

// view is what the rules read: the catalog as it is, under a lock; the present, which takes the lock for each answer; or
// a draft, the catalog as it will be once the draft is flushed. What it returns is immutable.
type view interface {
	subject(model.Subject) *subject
	// identity returns the schema of an id, or nil.
	identity(context string, id int32) *model.Schema
	// idOf returns the id that a content has in a context.
	idOf(context string, g model.GUID) (int32, bool)
	// maxID is the highest id that was ever given out in a context, and whether the context is listed.
	maxID(context string) (id int32, listed bool)
	config(model.Subject) *model.Config
	mode(model.Subject) (model.Mode, bool)
	contextNames() []string
	// refersTo reports whether any version, softly deleted or not, refers to one.
	refersTo(versionKey) bool
}

func (c *catalog) subject(s model.Subject) *subject { return c.subjects[s] }

func (c *catalog) identity(context string, id int32) *model.Schema {
	if s := c.contexts[context]; s != nil {
		if i := s.ids[id]; i != nil {
			return i.schema
		}
	}
	return nil
}

func (c *catalog) idOf(context string, g model.GUID) (int32, bool) {
	s := c.contexts[context]
	if s == nil {
		return 0, false
	}
	id, ok := s.guids[g]
	return id, ok
}

func (c *catalog) maxID(context string) (int32, bool) {
	s := c.contexts[context]
	if s == nil {
		return 0, false
	}
	return s.maxID, s.listed || context == model.DefaultContext
}

func (c *catalog) config(s model.Subject) *model.Config { return c.configs[s] }

func (c *catalog) mode(s model.Subject) (model.Mode, bool) {
	m, ok := c.modes[s]
	return m, ok
}

func (c *catalog) refersTo(k versionKey) bool { return len(c.referrers[k]) > 0 }

// draft is the catalog with registrations on top that are not flushed yet. Only the committer uses it, one batch at a
// time; nobody else sees it.
type draft struct {
	*catalog
	changes    []store.Change
	subjects   map[model.Subject]*subject
	identities map[identityKey]*model.Schema
	guids      map[guidKey]int32
	contexts   map[string]store.PutContext
	targets    map[versionKey]bool // what new versions refer to
}

type identityKey struct {
	context string
	id      int32
}

type guidKey struct {
	context string
	guid    model.GUID
}

func newDraft(c *catalog) *draft {
	return &draft{
		catalog:    c,
		subjects:   map[model.Subject]*subject{},
		identities: map[identityKey]*model.Schema{},
		guids:      map[guidKey]int32{},
		contexts:   map[string]store.PutContext{},
		targets:    map[versionKey]bool{},
	}
}

// add puts changes on top. Of changes that a later registration in the same batch may read, it knows those that
// registrations make; all others travel in a batch of their own.
func (d *draft) add(changes []store.Change) {
	d.changes = append(d.changes, changes...)
	for _, c := range changes {
		switch c := c.(type) {
		case store.PutVersion:
			name := c.Version.Subject.Context()
			d.subjects[c.Version.Subject] = d.subject(c.Version.Subject).with(c.Version)
			d.identities[identityKey{name, c.Version.ID}] = c.Version.Schema
			d.guids[guidKey{name, c.Version.Schema.GUID}] = c.Version.ID
			for _, target := range targets(c.Version) {
				d.targets[target] = true
			}
		case store.DropVersion:
			// A registration drops only versions whose id it gives to a new one, so the subject stays.
			d.subjects[c.Subject] = d.subject(c.Subject).without(c.Number)
		case store.PutContext:
			d.contexts[c.Name] = c
		}
	}
}

func (d *draft) subject(s model.Subject) *subject {
	if own, ok := d.subjects[s]; ok {
		return own
	}
	return d.catalog.subject(s)
}

func (d *draft) identity(context string, id int32) *model.Schema {
	if s, ok := d.identities[identityKey{context, id}]; ok {
		return s
	}
	return d.catalog.identity(context, id)
}

func (d *draft) idOf(context string, g model.GUID) (int32, bool) {
	if id, ok := d.guids[guidKey{context, g}]; ok {
		return id, true
	}
	return d.catalog.idOf(context, g)
}

func (d *draft) maxID(context string) (int32, bool) {
	if c, ok := d.contexts[context]; ok {
		return c.MaxID, c.Listed
	}
	return d.catalog.maxID(context)
}

func (d *draft) refersTo(k versionKey) bool { return d.targets[k] || d.catalog.refersTo(k) }

// present answers each question from the catalog at that moment. Whatever parses or compares schemas reads through it,
// so that nobody waits for a lock while a hostile schema is looked at. Two answers may come from different moments.
type present struct{ catalog *catalog }

func (r *Registry) present() view { return present{r.catalog} }

func (p present) subject(s model.Subject) *subject {
	p.catalog.mu.RLock()
	defer p.catalog.mu.RUnlock()
	return p.catalog.subject(s)
}

func (p present) identity(context string, id int32) *model.Schema {
	p.catalog.mu.RLock()
	defer p.catalog.mu.RUnlock()
	return p.catalog.identity(context, id)
}

func (p present) idOf(context string, g model.GUID) (int32, bool) {
	p.catalog.mu.RLock()
	defer p.catalog.mu.RUnlock()
	return p.catalog.idOf(context, g)
}

func (p present) maxID(context string) (int32, bool) {
	p.catalog.mu.RLock()
	defer p.catalog.mu.RUnlock()
	return p.catalog.maxID(context)
}

func (p present) config(s model.Subject) *model.Config {
	p.catalog.mu.RLock()
	defer p.catalog.mu.RUnlock()
	return p.catalog.config(s)
}

func (p present) mode(s model.Subject) (model.Mode, bool) {
	p.catalog.mu.RLock()
	defer p.catalog.mu.RUnlock()
	return p.catalog.mode(s)
}

func (p present) contextNames() []string {
	p.catalog.mu.RLock()
	defer p.catalog.mu.RUnlock()
	return p.catalog.contextNames()
}

func (p present) refersTo(k versionKey) bool {
	p.catalog.mu.RLock()
	defer p.catalog.mu.RUnlock()
	return p.catalog.refersTo(k)
}

// inRead calls f with the catalog locked for reading. f must be quick.
func (r *Registry) inRead(f func(*catalog)) {
	r.catalog.mu.RLock()
	defer r.catalog.mu.RUnlock()
	f(r.catalog)
}
