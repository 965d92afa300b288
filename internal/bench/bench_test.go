package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/broker"
)

// startBroker runs a real broker until the test ends and returns its address.
func startBroker(t *testing.T) string {
	t.Helper()
	b, err := broker.New(broker.Config{Dir: t.TempDir(), Listeners: []broker.Listener{{Bind: []string{"127.0.0.1:0"}}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return b.Addrs()[0].String()
}

// startFloor runs a floor until the test ends.
func startFloor(t *testing.T) Target {
	t.Helper()
	f, err := ListenFloor(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ended, served := make(chan struct{}), make(chan error, 1)
	go func() { served <- f.Serve(context.Background(), ended) }()
	t.Cleanup(func() {
		close(ended)
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return Target{Name: "floor", Seeds: []string{f.StubAddr()}, Bytes: f.BytesAddr()}
}

func small() Config {
	return Config{
		Rounds: 1, Records: 3000, RecordSize: 1000, Partitions: 3, WidePartitions: 20, IdlePartitions: 20, Producers: 2,
		Clients: 4, Duration: 100 * time.Millisecond, Rest: time.Nanosecond, Rate: 1000, WideRate: 1000, Compression: "lz4",
	}
}

// TestRun measures a real broker and the floor in every phase: each gives figures that can be true, and no topic is left.
func TestRun(t *testing.T) {
	addr := startBroker(t)
	cfg := small()
	cfg.Targets = []Target{{Name: "typelog", Seeds: []string{addr}, PID: os.Getpid()}, startFloor(t)}
	cfg.Rounds = 2
	for _, p := range Phases() {
		cfg.Phases = append(cfg.Phases, p[0])
	}
	report, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, r := range report.Results {
		seen[r.Target+" "+r.Phase]++
		switch r.Phase {
		case Produce, Consume:
			if r.MiBPerSecond <= 0 {
				t.Errorf("%+v has no throughput", r)
			}
		case Idle:
			if r.Seconds <= 0 {
				t.Errorf("%+v took no time", r)
			}
		default:
			if !(0 < r.P50 && r.P50 <= r.P95 && r.P95 <= r.P99 && r.P99 <= r.P999 && r.P999 <= r.Max) || r.RecordsPerSecond <= 0 {
				t.Errorf("%+v has impossible latencies", r)
			}
		}
	}
	for _, p := range Phases() {
		if n := seen["typelog "+p[0]]; n != 2 {
			t.Errorf("%s was measured %d times, want 2", p[0], n)
		}
	}
	for _, p := range []string{Produce, Consume, Clients, One} {
		if n := seen["floor "+p]; n != 2 {
			t.Errorf("%s of the floor was measured %d times, want 2", p, n)
		}
	}
	var table bytes.Buffer
	if err := report.Table(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| phase ", "typelog | floor |", "| produce ", "| endtoend ", "MiB/s"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, table.String())
		}
	}
	if text, err := json.Marshal(report); err != nil || !bytes.Contains(text, []byte(`"phase":"paced"`)) {
		t.Errorf("as JSON: %s, %v", text, err)
	}
	noTopics(t, addr)
}

func noTopics(t *testing.T, addr string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	topics, err := kadm.NewClient(cl).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(topics) > 0 {
		t.Errorf("topics are left: %v", topics.Names())
	}
}

// TestAcks: every way to acknowledge can be measured.
func TestAcks(t *testing.T) {
	addr := startBroker(t)
	for _, acks := range []string{"all", "1", "0"} {
		cfg := small()
		cfg.Acks, cfg.Targets, cfg.Phases = acks, []Target{{Name: "typelog", Seeds: []string{addr}}}, []string{Produce, Consume}
		if report, err := Run(t.Context(), cfg); err != nil || len(report.Results) != 2 {
			t.Errorf("acks %s: %d results, %v", acks, len(report.Results), err)
		}
	}
}

// TestInterrupted: a run that is cut short deletes its topics, too.
func TestInterrupted(t *testing.T) {
	addr := startBroker(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cfg := small()
	cfg.Targets, cfg.Phases = []Target{{Name: "typelog", Seeds: []string{addr}}}, []string{Produce, Paced}
	cfg.Duration = time.Hour
	cfg.Progress = func(Result) { time.AfterFunc(50*time.Millisecond, cancel) }
	report, err := Run(ctx, cfg)
	if err == nil || len(report.Results) != 1 {
		t.Errorf("%d results, error %v; want the result of produce and an error", len(report.Results), err)
	}
	noTopics(t, addr)
}

// TestRefused: what cannot be measured is refused before anything is sent.
func TestRefused(t *testing.T) {
	target := []Target{{Name: "nobody", Seeds: []string{"127.0.0.1:1"}}}
	for want, cfg := range map[string]Config{
		"nothing to measure":           {},
		`no phase is called "reading"`: {Targets: target, Phases: []string{"reading"}},
		"ask for both":                 {Targets: target, Phases: []string{Consume}},
		`compression "lzma"`:           {Targets: target, Compression: "lzma"},
		`acks "2"`:                     {Targets: target, Acks: "2"},
	} {
		if _, err := Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
