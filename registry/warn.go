package registry

import (
	"errors"

	"github.com/typelog/typelog/registry/internal/diff"
	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/compat"
	"github.com/typelog/typelog/serde/avro/schema"
)

// maxWarnings bounds the warnings of one kind that an answer has.
const maxWarnings = 100

// The kinds of warnings.
const (
	unusableDefault = "UNUSABLE_DEFAULT"
	inexactLogical  = "INEXACT_LOGICAL_TYPE"
	notResolved     = "NOT_RESOLVED"
)

// defaults warns of defaults that their type cannot hold. Avro's parser lets some pass (a fixed's length, an enum's symbol);
// who reads data without such a field fails when it needs the default.
func defaults(s *schema.Schema) []model.Warning {
	var out []model.Warning
	for _, t := range s.Definitions() {
		for _, f := range t.Fields {
			if !f.HasDefault || len(out) >= maxWarnings {
				continue
			}
			if _, err := avro.AppendDefault(nil, f); err != nil {
				out = append(out, model.Warning{Kind: unusableDefault, Pointer: f.Pointer + "/default", Message: reason(err),
					Mend: "give field " + f.Name + " a default that its type can hold"})
			}
		}
	}
	return out
}

// logicals warns of data that the compatibility check lets pass and that no reader converts exactly: the check does not
// look at logical types.
func logicals(now, before *schema.Schema, number int32, level compat.Level) []model.Warning {
	var out []model.Warning
	backward, forward := directions(level)
	for _, d := range diff.Compare(before, now) {
		if d.Kind != diff.LogicalChanged || len(out) >= maxWarnings {
			continue
		}
		mend := "keep " + d.Before + ", or add a field of the new type"
		if d.Before == "" {
			mend = "leave the logical type out, or add a field of the new type"
		}
		if backward && !d.Readers.OK {
			out = append(out, model.Warning{Version: number, Kind: inexactLogical, Reader: "new", Pointer: *d.To, Message: d.Readers.Text, Mend: mend})
		}
		if forward && !d.Writers.OK {
			out = append(out, model.Warning{Version: number, Kind: inexactLogical, Reader: "old", Pointer: *d.From, Message: d.Writers.Text, Mend: mend})
		}
	}
	return out
}

// unresolved warns of a pair that the check lets pass and that the runtime refuses, for what other reason ever.
func unresolved(reader, writer *schema.Schema, who string, number int32) []model.Warning {
	if len(compat.Check(reader, writer)) > 0 {
		return nil
	}
	if _, err := avro.Resolve(writer, reader); err != nil {
		return []model.Warning{{Version: number, Kind: notResolved, Reader: who, Message: err.Error()}}
	}
	return nil
}

// warnings are all warnings about a new schema that follows some versions.
func (k check) warnings(s *parsed, olds []*model.Version) ([]model.Warning, error) {
	if s.avro == nil {
		return nil, nil
	}
	out := defaults(s.avro)
	level, err := compat.ParseLevel(string(k.config.Effective()))
	if err != nil || level == compat.None {
		return out, nil
	}
	backward, forward := directions(level)
	for _, old := range olds {
		if old.Schema.Type != model.Avro || old.Schema.Text == "" {
			continue
		}
		before, err := k.registry.stored(k.view, old, 1)
		if err != nil {
			return out, unreadable(old, err)
		}
		found := logicals(s.avro, before, old.Number, level)
		if len(found)+len(out) == 0 {
			if backward {
				found = append(found, unresolved(s.avro, before, "new", old.Number)...)
			}
			if forward {
				found = append(found, unresolved(before, s.avro, "old", old.Number)...)
			}
		}
		if out = append(out, found...); len(out) >= maxWarnings {
			return out, nil
		}
	}
	return out, nil
}

// directions says who reads whom at a level.
func directions(level compat.Level) (backward, forward bool) {
	switch level {
	case compat.Backward, compat.BackwardTransitive:
		return true, false
	case compat.Forward, compat.ForwardTransitive:
		return false, true
	case compat.None:
		return false, false
	}
	return true, true
}

func reason(err error) string {
	if fault := (*avro.Error)(nil); errors.As(err, &fault) {
		return fault.Error()
	}
	return err.Error()
}
