package api

import "github.com/typelog/typelog/registry/internal/model"

func listVersions(c *call) (any, error) {
	filter := c.filter()
	negative := c.flag("deletedAsNegative")
	if negative && filter == model.Live {
		if _, err := c.service.Versions(c.subject(), model.Live); err != nil {
			return nil, err
		}
		filter = model.WithDeleted
	}
	versions, err := c.service.Versions(c.subject(), filter)
	if err != nil {
		return nil, err
	}
	numbers := make([]int32, len(versions))
	for i, v := range versions {
		if numbers[i] = v.Number; negative && v.Deleted {
			numbers[i] = -v.Number
		}
	}
	return page(c, numbers)
}

// found is the version that the path names.
func (c *call) found() (*model.Version, error) {
	number, err := c.version()
	if err != nil {
		return nil, err
	}
	filter := model.Live
	if c.flag("deleted") {
		filter = model.WithDeleted
	}
	v, err := c.service.Version(c.subject(), number, filter)
	if err == nil {
		err = c.may(Read, v.Subject)
	}
	return v, err
}

func getVersion(c *call) (any, error) {
	v, err := c.found()
	if err != nil {
		return nil, err
	}
	return c.shaped(v, full(v))
}

// versionText answers with the schema itself; format=given is the text as its first client wrote it.
func versionText(c *call) (any, error) {
	v, err := c.found()
	if err != nil {
		return nil, err
	}
	if c.arg("format") == "given" {
		given, err := c.service.Given(c.request.Context(), v)
		return text(given), err
	}
	e, err := c.shaped(v, full(v))
	return text(e.Schema), err
}

func deleteVersion(c *call) (any, error) {
	number, err := c.version()
	if err != nil {
		return nil, err
	}
	return c.service.DeleteVersion(c.request.Context(), c.subject(), number, c.flag("permanent"))
}

func referencedBy(c *call) (any, error) {
	number, err := c.version()
	if err != nil {
		return nil, err
	}
	ids, err := c.service.ReferencedBy(c.subject(), number, c.filter())
	if err != nil {
		return nil, err
	}
	return page(c, ids)
}
