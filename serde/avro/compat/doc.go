// Package compat says what may change in an Avro schema and what breaks: every incompatibility between a reader's and
// a writer's schema, with its kind, JSON pointer, message and a way to mend it. The verdicts are Avro Java's
// (SchemaCompatibility), the levels and verbose messages Confluent's registry's.
//
// It is pure and knows only package schema: not subjects, versions or where schemas are kept. The registry asks it
// before it accepts a version; the command line before it sends one.
package compat
