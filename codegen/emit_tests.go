package codegen

import "strings"

// testsPath is the import path of what generated tests call.
const testsPath = runtimePath + "/avrotest"

// emitTests prints the test file beside one generated file, or returns nil if no type of it can be tried.
func emitTests(pkg *goPackage, f *goFile) ([]byte, error) {
	p := &printer{imports: map[string]string{"testing": "", testsPath: ""}}
	some := false
	for _, n := range f.types {
		if n.datum && n.isRandom() {
			some = true
			p.tests(n)
		}
	}
	if !some {
		return nil, nil
	}
	return p.source(pkg.name)
}

// tests prints the tests of one type.
func (p *printer) tests(n *named) {
	fresh := "func() avrotest.Type { return new(" + n.name + ") }"
	p.line()
	p.line("func Test", n.name, "RoundTrip(t *testing.T) {")
	p.line("avrotest.RoundTrip(t, ", fresh, ")")
	p.line("}")
	p.line()
	p.line("func Test", n.name, "Differential(t *testing.T) {")
	p.line("avrotest.Differential(t, ", fresh, ")")
	p.line("}")
	p.line()
	p.line("func Fuzz", n.name, "Avro(f *testing.F) {")
	p.line("avrotest.Fuzz(f, ", fresh, ")")
	p.line("}")
}

// external reports whether an import is of no standard package: those stand in a group of their own.
func external(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return strings.Contains(first, ".")
}
