package avro

import (
	"bytes"
	"encoding/json"
)

// Opt is a value that may be null: what a union of null and one other type becomes in Go. The zero value is null.
type Opt[T any] struct {
	Value T
	Valid bool // false means null; Value is then ignored
}

// Some returns an Opt that holds v.
func Some[T any](v T) Opt[T] { return Opt[T]{Value: v, Valid: true} }

// Ptr returns a pointer to v, for generated code in which nullable types are pointers.
func Ptr[T any](v T) *T { return &v }

// None returns an Opt that is null.
func None[T any]() Opt[T] { return Opt[T]{} }

// Get returns the value, and false if it is null.
func (o Opt[T]) Get() (T, bool) {
	if !o.Valid {
		var zero T
		return zero, false
	}
	return o.Value, true
}

// Or returns the value, or def if it is null.
func (o Opt[T]) Or(def T) T {
	if !o.Valid {
		return def
	}
	return o.Value
}

// IsZero reports whether it is null, so that the omitzero option of encoding/json leaves nulls out.
func (o Opt[T]) IsZero() bool { return !o.Valid }

// MarshalJSON returns null or the value's JSON.
func (o Opt[T]) MarshalJSON() ([]byte, error) {
	if !o.Valid {
		return []byte("null"), nil
	}
	return json.Marshal(o.Value)
}

// UnmarshalJSON sets it from null or the value's JSON.
func (o *Opt[T]) UnmarshalJSON(data []byte) error {
	var zero Opt[T]
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		*o = zero
		return nil
	}
	if err := json.Unmarshal(data, &zero.Value); err != nil {
		return err
	}
	zero.Valid = true
	*o = zero
	return nil
}
