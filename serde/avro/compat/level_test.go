package compat_test

import (
	"strings"
	"testing"

	"github.com/typelog/typelog/serde/avro/compat"
	"github.com/typelog/typelog/serde/avro/schema"
)

func TestParseLevel(t *testing.T) {
	for l := compat.None; l <= compat.FullTransitive; l++ {
		for _, name := range []string{l.String(), strings.ToLower(l.String())} {
			if got, err := compat.ParseLevel(name); err != nil || got != l {
				t.Errorf("ParseLevel(%q) = %v, %v", name, got, err)
			}
		}
	}
	if _, err := compat.ParseLevel("SIDEWAYS"); err == nil || !strings.Contains(err.Error(), "FULL_TRANSITIVE") {
		t.Errorf("an unknown level: %v, want the levels that there are", err)
	}
}

func TestCheckLevel(t *testing.T) {
	// Three old versions, newest first: the new schema can read the two newest and be read by the newest alone.
	olds := []*schema.Schema{
		mustParse(t, record("R", `{"name":"a","type":"int"},{"name":"b","type":"int","default":0}`)),
		mustParse(t, record("R", `{"name":"a","type":"int"},{"name":"b","type":"int"},{"name":"gone","type":"int"}`)),
		mustParse(t, record("R", `{"name":"a","type":"string"},{"name":"b","type":"int"}`)),
	}
	next := mustParse(t, record("R", `{"name":"a","type":"int"},{"name":"c","type":"int","default":0}`))
	for _, c := range []struct {
		level    compat.Level
		failures []int
	}{
		{compat.None, nil},
		{compat.Backward, nil},
		{compat.BackwardTransitive, []int{2}},
		{compat.Forward, nil},
		{compat.ForwardTransitive, []int{1, 2}},
		{compat.Full, nil},
		{compat.FullTransitive, []int{1, 2}},
	} {
		result := compat.CheckLevel(c.level, next, olds)
		if result.Compatible() != (len(c.failures) == 0) || len(result.Failures) != len(c.failures) {
			t.Errorf("%s: %+v, want failures with %v", c.level, result.Failures, c.failures)
			continue
		}
		for i, f := range result.Failures {
			if f.Old != c.failures[i] {
				t.Errorf("%s: failure with %d, want %d", c.level, f.Old, c.failures[i])
			}
		}
		if !compat.CheckLevel(c.level, next, nil).Compatible() {
			t.Errorf("%s: incompatible with nothing", c.level)
		}
	}
}

func TestMessages(t *testing.T) {
	narrow, wide := mustParse(t, `"int"`), mustParse(t, `"long"`)
	forward := "{errorType:'TYPE_MISMATCH', description:'The type (path '/') of a field in the old schema does not match with the new schema', " +
		"additionalInfo:'reader type: INT not compatible with writer type: LONG'}"
	backward := strings.NewReplacer("old", "new", "new", "old").Replace(forward)
	for _, c := range []struct {
		level    compat.Level
		next     *schema.Schema
		old      *schema.Schema
		messages []string
	}{
		{compat.Backward, narrow, wide, []string{backward, "{oldSchemaVersion: 7}", `{oldSchema: '"long"'}`}},
		{compat.Forward, wide, narrow, []string{forward, "{oldSchemaVersion: 7}", `{oldSchema: '"int"'}`}},
		{compat.Full, wide, narrow, []string{forward}},
		{compat.FullTransitive, narrow, wide, []string{backward, "{oldSchemaVersion: 7}", `{oldSchema: '"long"'}`}},
	} {
		result := compat.CheckLevel(c.level, c.next, []*schema.Schema{c.old})
		if result.Compatible() {
			t.Errorf("%s: compatible", c.level)
			continue
		}
		got := strings.Join(result.Failures[0].Messages(c.level, 7, c.old.String()), "\n")
		if want := strings.Join(c.messages, "\n"); got != want {
			t.Errorf("%s:\n got %s\nwant %s", c.level, got, want)
		}
	}
	long := strings.Repeat("é", 10*1024)
	failure := compat.CheckLevel(compat.Backward, narrow, []*schema.Schema{wide}).Failures[0]
	if got := failure.Messages(compat.Backward, 1, long)[2]; got != "{oldSchema: '"+long+"'}" {
		t.Errorf("a text of 10,240 characters was cut")
	}
	if got := failure.Messages(compat.Backward, 1, long+"x")[2]; got != "{oldSchema: <truncated> '"+long+"...'}" {
		t.Errorf("a longer text was not cut")
	}
}
