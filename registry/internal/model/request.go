package model

// Source is a schema as a client sends it.
type Source struct {
	Type Type // "" is Avro
	// Text is the schema; a blank one stands for the subject's latest.
	Text       string
	References []Reference
	// Metadata is inherited from the subject's latest version if it is nil.
	Metadata *Metadata
	// Rules likewise.
	Rules *RuleSet
}

// Blank reports whether the source has no text.
func (s Source) Blank() bool {
	for i := range len(s.Text) {
		if s.Text[i] > ' ' {
			return false
		}
	}
	return true
}

// Latest, as a version's number, means the newest version that is not deleted.
const Latest = -1

// NoID is the ID of a Registration that leaves the id to the registry.
const NoID = -1

// Registration asks for a version of a subject.
type Registration struct {
	Source
	Subject string // as written: it may name a context, or be an alias
	// Version is 0 where any will do; a number must be the next one; Latest accepts the latest if it is this schema.
	Version int32
	// ID is NoID, or the id to register under in IMPORT mode.
	ID        int32
	Normalize bool
	Tags      TagChange
	// Explain asks for all reasons if the schema is refused as incompatible.
	Explain bool
}

// Registered is the answer to a registration or a look-up.
type Registered struct {
	*Version
	// Stored: the answer is a stored version that is equivalent to the request, and not the request itself.
	Stored bool
	// Warnings are about a new version; filled only if the request asked for explanations.
	Warnings []Warning
}

// Filter selects versions by whether they are softly deleted.
type Filter uint8

// The filters.
const (
	Live Filter = iota
	WithDeleted
	OnlyDeleted
)

// Admits reports whether the filter selects a version.
func (f Filter) Admits(v *Version) bool {
	switch f {
	case WithDeleted:
		return true
	case OnlyDeleted:
		return v.Deleted
	}
	return !v.Deleted
}

// Incompatibility is one reason why a schema does not fit an earlier version.
type Incompatibility struct {
	Version int32  `json:"version"` // the earlier version
	Kind    string `json:"kind"`
	// Reader says whose schema reads and is at fault: "new", or "old" where old readers cannot read new data.
	Reader  string `json:"reader,omitempty"`
	Pointer string `json:"pointer"` // JSON pointer into the reader's schema
	Message string `json:"message"`
	Verbose string `json:"verbose,omitempty"` // in Confluent's words
	Mend    string `json:"mend,omitempty"`    // what would make it fit
}

// Warning is what a compatible schema may still cause.
type Warning struct {
	Version int32  `json:"version,omitempty"` // the earlier version concerned, if it is one
	Kind    string `json:"kind"`
	Reader  string `json:"reader,omitempty"` // whose schema reads: "new" or "old"
	Pointer string `json:"pointer"`          // JSON pointer into the reader's schema
	Message string `json:"message"`
	Mend    string `json:"mend,omitempty"`
}

// Compatibility is the answer of a compatibility check.
type Compatibility struct {
	Compatible bool
	// Messages are the reasons in Confluent's words, of the first version that does not fit.
	Messages []string
	// Reasons are all reasons against all versions; filled only if the question asked for it.
	Reasons []Incompatibility
	// Warnings likewise.
	Warnings []Warning
}

// Tidy brings numbers that mean "none" into one form.
func (q Registration) Tidy() Registration {
	if q.ID < 0 {
		q.ID = NoID
	}
	if q.Version < Latest {
		q.Version = 0
	}
	return q
}

// Listed is a version with the other names of its subject.
type Listed struct {
	*Version
	Aliases []string
}

// ContextID is an id within a context.
type ContextID struct {
	Context string `json:"context"`
	ID      int32  `json:"id"`
}
