// Package measure times cases against each other. Cases take turns in short rounds, so that what else the machine does hits
// all of them alike; a figure is the median of its rounds.
package measure

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
)

// Case is one thing to measure.
type Case struct {
	Name    string
	Run     func() error
	Bytes   int
	Targets []Target

	allocs float64
	times  []float64 // nanoseconds a run, one for each round
}

// Target is what a case must reach: to be so many times as fast as another case, at least; 0 is to say how it compares and
// judge nothing. Allocs is how many allocations it may make; -1 is any number.
type Target struct {
	Than   string
	Times  float64
	Allocs float64
}

// Measure measures all cases, in turn, so many times. It ends early with the first error.
func Measure(cases []*Case, rounds int, length time.Duration) error {
	for _, c := range cases {
		var err error
		c.allocs = testing.AllocsPerRun(200, func() { err = errors.Join(err, c.Run()) })
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	for round := range rounds + 1 {
		for _, c := range cases {
			took, err := c.measure(length)
			if err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
			if round > 0 { // the first one warms up
				c.times = append(c.times, took)
			}
		}
	}
	return nil
}

// measure returns how many nanoseconds a run takes.
func (c *Case) measure(length time.Duration) (float64, error) {
	runtime.GC() // each pays for its own garbage only
	n := 0
	start := time.Now()
	for time.Since(start) < length {
		for range 100 {
			if err := c.Run(); err != nil {
				return 0, err
			}
		}
		n += 100
	}
	return float64(time.Since(start).Nanoseconds()) / float64(n), nil
}

func (c *Case) median() float64 {
	sorted := slices.Sorted(slices.Values(c.times))
	return sorted[len(sorted)/2]
}

// Report prints a table and returns how many targets were missed.
func Report(title string, cases []*Case) (missed int) {
	fmt.Printf("\n%s, %d bytes, %s/%s, %s\n\n", title, cases[0].Bytes, runtime.GOOS, runtime.GOARCH, runtime.Version())
	fmt.Printf("%-26s %9s %8s %7s   %s\n", "", "ns", "MB/s", "allocs", "targets")
	byName := map[string]*Case{}
	for _, c := range cases {
		byName[c.Name] = c
	}
	for _, c := range cases {
		var verdicts string
		for _, t := range c.Targets {
			verdict, ok := t.judge(c, byName[t.Than])
			if verdicts += verdict; !ok {
				missed++
			}
		}
		fmt.Printf("%-26s %9.1f %8.0f %7.0f   %s\n", c.Name, c.median(), float64(c.Bytes)*1000/c.median(), c.allocs, verdicts)
	}
	return missed
}

func (t Target) judge(c, other *Case) (string, bool) {
	ratio := other.median() / c.median()
	if t.Times == 0 {
		return fmt.Sprintf("     %.2f times as fast as %s  ", ratio, t.Than), true
	}
	ok := ratio >= t.Times && (t.Allocs < 0 || c.allocs <= t.Allocs)
	sign := "ok  "
	if !ok {
		sign = "MISS"
	}
	allocs := ""
	if t.Allocs >= 0 {
		allocs = fmt.Sprintf(", at most %.0f allocations", t.Allocs)
	}
	return fmt.Sprintf("%s %.2f times as fast as %s (target %.2f%s)  ", sign, ratio, t.Than, t.Times, allocs), ok
}
