// Package audit is the audit event: who did what to what, when, from where and with what result, in a form that holds
// for logs of every kind. audit_event.avsc defines it and documents each field; the Go code beside it is generated.
//
// The package knows the runtime of generated code (serde/avro) and nothing else: producers and consumers of these
// events import it, and it imports none of them.
package audit

//go:generate go run github.com/typelog/typelog/cmd/typelog generate --out . audit_event.avsc
