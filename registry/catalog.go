package registry

import (
	"maps"
	"slices"
	"sync"

	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/registry/internal/store"
)

// catalog is the whole registry in memory: a cache of the store, changed only by applying what the store has flushed.
// Values behind the maps' pointers of type subject and Version are immutable, so a reader may keep them after it has
// given the lock back.
type catalog struct {
	mu       sync.RWMutex // guards everything below; only the committer takes it for writing
	at       store.Position
	subjects map[model.Subject]*subject
	contexts map[string]*contextState
	configs  map[model.Subject]*model.Config
	modes    map[model.Subject]model.Mode
	// referrers are the versions that refer to a version, softly deleted ones included.
	referrers map[versionKey]map[versionKey]*model.Version
}

// versionKey names a version.
type versionKey struct {
	subject model.Subject
	number  int32
}

// subject is a subject with at least one version; immutable.
type subject struct {
	name     model.Subject
	versions []*model.Version // by number
}

// contextState is what a context knows of its ids.
type contextState struct {
	maxID  int32
	listed bool
	ids    map[int32]*identity
	guids  map[model.GUID]int32 // the id last given to a content
	// others are further ids of a content. Only imports give one content two ids.
	others map[model.GUID][]int32
}

// identity is an id with the versions that have it.
type identity struct {
	schema *model.Schema
	uses   map[versionKey]*model.Version
	last   *model.Version // the one that was put last
}

func newCatalog() *catalog {
	return &catalog{
		subjects:  map[model.Subject]*subject{},
		contexts:  map[string]*contextState{model.DefaultContext: newContextState()},
		configs:   map[model.Subject]*model.Config{},
		modes:     map[model.Subject]model.Mode{},
		referrers: map[versionKey]map[versionKey]*model.Version{},
	}
}

func newContextState() *contextState {
	return &contextState{ids: map[int32]*identity{}, guids: map[model.GUID]int32{}, others: map[model.GUID][]int32{}}
}

// apply makes one change. The caller holds the lock for writing.
func (c *catalog) apply(change store.Change) {
	switch change := change.(type) {
	case store.PutVersion:
		c.dropVersion(change.Version.Subject, change.Version.Number)
		c.putVersion(change.Version)
	case store.DropVersion:
		c.dropVersion(change.Subject, change.Number)
	case store.PutConfig:
		c.configs[change.Subject] = &change.Config
	case store.DropConfig:
		delete(c.configs, change.Subject)
	case store.PutMode:
		c.modes[change.Subject] = change.Mode
	case store.DropMode:
		delete(c.modes, change.Subject)
	case store.PutContext:
		s := c.context(change.Name)
		s.maxID, s.listed = max(s.maxID, change.MaxID), change.Listed
	}
}

// context returns a context's state and makes it if it is missing.
func (c *catalog) context(name string) *contextState {
	s := c.contexts[name]
	if s == nil {
		s = newContextState()
		c.contexts[name] = s
	}
	return s
}

func (c *catalog) putVersion(v *model.Version) {
	c.subjects[v.Subject] = c.subjects[v.Subject].with(v)
	state := c.context(v.Subject.Context())
	state.maxID = max(state.maxID, v.ID)
	id := state.ids[v.ID]
	if id == nil {
		id = &identity{schema: v.Schema, uses: map[versionKey]*model.Version{}}
		state.ids[v.ID] = id
	}
	id.schema, id.last = v.Schema, v
	id.uses[key(v)] = v
	if old, ok := state.guids[v.Schema.GUID]; ok && old != v.ID && !slices.Contains(state.others[v.Schema.GUID], old) {
		state.others[v.Schema.GUID] = append(state.others[v.Schema.GUID], old)
	}
	state.guids[v.Schema.GUID] = v.ID
	for _, target := range targets(v) {
		if c.referrers[target] == nil {
			c.referrers[target] = map[versionKey]*model.Version{}
		}
		c.referrers[target][key(v)] = v
	}
}

func (c *catalog) dropVersion(name model.Subject, number int32) {
	s := c.subjects[name]
	v := s.version(number)
	if v == nil {
		return
	}
	if s = s.without(number); s == nil {
		delete(c.subjects, name)
	} else {
		c.subjects[name] = s
	}
	for _, target := range targets(v) {
		delete(c.referrers[target], key(v))
		if len(c.referrers[target]) == 0 {
			delete(c.referrers, target)
		}
	}
	state := c.context(name.Context())
	id := state.ids[v.ID]
	delete(id.uses, key(v))
	switch {
	case len(id.uses) > 0:
		if id.last == v {
			id.last = newest(id.uses)
		}
	default:
		delete(state.ids, v.ID)
		if state.guids[v.Schema.GUID] == v.ID {
			delete(state.guids, v.Schema.GUID)
			state.restoreGUID(v.Schema.GUID)
		}
	}
}

// restoreGUID finds another id of a content whose id has gone.
func (s *contextState) restoreGUID(g model.GUID) {
	for _, id := range s.others[g] {
		if i := s.ids[id]; i != nil && i.schema.GUID == g {
			s.guids[g] = id
			return
		}
	}
	delete(s.others, g)
}

func newest(uses map[versionKey]*model.Version) *model.Version {
	var last *model.Version
	for _, v := range uses {
		if last == nil || v.Time > last.Time || v.Time == last.Time && before(last, v) {
			last = v
		}
	}
	return last
}

func before(a, b *model.Version) bool {
	return a.Subject < b.Subject || a.Subject == b.Subject && a.Number < b.Number
}

func key(v *model.Version) versionKey { return versionKey{v.Subject, v.Number} }

// targets are the versions that v refers to.
func targets(v *model.Version) []versionKey {
	if len(v.Schema.References) == 0 {
		return nil
	}
	out := make([]versionKey, len(v.Schema.References))
	for i, r := range v.Schema.References {
		out[i] = versionKey{referenced(v.Subject.Context(), r), r.Version}
	}
	return out
}

// referenced is the subject that a reference within a context means.
func referenced(context string, r model.Reference) model.Subject {
	return model.ParseSubject(string(model.Subject(r.Subject).In(context)))
}

// with returns s, which may be nil, with one more version, or another in the place of the one with its number.
func (s *subject) with(v *model.Version) *subject {
	if s == nil {
		return &subject{name: v.Subject, versions: []*model.Version{v}}
	}
	i, found := s.search(v.Number)
	out := &subject{name: s.name, versions: make([]*model.Version, 0, len(s.versions)+1)}
	out.versions = append(append(out.versions, s.versions[:i]...), v)
	if found {
		i++
	}
	out.versions = append(out.versions, s.versions[i:]...)
	return out
}

// without returns s without a version, or nil if it was the last.
func (s *subject) without(number int32) *subject {
	i, found := s.search(number)
	switch {
	case !found:
		return s
	case len(s.versions) == 1:
		return nil
	}
	return &subject{name: s.name, versions: slices.Delete(slices.Clone(s.versions), i, i+1)}
}

func (s *subject) search(number int32) (int, bool) {
	return slices.BinarySearchFunc(s.versions, number, func(v *model.Version, n int32) int {
		return int(int64(v.Number) - int64(n))
	})
}

// version returns the version with a number, softly deleted or not, or nil. s may be nil.
func (s *subject) version(number int32) *model.Version {
	if s == nil {
		return nil
	}
	if i, ok := s.search(number); ok {
		return s.versions[i]
	}
	return nil
}

// latest returns the newest version that is not deleted, or nil. s may be nil.
func (s *subject) latest() *model.Version {
	if s == nil {
		return nil
	}
	for _, v := range slices.Backward(s.versions) {
		if !v.Deleted {
			return v
		}
	}
	return nil
}

// exists reports whether there are versions to be seen. s may be nil.
func (s *subject) exists(deleted bool) bool {
	return s != nil && (deleted || s.latest() != nil)
}

// next is the number of the next version. s may be nil.
func (s *subject) next() int32 {
	if s == nil {
		return 1
	}
	return s.versions[len(s.versions)-1].Number + 1
}

// names returns the subjects that a prefix selects, sorted. The caller holds the lock.
func (c *catalog) names(p model.Prefix) []model.Subject {
	out := []model.Subject{}
	for name := range c.subjects {
		if p.Matches(name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// contextNames returns all contexts that are listed, the default one first. The caller holds the lock.
func (c *catalog) contextNames() []string {
	out := []string{}
	for _, name := range slices.Sorted(maps.Keys(c.contexts)) {
		if name == model.DefaultContext || c.contexts[name].listed {
			out = append(out, name)
		}
	}
	return out
}
