package model

import "testing"

func TestSubjects(t *testing.T) {
	for _, c := range []struct {
		written        string
		canonical      Subject
		context, name  string
		scope, inOther Subject
	}{
		{"s", "s", ".", "s", "", ":.o:s"},
		{":.:s", "s", ".", "s", "", ":.o:s"},
		{":.c:s", ":.c:s", ".c", "s", ":.c:", ":.c:s"},
		{":.c", ":.c:", ".c", "", ":.c:", ":.c:"},
		{":.c:a:b", ":.c:a:b", ".c", "a:b", ":.c:", ":.c:a:b"},
		{":c:s", ":c:s", ".", ":c:s", "", ":.o::c:s"},
		{"", "", ".", "", "", ":.o:"},
	} {
		s := ParseSubject(c.written)
		if s != c.canonical || s.Context() != c.context || s.Name() != c.name || s.Scope() != c.scope || s.In(".o") != c.inOther {
			t.Errorf("%q: %q in %q is %q, scope %q, in .o %q", c.written, s, s.Context(), s.Name(), s.Scope(), s.In(".o"))
		}
		if again := ParseSubject(string(s)); again != s {
			t.Errorf("%q is not canonical: %q", s, again)
		}
	}
}

func TestPrefixes(t *testing.T) {
	for _, c := range []struct {
		prefix  string
		subject Subject
		want    bool
	}{
		{"", "s", true}, {"", ":.c:s", false}, {"s", "st", true}, {"t", "s", false}, {":.c:", ":.c:s", true}, {":.c:", "s", false},
		{":.c:t", ":.c:s", false}, {":*:", ":.c:s", true}, {":*:s", "s", true}, {":*:s", ":.c:t", false},
	} {
		if got := ParsePrefix(c.prefix).Matches(c.subject); got != c.want {
			t.Errorf("%q selects %q: %t", c.prefix, c.subject, got)
		}
	}
}

// TestFingerprint holds guids that clients have from other registries.
func TestFingerprint(t *testing.T) {
	plain := Schema{Text: `"int"`}
	if got := plain.Fingerprint().String(); got != "ef524ea1-b91e-7317-3d93-8ade36c1db32" {
		t.Errorf("guid %s", got)
	}
	with := Schema{Text: `"int"`, Metadata: &Metadata{}}
	if with.Fingerprint() == plain.Fingerprint() {
		t.Error("an empty metadata is the same as none")
	}
	if g, ok := ParseGUID("EF524EA1-B91E-7317-3D93-8ADE36C1DB32"); !ok || g != plain.Fingerprint() {
		t.Errorf("parsed as %s, %t", g, ok)
	}
	for _, bad := range []string{"", "x", "1-1-1-1-1", "ef524ea1-b91e-7317-3d93-8ade36c1db3g", "ef524ea1b-91e-7317-3d93-8ade36c1db32"} {
		if _, ok := ParseGUID(bad); ok {
			t.Errorf("%q is a guid", bad)
		}
	}
}

func TestMetadata(t *testing.T) {
	var none *Metadata
	if none.Merge(nil) != nil || none.Canonical() != nil || none.WithoutProperty("x") != nil {
		t.Error("nothing became something")
	}
	base := &Metadata{Properties: map[string]string{"a": "1", "b": "1"}, Tags: map[string][]string{"x": {"A"}}}
	over := &Metadata{Properties: map[string]string{"b": "2"}, Tags: map[string][]string{"x": {"B", "A"}}, Sensitive: []string{"b"}}
	want := &Metadata{Properties: map[string]string{"a": "1", "b": "2"}, Tags: map[string][]string{"x": {"A", "B"}}, Sensitive: []string{"b"}}
	if got := base.Merge(over); !got.Equal(want) {
		t.Errorf("merged: %s", got)
	}
	if base.Properties["b"] != "1" || len(base.Tags["x"]) != 1 {
		t.Error("merging changed what it merged")
	}
	if got := base.WithProperty("a", "9").WithoutProperty("b").Properties; got["a"] != "9" || len(got) != 1 || base.Properties["a"] != "1" {
		t.Errorf("properties %v", got)
	}
}
