package codegen

import (
	"errors"
	"fmt"
	"go/token"
	"strings"
)

// Source is one schema to generate from.
type Source struct {
	Path string // where it came from: for messages, and for the names of files and of unnamed root types
	Text string // the schema as JSON
}

// Options are the choices of a run. The zero value works for schemas with a namespace.
type Options struct {
	// Package is the name of the Go package. If it is empty, the last part of the first source's namespace is, or of
	// the first that has one.
	Package string

	// Pointers makes a nullable type a pointer, which is nil for null, where it would be an avro.Opt.
	Pointers bool

	// Tests adds a test file for each source: round trip, comparison with another implementation, fuzzing.
	Tests bool
}

// File is one generated file.
type File struct {
	Name string // the file's name without a directory, such as audit_event_avro.go
	Data []byte // gofmt'd source
}

// Error is a fault of an input. It names the input and the place in it.
type Error struct {
	Path    string // of the Source
	Pointer string // JSON pointer (RFC 6901) in its text; empty for the root or the whole text
	Message string
}

// Error returns "path: at pointer: message".
func (e *Error) Error() string {
	if e.Pointer == "" {
		return e.Path + ": " + e.Message
	}
	return e.Path + ": at " + e.Pointer + ": " + e.Message
}

// Generate returns the files of one Go package for the sources, one file for each, in their order, and one more with Options.Tests. Sources may use
// each other's named types, in any order but not in a circle; two that define one full name must define it alike,
// and the first one's file gets it. The result depends on nothing but the arguments.
//
// The error names every source that is at fault with the place in it: they are *Error values, joined.
func Generate(sources []Source, opts Options) ([]File, error) {
	if len(sources) == 0 {
		return nil, errors.New("no schema to generate from")
	}
	inputs, err := parseInputs(sources)
	if err != nil {
		return nil, err
	}
	return generate(inputs, nil, opts)
}

// generate returns the files of one package; in a layout, of the layout's own.
func generate(inputs []*input, l *layout, opts Options) ([]File, error) {
	name, err := choosePackage(inputs, l, opts)
	if err != nil {
		return nil, err
	}
	pkg, err := resolve(name, inputs, l, opts)
	if err != nil {
		return nil, err
	}
	files := make([]File, 0, len(pkg.files))
	for _, f := range pkg.files {
		if l != nil && len(f.types) == 0 {
			continue
		}
		data, err := emitFile(pkg, f)
		if err != nil {
			return nil, fmt.Errorf("%s: the generated source is not valid Go, which is a fault of typelog: %w", f.in.Path, err)
		}
		files = append(files, File{Name: f.name, Data: data})
		if !opts.Tests {
			continue
		}
		if data, err = emitTests(pkg, f); err != nil {
			return nil, fmt.Errorf("%s: the generated test is not valid Go, which is a fault of typelog: %w", f.in.Path, err)
		}
		if data != nil {
			files = append(files, File{Name: strings.TrimSuffix(f.name, Suffix) + TestSuffix, Data: data})
		}
	}
	return files, nil
}

// choosePackage returns the Go package's name.
func choosePackage(inputs []*input, l *layout, opts Options) (string, error) {
	if l != nil {
		return l.own.Name, nil
	}
	if opts.Package != "" {
		if !token.IsIdentifier(opts.Package) || opts.Package == "_" {
			return "", fmt.Errorf("package %q: not a Go package name; use lower-case letters and digits", opts.Package)
		}
		return opts.Package, nil
	}
	for _, in := range inputs {
		if namespace := in.schema.Root().Namespace; namespace != "" {
			return packageName(namespace), nil
		}
	}
	return "", &Error{Path: inputs[0].Path, Message: "the schema has no namespace to name the Go package after; give --package NAME"}
}
