package model

// TagsProperty is the attribute of a schema's record or field that holds its tags.
const TagsProperty = "confluent:tags"

// The kinds of entities that have tags.
const (
	RecordEntity = "sr_record"
	FieldEntity  = "sr_field"
)

// Entity is a part of a schema: a record by its full name, or a field by its record's full name and its own.
type Entity struct {
	Path string `json:"entityPath"`
	Type string `json:"entityType"`
}

// Tagged is an entity with tags.
type Tagged struct {
	Entity Entity   `json:"schemaEntity"`
	Tags   []string `json:"tags"`
}

// TagChange says how the tags inside a schema change on registration. The zero value changes none.
type TagChange struct {
	Add, Remove []Tagged
	// Propagate takes over the tags of the latest version.
	Propagate bool
	// Metadata and Rules replace those of the version that is tagged, if they are not nil.
	Metadata *Metadata
	Rules    *RuleSet
	// MergeRules and RemoveRules change the rules of the version before the new one.
	MergeRules  *RuleSet
	RemoveRules []string
	// Always makes a new version even if nothing changes.
	Always bool
}

// Asked reports whether a change was asked for; then a new version is made in any case.
func (c TagChange) Asked() bool { return c.Always || c.Propagate || len(c.Add)+len(c.Remove) > 0 }
