package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// allow says which values a setting takes, beyond its type. The zero value takes all.
type allow struct {
	kind   allowKind
	lo, hi int64
	words  []string
}

type allowKind uint8

const (
	allowAll allowKind = iota
	allowRange
	allowOneOrRange // lo-hi, or the number in words[0]
	allowFraction   // a double from 0 to 1
	allowWords
	allowList // each item is one of words
)

const (
	maxInt        = math.MaxInt32
	maxLong       = math.MaxInt64
	minSegment    = 1 << 20
	maxPartitions = 10_000
)

var (
	anything = allow{}
	fraction = allow{kind: allowFraction}
	levels   = []string{"off", "registered", "reject"}
)

func between(lo, hi int64) allow   { return allow{kind: allowRange, lo: lo, hi: hi} }
func oneOf(words ...string) allow  { return allow{kind: allowWords, words: words} }
func listOf(words ...string) allow { return allow{kind: allowList, words: words} }
func oneOrBetween(n, lo, hi int64) allow {
	return allow{kind: allowOneOrRange, lo: lo, hi: hi, words: []string{strconv.FormatInt(n, 10)}}
}

// String says what is allowed, for error messages.
func (a allow) String() string {
	switch a.kind {
	case allowRange:
		switch {
		case a.hi == maxInt || a.hi == maxLong:
			return fmt.Sprintf("a number of at least %d", a.lo)
		}
		return fmt.Sprintf("a number from %d to %d", a.lo, a.hi)
	case allowOneOrRange:
		return fmt.Sprintf("%s, or a number from %d to %d", a.words[0], a.lo, a.hi)
	case allowFraction:
		return "a number from 0 to 1"
	case allowWords:
		return "one of " + strings.Join(a.words, ", ")
	case allowList:
		return "a list of " + strings.Join(a.words, ", ")
	}
	return "any"
}

// maxValue bounds the length of a value, in bytes.
const maxValue = 32 << 10

// parse checks a value against the row's type and limits and returns it without surrounding space. The error wraps
// ErrInvalid and says what is allowed.
func (r *row) parse(value string) (string, error) {
	if len(value) > maxValue {
		return "", fmt.Errorf("%w for %s: %d bytes, at most %d are taken", ErrInvalid, r.name, len(value), maxValue)
	}
	v := strings.TrimSpace(value)
	if r.typ == Password {
		v = value
	}
	if r.valid(v) {
		return v, nil
	}
	want := r.allow.String()
	if r.allow.kind == allowAll {
		switch r.typ {
		case Boolean:
			want = "true or false"
		case Int, Short, Long:
			want = fmt.Sprintf("a whole number of %d bits", r.typ.bits())
		case Double:
			want = "a number"
		}
	}
	shown := clip(value)
	if r.flags&secret != 0 {
		shown = "(hidden)"
	}
	return "", fmt.Errorf("%w for %s: %q; it takes %s", ErrInvalid, r.name, shown, want)
}

func (t Type) bits() int {
	switch t {
	case Short:
		return 16
	case Int:
		return 32
	}
	return 64
}

func (r *row) valid(v string) bool {
	switch r.typ {
	case Boolean:
		_, ok := parseBool(v)
		return ok
	case Int, Short, Long:
		n, err := strconv.ParseInt(v, 10, r.typ.bits())
		if err != nil {
			return false
		}
		switch r.allow.kind {
		case allowRange:
			return r.allow.lo <= n && n <= r.allow.hi
		case allowOneOrRange:
			return v == r.allow.words[0] || r.allow.lo <= n && n <= r.allow.hi
		}
		return true
	case Double:
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || math.IsNaN(f) {
			return false
		}
		return r.allow.kind != allowFraction || 0 <= f && f <= 1
	case List:
		if r.allow.kind != allowList {
			return true
		}
		for _, item := range Items(v) {
			if !slices.Contains(r.allow.words, item) {
				return false
			}
		}
		return true
	}
	return r.allow.kind != allowWords || slices.Contains(r.allow.words, v)
}

// parseBool reads a boolean as Kafka does: any case.
func parseBool(v string) (value, ok bool) {
	switch {
	case strings.EqualFold(v, "true"):
		return true, true
	case strings.EqualFold(v, "false"):
		return false, true
	}
	return false, false
}

// Items splits a list; empty items are dropped.
func Items(list string) []string {
	var items []string
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
