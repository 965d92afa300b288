package api

import (
	"context"

	"github.com/typelog/typelog/registry/internal/model"
)

// contexts are the service's answers about contexts.
type contexts interface {
	Contexts(prefix string) []string
	DeleteContext(ctx context.Context, name string) error
}

func listContexts(c *call) (any, error) { return page(c, c.service.Contexts(c.arg("contextPrefix"))) }

func deleteContext(c *call) (any, error) {
	name := c.param("context")
	if name == "" || name[0] == ':' {
		return nothing{}, nil // the name of no context: contexts are named without colons here
	}
	return nothing{}, c.service.DeleteContext(c.request.Context(), model.ParseContext(name))
}
