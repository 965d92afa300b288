package registry

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/serde/avro/schema"
)

// ModifyTags registers a version's schema again with other tags inside, as the version newVersion or, if that is 0, the
// next one.
func (r *Registry) ModifyTags(ctx context.Context, subject string, number, newVersion int32, change model.TagChange) (
	model.Registered, error) {
	v, err := r.Version(subject, number, model.Live)
	if err != nil {
		return model.Registered{}, err
	}
	change.Always = true
	attached := model.Attached{Metadata: change.Metadata}.Or(model.Attached{Metadata: v.Schema.Metadata})
	attached.Rules = change.Rules
	if change.MergeRules != nil || change.RemoveRules != nil {
		number := int32(model.Latest)
		if newVersion > 1 {
			number = newVersion - 1
		}
		before, err := r.Version(subject, number, model.Live)
		if err != nil {
			return model.Registered{}, err
		}
		attached.Rules = before.Schema.Rules.Merge(change.MergeRules).Without(change.RemoveRules)
	}
	return r.Register(ctx, model.Registration{
		Source: model.Source{Type: v.Schema.Type, Text: v.Schema.Text, References: v.Schema.References,
			Metadata: attached.Metadata, Rules: attached.Rules},
		Subject: string(v.Subject), Version: newVersion, ID: model.NoID, Tags: change,
	})
}

// Tags lists the tagged parts of a version's schema in their order: those with any of the given tags, or all if one of
// these is "*".
func (r *Registry) Tags(v *model.Version, wanted []string) ([]model.Tagged, error) {
	if v.Schema.Type != model.Avro || v.Schema.Text == "" {
		return nil, nil
	}
	avro, err := r.stored(r.present(), v, 1)
	if err != nil {
		return nil, err
	}
	var out []model.Tagged
	for _, t := range tagged(avro) {
		if slices.Contains(wanted, "*") || slices.ContainsFunc(t.Tags, func(tag string) bool { return slices.Contains(wanted, tag) }) {
			out = append(out, t)
		}
	}
	return out, nil
}

// tagged lists all tagged parts.
func tagged(s *schema.Schema) []model.Tagged {
	var out []model.Tagged
	seen := map[*schema.Type]bool{}
	add := func(path, kind string, props []schema.Prop) {
		if tags := tagsOf(props); len(tags) > 0 {
			out = append(out, model.Tagged{Entity: model.Entity{Path: path, Type: kind}, Tags: tags})
		}
	}
	var walk func(t *schema.Type)
	walk = func(t *schema.Type) {
		if t == nil || seen[t] {
			return
		}
		seen[t] = true
		if t.Kind == schema.Record {
			add(t.FullName(), model.RecordEntity, t.Props)
		}
		for _, f := range t.Fields {
			add(t.FullName()+"."+f.Name, model.FieldEntity, f.Props)
			walk(f.Type)
		}
		walk(t.Items)
		for _, b := range t.Branches {
			walk(b)
		}
	}
	walk(s.Root())
	return out
}

func tagsOf(props []schema.Prop) []string {
	var out []string
	for _, p := range props {
		if p.Name != model.TagsProperty {
			continue
		}
		for _, item := range p.Value.Items {
			if item.Kind == schema.JSONString {
				out = append(out, item.Text)
			}
		}
	}
	return out
}

// retag prints a source with other tags inside.
func (p *registration) retag(src model.Source) (model.Source, error) {
	change := p.asked.Tags
	if !change.Asked() || src.Type != model.Avro || src.Blank() {
		return src, nil
	}
	_, resolved, err := p.registry.references(p.view, p.subject.Context(), src.References, false, 0)
	if err != nil {
		return src, invalid(p.subject, src, err)
	}
	// A schema of our own: it is changed before anybody else sees it.
	avro, err := schema.Parse(src.Text, schema.WithReferences(resolved...))
	if err != nil {
		return src, invalid(p.subject, src, err)
	}
	if latest := p.versions.latest(); change.Propagate && latest != nil && latest.Schema.Type == model.Avro && latest.Schema.Text != "" {
		before, err := p.registry.stored(p.view, latest, 1)
		if err != nil {
			return src, invalid(p.subject, src, err)
		}
		for _, t := range tagged(before) {
			if props := entity(avro, t.Entity); props != nil {
				setTags(props, append(tagsOf(*props), t.Tags...))
			}
		}
	}
	for _, t := range change.Add {
		props := entity(avro, t.Entity)
		if props == nil {
			return src, noEntity(t)
		}
		setTags(props, append(tagsOf(*props), t.Tags...))
	}
	for _, t := range change.Remove {
		props := entity(avro, t.Entity)
		if props == nil {
			return src, noEntity(t)
		}
		setTags(props, slices.DeleteFunc(tagsOf(*props), func(tag string) bool { return slices.Contains(t.Tags, tag) }))
	}
	src.Text = avro.String()
	return src, nil
}

func noEntity(t model.Tagged) error {
	return model.Errorf(model.InvalidSchema, "%s", fmt.Sprintf(
		"java.lang.IllegalArgumentException: No matching path '%s' found in the schema", t.Entity.Path))
}

// entity finds the attributes of a part of the schema's own text.
func entity(s *schema.Schema, e model.Entity) *[]schema.Prop {
	path := strings.TrimPrefix(e.Path, ".")
	for _, t := range s.Definitions() {
		if t.Kind != schema.Record {
			continue
		}
		if e.Type == model.RecordEntity {
			if t.FullName() == path {
				return &t.Props
			}
			continue
		}
		for _, f := range t.Fields {
			if t.FullName()+"."+f.Name == path {
				return &f.Props
			}
		}
	}
	return nil
}

// setTags replaces the tags among attributes; doubled ones count once.
func setTags(props *[]schema.Prop, tags []string) {
	value := schema.Value{Kind: schema.JSONArray}
	for i, tag := range tags {
		if !slices.Contains(tags[:i], tag) {
			value.Items = append(value.Items, schema.Value{Kind: schema.JSONString, Text: tag})
		}
	}
	*props = slices.DeleteFunc(slices.Clone(*props), func(p schema.Prop) bool { return p.Name == model.TagsProperty })
	if len(value.Items) > 0 {
		*props = append(*props, schema.Prop{Name: model.TagsProperty, Value: value})
	}
}
