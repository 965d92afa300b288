package api

import (
	"slices"
	"strconv"
	"strings"

	"github.com/typelog/typelog/registry/internal/model"
)

// ruleSet reads a rule set; null is none.
func (v *value) ruleSet() (*model.RuleSet, error) {
	if v.kind == null {
		return nil, nil
	}
	if err := v.mustBeObject("RuleSet"); err != nil {
		return nil, err
	}
	out := &model.RuleSet{}
	for _, m := range v.members {
		var err error
		switch m.name {
		case "migrationRules":
			out.Migration, err = m.value.rules()
		case "domainRules":
			out.Domain, err = m.value.rules()
		case "encodingRules":
			out.Encoding, err = m.value.rules()
		case "enableAt":
			out.EnableAt, err = m.value.oneOf("ExecutionEnvironment", model.Environments())
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (v *value) rules() ([]model.Rule, error) {
	switch v.kind {
	case null:
		return nil, nil
	case array:
	default:
		return nil, v.unreadable("Rule>")
	}
	var out []model.Rule
	for _, item := range v.items {
		r, err := item.rule()
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func (v *value) rule() (model.Rule, error) {
	r := model.Rule{Kind: "TRANSFORM", Mode: "WRITEREAD", NoName: true, NoType: true}
	if err := v.mustBeObject("Rule"); err != nil {
		return r, err
	}
	for _, m := range v.members {
		if m.value.kind == null {
			continue
		}
		var err error
		switch m.name {
		case "name":
			r.Name, err = m.value.text()
			r.NoName = false
		case "type":
			r.Type, err = m.value.text()
			r.NoType = false
		case "kind":
			r.Kind, err = m.value.oneOf("RuleKind", model.RuleKinds())
		case "mode":
			r.Mode, err = m.value.oneOf("RuleMode", model.RuleModes())
		case "doc":
			r.Doc, err = m.value.text()
		case "expr":
			r.Expr, err = m.value.text()
		case "onSuccess":
			r.OnSuccess, err = m.value.text()
		case "onFailure":
			r.OnFailure, err = m.value.text()
		case "tags":
			r.Tags, err = m.value.set()
			slices.Sort(r.Tags)
			r.Tags = slices.Compact(r.Tags)
		case "params":
			r.Params, err = m.value.texts()
		case "disabled":
			var on *bool
			on, err = m.value.boolean()
			r.Disabled = on != nil && *on
		}
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// texts reads an object of strings; what is null is left out.
func (v *value) texts() (map[string]string, error) {
	if v.kind != object {
		return nil, v.unreadable("String>")
	}
	out := map[string]string{}
	for _, m := range v.members {
		if m.value.kind == null {
			continue
		}
		text, err := m.value.text()
		if err != nil {
			return nil, err
		}
		out[m.name] = text
	}
	return out, nil
}

// list reads a list of strings.
func (v *value) list() ([]string, error) {
	if v.kind != array {
		return nil, v.unreadable("String>")
	}
	return v.set()
}

// oneOf reads one of a few words; null is "".
func (v *value) oneOf(class string, words []string) (string, error) {
	if v.kind == null {
		return "", nil
	}
	word, err := v.text()
	if err == nil && (v.kind != str || !slices.Contains(words, word)) {
		err = badRequest("Cannot deserialize value of type `%s` from String %s: not one of the values accepted for Enum class: [%s]",
			class, strconv.Quote(word), strings.Join(words, ", "))
	}
	return word, err
}
