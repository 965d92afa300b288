package model

import "strings"

// Level is a compatibility level.
type Level string

// The levels.
const (
	None               Level = "NONE"
	Backward           Level = "BACKWARD"
	BackwardTransitive Level = "BACKWARD_TRANSITIVE"
	Forward            Level = "FORWARD"
	ForwardTransitive  Level = "FORWARD_TRANSITIVE"
	Full               Level = "FULL"
	FullTransitive     Level = "FULL_TRANSITIVE"
)

// DefaultLevel holds where nothing is configured.
const DefaultLevel = Backward

// ParseLevel reads a level in any case.
func ParseLevel(s string) (Level, bool) {
	switch l := Level(strings.ToUpper(s)); l {
	case None, Backward, BackwardTransitive, Forward, ForwardTransitive, Full, FullTransitive:
		return l, true
	}
	return "", false
}

// Transitive reports whether the level looks at all earlier versions and not only at the latest.
func (l Level) Transitive() bool { return strings.HasSuffix(string(l), "_TRANSITIVE") }

// Config is the configuration of a subject, of a context, or of everything. A nil or empty member is not set. A
// configuration that exists hides the wider ones whole, whatever it sets.
type Config struct {
	Alias               string    `json:"alias,omitempty"`
	AliasForDeks        string    `json:"aliasForDeks,omitempty"`
	Normalize           *bool     `json:"normalize,omitempty"`
	ValidateFields      *bool     `json:"validateFields,omitempty"`
	ValidateNewSchemas  *bool     `json:"validateNewSchemas,omitempty"`
	ValidateRules       *bool     `json:"validateRules,omitempty"`
	Level               Level     `json:"compatibility,omitempty"`
	CompatibilityPolicy string    `json:"compatibilityPolicy,omitempty"`
	CompatibilityGroup  string    `json:"compatibilityGroup,omitempty"`
	DefaultMetadata     *Metadata `json:"defaultMetadata,omitempty"`
	OverrideMetadata    *Metadata `json:"overrideMetadata,omitempty"`
	DefaultRules        *RuleSet  `json:"defaultRuleSet,omitempty"`
	OverrideRules       *RuleSet  `json:"overrideRuleSet,omitempty"`
}

// Effective is the level that holds under c.
func (c Config) Effective() Level {
	if c.Level == "" {
		return DefaultLevel
	}
	return c.Level
}

// Set reports whether an optional switch is on.
func Set(b *bool) bool { return b != nil && *b }

// Mode says what may change.
type Mode string

// The modes. ReadOnlyOverride differs from ReadOnly in name only, as in Confluent's registry.
const (
	ReadWrite        Mode = "READWRITE"
	ReadOnly         Mode = "READONLY"
	ReadOnlyOverride Mode = "READONLY_OVERRIDE"
	Import           Mode = "IMPORT"
	Forwarding       Mode = "FORWARD"
)

// ParseMode reads a mode in any case.
func ParseMode(s string) (Mode, bool) {
	switch m := Mode(strings.ToUpper(s)); m {
	case ReadWrite, ReadOnly, ReadOnlyOverride, Import, Forwarding:
		return m, true
	}
	return "", false
}

// Refuses reports whether the mode refuses changes.
func (m Mode) Refuses() bool { return m == ReadOnly || m == ReadOnlyOverride || m == Forwarding }
