// Package bench measures servers that speak the Kafka protocol, from outside: how fast they take records and give them
// back, how long a record takes, and what that costs them in processor time and memory where their process can be seen.
// Several servers are measured in one run, one after another in every phase, because figures of different runs cannot be
// compared; floors (see Floor) show what the machine and the client allow at most.
//
// It knows no server's inside, typelog's neither: it speaks the protocol. Flow: cmd -> Run -> phases -> Report.
package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Target is a server to measure.
type Target struct {
	Name string
	// Seeds are host:port addresses to connect to first.
	Seeds []string
	// PID is the server's process, for its processor time and memory; 0 if it cannot be seen.
	PID int
	// Bytes is the address of a Floor that moves bytes without a protocol, for the phases produce and consume; empty for a
	// real server.
	Bytes string
	// Topics prefixes the names of the topics that are made; empty means "typelog-bench".
	Topics string
}

// Config of Run. Zero fields have the defaults that Defaults shows.
type Config struct {
	Targets []Target
	Phases  []string
	Rounds  int
	// Records to produce and consume; 0 means as many as make 1 GiB.
	Records    int64
	RecordSize int
	// SmallSize is the record size of the phases clients and one.
	SmallSize  int
	Partitions int32
	// WidePartitions are those of the phase wide, IdlePartitions those of idle.
	WidePartitions, IdlePartitions int32
	// Producers of the phase produce, Clients of the phase clients.
	Producers, Clients int
	// Acks is all, 1 or 0.
	Acks        string
	Compression string
	// BatchBytes bounds a producer's batches.
	BatchBytes int32
	// Linger is how long producers wait for more records before they send.
	Linger time.Duration
	// Rate is the records per second of paced and endtoend; 0 means a tenth of what the slowest target reached in produce,
	// or 5000. WideRate is that of narrow and wide.
	Rate, WideRate int
	// Duration of each timed phase.
	Duration time.Duration
	// Rest comes before each phase: what the one before left behind (a topic that is being deleted, another server's caches)
	// would be measured otherwise. What servers on this machine have left in the page cache is brought to the disk, too.
	Rest time.Duration
	// TopicConfig is for the topics that are made.
	TopicConfig map[string]*string
	// Progress is told each result as it comes; it may be nil.
	Progress func(Result)
}

// Defaults are what zero fields of a Config stand for.
func Defaults() Config {
	return Config{
		Phases: []string{Produce, Consume, Clients, One, Paced, EndToEnd}, Rounds: 1, RecordSize: 1024, SmallSize: 200,
		Partitions: 6, WidePartitions: 1000, IdlePartitions: 10000, Producers: 1, Clients: 64, Acks: "all",
		Compression: "none", BatchBytes: 1000000, WideRate: 5000, Duration: 8 * time.Second,
		Rest: time.Second,
	}
}

// The phases.
const (
	Produce  = "produce"
	Consume  = "consume"
	Clients  = "clients"
	One      = "one"
	Paced    = "paced"
	EndToEnd = "endtoend"
	Narrow   = "narrow"
	Wide     = "wide"
	Idle     = "idle"
)

// Phases are all phases in the order in which they run, with what they measure.
func Phases() [][2]string {
	return [][2]string{
		{Produce, "records as fast as they are taken"},
		{Consume, "the same records, from the first, as fast as they come"},
		{Clients, "many clients, each with one small record at a time"},
		{One, "one such client"},
		{Paced, "records at a steady rate: time to the acknowledgement"},
		{EndToEnd, "records at a steady rate: time until a consumer has them"},
		{Narrow, "a low rate over the same partitions"},
		{Wide, "the same rate over many partitions"},
		{Idle, "memory for many partitions that were written once"},
	}
}

// run is a run under way.
type run struct {
	Config
	report Report
	// peak is the lowest rate that a real server reached in produce.
	peak   float64
	states []*state
}

// state is what is kept of a target during a run.
type state struct {
	Target
	client  *kgo.Client // for requests of ours
	records int64       // produced for consume to read
	topic   string      // that holds them
	used    []string    // topics of earlier rounds
}

// Run measures and returns the results, those that it has if it fails. Topics that it made are deleted again, those of
// produce and consume at the end: memory that a deleted topic gave back is cheaper, or on some virtual machines much dearer, to
// write to than what a server that keeps its data gets.
func Run(ctx context.Context, cfg Config) (report Report, err error) {
	if err := cfg.check(); err != nil {
		return Report{}, err
	}
	r := &run{Config: cfg}
	defer func() { report = r.report }()
	r.report.Machine = machine()
	r.report.Config = cfg.describe()
	defer func() {
		for _, s := range r.states {
			for _, topic := range s.used {
				err = errors.Join(err, r.drop(ctx, s, topic))
			}
			s.close()
		}
	}()
	for _, t := range cfg.Targets {
		s, err := r.open(ctx, t)
		if err != nil {
			return r.report, err
		}
		r.states = append(r.states, s)
	}
	for round := range cfg.Rounds {
		if err := r.round(ctx, round); err != nil {
			return r.report, err
		}
	}
	return r.report, nil
}

// round runs every phase once on every target, phase by phase, so that what is compared is measured close together.
func (r *run) round(ctx context.Context, round int) error {
	defer func() {
		for _, s := range r.states {
			s.used = append(s.used, s.topic)
			s.topic = ""
		}
	}()
	for _, p := range Phases() {
		if !slices.Contains(r.Phases, p[0]) {
			continue
		}
		order := slices.Clone(r.states)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, s := range order {
			if s.Bytes != "" && p[0] != Produce && p[0] != Consume && p[0] != Clients && p[0] != One {
				continue
			}
			select {
			case <-time.After(r.Rest):
			case <-ctx.Done():
				return ctx.Err()
			}
			settle(s.PID)
			res, err := r.phase(ctx, s, p[0])
			if err != nil {
				return fmt.Errorf("%s, %s: %w", s.Name, p[0], err)
			}
			res.Target, res.Phase, res.Round = s.Name, p[0], round+1
			r.report.Results = append(r.report.Results, res)
			if r.Progress != nil {
				r.Progress(res)
			}
		}
	}
	return nil
}

func (r *run) phase(ctx context.Context, s *state, name string) (Result, error) {
	switch name {
	case Produce:
		if s.Bytes != "" {
			return bytesIn(ctx, s.Target, r.Records*int64(r.RecordSize))
		}
		return r.produce(ctx, s)
	case Consume:
		if s.Bytes != "" {
			return bytesOut(ctx, s.Target, r.Records*int64(r.RecordSize))
		}
		return r.consume(ctx, s)
	case Clients:
		return r.clients(ctx, s, r.Config.Clients)
	case One:
		return r.clients(ctx, s, 1)
	case Paced:
		return r.paced(ctx, s, pace{rate: r.rate(), partitions: r.Partitions})
	case EndToEnd:
		return r.paced(ctx, s, pace{rate: r.rate(), partitions: r.Partitions, consume: true})
	case Narrow:
		return r.paced(ctx, s, pace{rate: r.WideRate, partitions: r.Partitions, spread: true})
	case Wide:
		return r.paced(ctx, s, pace{rate: r.WideRate, partitions: r.WidePartitions, spread: true})
	default:
		return r.idle(ctx, s)
	}
}

func (r *run) rate() int {
	switch {
	case r.Rate > 0:
		return r.Rate
	case r.peak > 0:
		return max(int(r.peak/10), 1)
	}
	return 5000
}

// check fills in defaults and refuses what cannot be run.
func (c *Config) check() error {
	d := Defaults()
	if len(c.Phases) == 0 {
		c.Phases = d.Phases
	}
	for _, p := range c.Phases {
		if !slices.ContainsFunc(Phases(), func(known [2]string) bool { return known[0] == p }) {
			return fmt.Errorf("no phase is called %q", p)
		}
	}
	if slices.Contains(c.Phases, Consume) && !slices.Contains(c.Phases, Produce) {
		return errors.New("the phase consume reads what produce wrote: ask for both")
	}
	positive(&c.Rounds, d.Rounds)
	positive(&c.RecordSize, d.RecordSize)
	positive(&c.SmallSize, d.SmallSize)
	positive(&c.Partitions, d.Partitions)
	positive(&c.WidePartitions, d.WidePartitions)
	positive(&c.IdlePartitions, d.IdlePartitions)
	positive(&c.Producers, d.Producers)
	positive(&c.Clients, d.Clients)
	positive(&c.BatchBytes, d.BatchBytes)
	positive(&c.WideRate, d.WideRate)
	positive(&c.Duration, d.Duration)
	positive(&c.Rest, d.Rest)
	positive(&c.Records, max(1, (1<<30)/int64(c.RecordSize)))
	if c.Compression == "" {
		c.Compression = d.Compression
	}
	if _, err := codec(c.Compression); err != nil {
		return err
	}
	if c.Acks == "" {
		c.Acks = d.Acks
	}
	if !slices.Contains([]string{"all", "1", "0"}, c.Acks) {
		return fmt.Errorf("acks %q: want all, 1 or 0", c.Acks)
	}
	if len(c.Targets) == 0 {
		return errors.New("nothing to measure")
	}
	return nil
}

func positive[T int | int32 | int64 | time.Duration](v *T, otherwise T) {
	if *v <= 0 {
		*v = otherwise
	}
}
