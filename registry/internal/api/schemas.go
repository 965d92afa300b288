package api

import (
	"slices"

	"github.com/typelog/typelog/registry/internal/model"
)

// schemas are the service's answers about schemas by id, by guid, and all of them.
type schemas interface {
	Schemas(p model.Prefix, filter model.Filter, latestOnly, aliases bool) []model.Listed
	ByID(id int32, subject string) (*model.Version, error)
	MaxID(subject string) int32
	Uses(id int32, subject string, filter model.Filter) ([]*model.Version, error)
	ByGUID(guid string) (*model.Version, error)
	IDs(guid string) []model.ContextID
}

func listTypes(*call) (any, error) {
	return []model.Type{model.JSON, model.Protobuf, model.Avro}, nil
}

func listSchemas(c *call) (any, error) {
	list := c.service.Schemas(c.prefix(), c.filter(), c.flag("latestOnly"), c.flag("aliases"))
	if wanted := c.arg("ruleType"); wanted != "" {
		list = slices.DeleteFunc(list, func(v model.Listed) bool { return !v.Schema.Rules.HasType(wanted) })
	}
	if c.caller != nil {
		list = slices.DeleteFunc(list, func(v model.Listed) bool { return !c.visible(v.Subject) })
	}
	list, err := page(c, list)
	if err != nil {
		return nil, err
	}
	out := make([]entity, len(list))
	for i, v := range list {
		if out[i], err = c.shaped(v.Version, full(v.Version)); err != nil {
			return nil, err
		}
		out[i].Aliases = v.Aliases
	}
	return out, nil
}

func schemaByID(c *call) (any, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	v, err := c.byID(id)
	if err != nil {
		return nil, err
	}
	if c.request.URL.RawQuery == "" {
		return c.byIDs.of(v, func() []byte {
			e, _ := c.shaped(v, of(v)) // nothing is asked for, so nothing fails
			return encode(e)
		}), nil
	}
	e, err := c.shaped(v, of(v))
	if err == nil && c.flag("fetchMaxId") {
		highest := c.service.MaxID(c.hint())
		e.MaxID = &highest
	}
	return e, err
}

func schemaTextByID(c *call) (any, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	v, err := c.byID(id)
	if err != nil {
		return nil, err
	}
	e, err := c.shaped(v, of(v))
	return text(e.Schema), err
}

func (c *call) byID(id int32) (*model.Version, error) {
	v, err := c.service.ByID(id, c.hint())
	if err != nil {
		return nil, err
	}
	return c.shownAs(v)
}

func (c *call) uses() ([]*model.Version, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	list, err := c.service.Uses(id, c.hint(), c.filter())
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(v *model.Version) bool { return !c.visible(v.Subject) })
	return page(c, list)
}

func subjectsOfID(c *call) (any, error) {
	list, err := c.uses()
	out := make([]model.Subject, len(list))
	for i, v := range list {
		out[i] = v.Subject
	}
	return out, err
}

func versionsOfID(c *call) (any, error) {
	type use struct {
		Subject model.Subject `json:"subject"`
		Version int32         `json:"version"`
	}
	list, err := c.uses()
	out := make([]use, len(list))
	for i, v := range list {
		out[i] = use{v.Subject, v.Number}
	}
	return out, err
}

func schemaByGUID(c *call) (any, error) {
	v, err := c.service.ByGUID(c.param("guid"))
	if err == nil {
		v, err = c.shownAs(v)
	}
	if err != nil {
		return nil, err
	}
	return c.shaped(v, content(v.Schema).dated(v))
}

func idsOfGUID(c *call) (any, error) { return c.service.IDs(c.param("guid")), nil }
