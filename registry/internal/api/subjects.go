package api

import (
	"context"
	"slices"

	"github.com/typelog/typelog/registry/internal/model"
)

// subjects are the service's answers about subjects and their versions.
type subjects interface {
	Subjects(p model.Prefix, filter model.Filter) []model.Subject
	Versions(subject string, filter model.Filter) ([]*model.Version, error)
	Version(subject string, number int32, filter model.Filter) (*model.Version, error)
	LatestWith(subject string, properties map[string]string, filter model.Filter) (*model.Version, error)
	ReferencedBy(subject string, number int32, filter model.Filter) ([]int32, error)
	Lookup(q model.Registration, filter model.Filter) (model.Registered, error)
	Register(ctx context.Context, q model.Registration) (model.Registered, error)
	DeleteVersion(ctx context.Context, subject string, number int32, permanent bool) (int32, error)
	Undelete(ctx context.Context, subject string, number int32) (int32, error)
	DeleteSubject(ctx context.Context, subject string, permanent bool) ([]int32, error)
	ResolvedText(v *model.Version) (string, error)
	Given(ctx context.Context, v *model.Version) (string, error)
}

func listSubjects(c *call) (any, error) {
	prefix := model.Everything()
	if c.args().Has("subjectPrefix") || c.within() != "" {
		prefix = c.prefix()
	}
	list := c.service.Subjects(prefix, c.filter())
	if c.caller != nil {
		list = slices.DeleteFunc(list, func(s model.Subject) bool { return !c.visible(s) })
	}
	return page(c, list)
}

// prefix is the subjectPrefix argument, in the path's context.
func (c *call) prefix() model.Prefix {
	p := model.ParsePrefix(c.arg("subjectPrefix"))
	if within := c.within(); within != "" {
		p = p.In(within)
	}
	return p
}

func lookUp(c *call) (any, error) {
	q, err := c.registration("lookUpSchemaUnderSubject.arg5")
	if err != nil {
		return nil, err
	}
	filter := model.Live
	if c.flag("deleted") {
		filter = model.WithDeleted
	}
	found, err := c.service.Lookup(q, filter)
	if err == nil {
		err = c.may(Read, found.Subject)
	}
	if err != nil {
		return nil, err
	}
	e := registered(found)
	e.Subject = &found.Subject
	return c.shaped(found.Version, e)
}

func register(c *call) (any, error) {
	q, err := c.registration("register.arg5")
	if err != nil {
		return nil, err
	}
	if err := q.Rules.Validate(); err != nil {
		return nil, err
	}
	done, err := c.service.Register(c.request.Context(), q)
	if err == nil {
		err = c.may(Read, done.Subject)
	}
	if err != nil {
		return nil, err
	}
	if c.options.Compat == 7 {
		return entity{ID: &done.ID, Warnings: done.Warnings}, nil
	}
	return c.shaped(done.Version, registered(done))
}

// registered is the answer to a registration: what was asked for with its id and version, or the stored version that
// is equivalent.
func registered(r model.Registered) entity {
	e := content(r.Schema)
	if r.Stored {
		e = e.dated(r.Version)
	}
	e.ID, e.Version, e.Warnings = &r.ID, &r.Number, r.Warnings
	return e
}

func deleteSubject(c *call) (any, error) {
	return c.service.DeleteSubject(c.request.Context(), c.subject(), c.flag("permanent"))
}

func latestWithMetadata(c *call) (any, error) {
	want := map[string]string{}
	values := c.args()["value"]
	for i, key := range c.args()["key"] {
		if i < len(values) {
			want[key] = values[i]
		}
	}
	v, err := c.service.LatestWith(c.subject(), want, c.filter())
	if err != nil {
		return nil, err
	}
	return c.shaped(v, full(v))
}
