// Package avro is the runtime of generated code and of everything that handles Avro bytes: primitives with limits,
// logical types, validation without decoding, resolution of a writer's schema to a reader's, and a generic codec for
// schemas that are known only at run time.
//
// It knows the schema model (serde/avro/schema) and nothing else of typelog: no wire prefix, no registry, no Kafka.
// Bytes and schemas in, values or a verdict out; it does no I/O.
//
// Three ways lead through it:
//
//	a typed event:    generated AppendAvro -> Append* functions -> bytes -> Reader -> generated DecodeAvro
//	a broker's check: bytes -> Validator -> verdict
//	a dynamic schema: bytes -> Validator -> Codec -> map[string]any or JSON, and back
//
// Every decoder here is meant for hostile bytes: a length is checked against what is left before it is used, counts are
// bounded, recursion is bounded, and what follows the datum is an error. What the Validator accepts, the Reader,
// the Codec and a Resolution accept too under their default limits.
package avro

// GeneratedV1 is the handshake between generated code and this runtime: a generated file holds
//
//	const _ = avro.GeneratedV1
//
// and so compiles only against a runtime that still honours the conventions that it was generated for.
const GeneratedV1 = 1
