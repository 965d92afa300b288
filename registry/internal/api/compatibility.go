package api

import (
	"errors"

	"github.com/typelog/typelog/registry/internal/model"
)

// compatibility is the service's answer about what may follow what.
type compatibility interface {
	CheckCompatible(q model.Registration, number int32, explain bool) (model.Compatibility, error)
}

func checkAll(c *call) (any, error) { return check(c, 0, "testCompatibilityForSubject.arg3") }

func checkOne(c *call) (any, error) {
	number, err := c.version()
	if err != nil {
		return nil, err
	}
	return check(c, number, "testCompatibilityBySubjectName.arg4")
}

// verdict is a compatibility check's answer as clients read it.
type verdict struct {
	Compatible        bool                     `json:"is_compatible"`
	Messages          *[]string                `json:"messages,omitempty"`
	Incompatibilities *[]model.Incompatibility `json:"incompatibilities,omitempty"`
	Warnings          []model.Warning          `json:"warnings,omitempty"`
}

func check(c *call, number int32, argument string) (any, error) {
	q, err := c.registration(argument)
	if err != nil {
		return nil, err
	}
	verbose, explain := c.flag("verbose"), c.flag("explain")
	found, err := c.service.CheckCompatible(q, number, explain)
	if refusal := (*model.Error)(nil); verbose && errors.As(err, &refusal) &&
		refusal.Kind == model.InvalidSchema {
		found, err = model.Compatibility{Messages: []string{refusal.Message}}, nil
	}
	if err != nil {
		return nil, err
	}
	out := verdict{Compatible: found.Compatible, Warnings: found.Warnings}
	if verbose {
		out.Messages = &found.Messages
	}
	if explain {
		if found.Reasons == nil {
			found.Reasons = []model.Incompatibility{}
		}
		out.Incompatibilities = &found.Reasons
	}
	return out, nil
}
