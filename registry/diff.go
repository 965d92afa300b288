package registry

import (
	"fmt"

	"github.com/typelog/typelog/registry/internal/diff"
	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/serde/avro/compat"
)

// Diff says how two versions of a subject differ, and what each difference means for readers and writers. to may be
// Latest; from is the live version before it if it is 0.
func (r *Registry) Diff(subject string, from, to int32) (model.Diff, error) {
	out := model.Diff{Differences: []diff.Difference{}}
	newer, err := r.Version(subject, to, model.Live)
	if err != nil {
		return out, err
	}
	older, err := r.before(newer, from)
	if err != nil {
		return out, err
	}
	out.Subject, out.From, out.To = newer.Subject, older.Number, newer.Number
	if older.Schema.Type != model.Avro || newer.Schema.Type != model.Avro || older.Schema.Text == "" || newer.Schema.Text == "" {
		if older.Schema.Type == newer.Schema.Type && older.Schema.Text == newer.Schema.Text {
			out.Backward, out.Forward = true, true
			return out, nil
		}
		return out, model.Errorf(model.InvalidSchema, "Versions %d and %d of subject '%s' differ, but only Avro schemas can be "+
			"compared in their parts", older.Number, newer.Number, newer.Subject)
	}
	v := r.present()
	before, err := r.stored(v, older, 1)
	if err != nil {
		return out, unreadable(older, err)
	}
	after, err := r.stored(v, newer, 1)
	if err != nil {
		return out, unreadable(newer, err)
	}
	out.Differences = append(out.Differences, diff.Compare(before, after)...)
	out.Backward = len(compat.Check(after, before)) == 0
	out.Forward = len(compat.Check(before, after)) == 0
	return out, nil
}

// before is a version of the same subject by number, or the live one that precedes a version.
func (r *Registry) before(v *model.Version, number int32) (*model.Version, error) {
	if number != 0 {
		return r.Version(string(v.Subject), number, model.Live)
	}
	var out *model.Version
	r.inRead(func(c *catalog) {
		for _, other := range live(c.subject(v.Subject)) { // newest first
			if out == nil && other.Number < v.Number {
				out = other
			}
		}
	})
	if out == nil {
		return nil, model.Errorf(model.VersionNotFound, "Subject '%s' has no version before %d to compare with.", v.Subject, v.Number)
	}
	return out, nil
}

func unreadable(v *model.Version, err error) error {
	return &model.Error{Kind: model.InvalidSchema, Cause: err, Message: fmt.Sprintf(
		"The schema of subject '%s' version %d can no longer be read: %v", v.Subject, v.Number, err)}
}
