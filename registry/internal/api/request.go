package api

import (
	"strconv"
	"strings"

	"github.com/typelog/typelog/registry/internal/model"
)

// registration reads the body that registrations, look-ups and checks share. argument names it in messages.
func (c *call) registration(argument string) (model.Registration, error) {
	const class = "RegisterSchemaRequest"
	q := model.Registration{Subject: c.subject(), ID: model.NoID, Normalize: c.flag("normalize"), Explain: c.flag("explain")}
	body, err := c.body(request{class, argument})
	if err != nil {
		return q, err
	}
	if err := body.mustBeObject(class); err != nil {
		return q, err
	}
	for _, m := range body.members {
		var n *int32
		switch m.name {
		case "schema":
			q.Text, err = m.value.text()
		case "schemaType":
			var name string
			name, err = m.value.text()
			q.Type = model.Type(name)
		case "references":
			q.References, err = m.value.references()
		case "metadata":
			q.Metadata, err = m.value.metadata()
		case "ruleSet":
			q.Rules, err = m.value.ruleSet()
		case "schemaTagsToAdd":
			q.Tags.Add, err = m.value.tagged()
		case "schemaTagsToRemove":
			q.Tags.Remove, err = m.value.tagged()
		case "propagateSchemaTags":
			var on *bool
			on, err = m.value.boolean()
			q.Tags.Propagate = on != nil && *on
		case "version":
			if n, err = m.value.integer(); n != nil {
				q.Version = *n
			}
		case "id":
			if n, err = m.value.integer(); n != nil {
				q.ID = *n
			}
		}
		if err != nil {
			return q, err
		}
	}
	if q.Type == "" {
		q.Type = model.Avro
	}
	return q.Tidy(), c.mayRefer(q)
}

// token names a value's first token in messages.
func (v *value) token() (kindName, token string) {
	switch v.kind {
	case object:
		return "Object value", "START_OBJECT"
	case array:
		return "Array value", "START_ARRAY"
	case str:
		return "String value", "VALUE_STRING"
	case boolean:
		return "Boolean value", "VALUE_" + strings.ToUpper(v.literal)
	case num:
		if strings.ContainsAny(v.literal, ".eE") {
			return "Floating-point value", "VALUE_NUMBER_FLOAT"
		}
		return "Integer value", "VALUE_NUMBER_INT"
	}
	return "Null value", "VALUE_NULL"
}

// unreadable says that v is no value of a class.
func (v *value) unreadable(class string) error {
	name, token := v.token()
	return badRequest("Cannot deserialize value of type `%s` from %s (token `JsonToken.%s`)", class, name, token)
}

// noInstance says that no object of a class can be made from v.
func (v *value) noInstance(class string) error {
	const form = "Cannot construct instance of `%s` (although at least one Creator exists): no %s-argument " +
		"constructor/factory method to deserialize from %s value (%s)"
	switch v.kind {
	case str:
		return badRequest(form, class, "String", "String", "'"+v.literal+"'")
	case boolean:
		return badRequest(form, class, "boolean/Boolean", "boolean", v.literal)
	case num:
		if strings.ContainsAny(v.literal, ".eE") {
			return badRequest(form, class, "double/Double", "Number", v.literal)
		}
		return badRequest(form, class, "int/Int", "Number", v.literal)
	}
	return v.unreadable(class)
}

func (v *value) mustBeObject(class string) error {
	if v.kind != object {
		return v.noInstance(class)
	}
	return nil
}

// text reads a string; numbers and booleans are taken as written, null is "".
func (v *value) text() (string, error) {
	if v.kind == array || v.kind == object {
		return "", v.unreadable("String")
	}
	return v.literal, nil
}

// integer reads a 32-bit integer or nil; fractions are cut off, strings are read.
func (v *value) integer() (*int32, error) {
	text := v.literal
	switch v.kind {
	case null:
		return nil, nil
	case num:
		if f, err := strconv.ParseFloat(text, 64); err == nil && strings.ContainsAny(text, ".eE") {
			if f > 2147483647 || f < -2147483648 {
				break
			}
			n := int32(f)
			return &n, nil
		}
	case str:
		if text = strings.TrimSpace(text); text == "" {
			return nil, nil
		}
	default:
		return nil, v.unreadable("Integer")
	}
	n, err := strconv.ParseInt(text, 10, 32)
	switch {
	case err == nil:
		small := int32(n)
		return &small, nil
	case v.kind == num:
		return nil, badRequest("Numeric value (%s) out of range of int (-2147483648 - 2147483647)", text)
	}
	return nil, badRequest("Cannot deserialize value of type `Integer` from String %s: not a valid `java.lang.Integer` value",
		strconv.Quote(text))
}

// boolean reads a boolean or nil; numbers other than zero and the word are true.
func (v *value) boolean() (*bool, error) {
	yes := false
	switch {
	case v.kind == null:
		return nil, nil
	case v.kind == boolean:
		yes = v.literal == "true"
	case v.kind == num && !strings.ContainsAny(v.literal, ".eE"):
		yes = strings.Trim(v.literal, "-0") != ""
	case v.kind == str:
		switch strings.TrimSpace(v.literal) {
		case "":
			return nil, nil
		case "true", "True", "TRUE":
			yes = true
		case "false", "False", "FALSE":
		default:
			return nil, badRequest("Cannot deserialize value of type `Boolean` from String %s: only \"true\" or \"false\" recognized",
				strconv.Quote(v.literal))
		}
	default:
		return nil, v.unreadable("Boolean")
	}
	return &yes, nil
}

func (v *value) references() ([]model.Reference, error) {
	if v.kind == null {
		return nil, nil
	}
	if v.kind != array {
		return nil, v.unreadable("SchemaReference>")
	}
	out := make([]model.Reference, 0, len(v.items))
	for _, item := range v.items {
		r := model.Reference{Name: model.NoName, Version: model.NoVersion}
		if err := item.mustBeObject("SchemaReference"); err != nil {
			return nil, err
		}
		for _, m := range item.members {
			var err error
			switch m.name {
			case "name":
				if m.value.kind != null {
					r.Name, err = m.value.text()
				}
			case "subject":
				r.Subject, err = m.value.text()
			case "version":
				var n *int32
				if n, err = m.value.integer(); n != nil {
					r.Version = *n
				}
			}
			if err != nil {
				return nil, err
			}
		}
		out = append(out, r)
	}
	return out, nil
}

func (v *value) metadata() (*model.Metadata, error) {
	if v.kind == null {
		return nil, nil
	}
	if err := v.mustBeObject("Metadata"); err != nil {
		return nil, err
	}
	out := &model.Metadata{}
	for _, m := range v.members {
		var err error
		switch {
		case m.value.kind == null:
		case m.name == "tags":
			if m.value.kind != object {
				return nil, m.value.unreadable("Set<String>>")
			}
			out.Tags = map[string][]string{}
			for _, tag := range m.value.members {
				if out.Tags[tag.name], err = tag.value.set(); err != nil {
					return nil, err
				}
			}
		case m.name == "properties":
			if m.value.kind != object {
				return nil, m.value.unreadable("String>")
			}
			out.Properties = map[string]string{}
			for _, p := range m.value.members {
				if p.value.kind == null {
					return nil, badRequest("Metadata property %s must not be null", strconv.Quote(p.name))
				}
				if out.Properties[p.name], err = p.value.text(); err != nil {
					return nil, err
				}
			}
		case m.name == "sensitive":
			out.Sensitive, err = m.value.set()
		}
		if err != nil {
			return nil, err
		}
	}
	return out.Canonical(), nil
}

// set reads a list of strings.
func (v *value) set() ([]string, error) {
	if v.kind != array {
		return nil, v.noInstance("HashSet")
	}
	out := make([]string, len(v.items))
	for i, item := range v.items {
		var err error
		if out[i], err = item.text(); err != nil {
			return nil, err
		}
	}
	return out, nil
}
