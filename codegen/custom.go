package codegen

import (
	"fmt"
	"go/token"
	"path"
	"strings"

	"github.com/typelog/typelog/serde/avro/schema"
)

// custom is a Go type of the user's own in place of the one that an Avro type would become. The attribute go.type names it,
// on a field or on the type itself, by import path and name ("net/netip.Addr"), or by its name alone if it lies in the
// generated package. Values are converted, so its underlying type must be that of the type in whose place it stands; or,
// with "go.text": true on a string, its MarshalText and UnmarshalText are called.
type custom struct {
	path string // import path; empty for the generated package
	name string // as in Go source, with the package's name before it
	text bool
}

// The attributes that ask for a custom type.
const (
	typeAttribute = "go.type"
	textAttribute = "go.text"
)

// attributes is a schema's type or field, which may have further attributes.
type attributes interface {
	Prop(name string) *schema.Value
}

// customOf returns the custom type that a type or field asks for, or nil.
func (b *builder) customOf(a attributes) (*custom, error) {
	attribute := a.Prop(typeAttribute)
	if attribute == nil {
		return nil, nil
	}
	text := attribute.Text
	at := strings.LastIndexByte(text, '.')
	c := &custom{path: text[:max(at, 0)], name: text[at+1:]}
	if attribute.Kind != schema.JSONString || !token.IsIdentifier(c.name) || at == 0 || c.path != "" && (!token.IsExported(c.name) || !validImport(c.path)) {
		return nil, fmt.Errorf("%s names a Go type, as in \"net/netip.Addr\", and not %s", typeAttribute, describeValue(*attribute))
	}
	if flag := a.Prop(textAttribute); flag != nil {
		c.text = flag.Kind == schema.JSONBool && flag.Bool
	}
	if c.path != "" {
		c.name = b.alias(c.path) + "." + c.name
	}
	return c, nil
}

// validImport reports whether an import path can stand in Go source.
func validImport(p string) bool {
	for _, r := range p {
		if r <= ' ' || r > '~' || strings.ContainsRune("!\"#$%&'()*,:;<=>?[\\]^`{|}", r) {
			return false
		}
	}
	return p != "C" && p == path.Clean(p) && !strings.HasPrefix(p, ".") && !strings.HasPrefix(p, "/")
}

// customize puts a custom type in the place of r, which must be a scalar.
func (b *builder) customize(n *named, r *ref, c *custom, at place) *ref {
	switch r.form {
	case formBoolean, formInt, formLong, formFloat, formDouble, formBytes, formLogical:
		if c.text {
			b.fail(n.in, at.pointer, "%s: %s is for strings, this is %s", at.label, textAttribute, r.avro.Kind)
		}
	case formString:
	default:
		b.fail(n.in, at.pointer, "%s: %s is for numbers, booleans, bytes, strings and logical types, not for %s", at.label, typeAttribute, r.avro.Kind)
		return r
	}
	return &ref{form: formCustom, avro: r.avro, elem: r, custom: c}
}

// locals are the identifiers of generated functions that an import must not take, and the packages that they use.
var locals = map[string]bool{
	"v": true, "r": true, "f": true, "n": true, "i": true, "dst": true, "src": true, "err": true, "out": true, "opts": true,
	"text": true, "data": true, "symbol": true, "parsed": true, "depth": true, "items": true, "item": true, "block": true,
	"entries": true, "key": true, "value": true, "branch": true, "fingerprint": true,
	"avro": true, "avrotest": true, "testing": true, "hex": true, "fmt": true, "strconv": true, "rand": true,
}

// alias returns the name by which generated files know the package with an import path: the path's last part.
func (b *builder) alias(importPath string) string {
	if name, ok := b.pkg.aliases[importPath]; ok {
		return name
	}
	base := path.Base(importPath)
	if parent := path.Base(path.Dir(importPath)); len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" && parent != "." {
		base = parent // a major version
	}
	name := strings.ToLower(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, base))
	taken := func(name string) bool {
		for other, used := range b.pkg.aliases {
			if used == name && other != importPath {
				return true
			}
		}
		return locals[name] || !token.IsIdentifier(name) || importPath != "time" && name == "time"
	}
	for i := 1; taken(name); i++ {
		name = strings.TrimRight(name, "0123456789") + "pkg" + strings.Repeat("x", i-1)
	}
	b.pkg.aliases[importPath] = name
	return name
}
