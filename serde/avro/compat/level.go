package compat

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/typelog/typelog/serde/avro/schema"
)

// Level is what a new version of a schema must be compatible with.
type Level uint8

// The levels of Confluent's registry. The zero value is None.
const (
	None               Level = iota // anything goes
	Backward                        // new readers read what the latest version wrote
	BackwardTransitive              // … and what all versions wrote
	Forward                         // readers of the latest version read what the new one writes
	ForwardTransitive               // … readers of all versions
	Full                            // both ways with the latest version
	FullTransitive                  // both ways with all versions
)

var levelNames = [...]string{"NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL",
	"FULL_TRANSITIVE"}

// String returns the level's name in the registry's API: "BACKWARD_TRANSITIVE".
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return fmt.Sprintf("Level(%d)", uint8(l))
}

// ParseLevel returns the level with this name, in upper or lower case.
func ParseLevel(name string) (Level, error) {
	for l, known := range levelNames {
		if strings.EqualFold(name, known) {
			return Level(l), nil
		}
	}
	return None, fmt.Errorf("unknown compatibility level %q: use one of %s", name, strings.Join(levelNames[:], ", "))
}

// Transitive reports whether the level concerns all versions, not only the latest.
func (l Level) Transitive() bool {
	return l == BackwardTransitive || l == ForwardTransitive || l == FullTransitive
}

func (l Level) backward() bool {
	return l == Backward || l == BackwardTransitive || l == Full || l == FullTransitive
}

func (l Level) forward() bool {
	return l == Forward || l == ForwardTransitive || l == Full || l == FullTransitive
}

// Result is the answer of CheckLevel.
type Result struct {
	Level    Level
	Failures []Failure // one for every version that the new schema is incompatible with, newest first
}

// Compatible reports whether the new schema may be registered.
func (r Result) Compatible() bool { return len(r.Failures) == 0 }

// Failure says why a new schema is incompatible with one version.
type Failure struct {
	Old      int               // index in the old schemas that CheckLevel was given
	Backward []Incompatibility // the new schema as the reader, the old as the writer
	Forward  []Incompatibility // the old schema as the reader, the new as the writer
}

// CheckLevel tells whether a new schema may follow the old ones, which are ordered from the newest. Levels that are
// not transitive only look at the newest.
func CheckLevel(level Level, newSchema *schema.Schema, olds []*schema.Schema) Result {
	result := Result{Level: level}
	if !level.Transitive() && len(olds) > 1 {
		olds = olds[:1]
	}
	for i, old := range olds {
		failure := Failure{Old: i}
		if level.backward() {
			failure.Backward = Check(newSchema, old)
		}
		if level.forward() {
			failure.Forward = Check(old, newSchema)
		}
		if len(failure.Backward)+len(failure.Forward) > 0 {
			result.Failures = append(result.Failures, failure)
		}
	}
	return result
}

// Messages returns the failure as Confluent's registry words it with verbose=true: the forward faults, the backward
// faults, and after them the old version and its text as the registry keeps it. (After forward faults alone, the old
// version is named only at the forward levels; the registry prints the first failure and then a line of its own.)
func (f Failure) Messages(level Level, oldVersion int, oldText string) []string {
	var messages []string
	for _, fault := range printed(f.Forward) {
		messages = append(messages, fault.Verbose("old", "new"))
	}
	for _, fault := range printed(f.Backward) {
		messages = append(messages, fault.Verbose("new", "old"))
	}
	if len(f.Backward) > 0 || !level.backward() {
		messages = append(messages, fmt.Sprintf("{oldSchemaVersion: %d}", oldVersion), oldSchema(oldText))
	}
	return messages
}

// printed returns the faults that the registry prints: its checker gives up at an ambiguous field and forgets the rest.
func printed(faults []Incompatibility) []Incompatibility {
	if i := slices.IndexFunc(faults, func(f Incompatibility) bool { return f.Kind == AmbiguousField }); i >= 0 {
		return faults[i : i+1]
	}
	return faults
}

// oldSchema prints a schema's text into a message, cut after 10,240 characters.
func oldSchema(text string) string {
	const most = 10 * 1024
	if utf8.RuneCountInString(text) <= most {
		return "{oldSchema: '" + text + "'}"
	}
	return "{oldSchema: <truncated> '" + string([]rune(text)[:most]) + "...'}"
}
