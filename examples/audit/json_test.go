package main

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParseJSON holds the reader against encoding/json: what it takes is JSON and means the same, and what it refuses is
// no JSON or is what the reader says that it refuses.
func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{
		``, ` `, `null`, `true`, `-0.5e+3`, `01`, `1.`, `"a\u00e9\ud83d\ude00\n"`, `"\ud800"`, `"\udc00\ud800"`, "\"\x01\"", "\"\xff\"",
		`[1,[2,{"a":[]}],{}]`, `{"a":1,"a":2}`, `{"a":1,}`, `[1 2]`, `{"a"`, `{"a":nul`, `tru`, `trux`, `{"":""} x`, `"\u00GG"`, `"\u00`, `"\x"`, "\"\x7f\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		v, err := parseJSON(in)
		if err != nil {
			ours := []string{"comes twice", "surrogate", "nested", "UTF-8", "more than"}
			for _, what := range ours {
				if strings.Contains(err.Error(), what) {
					return
				}
			}
			if json.Valid(in) {
				t.Fatalf("%q is JSON, and refused: %v", in, err)
			}
			return
		}
		if !json.Valid(in) || !utf8.Valid(in) {
			t.Fatalf("%q is no JSON, and taken", in)
		}
		var want any
		decoder := json.NewDecoder(strings.NewReader(string(in)))
		decoder.UseNumber()
		if err := decoder.Decode(&want); err != nil {
			t.Fatal(err)
		}
		same(t, v, want)
	})
}

func same(t *testing.T, got *value, want any) {
	t.Helper()
	switch want := want.(type) {
	case string:
		if got.kind != kindString || got.text != want {
			t.Fatalf("read %q as %q", want, got.text)
		}
	case json.Number:
		if got.kind != kindNumber || got.raw != want.String() {
			t.Fatalf("read %s as %q", want, got.raw)
		}
	case []any:
		if got.kind != kindArray || len(got.items) != len(want) {
			t.Fatalf("read %v as %v", want, got)
		}
		for i := range want {
			same(t, &got.items[i], want[i])
		}
	case map[string]any:
		if got.kind != kindObject || len(got.members) != len(want) {
			t.Fatalf("read %v as %v", want, got)
		}
		for name := range want {
			same(t, got.member(name), want[name])
		}
	}
}

func TestParseJSONBounds(t *testing.T) {
	for in, want := range map[string]string{
		strings.Repeat("[", 100_000):                                "nested more than 64 deep",
		strings.Repeat(`{"a":`, 66) + "1" + strings.Repeat("}", 66): "nested more than 64 deep",
		"[" + strings.Repeat("0,", maxValues) + "0]":                "more than 500000 values",
		`{"a":1,"b":{"c":1,"c":1}}`:                                 `the name "c" comes twice in one object`,
		`{"a":1`:                                                    "the line is cut off",
		`{"a":"x`:                                                   "the line is cut off",
		`{"a":"x\u00`:                                               "the line is cut off",
		`{"a":"\ud83d"}`:                                            "half a surrogate pair",
		"\xef\xbb\xbf{}":                                            "not JSON",
	} {
		if _, err := parseJSON([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q gives %v, not %q", in, err, want)
		}
	}
}

// TestHostilePaths maps a line whose paths repeat a long name: the event would be thousands of times as large.
func TestHostilePaths(t *testing.T) {
	line := `{"eventSource":"s","eventName":"n","eventTime":"2026-03-01T09:15:00Z","` + strings.Repeat("x", 100_000) + `":[` + strings.Repeat("0,", 100_000) + `0]}`
	root, err := parseJSON([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mapEvent(root); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Fatalf("mapped a line of hostile paths: %v", err)
	}
}
