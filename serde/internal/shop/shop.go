// Package shop holds the types that the tests of serde send: an order, its key, and plain bytes.
package shop

//go:generate go run github.com/typelog/typelog/cmd/typelog generate --out . --package shop *.avsc
