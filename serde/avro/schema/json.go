package schema

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of what Parse reads. They bound memory and stack on hostile text; Avro Java reads through Jackson, whose own
// limit on nesting is the same.
const (
	MaxText  = 4 << 20 // bytes of a schema's text
	MaxDepth = 1000    // nesting of its JSON, as written and as printed with every reference inlined
	MaxTypes = 100_000 // types and fields that it defines

	maxValues   = 1 << 20  // JSON values in the text
	maxDecimals = 1 << 14  // numbers with a fraction or an exponent: printing them in Java's form takes exact arithmetic
	maxNumber   = 1000     // characters of a number (Jackson's limit)
	maxName     = 50_000   // characters of a member's name (Jackson's limit)
	maxPointer  = 16 << 20 // bytes of all JSON pointers together: they grow with depth times breadth
)

// reader reads one JSON value as Jackson does when Avro Java has configured it: strictly RFC 8259, but with Java's
// comments, and of members with the same name the last one counts, in the place of the first.
type reader struct {
	text     string
	pos      int
	depth    int
	values   int
	decimals int
	path     []step // where in the value the reader is, for the pointer of a fault
}

// step is a member's name or, if name is nil, an index.
type step struct {
	name  *string
	index int
}

func (r *reader) pointer() string {
	var b strings.Builder
	for _, s := range r.path {
		if b.Len() > 1000 {
			return b.String() // a fault at an absurd depth: its beginning is enough
		}
		if s.name != nil {
			b.WriteString("/" + escapePointer(*s.name))
		} else {
			fmt.Fprintf(&b, "/%d", s.index)
		}
	}
	return b.String()
}

// escapePointer escapes a reference token (RFC 6901, section 3).
func escapePointer(token string) string {
	if !strings.ContainsAny(token, "~/") {
		return token
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
}

func (r *reader) fail(format string, args ...any) error {
	before := r.text[:min(r.pos, len(r.text))]
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return &ParseError{
		Pointer: r.pointer(),
		Reason:  fmt.Sprintf("invalid JSON at line %d, column %d: %s", line, column, fmt.Sprintf(format, args...)),
	}
}

// document reads the whole text: one value and nothing after it but white space.
func (r *reader) document() (Value, error) {
	if err := r.skip(); err != nil {
		return Value{}, err
	}
	if r.pos == len(r.text) {
		return Value{}, &ParseError{Reason: "the schema is empty"}
	}
	var v Value
	if err := r.value(&v); err != nil {
		return Value{}, err
	}
	// Java trims what is left, so every control character counts as white space here, and a comment does not.
	if rest := strings.TrimFunc(r.text[r.pos:], func(c rune) bool { return c <= ' ' }); rest != "" {
		return Value{}, &ParseError{Reason: "dangling content after end of schema: " + clip(rest)}
	}
	return v, nil
}

// skip passes over white space and comments.
func (r *reader) skip() error {
	for r.pos < len(r.text) {
		switch c := r.text[r.pos]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			r.pos++
		case c == '/' && strings.HasPrefix(r.text[r.pos:], "//"):
			end := strings.IndexAny(r.text[r.pos:], "\r\n")
			if end < 0 {
				end = len(r.text) - r.pos
			}
			if err := r.comment(r.pos + end); err != nil {
				return err
			}
		case c == '/' && strings.HasPrefix(r.text[r.pos:], "/*"):
			end := strings.Index(r.text[r.pos+2:], "*/")
			if end < 0 {
				return r.fail("a comment is not closed")
			}
			if err := r.comment(r.pos + 2 + end + 2); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// comment passes over a comment. Control characters other than white space are refused in it, too.
func (r *reader) comment(end int) error {
	for ; r.pos < end; r.pos++ {
		if c := r.text[r.pos]; c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return r.fail("illegal control character (code %d)", c)
		}
	}
	return nil
}

// peek skips white space and comments and returns the next byte, or an error at the end of the text.
func (r *reader) peek(want string) (byte, error) {
	if err := r.skip(); err != nil {
		return 0, err
	}
	if r.pos == len(r.text) {
		return 0, r.fail("unexpected end, expected %s", want)
	}
	return r.text[r.pos], nil
}

// value reads the value at pos, which is not white space, into v.
func (r *reader) value(v *Value) error {
	if r.values++; r.values > maxValues {
		return r.fail("more than %d values", maxValues)
	}
	switch c := r.text[r.pos]; {
	case c == '{' || c == '[':
		if r.depth++; r.depth > MaxDepth {
			return r.fail("nested more than %d deep", MaxDepth)
		}
		defer func() { r.depth-- }()
		r.pos++
		if c == '{' {
			return r.object(v)
		}
		return r.array(v)
	case c == '"':
		s, err := r.str()
		*v = Value{Kind: JSONString, Text: s}
		return err
	case c == '-' || '0' <= c && c <= '9':
		return r.number(v)
	default:
		return r.literal(v)
	}
}

func (r *reader) literal(v *Value) error {
	end := r.pos
	for end < len(r.text) && isWord(r.text[end]) {
		end++
	}
	word := r.text[r.pos:end]
	switch word {
	case "null":
		*v = Value{Kind: JSONNull}
	case "true", "false":
		*v = Value{Kind: JSONBool, Bool: word == "true"}
	case "":
		return r.fail("unexpected %q, expected a value", firstRune(r.text[r.pos:]))
	default:
		return r.fail("unrecognized token %s, expected a string, number, array, object, true, false or null", clip(word))
	}
	r.pos = end
	return nil
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '$'
}

func firstRune(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return s[:n]
}

func (r *reader) object(v *Value) error {
	v.Kind = JSONObject
	var at map[string]int // index of a member, once there are many
	for first := true; ; first = false {
		c, err := r.peek("a member or '}'")
		if err != nil {
			return err
		}
		if c == '}' && first {
			break
		}
		if c != '"' {
			return r.fail("unexpected %q, expected a double quote to start a member's name", firstRune(r.text[r.pos:]))
		}
		name, err := r.str()
		if err != nil {
			return err
		}
		if len(name) > maxName {
			return r.fail("a member's name is longer than %d bytes", maxName)
		}
		if c, err = r.peek("':'"); err != nil {
			return err
		}
		if c != ':' {
			return r.fail("unexpected %q, expected ':'", firstRune(r.text[r.pos:]))
		}
		r.pos++
		if _, err = r.peek("a value"); err != nil {
			return err
		}
		r.path = append(r.path, step{name: &name})
		var member Value
		if err := r.value(&member); err != nil {
			return err
		}
		r.path = r.path[:len(r.path)-1]
		at = v.put(name, member, at)
		if c, err = r.peek("',' or '}'"); err != nil {
			return err
		}
		r.pos++
		if c == '}' {
			return nil
		}
		if c != ',' {
			r.pos--
			return r.fail("unexpected %q, expected ',' or '}'", firstRune(r.text[r.pos:]))
		}
	}
	r.pos++
	return nil
}

// put adds a member, or replaces the value of the one with that name. at is an index over the names that put makes
// and returns once there are many of them.
func (v *Value) put(name string, value Value, at map[string]int) map[string]int {
	if at == nil && len(v.Members) == 16 {
		at = make(map[string]int, 32)
		for i := range v.Members {
			at[v.Members[i].Name] = i
		}
	}
	if at != nil {
		if i, ok := at[name]; ok {
			v.Members[i].Value = value
			return at
		}
		at[name] = len(v.Members)
	} else {
		for i := range v.Members {
			if v.Members[i].Name == name {
				v.Members[i].Value = value
				return nil
			}
		}
	}
	v.Members = append(v.Members, Member{name, value})
	return at
}

func (r *reader) array(v *Value) error {
	v.Kind = JSONArray
	c, err := r.peek("a value or ']'")
	if err != nil {
		return err
	}
	if c == ']' {
		r.pos++
		return nil
	}
	for {
		if _, err := r.peek("a value"); err != nil {
			return err
		}
		r.path = append(r.path, step{index: len(v.Items)})
		v.Items = append(v.Items, Value{})
		if err := r.value(&v.Items[len(v.Items)-1]); err != nil {
			return err
		}
		r.path = r.path[:len(r.path)-1]
		c, err := r.peek("',' or ']'")
		if err != nil {
			return err
		}
		r.pos++
		switch c {
		case ',':
		case ']':
			return nil
		default:
			r.pos--
			return r.fail("unexpected %q, expected ',' or ']'", firstRune(r.text[r.pos:]))
		}
	}
}

func (r *reader) number(v *Value) error {
	start, kind := r.pos, JSONInteger
	if r.text[r.pos] == '-' {
		r.pos++
	}
	intStart := r.pos
	if r.digits() == 0 {
		return r.fail("a '-' must be followed by a digit")
	}
	if r.text[intStart] == '0' && r.pos-intStart > 1 {
		return r.fail("a number must not begin with a zero")
	}
	if r.pos < len(r.text) && r.text[r.pos] == '.' {
		kind = JSONDecimal
		r.pos++
		if r.digits() == 0 {
			return r.fail("a decimal point must be followed by a digit")
		}
	}
	if r.pos < len(r.text) && (r.text[r.pos] == 'e' || r.text[r.pos] == 'E') {
		kind = JSONDecimal
		r.pos++
		if r.pos < len(r.text) && (r.text[r.pos] == '+' || r.text[r.pos] == '-') {
			r.pos++
		}
		if r.digits() == 0 {
			return r.fail("an exponent must have a digit")
		}
	}
	if r.pos-start > maxNumber {
		return r.fail("a number is longer than %d characters", maxNumber)
	}
	if r.pos < len(r.text) && isWord(r.text[r.pos]) {
		return r.fail("unexpected %q in a number", firstRune(r.text[r.pos:]))
	}
	if kind == JSONDecimal {
		if r.decimals++; r.decimals > maxDecimals {
			return r.fail("more than %d decimal numbers", maxDecimals)
		}
	}
	text := r.text[start:r.pos]
	if text == "-0" {
		text = "0" // Java's integers have no negative zero
	}
	*v = Value{Kind: kind, Text: text}
	return nil
}

func (r *reader) digits() int {
	start := r.pos
	for r.pos < len(r.text) && '0' <= r.text[r.pos] && r.text[r.pos] <= '9' {
		r.pos++
	}
	return r.pos - start
}

// str reads the string that starts at pos. Without escapes it shares the text's memory.
func (r *reader) str() (string, error) {
	r.pos++
	start := r.pos
	for r.pos < len(r.text) {
		switch c := r.text[r.pos]; {
		case c == '"':
			s := r.text[start:r.pos]
			r.pos++
			return s, nil
		case c == '\\':
			return r.escaped(r.text[start:r.pos])
		case c < ' ':
			return "", r.fail("a control character (code %d) in a string must be escaped", c)
		}
		r.pos++
	}
	return "", r.fail("unexpected end in a string")
}

// escaped reads the rest of a string from its first escape on.
func (r *reader) escaped(head string) (string, error) {
	b := []byte(head)
	for r.pos < len(r.text) {
		c := r.text[r.pos]
		switch {
		case c == '"':
			r.pos++
			return string(b), nil
		case c < ' ':
			return "", r.fail("a control character (code %d) in a string must be escaped", c)
		case c != '\\':
			b = append(b, c)
			r.pos++
			continue
		}
		char, err := r.escape()
		if err != nil {
			return "", err
		}
		b = utf8.AppendRune(b, char)
	}
	return "", r.fail("unexpected end in a string")
}

// escape reads one escape, or the two that make a surrogate pair.
func (r *reader) escape() (rune, error) {
	if r.pos+1 >= len(r.text) {
		return 0, r.fail("unexpected end in a string")
	}
	c := r.text[r.pos+1]
	if c != 'u' {
		const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
		i := strings.IndexByte(from, c)
		if i < 0 {
			return 0, r.fail("unrecognized escape %q", `\`+firstRune(r.text[r.pos+1:]))
		}
		r.pos += 2
		return rune(to[i]), nil
	}
	high, err := r.hex4()
	if err != nil {
		return 0, err
	}
	if high < 0xd800 || high > 0xdfff {
		return high, nil
	}
	if high <= 0xdbff && strings.HasPrefix(r.text[r.pos:], `\u`) {
		low, err := r.hex4()
		if err != nil {
			return 0, err
		}
		if 0xdc00 <= low && low <= 0xdfff {
			return 0x10000 + (high-0xd800)<<10 + (low - 0xdc00), nil
		}
	}
	return 0, r.fail("half of a surrogate pair")
}

func (r *reader) hex4() (rune, error) {
	if r.pos+6 > len(r.text) {
		return 0, r.fail("unexpected end in a string")
	}
	var char rune
	for _, c := range []byte(r.text[r.pos+2 : r.pos+6]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, r.fail("expected four hexadecimal digits after \\u")
		}
		char = char<<4 | rune(c)
	}
	r.pos += 6
	return char, nil
}

// clip shortens a text that goes into a message.
func clip(s string) string {
	const most = 2000
	if len(s) <= most {
		return s
	}
	end := most
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "..."
}
