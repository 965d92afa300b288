package registry

import (
	"context"
	"strings"
	"time"

	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/registry/internal/store"
)

// Contexts lists the contexts whose names begin with prefix, sorted. A context is there from its first schema on until
// it is deleted; the default one, ".", is always there.
func (r *Registry) Contexts(prefix string) []string {
	out := []string{}
	r.inRead(func(c *catalog) {
		for _, name := range c.contextNames() {
			if strings.HasPrefix(name, prefix) {
				out = append(out, name)
			}
		}
	})
	return out
}

// DeleteContext takes a context that has no subjects, not even softly deleted ones, off the list. Its ids are not used
// again.
func (r *Registry) DeleteContext(ctx context.Context, name string) error {
	return r.submit(ctx, true, func(v view, _ time.Time) ([]store.Change, error) {
		highest, listed := v.maxID(name)
		if !listed {
			return nil, nil
		}
		if len(r.catalog.names(model.Prefix{Context: name})) > 0 {
			return nil, model.Errorf(model.ContextNotEmpty, "The specified context '%s' is not empty.", model.Qualify(name, ""))
		}
		return []store.Change{store.PutContext{Name: name, MaxID: highest}}, nil
	})
}
