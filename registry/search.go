package registry

import (
	"strings"

	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/serde/avro/schema"
)

// maxMatches bounds the matches that are told of one version.
const maxMatches = 20

// Search finds versions in whose subject, names of types, names of fields, docs or symbols all words of a question occur,
// in any case. It goes through subjects in their order and stops when it has enough.
func (r *Registry) Search(q model.Search) []model.Hit {
	words := strings.Fields(strings.ToLower(q.Text))
	out := []model.Hit{}
	if len(words) == 0 {
		return out
	}
	skip := q.Offset
	for _, listed := range r.Schemas(q.Prefix, q.Filter, !q.AllVersions, false) {
		v := listed.Version
		if q.Visible != nil && !q.Visible(v.Subject) {
			continue
		}
		hit, ok := r.hit(v, words)
		if !ok {
			continue
		}
		if skip > 0 {
			skip--
			continue
		}
		if out = append(out, hit); q.Limit > 0 && len(out) >= q.Limit {
			break
		}
	}
	return out
}

// hit looks for all words in one version.
func (r *Registry) hit(v *model.Version, words []string) (model.Hit, bool) {
	hit := model.Hit{Subject: v.Subject, Version: v.Number, ID: v.ID, Deleted: v.Deleted, Matches: []model.Match{}}
	missing := map[string]bool{}
	subject, text := strings.ToLower(string(v.Subject)), strings.ToLower(v.Schema.Text)
	for _, w := range words {
		if !strings.Contains(subject, w) && !strings.Contains(text, w) {
			return hit, false // without a parse: an escape in the text hides what it stands for
		}
		missing[w] = true
	}
	note := func(kind, pointer, name, text string) {
		found := false
		lower := strings.ToLower(text)
		for _, w := range words {
			if strings.Contains(lower, w) {
				found = true
				delete(missing, w)
			}
		}
		if found && len(hit.Matches) < maxMatches {
			hit.Matches = append(hit.Matches, model.Match{Kind: kind, Pointer: pointer, Name: name, Text: text})
		}
	}
	note("subject", "", "", string(v.Subject))
	if v.Schema.Type == model.Avro && v.Schema.Text != "" {
		if avro, err := r.stored(r.present(), v, 1); err == nil {
			names(avro, note)
		}
	}
	return hit, len(missing) == 0
}

// names tells what the text of a schema calls its types and fields and says about them.
func names(s *schema.Schema, note func(kind, pointer, name, text string)) {
	for _, t := range s.Definitions() {
		full := t.FullName()
		note(t.Kind.String(), t.Pointer, full, full)
		if t.Doc != "" {
			note("doc", t.Pointer, full, t.Doc)
		}
		for _, f := range t.Fields {
			note("field", f.Pointer, full+"."+f.Name, f.Name)
			if f.Doc != "" {
				note("doc", f.Pointer, full+"."+f.Name, f.Doc)
			}
		}
		for _, symbol := range t.Symbols {
			note("symbol", t.Pointer, full, symbol)
		}
	}
}
