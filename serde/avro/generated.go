package avro

import (
	"math"
	"math/rand/v2"
	"sync"

	"github.com/typelog/typelog/serde/avro/schema"
)

// What generated code does by its schema instead of by code of its own, because nothing waits for it: Avro's JSON encoding,
// and random values for tests.

// LazyCodec returns a function that compiles the codec of a schema's text at its first call. Generated code keeps one for
// each type.
func LazyCodec(text string) func() (*Codec, error) {
	return sync.OnceValues(func() (*Codec, error) {
		s, err := schema.Parse(text)
		if err != nil {
			return nil, err
		}
		return NewCodec(s)
	})
}

// AppendDatumJSON appends v in Avro's JSON encoding (see Codec.AppendJSON). On an error it returns dst as it was.
func AppendDatumJSON(dst []byte, v Datum, codec func() (*Codec, error)) ([]byte, error) {
	c, err := codec()
	if err != nil {
		return dst, err
	}
	data, err := v.AppendAvro(nil)
	if err != nil {
		return dst, err
	}
	return c.AppendJSON(dst, data)
}

// DecodeDatumJSON sets v from one value in Avro's JSON encoding, or in what Codec.FromJSON takes besides it.
func DecodeDatumJSON(text []byte, v Datum, codec func() (*Codec, error)) error {
	c, err := codec()
	if err != nil {
		return err
	}
	data, err := c.FromJSON(nil, text)
	if err != nil {
		return err
	}
	return v.DecodeAvro(data, DecodeOptions{AliasInput: true})
}

// NegativeZero returns -0, for which Go has no constant.
func NegativeZero() float64 { return math.Copysign(0, -1) }

// NotFinite returns NaN, Infinity or -Infinity, for which Go has no constants either: it panics for all else.
func NotFinite(name string) float64 {
	switch name {
	case "NaN":
		return math.NaN()
	case "Infinity":
		return math.Inf(1)
	case "-Infinity":
		return math.Inf(-1)
	}
	panic("avro: " + name + " is finite")
}

// RandomDatum sets v to a random value of its schema. It panics if there is none (an enum without symbols), or if v and
// codec are not of one schema.
func RandomDatum(v Datum, codec func() (*Codec, error), r *rand.Rand) {
	c, err := codec()
	if err == nil {
		err = v.DecodeAvro(c.AppendRandom(nil, r), DecodeOptions{AliasInput: true})
	}
	if err != nil {
		panic("avro: no random value: " + err.Error())
	}
}
