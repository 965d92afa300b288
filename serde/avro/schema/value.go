package schema

import (
	"math"
	"strconv"
	"strings"
)

// Get returns the value of an object's member with this name, or nil.
func (v *Value) Get(name string) *Value {
	if v.Kind != JSONObject {
		return nil
	}
	for i := range v.Members {
		if v.Members[i].Name == name {
			return &v.Members[i].Value
		}
	}
	return nil
}

// Int returns the value of a number that was written as an integer and fits 64 bits.
func (v *Value) Int() (int64, bool) {
	if v.Kind != JSONInteger {
		return 0, false
	}
	n, err := strconv.ParseInt(v.Text, 10, 64)
	return n, err == nil
}

// Float returns the nearest 64-bit float to a number: infinite when it is too large, as in Java. A decimal's text may
// also be NaN, Infinity or -Infinity.
func (v *Value) Float() (float64, bool) {
	if v.Kind != JSONInteger && v.Kind != JSONDecimal {
		return 0, false
	}
	return parseDouble(v.Text), true
}

// parseDouble is the nearest float to a number's literal; a range error leaves an infinity, as in Java.
func parseDouble(text string) float64 {
	f, _ := strconv.ParseFloat(text, 64)
	return f
}

// String returns the value as compact JSON in the form that Avro Java prints: numbers as Java prints them and no
// escapes but those that JSON demands. A number that JSON cannot express is printed as a string: "NaN".
func (v Value) String() string { return string(v.append(nil)) }

func (v *Value) append(b []byte) []byte {
	switch v.Kind {
	case JSONNull:
		return append(b, "null"...)
	case JSONBool:
		return strconv.AppendBool(b, v.Bool)
	case JSONInteger:
		return append(b, v.Text...)
	case JSONDecimal:
		return appendDouble(b, parseDouble(v.Text))
	case JSONString:
		return appendString(b, v.Text)
	case JSONArray:
		b = append(b, '[')
		for i := range v.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = v.Items[i].append(b)
		}
		return append(b, ']')
	}
	b = append(b, '{')
	for i := range v.Members {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, v.Members[i].Name)
		b = append(b, ':')
		b = v.Members[i].Value.append(b)
	}
	return append(b, '}')
}

// appendString appends a JSON string with Jackson's escapes: only what JSON demands, control characters as \u00XX
// with capital digits unless they have a short form.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// appendDouble appends a double as Jackson writes it.
func appendDouble(b []byte, f float64) []byte {
	text := javaFloat(f, 64)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return appendString(b, text)
	}
	return append(b, text...)
}

// javaDouble reads a text as Double.parseDouble does: surrounding white space and control characters, a sign, NaN,
// Infinity, decimal and hexadecimal literals and a trailing f or d are accepted.
func javaDouble(text string) (float64, bool) {
	text = strings.TrimFunc(text, func(c rune) bool { return c <= ' ' })
	body := strings.TrimLeft(text, "+-")
	if len(text)-len(body) > 1 || body == "" {
		return 0, false
	}
	switch body {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return parseDouble(text), true
	}
	if c := body[0]; c != '.' && (c < '0' || c > '9') || strings.Contains(body, "_") {
		return 0, false
	}
	isHex := strings.HasPrefix(body, "0x") || strings.HasPrefix(body, "0X")
	if n := len(text) - 1; strings.IndexByte("fFdD", text[n]) >= 0 && (!isHex || strings.ContainsAny(text, "pP")) {
		text = text[:n]
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// equal reports whether two values are the same to Jackson: the order of members does not count, an integer is never
// equal to a decimal.
func (v *Value) equal(o *Value) bool {
	if v.Kind != o.Kind || v.Bool != o.Bool || len(v.Items) != len(o.Items) || len(v.Members) != len(o.Members) {
		return false
	}
	if v.Kind == JSONDecimal {
		a, b := parseDouble(v.Text), parseDouble(o.Text)
		return math.Float64bits(a) == math.Float64bits(b)
	}
	if v.Text != o.Text {
		return false
	}
	for i := range v.Items {
		if !v.Items[i].equal(&o.Items[i]) {
			return false
		}
	}
	if len(v.Members) == 0 {
		return true
	}
	index := make(map[string]*Value, len(o.Members))
	for i := range o.Members {
		index[o.Members[i].Name] = &o.Members[i].Value
	}
	for i := range v.Members {
		other := index[v.Members[i].Name]
		if other == nil || !v.Members[i].Value.equal(other) {
			return false
		}
	}
	return true
}
