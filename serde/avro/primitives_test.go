package avro

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"
)

func TestPrimitivesBothWays(t *testing.T) {
	longs := []int64{0, -1, 1, 63, 64, -64, -65, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64}
	var b []byte
	for _, v := range longs {
		b = AppendLong(b, v)
	}
	b = AppendInt(AppendInt(b, math.MinInt32), math.MaxInt32)
	b = AppendFloat(AppendDouble(b, math.Pi), -0.5)
	b = AppendString(AppendBytes(AppendBoolean(b, true), nil), strings.Repeat("é", 100))
	b = AppendFixed(b, []byte{1, 2, 3})
	r := NewReader(b, DecodeOptions{})
	for _, v := range longs {
		if got := r.Long(); got != v {
			t.Errorf("got %d, want %d", got, v)
		}
	}
	if r.Int() != math.MinInt32 || r.Int() != math.MaxInt32 || r.Double() != math.Pi || r.Float() != -0.5 || !r.Boolean() {
		t.Error("a number differs")
	}
	if got := r.Bytes(); got == nil || len(got) != 0 {
		t.Errorf("empty bytes are %v", got)
	}
	if r.String() != strings.Repeat("é", 100) {
		t.Error("the string differs")
	}
	var f [3]byte
	if r.Fixed(f[:]); f != [3]byte{1, 2, 3} {
		t.Error("the fixed differs")
	}
	if err := r.Finish(); err != nil {
		t.Error(err)
	}
	for v, want := range map[int64]string{0: "00", -1: "01", 1: "02", 64: "8001", math.MinInt64: "ffffffffffffffffff01"} {
		if got := fmt.Sprintf("%x", AppendLong(nil, v)); got != want {
			t.Errorf("%d is %s, want %s", v, got, want)
		}
	}
}

func TestReaderFaultSticks(t *testing.T) {
	r := NewReader([]byte{0x08, 'a', 0x02, 0x02}, DecodeOptions{})
	if r.String() != "" || !r.Failed() {
		t.Fatal("a cut string was read")
	}
	first := r.Err()
	var b Block
	if r.Long() != 0 || r.Int() != 0 || r.Boolean() || r.Double() != 0 || r.String() != "" || r.Bytes() != nil || r.Enum(3) != 0 ||
		r.Union(3) != -1 || r.NextBlock(&b, 1) || !r.Date().Equal(time.Unix(0, 0)) || r.UUID() != (UUID{}) || r.Remaining() != 0 {
		t.Error("something was read after a fault")
	}
	if err := r.Finish(); err != first {
		t.Errorf("got %v, then %v", first, err)
	}
}

// TestReaderOwnsOrAliases: without AliasInput nothing points into the input, with it everything does, and appending to
// decoded bytes never reaches a neighbour.
func TestReaderOwnsOrAliases(t *testing.T) {
	src := AppendString(AppendBytes(AppendString(nil, "one"), []byte("two")), "three")
	for _, alias := range []bool{false, true} {
		in := []byte(string(src))
		r := NewReader(in, DecodeOptions{AliasInput: alias})
		a, b, c := r.String(), r.Bytes(), r.String()
		if err := r.Finish(); err != nil || a != "one" || string(b) != "two" || c != "three" {
			t.Fatalf("%q %q %q %v", a, b, c, err)
		}
		_ = append(b, "overwritten"...)
		if c != "three" || in[len(in)-1] != 'e' {
			t.Error("appending to bytes reached a neighbour")
		}
		in[1] = 'X'
		if (a == "Xne") != alias {
			t.Errorf("alias %v: the string is now %q", alias, a)
		}
	}
}

func TestReaderAllocations(t *testing.T) {
	data := order()
	for _, tt := range []struct {
		opts DecodeOptions
		most float64
	}{{DecodeOptions{AliasInput: true}, 0}, {DecodeOptions{}, 1}} {
		n := testing.AllocsPerRun(100, func() {
			var r Reader
			r.Reset(data, tt.opts)
			if readOrder(&r); r.Finish() != nil {
				t.Error("failed")
			}
		})
		if n > tt.most {
			t.Errorf("%+v: %v allocations", tt.opts, n)
		}
	}
}

// readOrder reads a datum of orderSchema without keeping it.
func readOrder(r *Reader) (size int) {
	size += len(r.String())
	if r.Union(2) == 1 {
		size += len(r.String())
	}
	for b := (Block{}); r.NextBlock(&b, 2); {
		for range b.Len {
			size += len(r.String()) + int(r.Int())
		}
	}
	for b := (Block{}); r.NextBlock(&b, 9); {
		for range b.Len {
			size += len(r.String()) + int(r.Double())
		}
	}
	return size + r.Enum(2)
}

func TestLimits(t *testing.T) {
	r := NewReader(append(AppendBlock(nil, 1000), make([]byte, 1001)...), DecodeOptions{Limits: Limits{MaxAlloc: 999 * 8}})
	var b Block
	if !r.NextBlock(&b, 1) || b.Len != 1000 {
		t.Fatal(r.Err())
	}
	if s := Grow(&r, []int64(nil), b.Len); s != nil || !errors.Is(r.Err(), ErrLimit) {
		t.Errorf("got room for %d, %v", cap(s), r.Err())
	}
	r = NewReader(AppendLong(nil, 1<<40), DecodeOptions{})
	if b = (Block{}); r.NextBlock(&b, 1) || !errors.Is(r.Err(), ErrMalformed) {
		t.Errorf("%v", r.Err())
	}
	r = NewReader(nil, DecodeOptions{Limits: Limits{MaxDepth: 2}})
	for depth, want := range []bool{true, true, false} {
		if r.Enter() != want {
			t.Errorf("entering depth %d: %v", depth+1, !want)
		}
	}
	if !errors.Is(r.Err(), ErrLimit) {
		t.Errorf("%v", r.Err())
	}
}

func TestOpt(t *testing.T) {
	type doc struct {
		A Opt[int]    `json:"a"`
		B Opt[string] `json:"b"`
		C Opt[int]    `json:"c,omitzero"`
	}
	text, err := json.Marshal(doc{A: Some(5)})
	if err != nil || string(text) != `{"a":5,"b":null}` {
		t.Errorf("%s, %v", text, err)
	}
	got := doc{B: Some("old")}
	if err := json.Unmarshal(text, &got); err != nil || got != (doc{A: Some(5)}) {
		t.Errorf("%+v, %v", got, err)
	}
	if v, ok := got.A.Get(); v != 5 || !ok || got.B.Or("none") != "none" || got.A.Or(1) != 5 {
		t.Error("Get or Or")
	}
	if _, ok := (Opt[int]{Value: 3}).Get(); ok {
		t.Error("a null has a value")
	}
}

// A time between two units is written as the unit before it, before 1970 too.
func TestTimesBetweenUnits(t *testing.T) {
	east := time.FixedZone("", 3600)
	for _, tt := range []struct {
		of        func(time.Time) (int64, error)
		sec, nsec int64
		want      int64
	}{
		{TimestampMillisOf, 1, 1_999_999, 1001},
		{TimestampMillisOf, 0, -1, -1},
		{TimestampMillisOf, -1, -1_000_001, -1002},
		{TimestampMicrosOf, 1, 1_999, 1_000_001},
		{TimestampMicrosOf, 0, -1, -1},
		{TimestampMicrosOf, math.MinInt64/1_000_000 - 1, 224_192_999, math.MinInt64},
		{LocalTimestampMillisOf, -3600, -1, -1},
		{LocalTimestampMicrosOf, -3600, 999, 0},
		{TimestampNanosOf, 0, -1, -1},
	} {
		if got, err := tt.of(time.Unix(tt.sec, tt.nsec).In(east)); err != nil || got != tt.want {
			t.Errorf("%d s %d ns: got %d, %v, want %d", tt.sec, tt.nsec, got, err, tt.want)
		}
	}
	if v, err := TimeMillisOf(time.Second + 1_999_999); err != nil || v != 1001 {
		t.Errorf("time-millis %d, %v", v, err)
	}
	if v, err := TimeMicrosOf(24*time.Hour - 1); err != nil || v != 86_399_999_999 {
		t.Errorf("time-micros %d, %v", v, err)
	}
}

func TestTimes(t *testing.T) {
	berlin := time.FixedZone("", 3600)
	at := time.Date(2024, 2, 29, 0, 0, 0, 0, berlin)
	if d, err := DateOf(at); err != nil || d != 19782 || !DateTime(d).Equal(time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("date %d, %v", d, err)
	}
	if v, err := LocalTimestampMillisOf(at); err != nil || v != 19782*86400_000 {
		t.Errorf("local %d, %v", v, err)
	}
	if v, err := TimestampMillisOf(at); err != nil || v != 19782*86400_000-3600_000 {
		t.Errorf("instant %d, %v", v, err)
	}
	for _, v := range []int64{math.MinInt64, math.MinInt64 + 1, -1_000_001, -1, 0, 1, 999_999, math.MaxInt64} {
		if got, err := TimestampMicrosOf(time.UnixMicro(v)); err != nil || got != v {
			t.Errorf("micros %d became %d, %v", v, got, err)
		}
		if got, err := TimestampMillisOf(time.UnixMilli(v)); err != nil || got != v {
			t.Errorf("millis %d became %d, %v", v, got, err)
		}
		if got, err := TimestampNanosOf(time.Unix(0, v)); err != nil || got != v {
			t.Errorf("nanos %d became %d, %v", v, got, err)
		}
	}
	faults := map[string]error{}
	_, faults["cannot hold the year 292278994"] = TimestampMillisOf(time.UnixMilli(math.MaxInt64).Add(time.Millisecond))
	_, faults["cannot hold the year 2263"] = TimestampNanosOf(time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC))
	_, faults["cannot hold the year 1"] = TimestampNanosOf(time.Time{})
	_, faults["must be a midnight"] = DateOf(at.In(time.UTC))
	_, faults["between 0 and 24 hours"] = TimeMicrosOf(24 * time.Hour)
	_, faults["between 0 and 24"] = TimeMillisOf(-time.Millisecond)
	for want, err := range faults {
		if !errors.Is(err, ErrValue) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestDecimal(t *testing.T) {
	for _, s := range []string{"0", "-0.01", "12.50", "-9223372036854775808", "9223372036854775808", "-123456789012345678901234567890.12345", "0.000"} {
		d, err := ParseDecimal(s)
		if err != nil || d.String() != s {
			t.Errorf("%s: %v, %v", s, d, err)
		}
		data := must(AppendDecimal(nil, d, 0, d.Scale()))
		r := NewReader(data, DecodeOptions{})
		if got := r.Decimal(0, d.Scale()); r.Finish() != nil || got.String() != s || got.Cmp(d) != 0 {
			t.Errorf("%s came back as %v, %v", s, got, r.Err())
		}
		fixed := must(AppendDecimalFixed(nil, d, 20, 0, d.Scale()))
		r = NewReader(fixed, DecodeOptions{})
		if got := r.DecimalFixed(20, 0, d.Scale()); r.Finish() != nil || len(fixed) != 20 || got.String() != s {
			t.Errorf("%s came back as %v, %v", s, got, r.Err())
		}
		r = NewReader(AppendBigDecimal(nil, d), DecodeOptions{})
		if got := r.BigDecimal(); r.Finish() != nil || got.String() != s {
			t.Errorf("%s came back as %v, %v", s, got, r.Err())
		}
	}
	for _, s := range []string{"", "-", ".5", "5.", "1e5", "+1", "1.-2", "1_0", "0x1"} {
		if d, err := ParseDecimal(s); err == nil {
			t.Errorf("%q is taken for %v", s, d)
		}
	}
	for d, want := range map[Decimal]string{
		NewDecimal(0, 0): "0200", NewDecimal(127, 0): "027f", NewDecimal(128, 0): "040080", NewDecimal(-128, 0): "0280", NewDecimal(-129, 0): "04ff7f",
	} {
		if got := fmt.Sprintf("%x", must(AppendDecimal(nil, d, 3, 0))); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
}

func TestDecimalNeverRounds(t *testing.T) {
	d := NewDecimal(1250, 2)
	if got, err := d.Rescale(1); err != nil || got.String() != "12.5" || !got.Equal(d) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := d.Rescale(0); !errors.Is(err, ErrValue) {
		t.Errorf("12.50 without fraction: %v", err)
	}
	if got, err := NewDecimal(math.MinInt64, 0).Rescale(3); err != nil || got.String() != "-9223372036854775808.000" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := AppendDecimal(nil, NewDecimal(1000, 0), 3, 0); !errors.Is(err, ErrValue) {
		t.Errorf("1000 in 3 digits: %v", err)
	}
	if _, err := AppendDecimalFixed(nil, NewDecimal(128, 0), 1, 3, 0); !errors.Is(err, ErrValue) {
		t.Errorf("128 in a byte: %v", err)
	}
}

// TestDecimalAgainstBig compares with math/big on random numbers.
func TestDecimalAgainstBig(t *testing.T) {
	r := seeded(t)
	for range 3000 {
		v := new(big.Int).SetBytes(randomBytes(r, r.IntN(24)))
		if r.IntN(2) == 0 {
			v.Neg(v)
		}
		d := NewBigDecimal(v, 0)
		if d.Precision() != len(new(big.Int).Abs(v).String()) || d.Sign() != v.Sign() || d.Big().Cmp(v) != 0 {
			t.Fatalf("%v: precision %d, sign %d", v, d.Precision(), d.Sign())
		}
		data := must(AppendDecimal(nil, d, 0, 0))
		if n := len(data) - 1; n > 1 { // as short as possible
			if twos := data[1:]; twos[0] == 0 && twos[1] < 0x80 || twos[0] == 0xff && twos[1] >= 0x80 {
				t.Fatalf("%v takes %x", v, data)
			}
		}
		rd := NewReader(data, DecodeOptions{})
		if got := rd.Decimal(d.Precision(), 0); rd.Finish() != nil || got.Big().Cmp(v) != 0 {
			t.Fatalf("%v came back as %v, %v", v, got, rd.Err())
		}
		rd = NewReader(data, DecodeOptions{})
		if d.Precision() > 1 {
			if rd.Decimal(d.Precision()-1, 0); rd.Finish() == nil {
				t.Fatalf("%v fits %d digits", v, d.Precision()-1)
			}
		}
	}
}

func TestUUIDAndDuration(t *testing.T) {
	const text = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
	u, err := ParseUUID(strings.ToUpper(text))
	if err != nil || u.String() != text {
		t.Errorf("%v, %v", u, err)
	}
	r := NewReader(AppendDuration(AppendUUID(nil, u), Duration{1, 2, math.MaxUint32}), DecodeOptions{})
	if got := r.UUID(); got != u {
		t.Errorf("%v", got)
	}
	if d := r.Duration(); d != (Duration{1, 2, math.MaxUint32}) || r.Finish() != nil {
		t.Errorf("%v, %v", d, r.Err())
	}
	for _, bad := range []string{"", text[1:], text + "0", strings.Replace(text, "-", "0", 1), strings.Replace(text, "f8", "g8", 1), "{" + text[2:] + "}"} {
		if _, err := ParseUUID(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	back, err := json.Marshal(u)
	if err != nil || string(back) != `"`+text+`"` {
		t.Errorf("%s, %v", back, err)
	}
}

func TestErrorPaths(t *testing.T) {
	err := InField(InIndex(InField(InKey(Invalid("bad"), "k"), "labels"), 2), "targets")
	if err.Error() != `targets[2].labels["k"]: bad` || !errors.Is(err, ErrValue) {
		t.Errorf("%v", err)
	}
	deep := Invalid("bad")
	for range 100_000 {
		deep = InField(deep, "next")
	}
	if len(deep.Error()) > 2*maxPath {
		t.Errorf("the path has %d bytes", len(deep.Error()))
	}
}

func BenchmarkReader(b *testing.B) {
	data := order()
	b.ReportAllocs()
	for b.Loop() {
		var r Reader
		r.Reset(data, DecodeOptions{AliasInput: true})
		readOrder(&r)
		if err := r.Finish(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	var buf []byte
	id := strings.Repeat("x", 24)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendString(buf[:0], id)
		buf = AppendLong(buf, 1_700_000_000_000_000)
		buf = AppendInt(buf, 7)
		buf = AppendDouble(buf, 1.5)
		buf, _ = AppendText(buf, id)
	}
}

func BenchmarkResolve(b *testing.B) {
	w := mustParse(b, orderSchema)
	r := mustParse(b, strings.Replace(strings.Replace(orderSchema, `"name":"n","type":"int"`, `"name":"n","type":"long"`, 1),
		`{"name":"labels"`, `{"name":"added","type":"string","default":"x"},{"name":"labels"`, 1))
	plan, err := Resolve(w, r)
	if err != nil {
		b.Fatal(err)
	}
	data := order()
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		if out, err = plan.Append(out[:0], data); err != nil {
			b.Fatal(err)
		}
	}
}
