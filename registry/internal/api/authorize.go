package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/typelog/typelog/registry/internal/model"
)

// names is the service's answer to which subject a name means.
type names interface {
	// Resolve follows an alias.
	Resolve(subject string) model.Subject
}

// authorize finds out who calls and whether they may do what the route does, to the subject that the path names.
func (c *call) authorize(access Access) error {
	if c.options.Authenticate == nil || access == Open {
		return nil
	}
	caller, err := c.options.Authenticate(c.request)
	if errors.Is(err, ErrUnauthenticated) {
		c.writer.Header().Set("WWW-Authenticate", `Basic realm="typelog registry", charset="UTF-8"`)
		return &statusError{http.StatusUnauthorized, http.StatusUnauthorized, "Unauthorized"}
	}
	if err != nil {
		return err
	}
	c.caller = caller
	if chi.URLParam(c.request, "subject") == "" {
		if !caller.MayWithout(access) {
			return forbidden()
		}
		return nil
	}
	return c.may(access, c.target())
}

// target is the subject that the path names: what it is an alias of, except for configurations and modes, which are those
// of the alias itself.
func (c *call) target() model.Subject {
	pattern := chi.RouteContext(c.request.Context()).RoutePattern()
	if strings.Contains(pattern, "/config/") || strings.Contains(pattern, "/mode/") {
		return model.ParseSubject(c.subject())
	}
	return c.service.Resolve(c.subject())
}

func (c *call) may(access Access, s model.Subject) error {
	if c.caller != nil && !c.caller.May(access, s) {
		return forbidden()
	}
	return nil
}

func forbidden() error {
	return model.Errorf(model.Forbidden, "User is denied operation on this resource")
}

// visible says whether the caller may read a subject that a list or an answer names.
func (c *call) visible(s model.Subject) bool { return c.may(Read, s) == nil }

// shownAs is a version with the content of v that the caller may read: v, or one of another subject with the same id.
func (c *call) shownAs(v *model.Version) (*model.Version, error) {
	if c.visible(v.Subject) {
		return v, nil
	}
	uses, err := c.service.Uses(v.ID, string(v.Subject.Scope()), model.WithDeleted)
	if err != nil {
		return nil, err
	}
	for _, other := range uses {
		if c.visible(other.Subject) {
			return other, nil
		}
	}
	return nil, forbidden()
}

// mayRefer refuses references to subjects that the caller may not read: a look at the referring schema would show them.
func (c *call) mayRefer(q model.Registration) error {
	within := model.ParseSubject(q.Subject).Context()
	for _, r := range q.References {
		if err := c.may(Read, model.ParseSubject(string(model.Subject(r.Subject).In(within)))); err != nil {
			return err
		}
	}
	return nil
}
