package main

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/typelog/typelog/serde/avro"
)

// fields reads a source's record for a mapping. Its first fault sticks, so that a mapping reads straight down and asks
// once at the end. A missing field and null read alike, as nothing.
type fields struct {
	root *value
	err  error
}

func (f *fields) fail(path []string, what string, args ...any) {
	if f.err != nil {
		return
	}
	pointer := ""
	for _, name := range path {
		pointer += "/" + escapePointer(name)
	}
	f.err = fmt.Errorf("wrong type or value: %s %s", clip(pointer), fmt.Sprintf(what, args...))
}

// at returns the value at a path of names, or nil.
func (f *fields) at(path []string) *value {
	v := f.root
	for i, name := range path {
		if v.kind != kindObject {
			f.fail(path[:i], "is %v, not an object", v.kind)
			return nil
		}
		if v = v.member(name); v == nil || v.kind == kindNull {
			return nil
		}
	}
	return v
}

// opt returns a string if there is one.
func (f *fields) opt(path ...string) avro.Opt[string] {
	v := f.at(path)
	if v == nil {
		return avro.None[string]()
	}
	if v.kind != kindString {
		f.fail(path, "is %v, not a string", v.kind)
		return avro.None[string]()
	}
	return avro.Some(v.text)
}

// text returns a string, or "" if there is none.
func (f *fields) text(path ...string) string { return f.opt(path...).Or("") }

// need returns a string that must be there and not be empty.
func (f *fields) need(path ...string) string {
	s := f.text(path...)
	if s == "" {
		f.fail(path, "is missing or empty")
	}
	return s
}

// first returns the first string that says something; "-" says nothing in Windows's logs, and a name may be "".
func (f *fields) first(names ...string) string {
	for _, name := range names {
		if name == "" {
			continue
		}
		if s := f.text(name); s != "" && s != "-" {
			return s
		}
	}
	return ""
}

// integer returns a whole number, and false if there is none.
func (f *fields) integer(path ...string) (int64, bool) {
	v := f.at(path)
	if v == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(v.raw, 10, 64)
	if v.kind != kindNumber || err != nil {
		f.fail(path, "is %s, not a whole number", clip(v.raw))
		return 0, false
	}
	return n, true
}

// truth returns a boolean; false if there is none.
func (f *fields) truth(path ...string) bool {
	v := f.at(path)
	if v != nil && v.kind != kindBool {
		f.fail(path, "is %v, not a boolean", v.kind)
	}
	return v != nil && v.raw == "true"
}

// list returns an array's items, none if there is no array.
func (f *fields) list(path ...string) []value {
	v := f.at(path)
	if v == nil {
		return nil
	}
	if v.kind != kindArray {
		f.fail(path, "is %v, not an array", v.kind)
	}
	return v.items
}

// instant returns the first of the fields that is there, as a time in whole microseconds; what is finer is cut off.
func (f *fields) instant(names ...string) time.Time {
	for _, name := range names {
		s := f.text(name)
		if s == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			f.fail([]string{name}, "is %q, not a time as in RFC 3339", clip(s))
		}
		return t.UTC().Truncate(time.Microsecond)
	}
	f.fail(names[:1], "is missing: the event has no time")
	return time.Time{}
}

// written says an instant in the source's own form; see place.
func written(t time.Time, layout string) avro.Opt[string] {
	return avro.Some(t.UTC().Format(layout))
}

// Layouts of instants, with the digits that each source writes.
const (
	layoutSeconds = "2006-01-02T15:04:05Z"
	layoutMillis  = "2006-01-02T15:04:05.000Z"
	layoutMicros  = "2006-01-02T15:04:05.000000Z"
)

// address returns s if it is an IP address: some sources put names there.
func address(s string) avro.Opt[string] {
	if _, err := netip.ParseAddr(s); err != nil {
		return avro.None[string]()
	}
	return avro.Some(s)
}

// some returns s, or null if it is empty.
func some(s string) avro.Opt[string] {
	return avro.Opt[string]{Value: s, Valid: s != ""}
}

// joined joins what is not empty.
func joined(separator string, parts ...string) string {
	kept := parts[:0]
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, separator)
}
