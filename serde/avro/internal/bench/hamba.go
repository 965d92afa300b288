package main

import (
	"math/big"
	"time"

	hamba "github.com/hamba/avro/v2"

	"github.com/typelog/typelog/serde/avro/internal/bench/sale"
)

// hambaSale is the record as a user of hamba would declare it. Decoding a nullable decimal into a *big.Rat is something that
// hamba 2.31 offers and does wrong (it writes a pointer over the number); the work that it does is what is measured.
type hambaSale struct {
	Number   string            `avro:"number"`
	Buyer    string            `avro:"buyer"`
	Remark   string            `avro:"remark"`
	Total    int64             `avro:"total"`
	Revision int64             `avro:"revision"`
	State    string            `avro:"state"`
	Voucher  *string           `avro:"voucher"`
	Lines    []hambaLine       `avro:"lines"`
	Tags     map[string]string `avro:"tags"`
	Mass     float64           `avro:"mass"`
	Checksum []byte            `avro:"checksum"`
	Placed   time.Time         `avro:"placed"`
	Rebate   *big.Rat          `avro:"rebate"`
}

type hambaLine struct {
	Article string  `avro:"article"`
	Count   int32   `avro:"count"`
	Price   float64 `avro:"price"`
}

func newHambaSchema() (hamba.Schema, error) {
	text, _ := new(sale.Sale).AvroSchema()
	return hamba.ParseWithCache(text, "", &hamba.SchemaCache{})
}
