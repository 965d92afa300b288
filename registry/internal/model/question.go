package model

import "github.com/typelog/typelog/registry/internal/diff"

// Search is a question for words.
type Search struct {
	Text          string
	Prefix        Prefix
	Filter        Filter
	AllVersions   bool // or only the newest of each subject
	Offset, Limit int  // no limit if it is 0
	// Visible says which subjects the caller may read; nil is all.
	Visible func(Subject) bool
}

// Hit is a version that has the words.
type Hit struct {
	Subject Subject `json:"subject"`
	Version int32   `json:"version"`
	ID      int32   `json:"id"`
	Deleted bool    `json:"deleted,omitempty"`
	Matches []Match `json:"matches"`
}

// Match is a place in a version that has one of the words.
type Match struct {
	Kind    string `json:"kind"`              // subject, record, enum, fixed, field, symbol or doc
	Pointer string `json:"pointer,omitempty"` // JSON pointer into the schema
	Name    string `json:"name,omitempty"`    // of the type, or of the field with its record
	Text    string `json:"text"`
}

// Diff is how two versions differ.
type Diff struct {
	Subject Subject `json:"subject"`
	From    int32   `json:"from"`
	To      int32   `json:"to"`
	// Backward: the newer version reads data of the older one. Forward: the reverse.
	Backward    bool              `json:"backward"`
	Forward     bool              `json:"forward"`
	Differences []diff.Difference `json:"differences"`
}

// Imported is what an import took in.
type Imported struct {
	Versions  int `json:"versions"`
	Configs   int `json:"configs"`
	Modes     int `json:"modes"`
	Unchanged int `json:"unchanged"` // versions that were there already
}
