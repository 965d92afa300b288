package api

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// plain turns a value into what encoding/json would have read.
func (v *value) plain() any {
	switch v.kind {
	case boolean:
		return v.literal == "true"
	case num:
		return json.Number(v.literal)
	case str:
		return v.literal
	case array:
		out := []any{}
		for _, item := range v.items {
			out = append(out, item.plain())
		}
		return out
	case object:
		out := map[string]any{}
		for _, m := range v.members {
			out[m.name] = m.value.plain()
		}
		return out
	}
	return nil
}

// FuzzParse compares the reader of bodies with encoding/json's: it accepts the same texts, within its bounds, and reads
// the same values.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{``, `null`, `{"a":[1,-2.5e3,"x\u00e9\ud83d\ude00\n",true,false,null,{}]}`, `[1,]`, `{"a":1,}`, `"\ud800"`,
		`01`, `1.`, `-`, `{"a" 1}`, "\"\x01\"", `tru`, ` [ ] x`, "\"\xff\"", `"\u12`, `[[[[[[`, `{"a":{"b":{"c":1}}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parse([]byte(text), "Test")
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var want any
		wantErr := d.Decode(&want)
		if wantErr == nil && d.More() || !json.Valid([]byte(text)) && strings.Trim(text, " \t\r\n") != "" {
			if err == nil {
				t.Fatalf("%q is no JSON, and was read as %v", text, got)
			}
			return
		}
		if err != nil {
			if strings.Contains(err.Error(), "nesting depth") || strings.Contains(err.Error(), "numeric value") {
				return
			}
			t.Fatalf("%q is JSON: %v", text, err)
		}
		if got != nil && !reflect.DeepEqual(got.plain(), want) {
			t.Fatalf("%q: got %#v, want %#v", text, got.plain(), want)
		}
	})
}
