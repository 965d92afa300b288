package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	hamba "github.com/hamba/avro/v2"

	"github.com/typelog/typelog/schemas/audit"
	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/schema"
)

// event is an event as a service would write it: every optional field set.
func event() *audit.AuditEvent {
	e := audit.NewAuditEvent()
	for i := range e.EventID {
		e.EventID[i] = byte(17 * i)
	}
	e.OccurredAt = time.Date(2026, 3, 14, 15, 9, 26, 535897000, time.UTC)
	e.RecordedAt = e.OccurredAt.Add(1250 * time.Microsecond)
	e.Action = "s3:PutObject"
	e.Operation = audit.OperationUpdate
	e.Outcome = audit.OutcomeDenied
	e.Reason = avro.Some("AccessDenied: explicit deny in a resource policy")
	e.Actor = audit.Actor{
		Type: audit.ActorTypeUser, ID: "arn:aws:iam::123456789012:user/mia", Name: avro.Some("Mia"),
		OnBehalfOf: avro.Some("arn:aws:iam::123456789012:role/ops"), AuthMethod: avro.Some("mfa"),
	}
	e.Targets = []audit.Target{
		{Type: "AWS::S3::Object", ID: "arn:aws:s3:::ledger/2026/03.csv", Scope: avro.Some("123456789012")},
		{Type: "AWS::S3::Bucket", ID: "arn:aws:s3:::ledger", Name: avro.Some("ledger")},
	}
	e.Source = audit.Source{
		Service: "s3.amazonaws.com", Version: avro.Some("2006-03-01"), Host: avro.Some("eu-central-1"),
		IP: avro.Some("203.0.113.7"), UserAgent: avro.Some("aws-cli/2.17.0 Python/3.12"),
	}
	e.Trace = audit.Trace{RequestID: avro.Some("8S2MZT9XH5K0QF1B"), TraceID: avro.Some("4bf92f3577b34da6a3ce929d0e0e4736")}
	e.Changes = []audit.Change{{Path: "/tags/stage", Old: avro.Some(`"test"`), New: avro.Some(`"live"`)}}
	e.Metadata = map[string]string{"awsRegion": "eu-central-1", "eventCategory": "Data", "tlsDetails.tlsVersion": "TLSv1.3"}
	e.Producer = audit.Producer{ID: "cloudtrail-1", Sequence: 417}
	return e
}

func seeded(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func randomText(r *rand.Rand) string {
	alphabet := []rune("abz09 _/:.\"\\\u00e9\u4e16\U0001f600")
	out := make([]rune, r.IntN(40))
	for i := range out {
		out[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(out)
}

func randomOpt(r *rand.Rand) avro.Opt[string] {
	if r.IntN(2) == 0 {
		return avro.None[string]()
	}
	return avro.Some(randomText(r))
}

func randomEvent(r *rand.Rand) *audit.AuditEvent {
	e := &audit.AuditEvent{
		OccurredAt: time.UnixMicro(r.Int64N(1<<52) - 1<<51).UTC(),
		RecordedAt: time.UnixMicro(r.Int64N(1 << 52)).UTC(),
		Action:     randomText(r),
		Operation:  audit.Operation(r.IntN(10)),
		Outcome:    audit.Outcome(r.IntN(4)),
		Reason:     randomOpt(r),
		Actor: audit.Actor{Type: audit.ActorType(r.IntN(5)), ID: randomText(r), Name: randomOpt(r), OnBehalfOf: randomOpt(r),
			AuthMethod: randomOpt(r)},
		Source: audit.Source{Service: randomText(r), Version: randomOpt(r), Host: randomOpt(r), IP: randomOpt(r),
			UserAgent: randomOpt(r)},
		Trace:    audit.Trace{RequestID: randomOpt(r), TraceID: randomOpt(r)},
		Producer: audit.Producer{ID: randomText(r), Sequence: r.Int64() >> r.IntN(64)},
	}
	for i := range e.EventID {
		e.EventID[i] = byte(r.Uint32())
	}
	for range r.IntN(4) {
		e.Targets = append(e.Targets, audit.Target{Type: randomText(r), ID: randomText(r), Name: randomOpt(r), Scope: randomOpt(r)})
		e.Changes = append(e.Changes, audit.Change{Path: randomText(r), Old: randomOpt(r), New: randomOpt(r)})
	}
	for range r.IntN(5) {
		if e.Metadata == nil {
			e.Metadata = map[string]string{}
		}
		e.Metadata[randomText(r)] = randomText(r)
	}
	return e
}

func encode(t testing.TB, d avro.Datum) []byte {
	t.Helper()
	data, err := d.AppendAvro(nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// same compares events; that an empty slice or map is nil or not makes no difference.
func same(a, b *audit.AuditEvent) bool {
	x, y := *a, *b
	for _, e := range []*audit.AuditEvent{&x, &y} {
		if len(e.Targets) == 0 {
			e.Targets = nil
		}
		if len(e.Changes) == 0 {
			e.Changes = nil
		}
		if len(e.Metadata) == 0 {
			e.Metadata = nil
		}
	}
	return reflect.DeepEqual(x, y)
}

// What is encoded comes back, into a fresh value and into one that held something else, and the validator agrees.
func TestRoundTrip(t *testing.T) {
	r := seeded(t)
	validator := validatorOf(t)
	reused := event()
	for range 500 {
		e := randomEvent(r)
		if err := e.Validate(); err != nil {
			t.Fatal(err)
		}
		data := encode(t, e)
		if err := validator.Validate(data); err != nil {
			t.Fatalf("the validator refuses what was encoded: %v", err)
		}
		var fresh audit.AuditEvent
		for _, into := range []*audit.AuditEvent{&fresh, reused} {
			if err := into.DecodeAvro(data, avro.DecodeOptions{}); err != nil {
				t.Fatal(err)
			}
			if !same(e, into) {
				t.Fatalf("decoded\n%+v\nfrom\n%+v", into, e)
			}
		}
	}
}

func schemaOf(t testing.TB, d avro.Datum) *schema.Schema {
	t.Helper()
	text, fingerprint := d.AvroSchema()
	s, err := schema.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if s.Fingerprint64() != fingerprint {
		t.Fatalf("fingerprint %#x, the text has %#x", fingerprint, s.Fingerprint64())
	}
	return s
}

func validatorOf(t testing.TB) *avro.Validator {
	t.Helper()
	v, err := avro.NewValidator(schemaOf(t, new(audit.AuditEvent)))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Another implementation reads what is written here, and what it writes is read here.
func TestAgainstHamba(t *testing.T) {
	r := seeded(t)
	// Without logical types, so that times are the numbers that they are encoded as.
	other, err := hamba.ParseWithCache(schemaOf(t, new(audit.AuditEvent)).Canonical(), "", &hamba.SchemaCache{})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		e := randomEvent(r)
		var generic map[string]any
		if err := hamba.Unmarshal(other, encode(t, e), &generic); err != nil {
			t.Fatal(err)
		}
		if got := generic["action"]; got != e.Action {
			t.Fatalf("action %q, want %q", got, e.Action)
		}
		if got := generic["operation"]; got != e.Operation.String() {
			t.Fatalf("operation %v, want %v", got, e.Operation)
		}
		if got := generic["occurred_at"]; got != e.OccurredAt.UnixMicro() {
			t.Fatalf("occurred_at %v, want %v", got, e.OccurredAt.UnixMicro())
		}
		data, err := hamba.Marshal(other, generic)
		if err != nil {
			t.Fatal(err)
		}
		var back audit.AuditEvent
		if err := back.DecodeAvro(data, avro.DecodeOptions{}); err != nil {
			t.Fatal(err)
		}
		if !same(e, &back) {
			t.Fatalf("decoded\n%+v\nfrom\n%+v", back, e)
		}
	}
}

// Bytes that end early are an error that says within which field, wherever they end; so are bytes that follow.
func TestTruncated(t *testing.T) {
	data := encode(t, event())
	for n := range data {
		var e audit.AuditEvent
		err := e.DecodeAvro(data[:n], avro.DecodeOptions{})
		var fault *avro.Error
		if !errors.As(err, &fault) || fault.Path == "" || !errors.Is(err, avro.ErrMalformed) {
			t.Fatalf("cut at %d of %d: %v", n, len(data), err)
		}
	}
	var e audit.AuditEvent
	if err := e.DecodeAvro(append(bytes.Clone(data), 0), avro.DecodeOptions{}); !errors.Is(err, avro.ErrMalformed) {
		t.Errorf("a byte after the datum: %v", err)
	}
}

// Faulty values are refused by Validate and AppendAvro alike, with the path; the destination stays as it was.
func TestFaultyValues(t *testing.T) {
	for _, c := range []struct {
		path  string
		spoil func(e *audit.AuditEvent)
	}{
		{"action", func(e *audit.AuditEvent) { e.Action = "\xff" }},
		{"operation", func(e *audit.AuditEvent) { e.Operation = 10 }},
		{"outcome", func(e *audit.AuditEvent) { e.Outcome = -1 }},
		{"reason", func(e *audit.AuditEvent) { e.Reason = avro.Some("\xc3") }},
		{"occurred_at", func(e *audit.AuditEvent) { e.OccurredAt = time.Unix(-1<<60, 0) }},
		{"recorded_at", func(e *audit.AuditEvent) { e.RecordedAt = time.Unix(1<<60, 0) }},
		{"actor.on_behalf_of", func(e *audit.AuditEvent) { e.Actor.OnBehalfOf = avro.Some("\xff") }},
		{"targets[1].id", func(e *audit.AuditEvent) { e.Targets[1].ID = "\xff" }},
		{`metadata["k"]`, func(e *audit.AuditEvent) { e.Metadata["k"] = "\xff" }},
		{"changes[0].new", func(e *audit.AuditEvent) { e.Changes[0].New = avro.Some("\xff") }},
	} {
		e := event()
		c.spoil(e)
		dst := []byte("before")
		out, err := e.AppendAvro(dst)
		if string(out) != "before" {
			t.Errorf("%s: the destination became %q", c.path, out)
		}
		for _, err := range []error{err, e.Validate()} {
			var fault *avro.Error
			if !errors.As(err, &fault) || fault.Path != c.path || !errors.Is(err, avro.ErrValue) {
				t.Errorf("%s: %v", c.path, err)
			}
		}
	}
}

// A schema's text is the file's, byte for byte, and inner records have one that stands alone.
func TestSchemas(t *testing.T) {
	for _, d := range []avro.Datum{new(audit.AuditEvent), new(audit.Actor), new(audit.Target), new(audit.Source),
		new(audit.Trace), new(audit.Change), new(audit.Producer)} {
		root := schemaOf(t, d).Root()
		if want := reflect.TypeOf(d).Elem().Name(); root.Name != want {
			t.Errorf("the schema of %s is that of %s", want, root.Name)
		}
	}
}

func TestEnumText(t *testing.T) {
	for v := audit.OperationUnknown; v <= audit.OperationRevoke; v++ {
		text, err := v.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back audit.Operation
		if err := back.UnmarshalText(text); err != nil || back != v || string(text) != strings.ToUpper(string(text)) {
			t.Errorf("%v -> %s -> %v, %v", v, text, back, err)
		}
	}
	if _, err := audit.ParseOperation("unknown"); err == nil {
		t.Error("a symbol in the wrong case was parsed")
	}
	if got := fmt.Sprint(audit.Operation(99)); got != "Operation(99)" {
		t.Errorf("a value that is no symbol prints as %s", got)
	}
	if _, err := audit.Operation(99).MarshalText(); err == nil {
		t.Error("a value that is no symbol was marshalled")
	}
}

// FuzzDecode: whatever decodes is a value that encodes again to the same value, and what decodes and what the
// validator accepts are the same.
func FuzzDecode(f *testing.F) {
	full := encode(f, event())
	f.Add(full)
	f.Add(encode(f, audit.NewAuditEvent()))
	f.Add(full[:len(full)/2])
	f.Add(append(bytes.Clone(full[:40]), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1))
	validator := validatorOf(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		var e audit.AuditEvent
		err := e.DecodeAvro(data, avro.DecodeOptions{})
		if verdict := validator.Validate(data); (verdict == nil) != (err == nil) {
			t.Fatalf("decoder: %v, validator: %v", err, verdict)
		}
		if err != nil {
			return
		}
		again, err := e.AppendAvro(nil)
		if err != nil {
			t.Fatalf("what was decoded does not encode: %v", err)
		}
		back := *event()
		if err := back.DecodeAvro(again, avro.DecodeOptions{AliasInput: true}); err != nil || !same(&e, &back) {
			t.Fatalf("decoded\n%+v (%v)\nfrom\n%+v", back, err, e)
		}
	})
}
