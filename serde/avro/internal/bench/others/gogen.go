package main

import (
	"bytes"
	"fmt"

	"github.com/actgardner/gogen-avro/v10/compiler"
	"github.com/actgardner/gogen-avro/v10/vm"

	"github.com/typelog/typelog/serde/avro/internal/bench/measure"
	"github.com/typelog/typelog/serde/avro/internal/bench/others/gogen"
)

// gogen-avro generates code, too. What it generates is not committed: make bench-avro runs go generate first.

//go:generate go tool gogen-avro -package gogen gogen ../sale/sale.avsc

// gogenNote says what its figures leave out.
const gogenNote = "gogen-avro knows no logical types: it leaves the timestamp a long and the decimal bytes, and does less for them."

// gogenCases measures gogen-avro. Its decoder is compiled once, as a careful user would; its DeserializeSale compiles one for
// each datum.
func gogenCases(data []byte) (cases []*measure.Case, encoded []byte, err error) {
	text := gogen.NewSale().Schema()
	program, err := compiler.CompileSchemaBytes([]byte(text), []byte(text))
	if err != nil {
		return nil, nil, fmt.Errorf("gogen-avro: %w", err)
	}
	value := gogen.NewSale()
	if err := vm.Eval(bytes.NewReader(data), program, &value); err != nil {
		return nil, nil, fmt.Errorf("gogen-avro: %w", err)
	}
	var buf bytes.Buffer
	encode := func() error { buf.Reset(); return value.Serialize(&buf) }
	if err := encode(); err != nil {
		return nil, nil, fmt.Errorf("gogen-avro: %w", err)
	}
	var src bytes.Reader
	used := gogen.NewSale()
	return []*measure.Case{
		{Name: "encode, gogen-avro", Run: encode},
		{Name: "decode fresh, gogen-avro", Run: func() error {
			src.Reset(data)
			fresh := gogen.NewSale()
			return vm.Eval(&src, program, &fresh)
		}},
		{Name: "decode used, gogen-avro", Run: func() error { src.Reset(data); return vm.Eval(&src, program, &used) }},
	}, bytes.Clone(buf.Bytes()), nil
}
