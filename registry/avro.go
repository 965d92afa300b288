package registry

import (
	"fmt"
	"slices"
	"strings"

	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/serde/avro/schema"
)

// maxSchema bounds a schema's text in bytes, as Confluent's registry is bounded by the size of a Kafka message.
const maxSchema = 1 << 20

// maxReferenceDepth bounds chains of references. Imports can make them circular.
const maxReferenceDepth = 64

// parsed is a schema as the rules work with it.
type parsed struct {
	schema *model.Schema  // without metadata of its own: what the source said
	avro   *schema.Schema // nil for other languages
}

// strictness says what a parse lets pass.
type strictness bool

const (
	lenient strictness = false // what is stored already, or imported
	strict  strictness = true  // what is new
)

// parse reads a source in the context of a subject and prints its canonical text. Errors are of kind InvalidSchema.
func (r *Registry) parse(v view, s model.Subject, src model.Source, normalize bool, how strictness) (*parsed, error) {
	if src.Type == "" {
		src.Type = model.Avro
	}
	if !src.Type.Known() {
		return nil, model.Errorf(model.InvalidSchema, "Invalid schema type %s", src.Type)
	}
	out := &model.Schema{Type: src.Type, Metadata: src.Metadata, Rules: src.Rules}
	p := &parsed{schema: out}
	if src.Blank() {
		out.References = src.References
		out.GUID = out.Fingerprint()
		return p, nil
	}
	var err error
	switch src.Type {
	case model.Avro:
		if p.avro, out.Text, out.References, err = r.parseAvro(v, s.Context(), src, normalize, how); err != nil {
			return nil, invalid(s, src, err)
		}
	case model.JSON:
		if err := plausibleJSONSchema(s, src); err != nil {
			return nil, err
		}
		fallthrough
	default:
		out.Text = src.Text
		if out.References, _, err = r.references(v, s.Context(), src.References, normalize, 0); err != nil {
			return nil, invalid(s, src, err)
		}
	}
	out.GUID = out.Fingerprint()
	return p, nil
}

func (r *Registry) parseAvro(v view, context string, src model.Source, normalize bool, how strictness) (
	*schema.Schema, string, []model.Reference, error) {
	refs, resolved, err := r.references(v, context, src.References, normalize, 0)
	if err != nil {
		return nil, "", nil, err
	}
	k := textKey{text: src.Text, normalize: normalize, how: how}
	if len(resolved) == 0 {
		if hit, ok := r.texts.get(k); ok {
			return hit.avro, hit.text, nil, nil
		}
	}
	options := []schema.Option{schema.WithReferences(resolved...)}
	if how == lenient {
		options = append(options, schema.Lenient())
	}
	avro, err := schema.Parse(src.Text, options...)
	if err != nil {
		return nil, "", nil, err
	}
	text := avro.String()
	if normalize {
		text = avro.Normalized()
	}
	if len(resolved) == 0 {
		r.texts.put(k, parsedText{avro, text}, len(src.Text)+len(text), 0) // never cleared
	}
	return avro, text, refs, nil
}

// references pins references to versions and reads what they name.
func (r *Registry) references(v view, context string, in []model.Reference, normalize bool, depth int) (
	[]model.Reference, []*schema.Schema, error) {
	if len(in) == 0 {
		return nil, nil, nil
	}
	if depth > maxReferenceDepth {
		return nil, nil, fmt.Errorf("references are nested more than %d deep", maxReferenceDepth)
	}
	var out []model.Reference
	var schemas []*schema.Schema
	for _, ref := range in {
		if ref.Name == model.NoName || ref.Subject == "" || ref.Version == model.NoVersion {
			return nil, nil, model.Errorf(model.InvalidSchema, "Invalid reference: %s", ref)
		}
		if ref.Version < model.Latest || ref.Version == 0 {
			return nil, nil, fmt.Errorf("io.confluent.kafka.schemaregistry.exceptions.InvalidVersionException: %d", ref.Version)
		}
		name := referenced(context, ref)
		target := v.subject(name)
		found := target.version(ref.Version)
		if ref.Version == model.Latest {
			found = target.latest()
		}
		if found == nil { // one that is softly deleted will do
			return nil, nil, model.Errorf(model.InvalidSchema, "No schema reference found for subject %q and version %d", name, ref.Version)
		}
		ref.Version = found.Number
		out = append(out, ref)
		if found.Schema.Type == model.Avro {
			avro, err := r.stored(v, found, depth+1)
			if err != nil {
				return nil, nil, err
			}
			schemas = append(schemas, avro)
		}
	}
	if normalize {
		slices.SortFunc(out, func(a, b model.Reference) int {
			return strings.Compare(a.Name+"\x00"+a.Subject, b.Name+"\x00"+b.Subject)*2 + int(min(1, max(-1, a.Version-b.Version)))
		})
		out = slices.Compact(out)
	}
	return out, schemas, nil
}

// stored is a stored version's schema, parsed.
func (r *Registry) stored(v view, version *model.Version, depth int) (*schema.Schema, error) {
	// The key is the very object: versions share it within a context, where the same references mean the same.
	if hit, ok := r.parses.get(version.Schema); ok {
		return hit, nil
	}
	epoch := r.parses.now()
	_, resolved, err := r.references(v, version.Subject.Context(), version.Schema.References, false, depth)
	if err != nil {
		return nil, err
	}
	avro, err := schema.Parse(version.Schema.Text, schema.WithReferences(resolved...), schema.Lenient())
	if err != nil {
		return nil, fmt.Errorf("subject %q version %d: %w", version.Subject, version.Number, err)
	}
	r.parses.put(version.Schema, avro, len(version.Schema.Text), epoch)
	return avro, nil
}
