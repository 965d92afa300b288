package registry_test

import (
	"context"
	"strings"
	"testing"

	"github.com/typelog/typelog/registry"
)

func TestCheckHeader(t *testing.T) {
	r := open(t, t.TempDir())
	ctx := context.Background()
	id := register(t, r, "people-value", person)
	register(t, r, "raw-value", `"bytes"`)
	guidOf := func(subject string) []byte {
		v, err := r.Version(subject, 1, registry.Live)
		if err != nil {
			t.Fatal(err)
		}
		return append([]byte{1}, v.Schema.GUID[:]...)
	}
	people, raw := guidOf("people-value"), guidOf("raw-value")
	good := []byte{6, 'a', 'n', 'n', 2, 2, 'x', 0}
	for _, c := range []struct {
		name, subject   string
		header, payload []byte
		ok              bool
		pointer, reason string
	}{
		{"a datum", "people-value", people, good, true, "", ""},
		{"again, from the cache", "people-value", people, good, true, "", ""},
		{"named by its id", "people-value", framed(id), good, true, "", ""},
		{"a prefix, too", "people-value", people, framed(id, good...), false, "", ""},
		{"a bad datum", "people-value", people, []byte{6, 'a', 'n', 'n', 2, 2, 0xff, 0}, false, "tags[0]", "UTF-8"},
		{"another subject's", "people-value", raw, good, false, "", "not registered under subject people-value"},
		{"bytes", "raw-value", raw, good, true, "", ""},
		{"nobody's", "people-value", append([]byte{1}, make([]byte, 16)...), good, false, "", "not registered"},
		{"no header", "people-value", nil, good, false, "", "0 bytes"},
		{"a short one", "people-value", people[:16], good, false, "", "16 bytes"},
		{"another form", "people-value", append([]byte{2}, people[1:]...), good, false, "", "must be"},
	} {
		got, err := r.CheckHeader(ctx, registry.Naming(c.subject), true, c.header, c.payload)
		if err != nil {
			t.Fatal(err)
		}
		if got.OK != c.ok || got.Pointer != c.pointer && c.pointer != "" || !strings.Contains(got.Reason, c.reason) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = r.CheckHeader(ctx, "people-value", true, people, good) }); n > 0 {
		t.Errorf("a header that is known takes %v allocations", n)
	}
	if _, err := r.DeleteVersion(ctx, "people-value", 1, false); err != nil {
		t.Fatal(err)
	}
	if got, err := r.CheckHeader(ctx, "people-value", true, people, good); err != nil || got.OK || !strings.Contains(got.Reason, "deleted") {
		t.Errorf("after its deletion: %+v, %v", got, err)
	}
}
