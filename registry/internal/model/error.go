package model

import "fmt"

// Kind is a kind of refusal. The HTTP edge has one table that gives each a status and an error code.
type Kind uint8

// The kinds.
const (
	Internal Kind = iota
	SubjectNotFound
	VersionNotFound
	SchemaNotFound
	SubjectSoftDeleted
	SubjectNotSoftDeleted
	VersionSoftDeleted
	VersionNotSoftDeleted
	NoSubjectConfig
	NoSubjectMode
	Incompatible
	InvalidSchema
	InvalidVersion
	InvalidLevel
	InvalidMode
	NotPermitted
	Referenced
	IDMismatch
	InvalidSubject
	SchemaTooLarge
	InvalidRuleSet
	InvalidImport
	ContextNotEmpty
	Forbidden
	StoreFailed
	StoreTimeout
)

// Error is a refusal in words for the client.
type Error struct {
	Kind    Kind
	Message string
	// Reasons are the reasons of an incompatible schema, if the request asked to have them explained.
	Reasons []Incompatibility
	// Cause is for the log, not for the client; it may be nil.
	Cause error
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf makes an Error.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}
