package api

import (
	"context"

	"github.com/typelog/typelog/registry/internal/model"
)

// modes are the service's answers about modes.
type modes interface {
	Mode(subject string, effective bool) (model.Mode, error)
	SetMode(ctx context.Context, subject string, m model.Mode, force bool) error
	DeleteMode(ctx context.Context, subject string, recursive bool) (model.Mode, error)
}

func getMode(c *call) (any, error) {
	m, err := c.service.Mode(c.subject(), c.flag("defaultToGlobal"))
	return map[string]model.Mode{"mode": m}, err
}

func putMode(c *call) (any, error) {
	argument := "updateTopLevelMode.arg1"
	if c.param("subject") != "" {
		argument = "updateMode.arg2"
	}
	body, err := c.body(request{"ModeUpdateRequest", argument})
	if err != nil {
		return nil, err
	}
	written := body // a mode alone will do
	if body.kind != str {
		if err := body.mustBeObject("ModeUpdateRequest"); err != nil {
			return nil, err
		}
		if written = body.member("mode"); written == nil {
			return nil, invalidMode()
		}
	}
	if written.kind == null {
		return map[string]any{"mode": nil}, c.service.SetMode(c.request.Context(), c.subject(), "", c.flag("force"))
	}
	name, err := written.text()
	if err != nil {
		return nil, err
	}
	m, ok := model.ParseMode(name)
	if !ok {
		return nil, invalidMode()
	}
	if err := c.service.SetMode(c.request.Context(), c.subject(), m, c.flag("force")); err != nil {
		return nil, err
	}
	return map[string]string{"mode": name}, nil // as written
}

func invalidMode() error {
	return model.Errorf(model.InvalidMode, "Invalid mode. Valid values are READWRITE, READONLY, IMPORT and FORWARD.")
}

func deleteMode(c *call) (any, error) {
	old, err := c.service.DeleteMode(c.request.Context(), c.subject(), c.flag("recursive"))
	if old == "" {
		return map[string]string{}, err
	}
	return map[string]model.Mode{"mode": old}, err
}
