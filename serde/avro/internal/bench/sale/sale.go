// Package sale is the benchmark's record: a schema, the Go code that is generated from it, and a value.
package sale

import (
	_ "embed"
	"time"

	"github.com/typelog/typelog/serde/avro"
)

//go:generate go run github.com/typelog/typelog/cmd/typelog generate --out . sale.avsc

//go:embed sale_v1.avsc
var olderSchema string

// OlderSchema is the schema of an older producer, with a field more, a field less and a narrower number.
func OlderSchema() string { return olderSchema }

// Example returns the value that is measured, with or without its decimal.
func Example(decimal bool) *Sale {
	s := &Sale{
		Number:   "7c1de1a2-90b4-4c07-8a35-0d6a1b6f2e51",
		Buyer:    "buyer-00031187x",
		Remark:   "ring twice, the bell of the side door is broken",
		Total:    1299900,
		Revision: 7,
		State:    StateSettled,
		Voucher:  avro.Some("AUTUMN-11"),
		Lines: []Line{
			{Article: "ART-80155-BLU", Count: 2, Price: 64.95},
			{Article: "ART-31008-GRN", Count: 1, Price: 749},
			{Article: "ART-55512-XS", Count: 12, Price: 8.25},
		},
		Tags:     map[string]string{"channel": "app", "region": "eu-central-1x1", "campaign": "autumn"},
		Mass:     4.125,
		Checksum: make([]byte, 32),
		Placed:   time.UnixMicro(1790000000123456).UTC(),
	}
	for i := range s.Checksum {
		s.Checksum[i] = byte(37 * i)
	}
	if decimal {
		s.Rebate = avro.Some(avro.NewDecimal(123456, 4))
	}
	return s
}
