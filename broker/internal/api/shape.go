package api

import (
	"fmt"
	"strconv"
	"strings"
)

// A shape is how a request of a flexible version (KIP-482) lies on the wire. It is walked before kmsg decodes the request,
// because kmsg believes what a frame says of its tagged fields: five bytes that claim four thousand million of them keep
// it busy for a minute. A walk costs no memory and ends at the first length that cannot be.
//
// Shapes are written as text, fields separated by spaces:
//
//	1 2 4 8 16   that many bytes
//	s            string or bytes behind a uvarint length, nullable or not
//	[x]          array of x, which is one of the above
//	(...)        array of structs, each followed by its tagged fields
//	x:9-10       only in versions 9 to 10; x:9+ from 9 on, x:9 only in 9
//
// The request itself is a struct, too.
type shape []shapeField

type shapeField struct {
	kind     byte // 'n' bytes, 's' string, '[' array of one field, '(' array of structs
	size     int
	fields   shape
	min, max int16
}

const anyVersion = 1<<15 - 1

// newShape parses a shape. Shapes are constants of the table, so that a mistake in one is a bug and panics.
func newShape(text string) shape {
	p := shapeParser{tokens: strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ", "[", " [ ", "]", " ] ", " :", ":").
		Replace(text))}
	s := p.fields("")
	return s
}

type shapeParser struct{ tokens []string }

func (p *shapeParser) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

// fields parses up to the closing token; versions that follow it (":9+") belong to the array.
func (p *shapeParser) fields(end string) shape {
	var s shape
	for {
		t := p.next()
		if t == end {
			return s
		}
		f := shapeField{max: anyVersion}
		name, versions, _ := strings.Cut(t, ":")
		switch name {
		case "(":
			f.kind, f.fields = '(', p.fields(")")
		case "[":
			f.kind, f.fields = '[', p.fields("]")
		case "s":
			f.kind = 's'
		default:
			n, err := strconv.Atoi(name)
			if err != nil {
				panic(fmt.Sprintf("api: %q in a shape", t))
			}
			f.kind, f.size = 'n', n
		}
		if versions == "" && len(p.tokens) > 0 && strings.HasPrefix(p.tokens[0], ":") {
			versions = p.next()[1:]
		}
		f.versions(versions)
		s = append(s, f)
	}
}

func (f *shapeField) versions(text string) {
	if text == "" {
		return
	}
	low, high, to := strings.Cut(strings.TrimSuffix(text, "+"), "-")
	f.min = atoi(low)
	switch {
	case to:
		f.max = atoi(high)
	case !strings.HasSuffix(text, "+"):
		f.max = f.min
	}
}

func atoi(s string) int16 {
	n, err := strconv.ParseInt(s, 10, 16)
	if err != nil {
		panic(fmt.Sprintf("api: version %q in a shape", s))
	}
	return int16(n)
}

// check walks a body and reports whether it has the shape at that version.
func (s shape) check(version int16, body []byte) error {
	r := frameReader{b: body, flexible: true}
	s.walk(&r, version)
	r.tags()
	if r.bad {
		return errFrameShort
	}
	return nil
}

func (s shape) walk(r *frameReader, version int16) {
	for i := range s {
		f := &s[i]
		if version < f.min || version > f.max {
			continue
		}
		switch f.kind {
		case 'n':
			r.take(f.size)
		case 's':
			r.nullableString()
		case '[', '(':
			for n := r.array(1); n > 0 && !r.bad; n-- {
				f.fields.walk(r, version)
				if f.kind == '(' {
					r.tags()
				}
			}
		}
		if r.bad {
			return
		}
	}
}
