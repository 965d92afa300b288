// Command bench measures generated code against hamba/avro and against an encoder written by hand, on one record, and
// says which of the targets hold. make bench-avro runs it. The command in others compares further implementations, in a
// module of its own.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/typelog/typelog/serde/avro/internal/bench/measure"
)

func main() {
	rounds := flag.Int("rounds", 41, "how often each case is measured")
	length := flag.Duration("length", 4*time.Millisecond, "how long one measurement takes, about")
	flag.Parse()
	missed := 0
	for _, decimal := range []bool{true, false} {
		cases, err := newCases(decimal)
		if err == nil {
			err = measure.Measure(cases, *rounds, *length)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		title := "The record without a decimal"
		if decimal {
			title = "The record with a decimal"
		}
		missed += measure.Report(title, cases)
	}
	if missed > 0 {
		fmt.Printf("\n%d targets are missed.\n", missed)
	}
}
