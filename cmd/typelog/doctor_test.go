package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/internal/node"
)

// TestDoctorVerify: a data directory is sound, then a bit of a log file is flipped.
func TestDoctorVerify(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	doctor := func(args ...string) (string, error) {
		var out bytes.Buffer
		root := newRootCommand()
		root.SetOut(&out)
		root.SetArgs(append([]string{"doctor", "--data", dir}, args...))
		err := root.Execute()
		return out.String(), err
	}
	if _, err := doctor("--verify"); err == nil || !strings.Contains(err.Error(), "is no data directory") {
		t.Errorf("no directory: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("the doctor has made a directory")
	}

	n, err := node.Open(node.File{Data: dir, Registry: node.FileRegistry{Bind: "127.0.0.1:0"},
		Listeners: []node.FileListener{{Name: "PLAINTEXT", Bind: "127.0.0.1:0"}}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	client, err := kgo.NewClient(kgo.SeedBrokers(n.Kafka()[0].String()), kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic("events"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := client.ProduceSync(ctx, kgo.StringRecord(fmt.Sprint("event ", i))).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	client.Close()
	if _, err := doctor("--verify"); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("while the server runs: %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}

	if out, err := doctor("--verify"); err != nil || !strings.Contains(out, ": 0 damaged places") {
		t.Errorf("a sound directory: %v, %s", err, out)
	}
	if _, err := doctor(); err == nil || !strings.Contains(err.Error(), "--verify") {
		t.Errorf("without a task: %v", err)
	}
	logs, err := filepath.Glob(filepath.Join(dir, "broker", "partitions", "topics", "*", "*", "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("%q, %v", logs, err)
	}
	b, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-2] ^= 1
	if err := os.WriteFile(logs[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := doctor("--verify")
	var silent exitError
	if !errors.As(err, &silent) || !strings.Contains(out, "damaged: "+logs[0]+" at byte ") || !strings.Contains(out, ": 1 damaged places") {
		t.Errorf("a flipped bit: %v, %s", err, out)
	}
}
