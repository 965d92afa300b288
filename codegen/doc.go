// Package codegen turns Avro schemas into Go packages: structs, enums, fixed and unions with their own encoder,
// decoder and validation, and tests for them.
//
// It works in three steps, each in files of its own. The inputs are parsed, in whatever order their references ask
// for (inputs.go). A model of the Go package is resolved from them: every name, every Go type, every field that must
// be a pointer, which types lie in other packages or are the user's own (model.go, build.go, names.go, cycles.go,
// packages.go, custom.go). Small emitters then print that model and decide nothing (emit_*.go). All that can be wrong with
// a schema is found in the first two steps, and is reported with the type and its place.
//
// The package knows the model of a schema (serde/avro/schema) and no runtime: only the code that it writes imports
// serde/avro. It does no I/O. The same inputs give the same bytes, always.
package codegen
