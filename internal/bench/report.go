package bench

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Result is what one phase measured of one target in one round. Figures that a phase does not have, or that cannot be
// seen, are 0.
type Result struct {
	Target string `json:"target"`
	Phase  string `json:"phase"`
	Round  int    `json:"round"`

	MiBPerSecond     float64 `json:"mib_per_s,omitempty"`
	RecordsPerSecond float64 `json:"records_per_s,omitempty"`
	// Rate is the records per second that were asked for.
	Rate int `json:"rate,omitempty"`
	// Latencies in milliseconds.
	P50  float64 `json:"p50_ms,omitempty"`
	P95  float64 `json:"p95_ms,omitempty"`
	P99  float64 `json:"p99_ms,omitempty"`
	P999 float64 `json:"p999_ms,omitempty"`
	Max  float64 `json:"max_ms,omitempty"`
	// Seconds is how long the phase idle took to make and write its partitions.
	Seconds float64 `json:"seconds,omitempty"`

	// The server's processor time in seconds, and its memory in MiB.
	CPUSeconds    float64 `json:"cpu_s,omitempty"`
	CPUPerGiB     float64 `json:"cpu_s_per_gib,omitempty"`
	CPUPerMillion float64 `json:"cpu_s_per_million,omitempty"`
	RSSMiB        float64 `json:"rss_mib,omitempty"`
	PeakMiB       float64 `json:"peak_rss_mib,omitempty"`
	GrownMiB      float64 `json:"grown_mib,omitempty"`
}

func (r *Result) cost(before, after usage) {
	if before.seen && after.seen {
		r.CPUSeconds, r.RSSMiB, r.PeakMiB = after.cpu-before.cpu, after.rss, after.peak
	}
}

// Report is what a run found.
type Report struct {
	Machine string   `json:"machine"`
	Config  string   `json:"config"`
	Results []Result `json:"results"`
}

// describe says what was asked for, in a line.
func (c *Config) describe() string {
	return fmt.Sprintf("%d records of %d bytes, %d partitions, acks=%s, compression %s, %d producer(s), rounds: %d",
		c.Records, c.RecordSize, c.Partitions, c.Acks, c.Compression, c.Producers, c.Rounds)
}

// measure is a row of the table.
type measure struct {
	name   string
	phases []string // nil is every phase with a figure
	of     func(*Result) float64
}

func measures() []measure {
	moving, waiting := []string{Produce, Consume}, []string{Clients, One, Paced, EndToEnd, Narrow, Wide}
	return []measure{
		{"MiB/s", moving, func(r *Result) float64 { return r.MiBPerSecond }},
		{"records/s", []string{Produce, Consume, Clients, One}, func(r *Result) float64 { return r.RecordsPerSecond }},
		{"p50 ms", waiting, func(r *Result) float64 { return r.P50 }},
		{"p99 ms", waiting, func(r *Result) float64 { return r.P99 }},
		{"p99.9 ms", []string{Paced, EndToEnd, Narrow, Wide}, func(r *Result) float64 { return r.P999 }},
		{"CPU s/GiB", moving, func(r *Result) float64 { return r.CPUPerGiB }},
		{"CPU s/million", []string{Produce, Consume, Clients, One, Paced, EndToEnd, Narrow, Wide},
			func(r *Result) float64 { return r.CPUPerMillion }},
		{"memory MiB", nil, func(r *Result) float64 { return r.RSSMiB }},
		{"grown by MiB", []string{Idle}, func(r *Result) float64 { return r.GrownMiB }},
		{"made and written s", []string{Idle}, func(r *Result) float64 { return r.Seconds }},
	}
}

// Table writes the medians of all rounds as a table: a row for each phase and figure, a column for each target. It is plain
// text that is Markdown, too.
func (r *Report) Table(w io.Writer) error {
	var targets []string
	figures := map[string][]*Result{} // by target and phase
	for i := range r.Results {
		res := &r.Results[i]
		if !slices.Contains(targets, res.Target) {
			targets = append(targets, res.Target)
		}
		figures[res.Target+"\x00"+res.Phase] = append(figures[res.Target+"\x00"+res.Phase], res)
	}
	// Odd rounds run backwards; the first one's order is the one that was asked for.
	rows := [][]string{append([]string{"phase", "figure"}, targets...)}
	for _, p := range Phases() {
		label := p[0]
		for _, m := range measures() {
			if m.phases != nil && !slices.Contains(m.phases, p[0]) {
				continue
			}
			row, any := []string{label, m.name}, false
			for _, t := range targets {
				text := ""
				if rs := figures[t+"\x00"+p[0]]; len(rs) > 0 {
					if v := median(rs, m.of); v != 0 {
						text, any = figure(v), true
					}
				}
				row = append(row, text)
			}
			if any {
				rows, label = append(rows, row), ""
			}
		}
	}
	_, err := fmt.Fprintf(w, "%s; %s\n\n%s", r.Machine, r.Config, layout(rows))
	return err
}

func median(rs []*Result, of func(*Result) float64) float64 {
	v := make([]float64, len(rs))
	for i, r := range rs {
		v[i] = of(r)
	}
	slices.SortFunc(v, cmp.Compare)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// figure prints a number with about three digits.
func figure(v float64) string {
	switch {
	case v >= 100 || v <= -100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10 || v <= -10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// layout aligns rows; numbers stand to the right.
func layout(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for n, row := range rows {
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i < 2 {
				b.WriteString("| " + cell + pad + " ")
			} else {
				b.WriteString("| " + pad + cell + " ")
			}
		}
		b.WriteString("|\n")
		if n == 0 {
			for i, width := range widths {
				if i < 2 {
					b.WriteString("|" + strings.Repeat("-", width+2))
				} else {
					b.WriteString("|" + strings.Repeat("-", width+1) + ":")
				}
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}

// String is the result in a line.
func (r Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "round %d  %-8s  %-10s", r.Round, r.Phase, r.Target)
	for _, m := range measures() {
		if m.phases != nil && !slices.Contains(m.phases, r.Phase) {
			continue
		}
		if v := m.of(&r); v != 0 {
			fmt.Fprintf(&b, "  %s %s", figure(v), m.name)
		}
	}
	return b.String()
}
