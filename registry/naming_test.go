package registry_test

import (
	"strings"
	"testing"

	"github.com/typelog/typelog/registry"
)

// TestNamedByRecord: the subject follows from the schema that the bytes name, whichever way they name it, and the answer
// follows what becomes of that subject.
func TestNamedByRecord(t *testing.T) {
	r := open(t, t.TempDir())
	ctx := t.Context()
	id := register(t, r, "elsewhere", person)
	version, err := r.Version("elsewhere", 1, registry.Live)
	if err != nil {
		t.Fatal(err)
	}
	header := append([]byte{1}, version.Schema.GUID[:]...)
	datum := []byte{6, 'a', 'n', 'n', 2, 2, 'x', 0}
	payload := framed(id, datum...)
	for subject, naming := range map[string]registry.Naming{"Person": registry.RecordName(), "people-Person": registry.TopicRecordName("people")} {
		expect := func(ok bool, reason string) {
			t.Helper()
			byPrefix, err := r.CheckPayload(ctx, naming, true, payload)
			if err != nil || byPrefix.OK != ok || !strings.Contains(byPrefix.Reason, reason) {
				t.Errorf("%s: %+v, %v; want %v because %q", subject, byPrefix, err, ok, reason)
			}
			byHeader, err := r.CheckHeader(ctx, naming, true, header, datum)
			if err != nil || byHeader.OK != ok || !strings.Contains(byHeader.Reason, reason) {
				t.Errorf("%s, in a header: %+v, %v; want %v because %q", subject, byHeader, err, ok, reason)
			}
		}
		expect(false, "not registered under subject "+subject)
		register(t, r, subject, person)
		expect(true, "")
		if n := testing.AllocsPerRun(100, func() {
			_, _ = r.CheckPayload(ctx, naming, true, payload)
			_, _ = r.CheckHeader(ctx, naming, true, header, datum)
		}); n > 0 {
			t.Errorf("%s: what is known takes %v allocations", subject, n)
		}
		if _, err := r.DeleteVersion(ctx, subject, 1, false); err != nil {
			t.Fatal(err)
		}
		expect(false, "was deleted from subject "+subject)
	}
	for _, c := range []struct {
		text   string
		kind   registry.Type
		reason string
	}{
		{`["string","null"]`, registry.Avro, "no full name"},
		{`{"type":"object"}`, registry.JSON, "JSON"},
	} {
		got, err := r.Register(ctx, registry.Registration{Subject: "of-" + string(c.kind), ID: registry.NoID, Source: registry.Source{Text: c.text, Type: c.kind}})
		if err != nil {
			t.Fatal(err)
		}
		if check, err := r.CheckPayload(ctx, registry.RecordName(), true, framed(got.ID, 0)); err != nil || check.OK || !strings.Contains(check.Reason, c.reason) {
			t.Errorf("%s: %+v, %v", c.text, check, err)
		}
	}
}
