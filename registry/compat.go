package registry

import (
	"fmt"
	"slices"
	"strings"

	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/serde/avro/compat"
	"github.com/typelog/typelog/serde/avro/schema"
)

// CheckCompatible asks whether a schema could follow the versions of a subject at its level: all that the level looks
// at if number is 0, one version, or the Latest. With explain, all versions are looked at and all reasons told.
func (r *Registry) CheckCompatible(q model.Registration, number int32, explain bool) (model.Compatibility, error) {
	return r.checkCompatible(r.present(), q, number, explain)
}

func (r *Registry) checkCompatible(v view, q model.Registration, number int32, explain bool) (model.Compatibility, error) {
	none := model.Compatibility{}
	s := resolve(v, q.Subject)
	config := effectiveConfig(v, s)
	if q.Blank() {
		return none, model.Errorf(model.InvalidSchema, "Empty schema")
	}
	versions := v.subject(s)
	if number > 0 {
		if old := versions.version(number); old == nil || old.Deleted {
			return none, versionNotFound(number)
		}
	}
	p, err := r.parse(v, s, q.Source, q.Normalize || model.Set(config.Normalize), strict)
	if err != nil {
		return none, err
	}
	k := check{registry: r, view: v, config: config, explain: explain}
	var olds []*model.Version
	switch {
	case versions == nil:
	case number > 0:
		olds = []*model.Version{versions.version(number)}
	case number == model.Latest:
		if latest := versions.latest(); latest != nil {
			olds = []*model.Version{latest}
		}
	default:
		olds = live(versions)
	}
	olds = k.sameGroup(olds, p.schema)
	return k.against(p, olds)
}

// admits refuses a new version that the level does not allow.
func (r *Registry) admits(p *registration, s *parsed) ([]model.Warning, error) {
	k := check{registry: r, view: p.view, config: p.config, explain: p.asked.Explain}
	var olds []*model.Version
	if p.versions != nil {
		olds = k.sameGroup(live(p.versions), s.schema)
	}
	answer, err := k.against(s, olds)
	if err != nil || answer.Compatible {
		return answer.Warnings, err
	}
	refusal := model.Errorf(model.Incompatible,
		"Schema being registered is incompatible with an earlier schema for subject %s, details: [%s]",
		`"`+string(p.subject)+`"`, strings.Join(answer.Messages, ", "))
	if k.explain {
		refusal.Reasons = answer.Reasons
	}
	return nil, refusal
}

// check compares one new schema with earlier versions under one configuration.
type check struct {
	registry *Registry
	view     view
	config   model.Config
	explain  bool
}

// live are the versions that are not deleted, newest first.
func live(s *subject) []*model.Version {
	var out []*model.Version
	for _, v := range slices.Backward(s.versions) {
		if !v.Deleted {
			out = append(out, v)
		}
	}
	return out
}

// sameGroup keeps the versions whose metadata agrees with the new schema's in the property that the configuration
// names, if it names one.
func (k check) sameGroup(olds []*model.Version, s *model.Schema) []*model.Version {
	group := k.config.CompatibilityGroup
	if group == "" {
		return olds
	}
	want, has := s.Metadata.Property(group)
	return slices.DeleteFunc(slices.Clone(olds), func(v *model.Version) bool {
		got, ok := v.Schema.Metadata.Property(group)
		return got != want || ok != has
	})
}

// against compares with versions that are ordered newest first; a level that is not transitive looks at the first.
func (k check) against(s *parsed, olds []*model.Version) (model.Compatibility, error) {
	level := k.config.Effective()
	if !level.Transitive() && len(olds) > 1 {
		olds = olds[:1]
	}
	out := model.Compatibility{Compatible: true, Messages: []string{}}
	if model.Set(k.config.ValidateFields) {
		out.Messages = append(out.Messages, reserved(s, olds)...)
		out.Compatible = len(out.Messages) == 0
	}
	if level != model.None {
		for _, old := range olds {
			if !out.Compatible && !k.explain {
				break
			}
			messages, reasons, err := k.one(s, old, level)
			if err != nil {
				return out, err
			}
			out.Reasons = append(out.Reasons, reasons...)
			if len(messages) > 0 && out.Compatible {
				out.Compatible, out.Messages = false, messages
			}
		}
	}
	if !out.Compatible {
		out.Messages = append(out.Messages, fmt.Sprintf("{validateFields: '%t', compatibility: '%s'}",
			model.Set(k.config.ValidateFields), level))
	}
	if k.explain {
		var err error
		if out.Warnings, err = k.warnings(s, olds); err != nil {
			return out, err
		}
	}
	return out, nil
}

// one compares with one version.
func (k check) one(s *parsed, old *model.Version, level model.Level) ([]string, []model.Incompatibility, error) {
	if old.Schema.Type != s.schema.Type {
		const reason = "Incompatible because of different schema type"
		return []string{reason}, []model.Incompatibility{{Version: old.Number, Kind: "SCHEMA_TYPE", Message: reason,
			Mend: fmt.Sprintf("register it as %s, or under another subject", old.Schema.Type)}}, nil
	}
	if s.schema.Type != model.Avro {
		if s.schema.Text == old.Schema.Text {
			return nil, nil, nil
		}
		reason := fmt.Sprintf("%s schemas cannot be compared yet: set the subject's compatibility to NONE to register "+
			"a further version", s.schema.Type)
		return []string{reason}, []model.Incompatibility{{Version: old.Number, Kind: "NOT_COMPARED", Message: reason}}, nil
	}
	if old.Schema.Text == "" || s.avro == nil {
		return nil, nil, nil // imported without a text
	}
	epoch := k.registry.verdicts.now()
	before, err := k.registry.stored(k.view, old, 1)
	if err != nil {
		return nil, nil, unreadable(old, err)
	}
	asked := verdictKey{s.schema.Text, old.Schema, level}
	if hit, ok := k.registry.verdicts.get(asked); ok && len(s.schema.References) == 0 {
		messages, reasons := hit.of(old)
		return messages, reasons, nil
	}
	found := compare(s.avro, before, level)
	if len(s.schema.References) == 0 {
		k.registry.verdicts.put(asked, found, len(s.schema.Text), epoch)
	}
	messages, reasons := found.of(old)
	return messages, reasons, nil
}

// verdictKey is a question that the committer need not think about again: may this text, which has no references, follow
// that schema?
type verdictKey struct {
	text  string
	old   *model.Schema
	level model.Level
}

type finding struct {
	level   compat.Level
	failure *compat.Failure // nil if they are compatible
}

// reserved finds fields that metadata has reserved, and reservations that were taken back.
func reserved(s *parsed, olds []*model.Version) []string {
	now := reservedNames(s.schema.Metadata)
	var out []string
	if len(olds) > 0 {
		for _, name := range reservedNames(olds[0].Schema.Metadata) {
			if !slices.Contains(now, name) {
				out = append(out, "The new schema has reserved field "+name+
					" removed from its metadata which is present in the old schema's metadata.")
			}
		}
	}
	if s.avro == nil || s.avro.Root().Kind != schema.Record {
		return out
	}
	for _, name := range now {
		if slices.ContainsFunc(s.avro.Root().Fields, func(f *schema.Field) bool { return f.Name == name }) {
			out = append(out, "The new schema has field that conflicts with the reserved field "+name+".")
		}
	}
	return out
}

func reservedNames(m *model.Metadata) []string {
	list, ok := m.Property(model.ReservedProperty)
	if !ok {
		return nil
	}
	var out []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// compare compares two Avro schemas.
func compare(now, before *schema.Schema, level model.Level) finding {
	l, err := compat.ParseLevel(string(level))
	if err != nil {
		l = compat.FullTransitive // levels are parsed where they come in; an unknown one is the strictest
	}
	result := compat.CheckLevel(l, now, []*schema.Schema{before})
	if result.Compatible() {
		return finding{level: l}
	}
	return finding{l, &result.Failures[0]}
}

// of words a finding for a version: Confluent's messages, and the reasons behind them.
func (f finding) of(old *model.Version) (messages []string, reasons []model.Incompatibility) {
	if f.failure == nil {
		return nil, nil
	}
	add := func(faults []compat.Incompatibility, reader, writer string) {
		for _, i := range faults {
			mend := i.Mend
			if reader == "old" {
				mend = i.MendWriter() // what is registered cannot be changed any more
			}
			reasons = append(reasons, model.Incompatibility{Version: old.Number, Kind: i.Kind.String(), Reader: reader,
				Pointer: i.Pointer, Message: i.Message, Verbose: i.Verbose(reader, writer), Mend: mend})
		}
	}
	add(f.failure.Backward, "new", "old")
	add(f.failure.Forward, "old", "new")
	return f.failure.Messages(f.level, int(old.Number), old.Schema.Text), reasons
}
