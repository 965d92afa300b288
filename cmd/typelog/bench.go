package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/typelog/typelog/internal/bench"
)

type benchFlags struct {
	brokers  []string
	pid      int
	targets  []string
	floor    bool
	floorDir string
	configs  []string
	asJSON   bool
	cfg      bench.Config
}

func newBenchCommand() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure a broker: throughput, latency, and what it costs the server",
		Long: "Measure a typelog, or any server that speaks the Kafka protocol: how fast it takes records and gives them back,\n" +
			"and how long a record takes. With --pid, or a target's, the processor time and memory of a server on this machine\n" +
			"are measured, too (Linux). Topics that are needed are made and deleted again.\n\n" +
			"To compare servers, name them with --target, more than once: they are measured in one run, in turns, with the same\n" +
			"client, and the table shows medians of all rounds. --floor adds a server that only moves bytes: what machine and\n" +
			"client allow at most.\n\n" + benchPhases(),
		Example: "  typelog bench --bootstrap-server localhost:9092 --pid \"$(pgrep typelog)\"\n" +
			"  typelog bench --target typelog=localhost:9092,1234 --target other=localhost:19092,5678 --rounds 3 --floor",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBench(cmd, &f) },
	}
	d := bench.Defaults()
	fl := cmd.Flags()
	fl.StringSliceVar(&f.brokers, "bootstrap-server", []string{"localhost:9092"}, "host:port of a broker; more, separated by commas")
	fl.IntVar(&f.pid, "pid", 0, "process id of the broker, for its processor time and memory")
	fl.StringArrayVar(&f.targets, "target", nil, "NAME=HOST:PORT or NAME=HOST:PORT,PID instead of --bootstrap-server; may be repeated")
	fl.BoolVar(&f.floor, "floor", false, "measure what machine and client allow at most, too")
	fl.StringVar(&f.floorDir, "floor-dir", "", "where --floor keeps its files while it runs: best on the broker's disk; empty is the system's temporary directory")
	fl.StringSliceVar(&f.cfg.Phases, "phases", d.Phases, "what to measure")
	fl.IntVar(&f.cfg.Rounds, "rounds", d.Rounds, "how often to measure everything")
	fl.Int64Var(&f.cfg.Records, "records", 0, "records to produce and consume; 0 is as many as make 1 GiB")
	fl.DurationVar(&f.cfg.Duration, "duration", d.Duration, "time of each phase that is not bounded by --records")
	fl.IntVar(&f.cfg.RecordSize, "record-size", d.RecordSize, "bytes of a record's value")
	fl.IntVar(&f.cfg.SmallSize, "small-size", d.SmallSize, "the same in the phases clients and one")
	fl.Int32Var(&f.cfg.Partitions, "partitions", d.Partitions, "partitions of the topics")
	fl.Int32Var(&f.cfg.WidePartitions, "wide-partitions", d.WidePartitions, "the same in the phase wide")
	fl.Int32Var(&f.cfg.IdlePartitions, "idle-partitions", d.IdlePartitions, "the same in the phase idle")
	fl.IntVar(&f.cfg.Producers, "producers", d.Producers, "producers of the phase produce")
	fl.IntVar(&f.cfg.Clients, "clients", d.Clients, "clients of the phase clients")
	fl.StringVar(&f.cfg.Acks, "acks", d.Acks, "all, 1 or 0")
	fl.StringVar(&f.cfg.Compression, "compression", d.Compression, "none, gzip, snappy, lz4 or zstd")
	fl.Int32Var(&f.cfg.BatchBytes, "batch-bytes", d.BatchBytes, "largest batch that a producer sends")
	fl.DurationVar(&f.cfg.Linger, "linger", 0, "how long producers wait for more records")
	fl.IntVar(&f.cfg.Rate, "rate", 0, "records a second of paced and endtoend; 0 is a tenth of what produce reached")
	fl.IntVar(&f.cfg.WideRate, "wide-rate", d.WideRate, "the same of narrow and wide")
	fl.StringArrayVar(&f.configs, "config", nil, "topic config as KEY=VALUE; may be repeated")
	fl.BoolVar(&f.asJSON, "json", false, "print every result of every round as JSON instead of a table")
	cmd.AddCommand(newBenchFloorCommand())
	return cmd
}

func benchPhases() string {
	var b strings.Builder
	b.WriteString("Phases:")
	for _, p := range bench.Phases() {
		fmt.Fprintf(&b, "\n  %-9s %s", p[0], p[1])
	}
	return b.String()
}

func runBench(cmd *cobra.Command, f *benchFlags) error {
	if err := f.complete(); err != nil {
		return err
	}
	if f.floor {
		target, stop, err := startFloor(f.floorDir)
		if err != nil {
			return fmt.Errorf("floor: %w", err)
		}
		defer stop()
		f.cfg.Targets = append(f.cfg.Targets, target)
	}
	for _, t := range f.cfg.Targets {
		if t.PID != 0 && !bench.Visible(t.PID) {
			return fmt.Errorf("process %d of %s cannot be seen: it does not run on this machine, or this is not Linux", t.PID, t.Name)
		}
	}
	f.cfg.Progress = func(r bench.Result) { fmt.Fprintln(cmd.ErrOrStderr(), r) }
	report, err := bench.Run(cmd.Context(), f.cfg)
	if len(report.Results) > 0 {
		if f.asJSON {
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetIndent("", "  ")
			err = errors.Join(err, enc.Encode(report))
		} else {
			err = errors.Join(err, report.Table(cmd.OutOrStdout()))
		}
	}
	return err
}

// complete turns flags into the rest of the configuration.
func (f *benchFlags) complete() error {
	f.cfg.TopicConfig = map[string]*string{}
	for _, c := range f.configs {
		k, v, ok := strings.Cut(c, "=")
		if !ok {
			return fmt.Errorf("--config %q: want KEY=VALUE", c)
		}
		f.cfg.TopicConfig[k] = &v
	}
	for _, text := range f.targets {
		t, err := parseTarget(text)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(f.cfg.Targets, func(o bench.Target) bool { return o.Name == t.Name }) {
			return fmt.Errorf("two targets are called %q", t.Name)
		}
		f.cfg.Targets = append(f.cfg.Targets, t)
	}
	if len(f.targets) == 0 {
		f.cfg.Targets = []bench.Target{{Name: "server", Seeds: f.brokers, PID: f.pid}}
	}
	return nil
}

// parseTarget reads NAME=HOST:PORT,PID.
func parseTarget(text string) (bench.Target, error) {
	name, rest, ok := strings.Cut(text, "=")
	addr, pid, visible := strings.Cut(rest, ",")
	t := bench.Target{Name: name, Seeds: []string{addr}}
	var err error
	if visible {
		t.PID, err = strconv.Atoi(pid)
	}
	if !ok || name == "" || addr == "" || err != nil || t.PID < 0 {
		return t, fmt.Errorf("--target %q: want NAME=HOST:PORT or NAME=HOST:PORT,PID", text)
	}
	return t, nil
}

// startFloor starts this program again as the floor.
func startFloor(dir string) (t bench.Target, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return t, nil, err
	}
	c := exec.Command(self, "bench", "floor", "--dir", dir)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return t, nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return t, nil, err
	}
	if err := c.Start(); err != nil {
		return t, nil, err
	}
	stop = func() {
		in.Close()
		_ = c.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	addrs := strings.Fields(line)
	if err != nil || len(addrs) != 2 {
		stop()
		return t, nil, errors.Join(errors.New("it did not start"), err)
	}
	return bench.Target{Name: "floor", Seeds: addrs[1:], Bytes: addrs[0], PID: c.Process.Pid}, stop, nil
}

// newBenchFloorCommand is what startFloor starts. It ends when its standard input does, so it cannot outlive its parent.
func newBenchFloorCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:    "floor",
		Short:  "The server that bench --floor measures",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			floor, err := bench.ListenFloor(dir)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), floor.BytesAddr(), floor.StubAddr())
			ended := make(chan struct{})
			go func() {
				_, _ = io.Copy(io.Discard, cmd.InOrStdin())
				close(ended)
			}()
			return floor.Serve(cmd.Context(), ended)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "where its files lie")
	return cmd
}
