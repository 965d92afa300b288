package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/typelog/typelog/internal/node"
	"github.com/typelog/typelog/serde"
)

// startNode runs a broker and a registry until the test ends, and returns the flags that lead to them.
func startNode(t *testing.T) []string {
	t.Helper()
	n, err := node.Open(node.File{
		Data: t.TempDir(), Listeners: []node.FileListener{{Bind: "127.0.0.1:0"}}, Registry: node.FileRegistry{Bind: "127.0.0.1:0"},
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return []string{"--bootstrap-server", n.Kafka()[0].String(), "--registry", "http://" + n.Registry()[0].String()}
}

// TestProduceIsInterrupted: a person who types lines can end that by Ctrl-C, although a read of standard input waits.
func TestProduceIsInterrupted(t *testing.T) {
	where := startNode(t)
	schema := filepath.Join(t.TempDir(), "s.avsc")
	writeFile(t, schema, `"string"`)
	if out, err := command(t, "", append(where, "topic", "create", "typed", "--schema", schema)...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	typed, terminal := io.Pipe() // never closed: whoever reads it waits
	ctx, interrupt := context.WithCancel(t.Context())
	root := newRootCommand()
	var out bytes.Buffer
	root.SetArgs(append(where, "produce", "typed"))
	root.SetIn(typed)
	root.SetOut(&out)
	root.SetErr(io.Discard)
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()
	for _, line := range []string{"\"one\"\n", "\"two\"\n"} {
		if _, err := io.WriteString(terminal, line); err != nil { // returns once it is read
			t.Fatal(err)
		}
	}
	interrupt()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("produce ended with %v; want it to say that it was interrupted", err)
	}
	if !strings.Contains(out.String(), "produced=") {
		t.Errorf("an interrupted produce printed %q and no count", &out)
	}
}

// TestProduceEveryLine: lines that do not fit are named, the others are stored, and come back in order.
func TestProduceEveryLine(t *testing.T) {
	where := startNode(t)
	schema := filepath.Join(t.TempDir(), "s.avsc")
	writeFile(t, schema, `"string"`)
	if out, err := command(t, "", append(where, "topic", "create", "typed", "--partitions", "1", "--schema", schema)...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := command(t, "\"one\"\n\n7\nnull\n\"two\"", append(where, "produce", "typed")...)
	if err == nil || !strings.Contains(out, "line 3: ") || !strings.Contains(out, "produced=3 refused=1") {
		t.Errorf("produce: %v\n%s", err, out)
	}
	out, err = command(t, "", append(where, "consume", "typed", "--until-end")...)
	if err != nil || out != "\"one\"\nnull\n\"two\"\n" {
		t.Errorf("consume: %v\n%s", err, out)
	}
	long := "\"" + strings.Repeat("x", maxLine) + "\"\n\"behind\"\n"
	if out, err = command(t, long, append(where, "produce", "typed")...); err == nil || !strings.Contains(err.Error(), "line 1 is longer") {
		t.Errorf("a line that is too long: %v\n%s", err, out)
	}
}

// TestCreateLeavesNoSchemaBehind: creating a topic that exists must not widen the contract of the one that does.
func TestCreateLeavesNoSchemaBehind(t *testing.T) {
	where := startNode(t)
	first, second := filepath.Join(t.TempDir(), "a.avsc"), filepath.Join(t.TempDir(), "b.avsc")
	writeFile(t, first, `"string"`)
	writeFile(t, second, `{"type":"string","note":"another"}`)
	if out, err := command(t, "", append(where, "topic", "create", "once", "--schema", first)...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := command(t, "", append(where, "topic", "create", "once", "--schema", second)...); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Fatalf("creating it again: %v\n%s", err, out)
	}
	out, err := command(t, "\"x\"\n", append(where, "produce", "once", "--schema", first)...)
	if err != nil || !strings.Contains(out, "schema_id=1") {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err = command(t, "", append(where[2:], "schema", "list")...); err != nil || !strings.Contains(out, "once-value") || strings.Contains(out, "2") {
		t.Errorf("the subject has more than one version: %v\n%s", err, out)
	}
}

// TestConsumeGroupEnds: a group that has nothing left to read ends at once, whoever read it.
func TestConsumeGroupEnds(t *testing.T) {
	where := startNode(t)
	schema := filepath.Join(t.TempDir(), "s.avsc")
	writeFile(t, schema, `"string"`)
	if out, err := command(t, "", append(where, "topic", "create", "shared", "--partitions", "2", "--schema", schema)...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := command(t, "\"one\"\n\"two\"\n", append(where, "produce", "shared")...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"\"one\"\n\"two\"\n", ""} {
		if out, err := command(t, "", append(where, "consume", "shared", "--group", "g", "--until-end")...); err != nil || out != want {
			t.Errorf("consumed %q, %v; want %q", out, err, want)
		}
	}
}

// TestConsumeSaysThatATopicIsMissing: it waits for the topic, and says so and what to do.
func TestConsumeSaysThatATopicIsMissing(t *testing.T) {
	where := startNode(t)
	root := newRootCommand()
	var out bytes.Buffer
	said, errOut := io.Pipe()
	root.SetArgs(append(where, "consume", "later", "-n", "1"))
	root.SetOut(&out)
	root.SetErr(errOut)
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(t.Context()) }()
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil || !strings.Contains(line, "topic later does not exist") || !strings.Contains(line, "'typelog topic create later'") {
		t.Fatalf("%q, %v", line, err)
	}
	schema := filepath.Join(t.TempDir(), "s.avsc")
	writeFile(t, schema, `"string"`)
	if out, err := command(t, "", append(where, "topic", "create", "later", "--schema", schema)...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := command(t, "\"one\"\n", append(where, "produce", "later")...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := <-ended; err != nil || out.String() != "\"one\"\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

// TestConsumeTransactions: what was aborted is not shown, and the markers behind transactions do not keep --until-end waiting.
func TestConsumeTransactions(t *testing.T) {
	where := startNode(t)
	schema := filepath.Join(t.TempDir(), "s.avsc")
	writeFile(t, schema, `"string"`)
	if out, err := command(t, "", append(where, "topic", "create", "typed", "--schema", schema)...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tr, err := serde.NewTransactor(serde.TransactorConfig{Brokers: where[1:2], ID: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	p, err := serde.NewJSONProducer(t.Context(), serde.ProducerConfig{Registry: where[3], Topic: "typed", Transactor: tr}, "")
	if err != nil {
		t.Fatal(err)
	}
	mine := errors.New("mine")
	for value, end := range map[string]error{`"kept"`: nil, `"taken back"`: mine} {
		err := tr.Run(t.Context(), func(ctx context.Context) error {
			_ = p.Produce(ctx, nil, []byte(value), nil, nil)
			_ = p.Flush(ctx)
			return end
		})
		if !errors.Is(err, end) {
			t.Fatal(err)
		}
	}
	for _, group := range []string{"", "g"} {
		args := append(where, "consume", "typed", "--until-end")
		if group != "" {
			args = append(args, "--group", group)
		}
		if out, err := command(t, "", args...); err != nil || out != "\"kept\"\n" {
			t.Errorf("consume in group %q: %q, %v", group, out, err)
		}
	}
	if out, err := command(t, "", append(where, "consume", "typed", "--until-end", "--group", "g")...); err != nil || out != "" {
		t.Errorf("the group again: %q, %v; want nothing left", out, err)
	}
}
