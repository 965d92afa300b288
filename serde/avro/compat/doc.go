// Package compat says what may change in an Avro schema and what breaks: every incompatibility between a reader's and
// a writer's schema, with its kind, JSON pointer and message. It is pure and knows only package schema.
package compat
