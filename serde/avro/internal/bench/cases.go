package main

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"

	hamba "github.com/hamba/avro/v2"

	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/internal/bench/measure"
	"github.com/typelog/typelog/serde/avro/internal/bench/sale"
	"github.com/typelog/typelog/serde/avro/schema"
)

// fixture is what the cases work on.
type fixture struct {
	value  *sale.Sale
	data   []byte // the value's encoding
	older  []byte // the same value as an older producer writes it
	plan   *avro.Resolution
	checks *avro.Validator

	theirs     hamba.Schema
	theirValue *hambaSale
}

func newFixture(decimal bool) (*fixture, error) {
	f := &fixture{value: sale.Example(decimal), theirValue: new(hambaSale)}
	text, _ := f.value.AvroSchema()
	newer, err := schema.Parse(text)
	if err != nil {
		return nil, err
	}
	olderSchema, err := schema.Parse(sale.OlderSchema())
	if err != nil {
		return nil, err
	}
	if f.plan, err = avro.Resolve(olderSchema, newer); err != nil {
		return nil, err
	}
	if f.checks, err = avro.NewValidator(newer); err != nil {
		return nil, err
	}
	if f.data, err = f.value.AppendAvro(nil); err != nil {
		return nil, err
	}
	if f.theirs, err = newHambaSchema(); err != nil {
		return nil, err
	}
	if err := hamba.Unmarshal(f.theirs, f.data, f.theirValue); err != nil {
		return nil, err
	}
	if f.theirValue.Rebate = nil; decimal {
		f.theirValue.Rebate = big.NewRat(123456, 10000) // not as hamba decodes it: see hambaSale
	}
	if f.older, err = rewrite(f.data, newer, olderSchema); err != nil {
		return nil, err
	}
	return f, f.check()
}

// rewrite returns the value as the older producer would have written it.
func rewrite(data []byte, newer, older *schema.Schema) ([]byte, error) {
	from, err := avro.NewCodec(newer)
	if err != nil {
		return nil, err
	}
	to, err := avro.NewCodec(older)
	if err != nil {
		return nil, err
	}
	v, err := from.Decode(data)
	if err != nil {
		return nil, err
	}
	fields := v.(map[string]any)
	delete(fields, "voucher")
	fields["desk"] = "desk-17"
	return to.Append(nil, fields)
}

// check sees to it that all cases do the same work.
func (f *fixture) check() error {
	var s sale.Sale
	if err := s.DecodeAvro(f.data, avro.DecodeOptions{}); err != nil || !reflect.DeepEqual(&s, f.value) {
		return fmt.Errorf("the value does not come back: %+v (%v)", s, err)
	}
	hand, ok := byHand(nil, f.value)
	if err := s.DecodeAvro(hand, avro.DecodeOptions{}); !ok || err != nil || !reflect.DeepEqual(&s, f.value) {
		return fmt.Errorf("what was written by hand does not come back: %+v (%v)", s, err)
	}
	theirs, err := hamba.Marshal(f.theirs, f.theirValue)
	if err != nil {
		return err
	}
	if err := s.DecodeAvro(theirs, avro.DecodeOptions{}); err != nil || !reflect.DeepEqual(&s, f.value) {
		return fmt.Errorf("what hamba wrote does not come back: %+v (%v)", s, err)
	}
	if err := s.DecodeAvro(f.older, avro.DecodeOptions{Writer: f.plan}); err != nil || s.Voucher.Valid || s.Revision != 7 {
		return fmt.Errorf("the older value does not come back: %+v (%v)", s, err)
	}
	return nil
}

var errByHand = errors.New("the encoder written by hand refused the value")

func newCases(decimal bool) ([]*measure.Case, error) {
	f, err := newFixture(decimal)
	if err != nil {
		return nil, err
	}
	encode, fresh := 4.0, 1.6
	if decimal {
		encode, fresh = 6, 2.5
	}
	var buf []byte
	var used, aliasing, resolved sale.Sale
	var theirUsed hambaSale
	cases := []*measure.Case{
		{Name: "encode", Run: func() (err error) { buf, err = f.value.AppendAvro(buf[:0]); return err },
			Targets: targets(against("encode, hamba", encode, 0), against("encode, by hand", 1/1.2, -1))},
		{Name: "encode, by hand", Run: func() error {
			var ok bool
			if buf, ok = byHand(buf[:0], f.value); !ok {
				return errByHand
			}
			return nil
		}},
		{Name: "encode, hamba", Run: func() error { _, err := hamba.Marshal(f.theirs, f.theirValue); return err }},
		{Name: "decode fresh", Run: func() error { return new(sale.Sale).DecodeAvro(f.data, avro.DecodeOptions{}) },
			Targets: targets(against("decode fresh, hamba", fresh, 7))},
		{Name: "decode fresh, hamba", Run: func() error { return hamba.Unmarshal(f.theirs, f.data, new(hambaSale)) }},
		{Name: "decode used", Run: func() error { return used.DecodeAvro(f.data, avro.DecodeOptions{}) },
			Targets: targets(against("decode fresh, hamba", 2.3, -1), against("decode used, hamba", 0, -1))},
		{Name: "decode aliasing", Run: func() error { return aliasing.DecodeAvro(f.data, avro.DecodeOptions{AliasInput: true}) },
			Targets: targets(against("decode fresh, hamba", 3.5, 0), against("decode used, hamba", 0, -1))},
		{Name: "decode used, hamba", Run: func() error { return hamba.Unmarshal(f.theirs, f.data, &theirUsed) }},
		{Name: "decode resolved", Run: func() error { return resolved.DecodeAvro(f.older, avro.DecodeOptions{Writer: f.plan}) },
			Targets: targets(against("decode used", 1/1.3, -1))},
		{Name: "validate", Run: func() error { return f.checks.Validate(f.data) },
			Targets: targets(against("decode fresh", 2, 0), against("decode used", 0, -1))},
	}
	for _, c := range cases {
		c.Bytes = len(f.data)
	}
	return cases, nil
}

func targets(all ...measure.Target) []measure.Target { return all }

// against is a target: see measure.Target.
func against(than string, times, allocs float64) measure.Target {
	return measure.Target{Than: than, Times: times, Allocs: allocs}
}
