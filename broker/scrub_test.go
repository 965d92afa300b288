package broker

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/typelog/typelog/broker/internal/config"
)

// awaited is a log handler that tells of the first line with some text.
type awaited struct {
	slog.Handler
	text string
	seen chan struct{}
}

func (a awaited) Handle(ctx context.Context, r slog.Record) error {
	if strings.Contains(r.Message, a.text) {
		select {
		case a.seen <- struct{}{}:
		default:
		}
	}
	return a.Handler.Handle(ctx, r)
}

// TestScrubSettings: the scrub runs when and as fast as the settings say.
func TestScrubSettings(t *testing.T) {
	for name, c := range map[string]struct {
		settings     map[string]string
		every, first time.Duration
	}{
		"default":   {nil, 7 * 24 * time.Hour, time.Hour},
		"daily":     {map[string]string{"typelog.scrub.interval.ms": "86400000", "typelog.scrub.first.delay.ms": "60000"}, 24 * time.Hour, time.Minute},
		"at once":   {map[string]string{"typelog.scrub.first.delay.ms": "0"}, 7 * 24 * time.Hour, 1},
		"off by 0":  {map[string]string{"typelog.scrub.interval.ms": "0"}, -1, time.Hour},
		"off by -1": {map[string]string{"typelog.scrub.interval.ms": "-1"}, -1, time.Hour},
	} {
		set, _, err := config.New(c.settings, nil)
		if err != nil {
			t.Fatal(err)
		}
		if every, first := scrub(set); every != c.every || first != c.first {
			t.Errorf("%s: every %v after %v, want every %v after %v", name, every, first, c.every, c.first)
		}
	}
}

// TestScrubFindsDamage: a bit flips on disk, and the log says so before anybody reads it.
func TestScrubFindsDamage(t *testing.T) {
	dir := t.TempDir()
	r := start(t, Config{Dir: dir})
	ctx := within(t, 30*time.Second)
	r.topic(ctx, "t")
	if err := r.client().ProduceSync(ctx, numbered("t", 0, 10)...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	r.stop()
	flipLastByte(t, dir)
	log := awaited{slog.NewTextHandler(t.Output(), nil), "a damaged batch is not served", make(chan struct{}, 1)}
	start(t, Config{Dir: dir, Logger: slog.New(log), Settings: map[string]string{"typelog.scrub.first.delay.ms": "0"}})
	select {
	case <-log.seen:
	case <-ctx.Done():
		t.Error("the scrub has found nothing")
	}
}

// flipLastByte damages the only segment of a broker's directory that has records.
func flipLastByte(t *testing.T, dir string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "partitions", "topics", "*", "*", "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 0 {
			b[len(b)-1] ^= 1
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no segment has records: %v", names)
}
