package main

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"

	hamba "github.com/hamba/avro/v2"

	"github.com/typelog/typelog/serde/avro"
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

func newCases(decimal bool) ([]*aCase, error) {
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
	cases := []*aCase{
		{name: "encode", run: func() (err error) { buf, err = f.value.AppendAvro(buf[:0]); return err },
			target: []target{{"encode, hamba", encode, 0}, {"encode, by hand", 1 / 1.2, -1}}},
		{name: "encode, by hand", run: func() error {
			var ok bool
			if buf, ok = byHand(buf[:0], f.value); !ok {
				return errByHand
			}
			return nil
		}},
		{name: "encode, hamba", run: func() error { _, err := hamba.Marshal(f.theirs, f.theirValue); return err }},
		{name: "decode fresh", run: func() error { return new(sale.Sale).DecodeAvro(f.data, avro.DecodeOptions{}) },
			target: []target{{"decode fresh, hamba", fresh, 7}}},
		{name: "decode fresh, hamba", run: func() error { return hamba.Unmarshal(f.theirs, f.data, new(hambaSale)) }},
		{name: "decode used", run: func() error { return used.DecodeAvro(f.data, avro.DecodeOptions{}) },
			target: []target{{"decode fresh, hamba", 2.3, -1}, {"decode used, hamba", 0, -1}}},
		{name: "decode aliasing", run: func() error { return aliasing.DecodeAvro(f.data, avro.DecodeOptions{AliasInput: true}) },
			target: []target{{"decode fresh, hamba", 3.5, 0}, {"decode used, hamba", 0, -1}}},
		{name: "decode used, hamba", run: func() error { return hamba.Unmarshal(f.theirs, f.data, &theirUsed) }},
		{name: "decode resolved", run: func() error { return resolved.DecodeAvro(f.older, avro.DecodeOptions{Writer: f.plan}) },
			target: []target{{"decode used", 1 / 1.3, -1}}},
		{name: "validate", run: func() error { return f.checks.Validate(f.data) },
			target: []target{{"decode fresh", 2, 0}, {"decode used", 0, -1}}},
	}
	for _, c := range cases {
		c.bytes = len(f.data)
	}
	return cases, nil
}
