package api

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// randomFill puts random values into every field, arrays of up to three elements, and tagged fields nobody knows.
func randomFill(rnd *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			switch name := v.Type().Field(i).Name; name {
			case "Version":
			case "UnknownTags":
				if tags := v.Field(i).Addr().Interface().(*kmsg.Tags); rnd.IntN(3) == 0 {
					tags.Set(500, make([]byte, rnd.IntN(300)))
				}
			default:
				randomFill(rnd, v.Field(i))
			}
		}
	case reflect.String:
		v.SetString(string(make([]byte, rnd.IntN(200))))
	case reflect.Pointer:
		if rnd.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			randomFill(rnd, v.Elem())
		}
	case reflect.Slice:
		if rnd.IntN(4) > 0 {
			v.Set(reflect.MakeSlice(v.Type(), rnd.IntN(4), 4))
			for i := range v.Len() {
				randomFill(rnd, v.Index(i))
			}
		}
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(int8(rnd.Uint32())))
	case reflect.Bool:
		v.SetBool(rnd.IntN(2) == 0)
	case reflect.Array:
		for i := range v.Len() {
			if e := v.Index(i); e.Kind() == reflect.Uint8 {
				e.SetUint(uint64(rnd.IntN(256)))
			}
		}
	}
}

// TestShapesAreKmsgs walks requests with everything in them, encoded by kmsg: each must have its shape, to the last byte,
// and none that is cut off may.
func TestShapesAreKmsgs(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for _, e := range table() {
		if e.bulk {
			continue
		}
		for version := max(e.min, e.flexibleFrom); version <= e.max; version++ {
			for range 50 {
				req := kmsg.RequestForKey(e.key)
				req.SetVersion(version)
				randomFill(rnd, reflect.ValueOf(req).Elem())
				body := req.AppendTo(nil)
				r := frameReader{b: body, flexible: true}
				e.shape.walk(&r, version)
				r.tags()
				if r.bad || len(r.b) > 0 {
					t.Fatalf("%s v%d: bad %v, %d of %d bytes are left", e.name, version, r.bad, len(r.b), len(body))
				}
				if len(body) > 0 && e.shape.check(version, body[:rnd.IntN(len(body))]) == nil {
					t.Fatalf("%s v%d: a request that is cut off has its shape", e.name, version)
				}
			}
		}
	}
}

// TestTagBomb: a claim of 2^32-1 tagged fields is refused at once, wherever it stands.
func TestTagBomb(t *testing.T) {
	began := time.Now()
	for _, e := range table() {
		if e.bulk || e.flexibleFrom > e.max {
			continue
		}
		req := kmsg.RequestForKey(e.key)
		req.SetVersion(e.max)
		body := req.AppendTo(nil)
		bomb := append(body[:len(body)-1:len(body)-1], 0xff, 0xff, 0xff, 0xff, 0x0f)
		if _, err := e.begin(New(Options{}), t.Context(), caller{}, e.max, bomb); err == nil {
			t.Errorf("%s: taken", e.name)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}
