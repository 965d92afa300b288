package api

import (
	"context"
	"errors"

	"github.com/typelog/typelog/registry/internal/model"
)

// tags are the service's answers about the tags inside schemas.
type tags interface {
	Tags(v *model.Version, wanted []string) ([]model.Tagged, error)
	ModifyTags(ctx context.Context, subject string, number, newVersion int32, change model.TagChange) (model.Registered, error)
}

func modifyTags(c *call) (any, error) {
	number, err := c.version()
	if err != nil {
		return nil, err
	}
	const class = "TagSchemaRequest"
	body, err := c.body(request{class, "modifyTags.arg4"})
	if err != nil {
		return nil, err
	}
	if err := body.mustBeObject(class); err != nil {
		return nil, err
	}
	var change model.TagChange
	var next int32
	for _, m := range body.members {
		switch m.name {
		case "newVersion":
			var n *int32
			if n, err = m.value.integer(); n != nil {
				next = *n
			}
		case "tagsToAdd":
			change.Add, err = m.value.tagged()
		case "tagsToRemove":
			change.Remove, err = m.value.tagged()
		case "metadata":
			change.Metadata, err = m.value.metadata()
		case "ruleSet":
			change.Rules, err = m.value.ruleSet()
		case "rulesToMerge":
			change.MergeRules, err = m.value.ruleSet()
		case "rulesToRemove":
			if m.value.kind != null {
				change.RemoveRules, err = m.value.list()
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if change.Rules != nil && (change.MergeRules != nil || change.RemoveRules != nil) {
		return nil, model.Errorf(model.InvalidRuleSet, "ruleSet should be omitted if specifying rulesToMerge or rulesToRemove")
	}
	if err := errors.Join(change.MergeRules.Validate(), change.Rules.Validate()); err != nil {
		return nil, err
	}
	if c.caller != nil { // the version may be one of another context
		v, err := c.service.Version(c.subject(), number, model.Live)
		if err == nil {
			err = c.may(Write, v.Subject)
		}
		if err != nil {
			return nil, err
		}
	}
	done, err := c.service.ModifyTags(c.request.Context(), c.subject(), number, max(0, next), change)
	if err != nil {
		return nil, err
	}
	return c.shaped(done.Version, registered(done))
}

// tagged reads a list of entities with tags.
func (v *value) tagged() ([]model.Tagged, error) {
	if v.kind == null {
		return nil, nil
	}
	if v.kind != array {
		return nil, v.unreadable("SchemaTags>")
	}
	out := make([]model.Tagged, 0, len(v.items))
	for _, item := range v.items {
		if err := item.mustBeObject("SchemaTags"); err != nil {
			return nil, err
		}
		var t model.Tagged
		var err error
		if list := item.member("tags"); list != nil && list.kind != null {
			if t.Tags, err = list.set(); err != nil {
				return nil, err
			}
		}
		if e := item.member("schemaEntity"); e != nil && e.kind != null {
			if err := e.mustBeObject("SchemaEntity"); err != nil {
				return nil, err
			}
			for name, to := range map[string]*string{"entityPath": &t.Entity.Path, "entityType": &t.Entity.Type} {
				if m := e.member(name); m != nil {
					if *to, err = m.text(); err != nil {
						return nil, err
					}
				}
			}
		}
		out = append(out, t)
	}
	return out, nil
}
