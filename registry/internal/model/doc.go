// Package model holds the nouns of the registry: schemas, versions, references, metadata, configurations, modes, and
// the names of subjects and contexts. The rules (package registry) decide with them, the store keeps them and the HTTP
// edge prints them. It does no I/O, holds no state and knows neither HTTP nor SQL nor Avro.
package model
