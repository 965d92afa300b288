package api

import (
	"strings"

	"github.com/typelog/typelog/registry/internal/model"
)

// searches are the service's answers to what Confluent's registry does not know.
type searches interface {
	Search(q model.Search) []model.Hit
	Diff(subject string, from, to int32) (model.Diff, error)
}

// searchLimit is how many hits are told where the question has no limit.
const searchLimit = 100

func search(c *call) (any, error) {
	q := model.Search{Text: c.arg("q"), Prefix: model.Everything(), Filter: c.filter(), Limit: searchLimit, Visible: c.visible}
	if strings.TrimSpace(q.Text) == "" {
		return nil, badRequest("q is missing: ask /search?q=WORDS")
	}
	if c.args().Has("subjectPrefix") || c.within() != "" {
		q.Prefix = c.prefix()
	}
	q.AllVersions = strings.EqualFold(c.arg("latestOnly"), "false")
	offset, limit, err := c.window()
	if err != nil {
		return nil, err
	}
	q.Offset = max(0, offset)
	if limit > 0 {
		q.Limit = limit
	}
	return c.service.Search(q), nil
}

func compareVersions(c *call) (any, error) {
	from, to := int32(0), int32(model.Latest)
	for name, at := range map[string]*int32{"from": &from, "to": &to} {
		if text := c.arg(name); text != "" {
			n, err := versionNumber(text)
			if err != nil {
				return nil, err
			}
			*at = n
		}
	}
	found, err := c.service.Diff(c.subject(), from, to)
	if err == nil {
		err = c.may(Read, found.Subject)
	}
	return found, err
}

func undelete(c *call) (any, error) {
	number, err := c.version()
	if err != nil {
		return nil, err
	}
	return c.service.Undelete(c.request.Context(), c.subject(), number)
}
