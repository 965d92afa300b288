package api

import (
	"context"

	"github.com/typelog/typelog/registry/internal/model"
)

// configs are the service's answers about configurations.
type configs interface {
	SubjectConfig(subject string, effective bool) (model.Config, error)
	UpdateConfig(ctx context.Context, subject string, change func(*model.Config)) (model.Config, error)
	DeleteConfig(ctx context.Context, subject string) (model.Config, error)
}

// shownConfig is a configuration as it is read: its level has another name there, and always a value.
type shownConfig struct {
	Alias               string          `json:"alias,omitempty"`
	AliasForDeks        string          `json:"aliasForDeks,omitempty"`
	Normalize           *bool           `json:"normalize,omitempty"`
	ValidateFields      *bool           `json:"validateFields,omitempty"`
	ValidateNewSchemas  *bool           `json:"validateNewSchemas,omitempty"`
	ValidateRules       *bool           `json:"validateRules,omitempty"`
	Level               model.Level     `json:"compatibilityLevel"`
	CompatibilityPolicy string          `json:"compatibilityPolicy,omitempty"`
	CompatibilityGroup  string          `json:"compatibilityGroup,omitempty"`
	DefaultMetadata     *model.Metadata `json:"defaultMetadata,omitempty"`
	OverrideMetadata    *model.Metadata `json:"overrideMetadata,omitempty"`
	DefaultRules        *model.RuleSet  `json:"defaultRuleSet,omitempty"`
	OverrideRules       *model.RuleSet  `json:"overrideRuleSet,omitempty"`
}

func shown(c model.Config) shownConfig {
	c.Level = c.Effective()
	return shownConfig(c)
}

// changedConfig is the answer to a change: with an alias that was set to nothing.
type changedConfig struct {
	NoAlias *string `json:"alias,omitempty"`
	model.Config
}

func getConfig(c *call) (any, error) {
	config, err := c.service.SubjectConfig(c.subject(), c.flag("defaultToGlobal"))
	return shown(config), err
}

func deleteConfig(c *call) (any, error) {
	config, err := c.service.DeleteConfig(c.request.Context(), c.subject())
	return shown(config), err
}

func putConfig(c *call) (any, error) {
	const class = "ConfigUpdateRequest"
	argument := "updateTopLevelConfig.arg1"
	if c.param("subject") != "" {
		argument = "updateSubjectLevelConfig.arg2"
	}
	body, err := c.body(request{class, argument})
	if err != nil {
		return nil, err
	}
	if err := body.mustBeObject(class); err != nil {
		return nil, err
	}
	var changes []func(*model.Config)
	for _, member := range body.members {
		change, err := configChange(member)
		if err != nil {
			return nil, err
		}
		if change != nil {
			changes = append(changes, change)
		}
	}
	config, err := c.service.UpdateConfig(c.request.Context(), c.subject(), func(config *model.Config) {
		for _, change := range changes {
			change(config)
		}
	})
	out := changedConfig{Config: config}
	if alias := body.member("alias"); alias != nil && alias.kind == str || config.Alias != "" {
		out.NoAlias = &config.Alias
	}
	return out, err
}

// configChange reads one member of a change; null clears what it names. It is nil for members that mean nothing.
func configChange(m member) (func(*model.Config), error) {
	words := map[string]func(*model.Config) *string{
		"alias":              func(c *model.Config) *string { return &c.Alias },
		"aliasForDeks":       func(c *model.Config) *string { return &c.AliasForDeks },
		"compatibilityGroup": func(c *model.Config) *string { return &c.CompatibilityGroup },
	}
	switches := map[string]func(*model.Config) **bool{
		"normalize":          func(c *model.Config) **bool { return &c.Normalize },
		"validateFields":     func(c *model.Config) **bool { return &c.ValidateFields },
		"validateNewSchemas": func(c *model.Config) **bool { return &c.ValidateNewSchemas },
		"validateRules":      func(c *model.Config) **bool { return &c.ValidateRules },
	}
	sheets := map[string]func(*model.Config) **model.Metadata{
		"defaultMetadata":  func(c *model.Config) **model.Metadata { return &c.DefaultMetadata },
		"overrideMetadata": func(c *model.Config) **model.Metadata { return &c.OverrideMetadata },
	}
	rules := map[string]func(*model.Config) **model.RuleSet{
		"defaultRuleSet":  func(c *model.Config) **model.RuleSet { return &c.DefaultRules },
		"overrideRuleSet": func(c *model.Config) **model.RuleSet { return &c.OverrideRules },
	}
	if place := rules[m.name]; place != nil {
		set, err := m.value.ruleSet()
		if err == nil {
			err = set.Validate()
		}
		return func(c *model.Config) { *place(c) = set }, err
	}
	if place := words[m.name]; place != nil {
		word, err := m.value.text()
		return func(c *model.Config) { *place(c) = word }, err
	}
	if place := switches[m.name]; place != nil {
		on, err := m.value.boolean()
		return func(c *model.Config) { *place(c) = on }, err
	}
	if place := sheets[m.name]; place != nil {
		metadata, err := m.value.metadata()
		return func(c *model.Config) { *place(c) = metadata }, err
	}
	word, err := "", error(nil)
	switch m.name {
	case "compatibility", "compatibilityPolicy":
		word, err = m.value.text()
	default:
		return nil, nil
	}
	if m.name == "compatibilityPolicy" {
		if word != "STRICT" && word != "LENIENT" {
			word = ""
		}
		return func(c *model.Config) { c.CompatibilityPolicy = word }, err
	}
	if err != nil || m.value.kind == null {
		return func(c *model.Config) { c.Level = "" }, err
	}
	level, ok := model.ParseLevel(word)
	if !ok {
		return nil, model.Errorf(model.InvalidLevel, "Invalid compatibility level. Valid values are none, backward, "+
			"forward, full, backward_transitive, forward_transitive, and full_transitive")
	}
	return func(c *model.Config) { c.Level = level }, nil
}
