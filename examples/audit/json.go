package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of one line of JSON.
const (
	maxDepth  = 64
	maxValues = 500_000
)

// kind is the type of a JSON value.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
)

func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// value is a JSON value that forgets nothing: order, the text of numbers, and where it stood.
type value struct {
	kind    kind
	raw     string   // as it stands in the line
	text    string   // of a string, without quotes and escapes
	items   []value  // of an array
	members []member // of an object, in order, no name twice
}

type member struct {
	name  string
	value value
}

// member returns an object's member, or nil.
func (v *value) member(name string) *value {
	for i := range v.members {
		if v.members[i].name == name {
			return &v.members[i].value
		}
	}
	return nil
}

// parseJSON reads exactly one JSON value (RFC 8259). It is stricter than encoding/json: a name that comes twice in an
// object, bytes that are no UTF-8, half a surrogate pair and deep nesting are errors, because each of them means that
// another reader could see another event.
func parseJSON(line []byte) (*value, error) {
	if !utf8.Valid(line) {
		return nil, errors.New("the line is not UTF-8")
	}
	p := &parser{in: string(line)}
	p.space()
	if p.at == len(p.in) {
		return nil, errors.New("the line is empty")
	}
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.at < len(p.in) {
		return nil, p.fail("more follows the JSON value")
	}
	return &v, nil
}

type parser struct {
	in     string
	at     int
	values int
}

func (p *parser) fail(what string, args ...any) error {
	return fmt.Errorf("not JSON: %s at byte %d", fmt.Sprintf(what, args...), p.at+1)
}

func (p *parser) cut() error { return errors.New("not JSON: the line is cut off") }

func (p *parser) space() {
	for p.at < len(p.in) && strings.IndexByte(" \t\r\n", p.in[p.at]) >= 0 {
		p.at++
	}
}

// peek returns the next byte behind white space; 0 stands for the end.
func (p *parser) peek() byte {
	p.space()
	if p.at == len(p.in) {
		return 0
	}
	return p.in[p.at]
}

func (p *parser) value(depth int) (v value, err error) {
	if p.values++; p.values > maxValues {
		return v, fmt.Errorf("the line holds more than %d values", maxValues)
	}
	if depth > maxDepth {
		return v, fmt.Errorf("the line is nested more than %d deep", maxDepth)
	}
	first := p.peek()
	start := p.at
	switch {
	case first == 0 && p.at == len(p.in):
		return v, p.cut()
	case first == '{':
		v.kind = kindObject
		v.members, err = p.object(depth)
	case first == '[':
		v.kind = kindArray
		v.items, err = p.array(depth)
	case first == '"':
		v.kind = kindString
		v.text, err = p.string()
	case first == '-' || digit(first):
		v.kind = kindNumber
		err = p.number()
	default:
		v.kind, err = p.word()
	}
	v.raw = p.in[start:p.at]
	return v, err
}

func (p *parser) word() (kind, error) {
	rest := p.in[p.at:]
	for word, k := range map[string]kind{"null": kindNull, "true": kindBool, "false": kindBool} {
		if strings.HasPrefix(rest, word) {
			p.at += len(word)
			return k, nil
		}
		if strings.HasPrefix(word, rest) {
			return 0, p.cut()
		}
	}
	return 0, p.fail("unexpected %q", rest[:min(len(rest), 1)])
}

func (p *parser) array(depth int) ([]value, error) {
	p.at++
	if p.peek() == ']' {
		p.at++
		return nil, nil
	}
	var items []value
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
		more, err := p.more(']')
		if err != nil || !more {
			return items, err
		}
	}
}

func (p *parser) object(depth int) ([]member, error) {
	p.at++
	if p.peek() == '}' {
		p.at++
		return nil, nil
	}
	var members []member
	seen := map[string]bool{}
	for {
		switch c := p.peek(); {
		case p.at == len(p.in):
			return nil, p.cut()
		case c != '"':
			return nil, p.fail("a name in quotes must stand here, not %q", c)
		}
		name, err := p.string()
		if err != nil {
			return nil, err
		}
		if seen[name] {
			return nil, fmt.Errorf("the name %q comes twice in one object", clip(name))
		}
		seen[name] = true
		switch c := p.peek(); {
		case p.at == len(p.in):
			return nil, p.cut()
		case c != ':':
			return nil, p.fail("a colon must stand here, not %q", c)
		}
		p.at++
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		members = append(members, member{name, v})
		more, err := p.more('}')
		if err != nil || !more {
			return members, err
		}
	}
}

// more reads the comma or the end behind an element.
func (p *parser) more(end byte) (bool, error) {
	c := p.peek()
	switch {
	case p.at == len(p.in):
		return false, p.cut()
	case c == ',':
		p.at++
		return true, nil
	case c == end:
		p.at++
		return false, nil
	}
	return false, p.fail("a comma or %q must stand here, not %q", end, c)
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func (p *parser) digits() error {
	start := p.at
	for p.at < len(p.in) && digit(p.in[p.at]) {
		p.at++
	}
	switch {
	case p.at > start:
		return nil
	case p.at == len(p.in):
		return p.cut()
	}
	return p.fail("a digit must stand here")
}

func (p *parser) next(set string) bool {
	if p.at < len(p.in) && strings.IndexByte(set, p.in[p.at]) >= 0 {
		p.at++
		return true
	}
	return false
}

func (p *parser) number() error {
	p.next("-")
	if !p.next("0") {
		if err := p.digits(); err != nil {
			return err
		}
	} else if p.at < len(p.in) && digit(p.in[p.at]) {
		return p.fail("a number begins with 0")
	}
	if p.next(".") {
		if err := p.digits(); err != nil {
			return err
		}
	}
	if p.next("eE") {
		p.next("+-")
		return p.digits()
	}
	return nil
}

func (p *parser) string() (string, error) {
	p.at++
	start := p.at
	for p.at < len(p.in) && p.in[p.at] != '"' && p.in[p.at] != '\\' && p.in[p.at] >= ' ' {
		p.at++
	}
	if p.at < len(p.in) && p.in[p.at] == '"' {
		p.at++
		return p.in[start : p.at-1], nil
	}
	var out strings.Builder
	out.WriteString(p.in[start:p.at])
	for p.at < len(p.in) {
		c := p.in[p.at]
		switch {
		case c == '"':
			p.at++
			return out.String(), nil
		case c < ' ':
			return "", p.fail("a control character in a string")
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			out.WriteRune(r)
		default:
			out.WriteByte(c)
			p.at++
		}
	}
	return "", p.cut()
}

func (p *parser) escape() (rune, error) {
	if p.at+1 == len(p.in) {
		return 0, p.cut()
	}
	c := p.in[p.at+1]
	if c == 'u' {
		r, err := p.hex()
		if err != nil || !utf16.IsSurrogate(r) {
			return r, err
		}
		if strings.HasPrefix(p.in[p.at:], `\u`) {
			low, err := p.hex()
			if pair := utf16.DecodeRune(r, low); err == nil && pair != utf8.RuneError {
				return pair, nil
			}
		}
		return 0, p.fail("half a surrogate pair before this")
	}
	i := strings.IndexByte(`"\/bfnrt`, c)
	if i < 0 {
		return 0, p.fail("an escape that JSON does not know")
	}
	p.at += 2
	return rune("\"\\/\b\f\n\r\t"[i]), nil
}

// hex reads \uXXXX.
func (p *parser) hex() (rune, error) {
	if p.at+6 > len(p.in) {
		return 0, p.cut()
	}
	var r rune
	for _, c := range []byte(p.in[p.at+2 : p.at+6]) {
		i := strings.IndexByte("0123456789abcdef", c|0x20)
		if i < 0 || c < '0' {
			return 0, p.fail("an escape that JSON does not know")
		}
		r = r<<4 | rune(i)
	}
	p.at += 6
	return r, nil
}

// clip shortens what is quoted in a reason.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
