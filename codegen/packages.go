package codegen

import (
	"errors"
	"fmt"
	"go/token"
	"path"
	"slices"
	"strings"
)

// Package is one of several Go packages that schemas are generated into: what its namespace holds.
type Package struct {
	Namespace string // with all below it that have no package of their own
	Import    string // the package's import path
	Name      string // its name; empty: the import path's last part, as a package name
}

// PackageFile is a generated file of one of several packages.
type PackageFile struct {
	Package Package
	File
}

// GeneratePackages is Generate for several packages at once: each named type lies in the package of its namespace, and
// types of the others are imported. opts.Package must be empty. Every namespace must have a package, and packages must not
// import each other in a circle: such an error names the fields that close it.
func GeneratePackages(sources []Source, packages []Package, opts Options) ([]PackageFile, error) {
	if opts.Package != "" {
		return nil, errors.New("a name is given for one package, but there are several; give each its own")
	}
	packages = slices.Clone(packages)
	if err := checkPackages(packages); err != nil {
		return nil, err
	}
	var out []PackageFile
	for i := range packages {
		inputs, err := parseInputs(sources)
		if err != nil {
			return nil, err
		}
		files, err := generate(inputs, &layout{packages: packages, own: &packages[i]}, opts)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			out = append(out, PackageFile{Package: packages[i], File: f})
		}
	}
	if len(out) == 0 {
		return nil, errors.New("no schema to generate from")
	}
	return out, nil
}

// checkPackages fills in names and finds what cannot be a package.
func checkPackages(packages []Package) error {
	if len(packages) == 0 {
		return errors.New("no package to generate into")
	}
	imports, namespaces := map[string]bool{}, map[string]bool{}
	for i := range packages {
		p := &packages[i]
		if !validImport(p.Import) || p.Import == "" {
			return fmt.Errorf("namespace %q: %q is no import path", p.Namespace, p.Import)
		}
		if p.Name == "" {
			p.Name = packageName(strings.ReplaceAll(path.Base(p.Import), "-", "_"))
		}
		if !token.IsIdentifier(p.Name) || p.Name == "_" {
			return fmt.Errorf("namespace %q: %q is not a Go package name; use lower-case letters and digits", p.Namespace, p.Name)
		}
		if imports[p.Import] || namespaces[p.Namespace] {
			return fmt.Errorf("namespace %q and its package %s come twice; one namespace has one package, and one package one namespace", p.Namespace, p.Import)
		}
		imports[p.Import], namespaces[p.Namespace] = true, true
	}
	return nil
}

// layout says which types lie in which package. Nil is one package for all.
type layout struct {
	packages []Package
	own      *Package // the one that is generated
}

// of returns the package of a namespace, that of the nearest one above it, or nil.
func (l *layout) of(namespace string) *Package {
	var best *Package
	for i := range l.packages {
		p := &l.packages[i]
		if namespace != p.Namespace && !strings.HasPrefix(namespace, p.Namespace+".") {
			continue
		}
		if best == nil || len(p.Namespace) > len(best.Namespace) {
			best = p
		}
	}
	return best
}

// qualified returns the type's name as the package that is generated must write it.
func (n *named) qualified() string { return n.prefix + n.name }

// foreign reports whether a type lies in another package than the one that is generated.
func (n *named) foreign() bool { return n.prefix != "" }

// eachNamed calls visit for the named types of a use of a type, through arrays, maps and unions.
func (r *ref) eachNamed(visit func(*named)) {
	switch {
	case r.named != nil:
		visit(r.named)
	case r.elem != nil:
		r.elem.eachNamed(visit)
	case r.union != nil:
		for _, b := range r.union.branches {
			b.typ.eachNamed(visit)
		}
	}
}

// crossing is a field by which one package imports another.
type crossing struct {
	from, to *Package
	in       *named
	field    *field
}

func (c crossing) String() string {
	return fmt.Sprintf("%s.%s (%s imports %s)", c.in.avro.FullName(), c.field.avro.Name, c.from.Import, c.to.Import)
}

// checkImports finds packages that would import each other in a circle.
func (b *builder) checkImports() {
	crossings := map[*Package][]crossing{}
	for _, n := range b.all {
		for _, f := range n.fields {
			f.typ.eachNamed(func(used *named) {
				c := crossing{from: n.pkg, to: used.pkg, in: n, field: f}
				known := slices.ContainsFunc(crossings[n.pkg], func(k crossing) bool { return k.to == c.to })
				if c.from != c.to && !known {
					crossings[n.pkg] = append(crossings[n.pkg], c)
				}
			})
		}
	}
	state := map[*Package]walkState{}
	var trail []crossing
	var visit func(p *Package) bool
	visit = func(p *Package) bool {
		state[p] = open
		for _, c := range crossings[p] {
			trail = append(trail, c)
			if state[c.to] == open {
				b.failCircle(trail[slices.IndexFunc(trail, func(t crossing) bool { return t.from == c.to }):])
				return false
			}
			if state[c.to] == unseen && !visit(c.to) {
				return false
			}
			trail = trail[:len(trail)-1]
		}
		state[p] = done
		return true
	}
	for i := range b.layout.packages {
		if p := &b.layout.packages[i]; state[p] == unseen && !visit(p) {
			return
		}
	}
}

func (b *builder) failCircle(circle []crossing) {
	var fields []string
	for _, c := range circle {
		fields = append(fields, c.String())
	}
	last := circle[len(circle)-1]
	b.fail(last.in.in, last.field.avro.Pointer, "these packages would import each other in a circle, which Go does not allow, by %s; map their namespaces to one package",
		strings.Join(fields, " and "))
}
