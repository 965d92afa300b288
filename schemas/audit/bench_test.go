package audit_test

import (
	"testing"

	hamba "github.com/hamba/avro/v2"

	"github.com/typelog/typelog/schemas/audit"
	"github.com/typelog/typelog/serde/avro"
)

// The hot paths do not allocate more than they must: nothing for encoding into a buffer that is used again and for
// decoding without a copy into a value that is used again; one copy of the input where strings must be kept; slices and
// the map where the value is fresh.
func TestAllocations(t *testing.T) {
	e := event()
	data := encode(t, e)
	buf := make([]byte, 0, 2*len(data))
	var used audit.AuditEvent
	if err := used.DecodeAvro(data, avro.DecodeOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		most float64
		run  func() error
	}{
		{"encode into a used buffer", 0, func() (err error) { buf, err = e.AppendAvro(buf[:0]); return err }},
		{"validate", 0, e.Validate},
		{"decode fresh", 7, func() error { var f audit.AuditEvent; return f.DecodeAvro(data, avro.DecodeOptions{}) }},
		{"decode into a used value", 1, func() error { return used.DecodeAvro(data, avro.DecodeOptions{}) }},
		{"decode aliasing", 0, func() error { return used.DecodeAvro(data, avro.DecodeOptions{AliasInput: true}) }},
	} {
		var err error
		if got := testing.AllocsPerRun(100, func() { err = c.run() }); err != nil || got > c.most {
			t.Errorf("%s: %v allocations, want at most %v (%v)", c.what, got, c.most, err)
		}
	}
}

// hambaEvent is the event as a user of hamba would declare it.
type hambaEvent struct {
	EventID    [16]byte          `avro:"event_id"`
	OccurredAt int64             `avro:"occurred_at"`
	RecordedAt int64             `avro:"recorded_at"`
	Action     string            `avro:"action"`
	Operation  string            `avro:"operation"`
	Outcome    string            `avro:"outcome"`
	Reason     *string           `avro:"reason"`
	Actor      hambaActor        `avro:"actor"`
	Targets    []hambaTarget     `avro:"targets"`
	Source     hambaSource       `avro:"source"`
	Trace      hambaTrace        `avro:"trace"`
	Changes    []hambaChange     `avro:"changes"`
	Metadata   map[string]string `avro:"metadata"`
	Producer   hambaProducer     `avro:"producer"`
}

type hambaActor struct {
	Type       string  `avro:"type"`
	ID         string  `avro:"id"`
	Name       *string `avro:"name"`
	OnBehalfOf *string `avro:"on_behalf_of"`
	AuthMethod *string `avro:"auth_method"`
}

type hambaTarget struct {
	Type  string  `avro:"type"`
	ID    string  `avro:"id"`
	Name  *string `avro:"name"`
	Scope *string `avro:"scope"`
}

type hambaSource struct {
	Service   string  `avro:"service"`
	Version   *string `avro:"version"`
	Host      *string `avro:"host"`
	IP        *string `avro:"ip"`
	UserAgent *string `avro:"user_agent"`
}

type hambaTrace struct {
	RequestID *string `avro:"request_id"`
	TraceID   *string `avro:"trace_id"`
}

type hambaChange struct {
	Path string  `avro:"path"`
	Old  *string `avro:"old"`
	New  *string `avro:"new"`
}

type hambaProducer struct {
	ID       string `avro:"id"`
	Sequence int64  `avro:"sequence"`
}

func hambaSchema(b testing.TB) hamba.Schema {
	s, err := hamba.ParseWithCache(schemaOf(b, new(audit.AuditEvent)).Canonical(), "", &hamba.SchemaCache{})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// hambaValue returns the same event in hamba's form, and its encoding.
func hambaValue(b testing.TB) (*hambaEvent, []byte) {
	data := encode(b, event())
	v := new(hambaEvent)
	if err := hamba.Unmarshal(hambaSchema(b), data, v); err != nil {
		b.Fatal(err)
	}
	return v, data
}

func BenchmarkEncode(b *testing.B) {
	e := event()
	size := len(encode(b, e))
	b.Run("typelog", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(size))
		var buf []byte
		var err error
		for b.Loop() {
			if buf, err = e.AppendAvro(buf[:0]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("hamba", func(b *testing.B) {
		v, _ := hambaValue(b)
		s := hambaSchema(b)
		b.ReportAllocs()
		b.SetBytes(int64(size))
		for b.Loop() {
			if _, err := hamba.Marshal(s, v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	_, data := hambaValue(b)
	decode := func(name string, data []byte, opts avro.DecodeOptions, target func() *audit.AuditEvent) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if err := target().DecodeAvro(data, opts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	var used audit.AuditEvent
	decode("typelog/fresh", data, avro.DecodeOptions{}, func() *audit.AuditEvent { return new(audit.AuditEvent) })
	decode("typelog/used", data, avro.DecodeOptions{}, func() *audit.AuditEvent { return &used })
	decode("typelog/aliasing", data, avro.DecodeOptions{AliasInput: true}, func() *audit.AuditEvent { return &used })
	decode("typelog/resolved", newerEvent(b), avro.DecodeOptions{Writer: plan(b, newerSchema(b))}, func() *audit.AuditEvent { return &used })
	s := hambaSchema(b)
	for _, name := range []string{"hamba/fresh", "hamba/used"} {
		var v hambaEvent
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if name == "hamba/fresh" {
					v = hambaEvent{}
				}
				if err := hamba.Unmarshal(s, data, &v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	validator := validatorOf(b)
	b.Run("validate", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if err := validator.Validate(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
