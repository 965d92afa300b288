package state

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"
)

// TestShardOf holds the hash against Java's: values that String.hashCode is known to give.
func TestShardOf(t *testing.T) {
	for _, tc := range []struct {
		group string
		hash  int32
		of50  int
	}{
		{"", 0, 0},
		{"a", 97, 47},
		{"hello", 99162322, 22},
		{"Aa", 2112, 12},
		{"BB", 2112, 12},
		{"polygenelubricants", -1 << 31, 0}, // whose absolute value is no int
		{"😀", 1772899, 49},                  // a surrogate pair
		{"groupe-é", 506365602, 2},
		{"console-consumer-12345", 158455506, 6},
		{"my-group", -1906497762, 12},
	} {
		if got := javaHash(tc.group); got != tc.hash {
			t.Errorf("javaHash(%q) = %d, want %d", tc.group, got, tc.hash)
		}
		if got := ShardOf(tc.group, 50); got != tc.of50 {
			t.Errorf("ShardOf(%q, 50) = %d, want %d", tc.group, got, tc.of50)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, e := range goldens {
		key, value := encode(e.effect)
		f.Add(key, value)
	}
	f.Add([]byte{0, 0, 0, 1, 'g', 0, 1, 't', 0, 0, 0, 1}, []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Add([]byte{0, 2, 0, 0}, []byte{0, 4, 1, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		e, err := decode(key, value)
		if err != nil || e == nil {
			return
		}
		// What can be read can be written and read again, and says the same.
		k, v := encode(e)
		again, err := decode(k, v)
		if err != nil || !same(e, again) {
			t.Errorf("%+v became %+v, %v", e, again, err)
		}
	})
}

// same compares effects by what they are written as.
func same(a, b Effect) bool {
	ak, av := encode(a)
	bk, bv := encode(b)
	return bytes.Equal(ak, bk) && bytes.Equal(av, bv)
}

func TestGoldenRecords(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) { golden(t, g.effect, g.key, g.value, decode) })
	}
	for _, g := range transactionGoldens {
		t.Run(g.name, func(t *testing.T) { golden(t, g.effect, g.key, g.value, decodeTransaction) })
	}
}

func golden(t *testing.T, e Effect, wantKey, wantValue string, decode func(key, value []byte) (Effect, error)) {
	key, value := encode(e)
	if got := hex.EncodeToString(key); got != wantKey {
		t.Errorf("key   %s\nwant  %s", got, wantKey)
	}
	if got := hex.EncodeToString(value); got != wantValue {
		t.Errorf("value %s\nwant  %s", got, wantValue)
	}
	back, err := decode(key, value)
	if err != nil || !reflect.DeepEqual(back, e) {
		t.Errorf("decoded %+v, %v", back, err)
	}
}

func FuzzDecodeTransaction(f *testing.F) {
	for _, g := range transactionGoldens {
		key, value := encode(g.effect)
		f.Add(key, value)
	}
	f.Add([]byte{0, 0, 0, 1, 'x'}, []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 9, 1, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		e, err := decodeTransaction(key, value)
		if err != nil || e == nil {
			return
		}
		k, v := encode(e)
		again, err := decodeTransaction(k, v)
		if err != nil || !same(e, again) {
			t.Errorf("%+v became %+v, %v", e, again, err)
		}
	})
}
