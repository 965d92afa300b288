package api

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a body.
const maxDepth = 500

// source is how Jackson names the text in messages that point into it.
const source = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: %d, column: %d]"

// kind is the kind of a JSON value.
type kind uint8

const (
	null kind = iota
	boolean
	num
	str
	array
	object
)

// value is a JSON value. Bodies are read into values first and then into requests, because clients of the registry are
// used to a reader that takes a number for a string, and the reverse, and says so where it does not.
type value struct {
	kind    kind
	literal string // a string's text, a number as written, true or false
	items   []*value
	members []member
}

type member struct {
	name  string
	value *value
}

// member returns the last member with a name, or nil.
func (v *value) member(name string) *value {
	for i := len(v.members) - 1; i >= 0; i-- {
		if v.members[i].name == name {
			return v.members[i].value
		}
	}
	return nil
}

// parse reads a whole body; it returns nil for an empty one. class is what it is meant to become, for messages.
func parse(body []byte, class string) (v *value, err error) {
	p := &parser{text: body}
	defer func() {
		if fault, ok := recover().(parseFault); ok {
			v, err = nil, badRequest("%s", string(fault))
		}
	}()
	if p.skip(); p.pos == len(p.text) {
		return nil, nil
	}
	v = p.value(0)
	if p.skip(); p.pos < len(p.text) {
		p.fail("Trailing token (of type %s) found after value (bound as `%s`): not allowed as per "+
			"`DeserializationFeature.FAIL_ON_TRAILING_TOKENS`", p.tokenType(), class)
	}
	return v, nil
}

// parseFault leaves the parser by panic, within parse only.
type parseFault string

type parser struct {
	text []byte
	pos  int
}

func (p *parser) fail(format string, args ...any) {
	panic(parseFault(fmt.Sprintf(format, args...)))
}

func (p *parser) skip() {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		case '/':
			p.fail("Unexpected character ('/' (code 47)): maybe a (non-standard) comment? " +
				"(not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)")
		default:
			return
		}
	}
}

// tokenType names the token at hand for a message; a token that is none is the fault itself.
func (p *parser) tokenType() string {
	switch c := p.text[p.pos]; {
	case c == '{':
		return "START_OBJECT"
	case c == '[':
		return "START_ARRAY"
	case c == '"':
		return "VALUE_STRING"
	case c == '-' || c >= '0' && c <= '9':
		return "VALUE_NUMBER_INT"
	}
	switch p.value(0); string(p.text[p.pos-1]) {
	case "l":
		return "VALUE_NULL"
	}
	return "VALUE_TRUE"
}

func (p *parser) character() string {
	r, _ := utf8.DecodeRune(p.text[p.pos:])
	return fmt.Sprintf("Unexpected character ('%c' (code %d))", r, r)
}

func (p *parser) value(depth int) *value {
	if depth > maxDepth {
		p.fail("Document nesting depth (%d) exceeds the maximum allowed (%d)", depth, maxDepth)
	}
	p.skip()
	if p.pos == len(p.text) {
		p.fail("Unexpected end-of-input")
	}
	switch c := p.text[p.pos]; {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		return &value{kind: str, literal: p.str()}
	case c == '-' || c >= '0' && c <= '9':
		return &value{kind: num, literal: p.number()}
	case c == '}' && depth == 0:
		p.fail("Unexpected close marker '}': no open Object to close")
	case c == ']' && depth == 0:
		p.fail("Unexpected close marker ']': no open Array to close")
	}
	return p.word()
}

// word reads true, false and null.
func (p *parser) word() *value {
	end := p.pos
	for end < len(p.text) && (isLetter(p.text[end]) || p.text[end] >= '0' && p.text[end] <= '9') {
		end++
	}
	switch word := string(p.text[p.pos:end]); word {
	case "true", "false":
		p.pos = end
		return &value{kind: boolean, literal: word}
	case "null":
		p.pos = end
		return &value{kind: null}
	case "":
		p.fail("%s: expected a value", p.character())
	default:
		p.fail("Unrecognized token '%s': was expecting (JSON String, Number (or 'NaN'/'+INF'/'-INF'), Array, Object or "+
			"token 'null', 'true' or 'false')", word[:min(len(word), 256)])
	}
	return nil
}

func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$'
}

func (p *parser) object(depth int) *value {
	v := &value{kind: object}
	start := p.pos
	p.pos++
	for first := true; ; first = false {
		if p.skip(); p.pos == len(p.text) {
			p.unclosed("Object", start)
		}
		if c := p.text[p.pos]; c == '}' && first {
			p.pos++
			return v
		} else if c != '"' {
			p.fail("%s: was expecting double-quote to start field name", p.character())
		}
		name := p.str()
		p.skip()
		p.want(':', "a colon to separate field name and value")
		v.members = append(v.members, member{name, p.value(depth + 1)})
		if p.skip(); p.pos == len(p.text) {
			p.unclosed("Object", start)
		}
		if p.text[p.pos] == '}' {
			p.pos++
			return v
		}
		p.want(',', "comma to separate Object entries")
	}
}

func (p *parser) array(depth int) *value {
	v := &value{kind: array}
	start := p.pos
	p.pos++
	for first := true; ; first = false {
		if p.skip(); p.pos == len(p.text) {
			p.unclosed("Array", start)
		}
		if p.text[p.pos] == ']' && first {
			p.pos++
			return v
		}
		v.items = append(v.items, p.value(depth+1))
		if p.skip(); p.pos == len(p.text) {
			p.unclosed("Array", start)
		}
		if p.text[p.pos] == ']' {
			p.pos++
			return v
		}
		p.want(',', "comma to separate Array entries")
	}
}

func (p *parser) unclosed(what string, start int) {
	line, column := 1, 1
	for _, c := range p.text[:start] {
		if column++; c == '\n' {
			line, column = line+1, 1
		}
	}
	p.fail("Unexpected end-of-input: expected close marker for %s (start marker at "+source+")", what, line, column)
}

func (p *parser) want(c byte, what string) {
	if p.pos == len(p.text) {
		p.fail("Unexpected end-of-input: was expecting %s", what)
	}
	if p.text[p.pos] != c {
		p.fail("%s: was expecting %s", p.character(), what)
	}
	p.pos++
}

func (p *parser) number() string {
	start := p.pos
	if p.text[p.pos] == '-' {
		p.pos++
	}
	digits := func() int {
		n := 0
		for p.pos < len(p.text) && p.text[p.pos] >= '0' && p.text[p.pos] <= '9' {
			p.pos, n = p.pos+1, n+1
		}
		return n
	}
	first := p.pos
	if n := digits(); n == 0 || n > 1 && p.text[first] == '0' || n > 1000 {
		p.fail("Invalid numeric value")
	}
	if p.pos < len(p.text) && p.text[p.pos] == '.' {
		if p.pos++; digits() == 0 {
			p.fail("Decimal point not followed by a digit")
		}
	}
	if p.pos < len(p.text) && p.text[p.pos]|0x20 == 'e' {
		if p.pos++; p.pos < len(p.text) && (p.text[p.pos] == '+' || p.text[p.pos] == '-') {
			p.pos++
		}
		if digits() == 0 {
			p.fail("Exponent indicator not followed by a digit")
		}
	}
	if p.pos < len(p.text) && isLetter(p.text[p.pos]) {
		p.fail("%s: Expected space separating root-level values", p.character())
	}
	return string(p.text[start:p.pos])
}

func (p *parser) str() string {
	p.pos++
	var b strings.Builder
	for {
		start := p.pos
		for p.pos < len(p.text) && p.text[p.pos] != '"' && p.text[p.pos] != '\\' && p.text[p.pos] >= ' ' {
			p.pos++
		}
		b.Write(p.text[start:p.pos])
		if p.pos == len(p.text) {
			p.fail("Unexpected end-of-input: was expecting closing quote for a string value")
		}
		switch c := p.text[p.pos]; c {
		case '"':
			p.pos++
			if text := b.String(); utf8.ValidString(text) {
				return text
			}
			return string([]rune(b.String())) // each stray byte becomes U+FFFD
		case '\\':
			p.escape(&b)
		default:
			p.fail("Illegal unquoted character ((CTRL-CHAR, code %d)): has to be escaped using backslash to be included "+
				"in string value", c)
		}
	}
}

func (p *parser) escape(b *strings.Builder) {
	if p.pos+1 >= len(p.text) {
		p.fail("Unexpected end-of-input in character escape sequence")
	}
	c := p.text[p.pos+1]
	p.pos += 2
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		b.WriteByte("\"\\/\b\f\n\r\t"[i])
		return
	}
	if c != 'u' {
		p.fail("Unrecognized character escape '%c' (code %d)", c, c)
	}
	r := p.hex()
	if utf16.IsSurrogate(r) && p.pos+1 < len(p.text) && p.text[p.pos] == '\\' && p.text[p.pos+1] == 'u' {
		before := p.pos
		p.pos += 2
		if pair := utf16.DecodeRune(r, p.hex()); pair != utf8.RuneError {
			b.WriteRune(pair)
			return
		}
		p.pos = before
	}
	b.WriteRune(r) // half a pair becomes U+FFFD
}

func (p *parser) hex() rune {
	var r rune
	for range 4 {
		if p.pos == len(p.text) {
			p.fail("Unexpected end-of-input in character escape sequence")
		}
		i := strings.IndexByte("0123456789abcdef", p.text[p.pos]|0x20)
		if p.text[p.pos] < '0' || i < 0 {
			p.fail("%s: expected a hex-digit for character escape sequence", p.character())
		}
		r = r<<4 | rune(i)
		p.pos++
	}
	return r
}
