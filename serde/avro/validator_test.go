package avro

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func validator(t testing.TB, text string) *Validator {
	t.Helper()
	v, err := NewValidator(mustParse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

const orderSchema = `{"type":"record","name":"Order","namespace":"test","fields":[
	{"name":"id","type":"string"},
	{"name":"note","type":["null","string"],"default":null},
	{"name":"targets","type":{"type":"array","items":{"type":"record","name":"Target","fields":[
		{"name":"id","type":"string"},{"name":"n","type":"int"}]}}},
	{"name":"labels","type":{"type":"map","values":"double"}},
	{"name":"state","type":{"type":"enum","name":"State","symbols":["NEW","DONE"]}}]}`

func order() []byte {
	b := AppendString(nil, "o1")
	b = AppendString(AppendInt(b, 1), "hello")
	b = AppendBlock(b, 3)
	for _, id := range []string{"a", "b", "c"} {
		b = AppendInt(AppendString(b, id), 7)
	}
	b = AppendEnd(b)
	b = AppendDouble(AppendString(AppendBlock(b, 1), "k\n"), 1.5)
	b = AppendEnd(b)
	return AppendInt(b, 1)
}

func TestValidateNamesPathAndOffset(t *testing.T) {
	v := validator(t, orderSchema)
	good := order()
	if err := v.Validate(good); err != nil {
		t.Fatal(err)
	}
	if err := v.Validate(append(order(), 0)); err == nil || !strings.Contains(err.Error(), "1 bytes follow the end") {
		t.Errorf("trailing byte: %v", err)
	}
	third := strings.Index(string(good), "\x02c")
	bad := order()
	bad[third+1] = 0xff
	var e *Error
	if err := v.Validate(bad); !errors.As(err, &e) || e.Path != "targets[2].id" || e.Offset != third || !errors.Is(err, ErrMalformed) {
		t.Errorf("got %v", err)
	}
	if !strings.HasPrefix(e.Error(), "targets[2].id: the string is not valid UTF-8") {
		t.Errorf("got %q", e)
	}
	bad = order()
	bad[len(bad)-1] = 4
	if err := v.Validate(bad); !errors.As(err, &e) || e.Path != "state" || !strings.Contains(e.Reason, "2 symbols") {
		t.Errorf("got %v", err)
	}
	flags := validator(t, `{"type":"map","values":["null","boolean"]}`)
	if err := flags.Validate([]byte("\x02\x04k\n\x02\x05\x00")); !errors.As(err, &e) || e.Path != `["k\n"]` {
		t.Errorf("got %v", err)
	}
	for i := range good {
		if v.Validate(good[:i]) == nil {
			t.Errorf("a datum cut at %d passes", i)
		}
	}
}

func TestValidateTable(t *testing.T) {
	long := func(v int64) string { return string(AppendLong(nil, v)) }
	tests := []struct{ schema, data, fault string }{
		{`"null"`, "", ""},
		{`"null"`, "\x00", "1 bytes follow"},
		{`"boolean"`, "\x01", ""},
		{`"boolean"`, "\x02", "a boolean must be 0 or 1, this byte is 2"},
		{`"boolean"`, "", "end within a boolean"},
		{`"int"`, long(math.MinInt32), ""},
		{`"int"`, long(math.MaxInt32 + 1), "must fit 32 bits"},
		{`"int"`, "\x80\x00", ""}, // longer than needed, as Avro Java reads it, too
		{`"long"`, long(math.MinInt64), ""},
		{`"long"`, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", ""},
		{`"long"`, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "more than 64 bits"},
		{`"long"`, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "more than 64 bits"},
		{`"long"`, "\xff\xff", "end within a long"},
		{`"float"`, "1234", ""},
		{`"float"`, "123", "end within a float"},
		{`"double"`, "12345678", ""},
		{`"double"`, "1234567", "end within a double"},
		{`"bytes"`, "\x04\xff\xfe", ""},
		{`"bytes"`, "\x03", "the length of bytes is -2"},
		{`"string"`, long(math.MaxInt64), "but 0 bytes are left"},
		{`"string"`, "\x04\xff\xfe", "not valid UTF-8"},
		{`{"type":"fixed","name":"F","size":3}`, "abc", ""},
		{`{"type":"fixed","name":"F","size":3}`, "ab", "end within a fixed of 3 bytes"},
		{`{"type":"enum","name":"E","symbols":["A","B"]}`, "\x02", ""},
		{`{"type":"enum","name":"E","symbols":["A","B"]}`, "\x01", "index is -1"},
		{`["null","int","string"]`, "\x04\x02x", ""},
		{`["null","int","string"]`, "\x06", "a union's index is 3, but there are 3 branches"},
		{`["int","null"]`, "\x02", ""},
		{`["int","null"]`, "\x00\x02", ""},
		{`["int","null"]`, "\x80\x00\x02", ""},
		{`{"type":"array","items":"int"}`, "\x04\x02\x02\x02\x02\x00", ""},
		{`{"type":"array","items":"int"}`, "\x03\x04\x02\x02\x00", ""},
		{`{"type":"array","items":"int"}`, "\x03\x06\x02\x02\x00\x00", "said to end at byte 5"},
		{`{"type":"array","items":"int"}`, "\x03\x02\x02\x02\x00", "claims 2 items of at least 1 bytes in 1 bytes"},
		{`{"type":"array","items":"int"}`, "\x03\x01\x02\x02\x00", "a block's size is -1"},
		{`{"type":"array","items":"int"}`, long(math.MinInt64) + "\x00", "count is -9223372036854775808"},
		{`{"type":"array","items":"int"}`, long(math.MaxInt64) + "\x00", "claims 9223372036854775807 items"},
		{`{"type":"array","items":"double"}`, "\x04" + "123456789012345", "claims 2 items of at least 8 bytes in 15"},
		{`{"type":"array","items":"null"}`, long(1000) + "\x00", ""},
		{`{"type":"array","items":"null"}`, long(-1000) + "\x00\x00", ""},
		{`{"type":"array","items":"null"}`, long(1<<40) + "\x00", "items that take no bytes"},
		{`{"type":"array","items":"null"}`, long(60000) + long(60000) + "\x00", "items that take no bytes"},
		{`{"type":"array","items":{"type":"record","name":"R","fields":[{"name":"n","type":"null"}]}}`, long(1<<40) + "\x00", "no bytes"},
		{`{"type":"map","values":"int"}`, "\x02\x02a\x02\x00", ""},
		{`{"type":"map","values":"int"}`, "\x02\x02\xff\x02\x00", "a map's key"},
		{`{"type":"map","values":"null"}`, long(3) + "\x00\x00\x00\x00", ""},
		{`{"type":"map","values":"null"}`, long(math.MaxInt64) + "\x00", "claims"},
		{`{"type":"string","logicalType":"uuid"}`, "\x48f81d4fae-7dec-11d0-a765-00a0c91e6bf6", ""},
		{`{"type":"string","logicalType":"uuid"}`, "\x48f81d4fae-7dec-11d0-a765-00a0c91e6bfg", "no UUID"},
		{`{"type":"string","logicalType":"uuid"}`, "\x02f", "no UUID"},
		{`{"type":"int","logicalType":"time-millis"}`, long(86_399_999), ""},
		{`{"type":"int","logicalType":"time-millis"}`, long(86_400_000), "between 0 and 24 hours"},
		{`{"type":"long","logicalType":"time-micros"}`, long(-1), "between 0 and 24 hours"},
		{`{"type":"bytes","logicalType":"decimal","precision":3,"scale":1}`, "\x04\x03\xe7", ""},
		{`{"type":"bytes","logicalType":"decimal","precision":3,"scale":1}`, "\x04\x03\xe8", "more than 3 digits"},
		{`{"type":"bytes","logicalType":"decimal","precision":3,"scale":1}`, "\x00", "a decimal has no bytes"},
		{`{"type":"bytes","logicalType":"big-decimal"}`, "\x06\x02\x05\x04", ""},
		{`{"type":"bytes","logicalType":"big-decimal"}`, "\x04\x02\x05", "scale is malformed"},
	}
	for _, tt := range tests {
		err := validator(t, tt.schema).Validate([]byte(tt.data))
		if tt.fault == "" && err != nil || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
			t.Errorf("%s %q: got %v, want %q", tt.schema, tt.data, err, tt.fault)
		}
	}
}

func TestValidateBoundsRecursion(t *testing.T) {
	v := validator(t, `{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}`)
	chain := func(n int) []byte { return append([]byte(strings.Repeat("\x02", n)), 0) }
	if err := v.Validate(chain(DefaultMaxDepth - 1)); err != nil {
		t.Error(err)
	}
	err := v.Validate(chain(1 << 20))
	if !errors.Is(err, ErrLimit) || len(err.Error()) > 2*maxPath {
		t.Errorf("got %.100v", err)
	}
	endless := validator(t, `{"type":"record","name":"L","fields":[{"name":"a","type":"L"},{"name":"b","type":"L"}]}`)
	if err := endless.Validate(nil); !errors.Is(err, ErrLimit) {
		t.Errorf("got %.100v", err)
	}
}

func TestValidateAcceptsWhatIsWritten(t *testing.T) {
	r := seeded(t)
	for range 2000 {
		text := randomSchema(r)
		s := mustParse(t, text)
		data := appendRandom(r, nil, s.Root(), 6)
		v, err := NewValidator(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Validate(data); err != nil {
			t.Fatalf("%s\n%x: %v", text, data, err)
		}
		if len(data) > 0 {
			if v.Validate(data[:len(data)-1]) == nil {
				t.Fatalf("%s\n%x: passes without its last byte", text, data)
			}
			if v.Validate(append(data, 0)) == nil {
				t.Fatalf("%s\n%x: passes with a byte more", text, data)
			}
		}
	}
}

func TestValidateAllocatesNothing(t *testing.T) {
	v, data := validator(t, orderSchema), order()
	if n := testing.AllocsPerRun(100, func() {
		if v.Validate(data) != nil {
			t.Error("refused")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkValidate(b *testing.B) {
	v, data := validator(b, orderSchema), order()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Validate(data); err != nil {
			b.Fatal(err)
		}
	}
}
