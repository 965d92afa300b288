// Command bench measures generated code against hamba/avro and against an encoder written by hand, on one record, and
// says which of the targets hold. Cases take turns in short rounds, so that what else the machine does hits all of them
// alike; a figure is the median of its rounds. make bench-avro runs it.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 41, "how often each case is measured")
	length := flag.Duration("length", 4*time.Millisecond, "how long one measurement takes, about")
	flag.Parse()
	missed := 0
	for _, decimal := range []bool{true, false} {
		cases, err := newCases(decimal)
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		measure(cases, *rounds, *length)
		missed += report(decimal, cases)
	}
	if missed > 0 {
		fmt.Printf("\n%d targets are missed.\n", missed)
	}
}

// aCase is one thing to measure.
type aCase struct {
	name   string
	run    func() error
	bytes  int
	target []target

	allocs float64
	times  []float64 // nanoseconds a run, one for each round
}

// target is what a case must reach: to be so many times as fast as another case, at least; 0 is to say how it compares and
// judge nothing. allocs is how many allocations it may make; -1 is any number.
type target struct {
	than   string
	times  float64
	allocs float64
}

func measure(cases []*aCase, rounds int, length time.Duration) {
	for _, c := range cases {
		c.allocs = testing.AllocsPerRun(200, func() { must(c.run()) })
	}
	for round := range rounds + 1 {
		for _, c := range cases {
			runtime.GC() // each pays for its own garbage only
			n := 0
			start := time.Now()
			for time.Since(start) < length {
				for range 100 {
					must(c.run())
				}
				n += 100
			}
			if round > 0 { // the first one warms up
				c.times = append(c.times, float64(time.Since(start).Nanoseconds())/float64(n))
			}
		}
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (c *aCase) median() float64 {
	sorted := slices.Sorted(slices.Values(c.times))
	return sorted[len(sorted)/2]
}

// report prints a table and returns how many targets were missed.
func report(decimal bool, cases []*aCase) (missed int) {
	what := "without a decimal"
	if decimal {
		what = "with a decimal"
	}
	fmt.Printf("\nThe record %s, %d bytes, %s/%s, %s\n\n", what, cases[0].bytes, runtime.GOOS, runtime.GOARCH, runtime.Version())
	fmt.Printf("%-26s %9s %8s %7s   %s\n", "", "ns", "MB/s", "allocs", "targets")
	byName := map[string]*aCase{}
	for _, c := range cases {
		byName[c.name] = c
	}
	for _, c := range cases {
		var verdicts string
		for _, t := range c.target {
			verdict, ok := t.judge(c, byName[t.than])
			if verdicts += verdict; !ok {
				missed++
			}
		}
		fmt.Printf("%-26s %9.1f %8.0f %7.0f   %s\n", c.name, c.median(), float64(c.bytes)*1000/c.median(), c.allocs, verdicts)
	}
	return missed
}

func (t target) judge(c, other *aCase) (string, bool) {
	ratio := other.median() / c.median()
	if t.times == 0 {
		return fmt.Sprintf("     %.2f times as fast as %s  ", ratio, t.than), true
	}
	ok := ratio >= t.times && (t.allocs < 0 || c.allocs <= t.allocs)
	sign := "ok  "
	if !ok {
		sign = "MISS"
	}
	allocs := ""
	if t.allocs >= 0 {
		allocs = fmt.Sprintf(", at most %.0f allocations", t.allocs)
	}
	return fmt.Sprintf("%s %.2f times as fast as %s (target %.2f%s)  ", sign, ratio, t.than, t.times, allocs), ok
}
