// Package store keeps what the registry must not lose. Store is the interface; SQLite is the implementation for one
// node; the package storetest holds every implementation to the same promises.
//
// A store keeps facts and decides nothing: the rules (package registry) read everything into memory once, plan a change
// against that, and ask the store to apply it in one transaction, on condition that nobody else changed anything in
// between. A change log says what changed since a point, so that several nodes can follow one store.
package store

import (
	"context"
	"errors"

	"github.com/typelog/typelog/registry/internal/model"
)

// Position is a point in a store's history. It grows with every transaction; 0 is the empty store.
type Position int64

// Errors that callers act on.
var (
	// ErrConflict: somebody else changed the store after the given position. Read Since it, plan again.
	ErrConflict = errors.New("the store has moved on")
	// ErrTooOld: the change log does not reach back that far. Load everything again.
	ErrTooOld = errors.New("the change log no longer reaches back that far")
	// ErrNewer: a newer version wrote the store.
	ErrNewer = errors.New("written by a newer version")
	// ErrForeign: the file is something else.
	ErrForeign = errors.New("not a registry database")
)

// Store is safe for concurrent use.
type Store interface {
	// Load calls f for every fact, in an order in which each makes sense by itself, and returns the position that they
	// are true at. An error from f ends it.
	Load(ctx context.Context, f func(Change) error) (Position, error)
	// Since calls f with the present state of everything that changed after a position, in the order of the last change
	// of each, and returns the position that this is true at. It fails with ErrTooOld.
	Since(ctx context.Context, after Position, f func(Change) error) (Position, error)
	// Apply makes the changes in one transaction and returns the new position once they are flushed to disk. It fails
	// with ErrConflict, and changes nothing, if the store is not at position at.
	Apply(ctx context.Context, at Position, changes []Change) (Position, error)
	// Given returns the text of a version as its first client wrote it. ok is false if there is no such version.
	Given(ctx context.Context, subject model.Subject, number int32) (text string, ok bool, err error)
	// Check reports whether the store can be read.
	Check(ctx context.Context) error
	// Close waits for running calls. The store must not be used afterwards.
	Close() error
}

// Change is one fact that changed: one of the types below.
type Change interface{ isChange() }

// PutVersion adds a version or replaces the one with its number.
type PutVersion struct {
	Version *model.Version
	// Given is the text as it came; "" means the same as the schema's text, or as the version had before. It is not
	// part of what Load and Since tell.
	Given string
}

// DropVersion removes a version for good, and its schema with the last version that has it.
type DropVersion struct {
	Subject model.Subject
	Number  int32
}

// PutConfig sets the whole configuration of a subject, a context, or everything.
type PutConfig struct {
	Subject model.Subject
	Config  model.Config
}

// DropConfig removes it.
type DropConfig struct{ Subject model.Subject }

// PutMode sets a mode.
type PutMode struct {
	Subject model.Subject
	Mode    model.Mode
}

// DropMode removes it.
type DropMode struct{ Subject model.Subject }

// PutContext notes a context and the highest id that was ever given out in it. The note outlives the context, so that
// no id is used twice.
type PutContext struct {
	Name   string
	MaxID  int32
	Listed bool // false after the context was deleted
}

func (PutVersion) isChange()  {}
func (DropVersion) isChange() {}
func (PutConfig) isChange()   {}
func (DropConfig) isChange()  {}
func (PutMode) isChange()     {}
func (DropMode) isChange()    {}
func (PutContext) isChange()  {}
