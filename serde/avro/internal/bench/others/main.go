// Command others measures generated code against twmb/avro, goavro and gogen-avro, on the record of the benchmark beside it.
// It is a module of its own, so that what it compares is no dependency of the product: go generate and then go run . in this
// directory, as make bench-avro does.
package main

import (
	"flag"
	"fmt"
	"math/big"
	"os"
	"reflect"
	"time"

	"github.com/linkedin/goavro/v2"
	twmb "github.com/twmb/avro"

	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/internal/bench/measure"
	"github.com/typelog/typelog/serde/avro/internal/bench/sale"
)

func main() {
	rounds := flag.Int("rounds", 41, "how often each case is measured")
	length := flag.Duration("length", 4*time.Millisecond, "how long one measurement takes, about")
	flag.Parse()
	cases, err := newCases()
	if err == nil {
		err = measure.Measure(cases, *rounds, *length)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "others:", err)
		os.Exit(1)
	}
	measure.Report("The record with a decimal", cases)
	fmt.Println("\n" + gogenNote)
}

// plainSale is the record as a user of twmb/avro would declare it.
type plainSale struct {
	Number   string            `avro:"number"`
	Buyer    string            `avro:"buyer"`
	Remark   string            `avro:"remark"`
	Total    int64             `avro:"total"`
	Revision int64             `avro:"revision"`
	State    string            `avro:"state"`
	Voucher  *string           `avro:"voucher"`
	Lines    []plainLine       `avro:"lines"`
	Tags     map[string]string `avro:"tags"`
	Mass     float64           `avro:"mass"`
	Checksum []byte            `avro:"checksum"`
	Placed   time.Time         `avro:"placed"`
	Rebate   *big.Rat          `avro:"rebate"`
}

type plainLine struct {
	Article string  `avro:"article"`
	Count   int32   `avro:"count"`
	Price   float64 `avro:"price"`
}

func newCases() ([]*measure.Case, error) {
	value := sale.Example(true)
	data, err := value.AppendAvro(nil)
	if err != nil {
		return nil, err
	}
	text, _ := value.AvroSchema()
	plain, err := twmb.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("twmb/avro: %w", err)
	}
	var plainValue plainSale
	if _, err := plain.Decode(data, &plainValue); err != nil {
		return nil, fmt.Errorf("twmb/avro: %w", err)
	}
	native, err := goavro.NewCodec(text)
	if err != nil {
		return nil, fmt.Errorf("goavro: %w", err)
	}
	nativeValue, _, err := native.NativeFromBinary(data)
	if err != nil {
		return nil, fmt.Errorf("goavro: %w", err)
	}
	var buf []byte
	var used sale.Sale
	var plainUsed plainSale
	gogen, gogenData, err := gogenCases(data)
	if err != nil {
		return nil, err
	}
	cases := append([]*measure.Case{
		{Name: "encode", Run: func() (err error) { buf, err = value.AppendAvro(buf[:0]); return err }, Targets: []measure.Target{
			{Than: "encode, twmb/avro", Allocs: -1}, {Than: "encode, goavro", Allocs: -1}, {Than: "encode, gogen-avro", Allocs: -1}}},
		{Name: "encode, twmb/avro", Run: func() (err error) { buf, err = plain.AppendEncode(buf[:0], &plainValue); return err }},
		{Name: "encode, goavro", Run: func() (err error) { buf, err = native.BinaryFromNative(buf[:0], nativeValue); return err }},
		{Name: "decode fresh", Run: func() error { return new(sale.Sale).DecodeAvro(data, avro.DecodeOptions{}) }, Targets: []measure.Target{
			{Than: "decode fresh, twmb/avro", Allocs: -1}, {Than: "decode fresh, goavro", Allocs: -1}, {Than: "decode fresh, gogen-avro", Allocs: -1}}},
		{Name: "decode fresh, twmb/avro", Run: func() error { _, err := plain.Decode(data, new(plainSale)); return err }},
		{Name: "decode fresh, goavro", Run: func() error { _, _, err := native.NativeFromBinary(data); return err }},
		{Name: "decode used", Run: func() error { return used.DecodeAvro(data, avro.DecodeOptions{}) }, Targets: []measure.Target{
			{Than: "decode used, twmb/avro", Allocs: -1}, {Than: "decode used, gogen-avro", Allocs: -1}}},
		{Name: "decode used, twmb/avro", Run: func() error { _, err := plain.Decode(data, &plainUsed); return err }},
	}, gogen...)
	for _, c := range cases {
		c.Bytes = len(data)
	}
	plainData, err := plain.Encode(&plainValue)
	if err != nil {
		return nil, fmt.Errorf("twmb/avro: %w", err)
	}
	nativeData, err := native.BinaryFromNative(nil, nativeValue)
	if err != nil {
		return nil, fmt.Errorf("goavro: %w", err)
	}
	return cases, check(value, map[string][]byte{"twmb/avro": plainData, "goavro": nativeData, "gogen-avro": gogenData})
}

// check sees to it that all have encoded the same value.
func check(value *sale.Sale, encoded map[string][]byte) error {
	for name, data := range encoded {
		var back sale.Sale
		if err := back.DecodeAvro(data, avro.DecodeOptions{}); err != nil || !reflect.DeepEqual(&back, value) {
			return fmt.Errorf("what %s wrote does not come back: %+v (%v)", name, back, err)
		}
	}
	return nil
}
