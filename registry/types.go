package registry

import "github.com/typelog/typelog/registry/internal/model"

// The nouns of the registry. They are declared where store and HTTP edge can see them, too.
type (
	// Subject is a subject's name in its canonical spelling; see model.ParseSubject.
	Subject = model.Subject
	// Schema is a registered content: text, references, metadata, guid.
	Schema = model.Schema
	// Version is one version of a subject.
	Version = model.Version
	// Reference names a version of a subject whose definitions a schema uses.
	Reference = model.Reference
	// Metadata is what people attach to a schema.
	Metadata = model.Metadata
	// RuleSet are the rules that clients carry out on data of a schema.
	RuleSet = model.RuleSet
	// Type is a schema's language.
	Type = model.Type
	// GUID identifies a content in every registry.
	GUID = model.GUID
	// SubjectConfig is the configuration of a subject, a context or everything.
	SubjectConfig = model.Config
	// Level is a compatibility level.
	Level = model.Level
	// Mode says what may change.
	Mode = model.Mode
	// Error is a refusal with its kind.
	Error = model.Error
	// Source is a schema as a client sends it.
	Source = model.Source
	// Registration asks for a version.
	Registration = model.Registration
	// Registered is the answer to a registration or a look-up.
	Registered = model.Registered
	// Incompatibility is one reason why a schema is refused.
	Incompatibility = model.Incompatibility
	// Warning is what a compatible schema may still cause.
	Warning = model.Warning
	// Compatibility is the answer of a compatibility check.
	Compatibility = model.Compatibility
)

// The languages of schemas.
const (
	Avro     = model.Avro
	JSON     = model.JSON
	Protobuf = model.Protobuf
)

// NoID is the ID of a registration that leaves the id to the registry.
const NoID = model.NoID

// Latest, as a version's number, means the newest version that is not deleted.
const Latest = model.Latest

// Filter selects versions by whether they are softly deleted.
type Filter = model.Filter

// The filters.
const (
	Live        = model.Live
	WithDeleted = model.WithDeleted
	OnlyDeleted = model.OnlyDeleted
)

// Prefix selects subjects by the beginning of their names, in one context or in all.
type Prefix = model.Prefix

// AllSubjects is the prefix that every subject of every context has.
func AllSubjects() Prefix { return model.Everything() }
