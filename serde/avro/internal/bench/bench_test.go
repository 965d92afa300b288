package main

import "testing"

// The cases do what they should, and the ones that must not allocate do not. How fast they are is for make bench-avro.
func TestCases(t *testing.T) {
	for _, decimal := range []bool{true, false} {
		cases, err := newCases(decimal)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			if err := c.Run(); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
			most := -1.0
			for _, target := range c.Targets {
				most = max(most, target.Allocs)
			}
			if got := testing.AllocsPerRun(50, func() { err = c.Run() }); most >= 0 && got > most {
				t.Errorf("%s: %v allocations, at most %v are allowed", c.Name, got, most)
			}
		}
	}
}

// BenchmarkSale runs one case at a time, for profiles.
func BenchmarkSale(b *testing.B) {
	cases, err := newCases(true)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range cases {
		b.Run(c.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.Run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
