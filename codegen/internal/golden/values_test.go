package golden_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/typelog/typelog/codegen/testdata/aliases"
	"github.com/typelog/typelog/codegen/testdata/custom"
	"github.com/typelog/typelog/codegen/testdata/defaults"
	"github.com/typelog/typelog/codegen/testdata/logical"
	"github.com/typelog/typelog/codegen/testdata/nested"
	"github.com/typelog/typelog/codegen/testdata/pointers"
	"github.com/typelog/typelog/codegen/testdata/recursive"
	"github.com/typelog/typelog/codegen/testdata/unions"
	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/schema"
)

// A constructor sets what the schema says, of every type.
func TestDefaults(t *testing.T) {
	want := &defaults.Defaults{
		Flag: true, Small: -7, Big: 9007199254740993, Ratio: 0.5, Exact: -1e-9,
		Text: "say \"hi\"\n\u2028`", Raw: []byte{0, 0xff, 'A'}, Four: defaults.Four{1, 2, 3, 0xff},
		Kind: defaults.KindB, Tags: []string{"x", "y"}, Limits: map[string]int64{"a": 1, "b": 0},
		Point: defaults.Point{X: 3, Y: 9, Label: avro.Some("here")},
		Other: defaults.Point{X: 3, Label: avro.Some("here")},
		Maybe: avro.Some("yes"), Zero: avro.Some[int64](0), Empty: []int32{},
		At: time.UnixMilli(1000).UTC(), ID: avro.UUID{15: 0xff}, Day: time.Date(2024, 10, 4, 0, 0, 0, 0, time.UTC),
		Mixed: defaults.DefaultsMixedInt{Value: 5},
		Huge:  avro.MustDecimal("-472236648286964521.3696"), Sum: avro.NewDecimal(1234, 3), Cold: float32(math.Copysign(0, -1)),
		Endless: float32(math.Inf(-1)),
	}
	got := defaults.NewDefaults()
	if !math.IsNaN(got.Unknown) {
		t.Errorf("NaN became %v", got.Unknown)
	}
	if got.Unknown = 0; !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if !math.Signbit(float64(defaults.NewDefaults().Cold)) {
		t.Error("-0 became 0")
	}
	if err := want.Validate(); err != nil {
		t.Error(err)
	}
}

// Custom types stand in the place of plain ones, and those with a text form say themselves what they take.
func TestCustomTypes(t *testing.T) {
	c := custom.NewCustom()
	if c.User != "nobody" || c.Grace != time.Second {
		t.Errorf("%+v", c)
	}
	h := &custom.Hosts{Peer: netip.MustParseAddr("192.0.2.1"), Last: avro.Some(netip.MustParseAddr("2001:db8::1")),
		Peers: []netip.Addr{netip.MustParseAddr("192.0.2.2")}, ByName: map[string]netip.Addr{"a": netip.MustParseAddr("192.0.2.3")}}
	data, err := h.AppendAvro(nil)
	if err != nil {
		t.Fatal(err)
	}
	var back custom.Hosts
	if err := back.DecodeAvro(data, avro.DecodeOptions{}); err != nil || !reflect.DeepEqual(&back, h) {
		t.Errorf("%+v, %v", back, err)
	}
	bad := avro.AppendEnd(avro.AppendString(avro.AppendBlock(avro.AppendString(nil, "192.0.2.1"), 1), "nowhere"))
	var fault *avro.Error
	if err := back.DecodeAvro(bad, avro.DecodeOptions{}); !errors.As(err, &fault) || fault.Path != "peers[0]" || !errors.Is(err, avro.ErrMalformed) {
		t.Errorf("%v", err)
	}
}

// With pointers, nil is null, and a default is a pointer to its value.
func TestPointers(t *testing.T) {
	p := pointers.NewPointers()
	if p.Flag != nil || *p.Count != 7 || *p.Zero != 0 || *p.Text != "x" || *p.Kind != pointers.KindB || p.Point != nil {
		t.Errorf("%+v", p)
	}
	one := 1.5
	p.Point = &pointers.Point{X: &one, Next: &pointers.Point{}}
	data, err := p.AppendAvro(nil)
	if err != nil {
		t.Fatal(err)
	}
	var back pointers.Pointers
	if err := back.DecodeAvro(data, avro.DecodeOptions{}); err != nil || *back.Point.X != 1.5 || back.Point.Next == nil || back.Point.Next.X != nil {
		t.Errorf("%+v, %v", back, err)
	}
	bad := pointers.Kind(9)
	p.Kind = &bad
	var fault *avro.Error
	if _, err := p.AppendAvro(nil); !errors.As(err, &fault) || fault.Path != "kind" {
		t.Errorf("%v", err)
	}
}

// Of nullable slices and maps nil is null and empty is not.
func TestNullableSlices(t *testing.T) {
	for _, steps := range [][]nested.Step{nil, {}} {
		o := nested.Order{Steps: steps}
		data, err := o.AppendAvro(nil)
		if err != nil {
			t.Fatal(err)
		}
		back := nested.Order{Steps: []nested.Step{{}, {}}}
		if err := back.DecodeAvro(data, avro.DecodeOptions{}); err != nil {
			t.Fatal(err)
		}
		if (back.Steps == nil) != (steps == nil) || len(back.Steps) != 0 {
			t.Errorf("%#v came back as %#v", steps, back.Steps)
		}
	}
}

// A value that contains itself, or that no decoder would take for its depth, is an error and no endless loop.
func TestTooDeep(t *testing.T) {
	loop := &recursive.Node{}
	loop.Next = loop
	deepest := &recursive.Node{}
	for range avro.DefaultMaxDepth - 1 {
		deepest = &recursive.Node{Next: deepest}
	}
	if _, err := loop.AppendAvro(nil); !errors.Is(err, avro.ErrLimit) {
		t.Errorf("a loop: %v", err)
	}
	if err := loop.Validate(); !errors.Is(err, avro.ErrLimit) {
		t.Errorf("a loop: %v", err)
	}
	data, err := deepest.AppendAvro(nil)
	if err != nil {
		t.Fatalf("as deep as may be: %v", err)
	}
	var back recursive.Node
	if err := back.DecodeAvro(data, avro.DecodeOptions{}); err != nil || !reflect.DeepEqual(deepest, &back) {
		t.Errorf("as deep as may be: %v", err)
	}
	if _, err := (&recursive.Node{Next: deepest}).AppendAvro(nil); !errors.Is(err, avro.ErrLimit) {
		t.Errorf("one deeper: %v", err)
	}
}

// A union's branches are told apart by a type switch; a value without one is refused where null is no branch.
func TestUnion(t *testing.T) {
	b := unions.NewBox()
	b.Value = &unions.Inner{X: 5}
	b.Many = []unions.BoxManyItem{unions.BoxManyItemString{Value: "s"}, unions.BoxManyItemBoolean{Value: true}}
	data, err := b.AppendAvro(nil)
	if err != nil {
		t.Fatal(err)
	}
	var back unions.Box
	if err := back.DecodeAvro(data, avro.DecodeOptions{}); err != nil {
		t.Fatal(err)
	}
	switch v := back.Value.(type) {
	case *unions.Inner:
		if v.X != 5 {
			t.Errorf("x is %d", v.X)
		}
	default:
		t.Errorf("%T", v)
	}
	for path, spoil := range map[string]func(*unions.Box){
		"must":       func(b *unions.Box) { b.Must = nil },
		"value":      func(b *unions.Box) { b.Value = (*unions.Inner)(nil) },
		"many[1]":    func(b *unions.Box) { b.Many[1] = nil },
		`named["k"]`: func(b *unions.Box) { b.Named = map[string]unions.BoxNamedValue{"k": (*unions.Box)(nil)} },
	} {
		bad := *b
		bad.Many = append([]unions.BoxManyItem(nil), b.Many...)
		spoil(&bad)
		_, err := bad.AppendAvro(nil)
		for _, err := range []error{err, bad.Validate()} {
			var fault *avro.Error
			if !errors.As(err, &fault) || fault.Path != path {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

// A clock's time can be encoded as it is: what is finer than the schema's unit is cut off, towards the past.
func TestTimesAreCutToTheUnit(t *testing.T) {
	at := time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	v := logical.Logical{TsMillis: at, TsMicros: at, TsNanos: at, LocalNanos: at, TimeMillis: time.Second + 1_999_999,
		Date: time.Unix(0, 0).UTC()}
	data, err := v.AppendAvro(nil)
	if err != nil {
		t.Fatal(err)
	}
	var back logical.Logical
	if err := back.DecodeAvro(data, avro.DecodeOptions{}); err != nil {
		t.Fatal(err)
	}
	if !back.TsMillis.Equal(time.UnixMilli(-1)) || !back.TsMicros.Equal(time.UnixMicro(-1)) || !back.TsNanos.Equal(at) ||
		back.TimeMillis != 1001*time.Millisecond {
		t.Errorf("%+v", back)
	}
}

// What a logical type cannot hold is refused with its path, and no digit of a decimal is lost.
func TestLogicalFaults(t *testing.T) {
	ok := logical.Logical{TsNanos: time.Unix(0, 0), LocalNanos: time.Unix(0, 0).UTC(), Date: time.Unix(0, 0).UTC()}
	if err := ok.Validate(); err != nil {
		t.Fatal(err)
	}
	for path, spoil := range map[string]func(*logical.Logical){
		"ts_micros":    func(v *logical.Logical) { v.TsMicros = time.Unix(1<<50, 0) },
		"ts_nanos":     func(v *logical.Logical) { v.TsNanos = time.Time{} },
		"date":         func(v *logical.Logical) { v.Date = time.Unix(1, 0).UTC() },
		"time_micros":  func(v *logical.Logical) { v.TimeMicros = 24 * time.Hour },
		"amount":       func(v *logical.Logical) { v.Amount = avro.NewDecimal(123456, 5) },
		"price":        func(v *logical.Logical) { v.Price = avro.NewDecimal(1e12, 2) },
		"maybe_amount": func(v *logical.Logical) { v.MaybeAmount = avro.Some(avro.NewDecimal(1, 3)) },
		"days[0]":      func(v *logical.Logical) { v.Days = []time.Time{time.Unix(1, 0).UTC()} },
	} {
		bad := ok
		spoil(&bad)
		_, err := bad.AppendAvro(nil)
		for _, err := range []error{err, bad.Validate()} {
			var fault *avro.Error
			if !errors.As(err, &fault) || fault.Path != path {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

// Data that another schema wrote is projected: promoted, reordered, with defaults for what is new, without what is gone.
func TestEvolution(t *testing.T) {
	text, _ := new(nested.Step).AvroSchema()
	reader, err := schema.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	writer, err := schema.Parse(`{"type":"record","name":"Step","namespace":"test.nested","fields":[
		{"name":"gone","type":{"type":"array","items":"double"}},
		{"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}}]}`)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := avro.Resolve(writer, reader)
	if err != nil {
		t.Fatal(err)
	}
	data := avro.AppendEnd(avro.AppendDouble(avro.AppendBlock(nil, 1), 2.5))
	data = avro.AppendLong(data, 1_000_001)
	step := nested.Step{What: avro.Some("before")}
	if err := step.DecodeAvro(data, avro.DecodeOptions{Writer: plan}); err != nil {
		t.Fatal(err)
	}
	if want := (nested.Step{At: time.UnixMicro(1_000_001).UTC()}); !reflect.DeepEqual(step, want) {
		t.Errorf("got %+v, want %+v", step, want)
	}
	var fault *avro.Error
	if err := step.DecodeAvro(data[:len(data)-2], avro.DecodeOptions{Writer: plan}); !errors.As(err, &fault) || fault.Path != "at" {
		t.Errorf("cut: %v", err)
	}
}

// Types and fields that had other names, and symbols that are not known yet, are read by way of aliases and defaults.
func TestAliases(t *testing.T) {
	text, _ := new(aliases.Customer).AvroSchema()
	reader, err := schema.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	writer, err := schema.Parse(`{"type":"record","name":"Buyer","namespace":"test.older","fields":[
		{"name":"phones","type":{"type":"array","items":{"type":"record","name":"Number","namespace":"test.aliases","fields":[{"name":"text","type":"string"}]}}},
		{"name":"level","type":{"type":"enum","name":"Rank","namespace":"test.aliases","symbols":["GOLD","PLATINUM"]}},
		{"name":"title","type":"string"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := avro.Resolve(writer, reader)
	if err != nil {
		t.Fatal(err)
	}
	data := avro.AppendEnd(avro.AppendString(avro.AppendBlock(nil, 1), "123"))
	data = avro.AppendString(avro.AppendInt(data, 1), "Ada")
	var c aliases.Customer
	if err := c.DecodeAvro(data, avro.DecodeOptions{Writer: plan}); err != nil {
		t.Fatal(err)
	}
	if want := (aliases.Customer{FullName: "Ada", Level: aliases.LevelNone, Phones: []aliases.Phone{{Digits: "123"}}}); !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, want %+v", c, want)
	}
}

// In JSON a value has the schema's names, and comes back.
func TestJSON(t *testing.T) {
	n := &recursive.Node{Value: 1, Next: &recursive.Node{Value: 2}, Couple: avro.Some(recursive.Couple{})}
	data, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	var back recursive.Node
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(n, &back) {
		t.Errorf("%s came back as %+v (%v)", data, back, err)
	}
	if !bytes.Contains(data, []byte(`"value":2`)) || bytes.Contains(data, []byte(`"left"`)) {
		t.Errorf("%s", data)
	}
}
