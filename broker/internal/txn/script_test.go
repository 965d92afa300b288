package txn

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

var update = flag.Bool("update", false, "rewrite the expected lines of the scripts in testdata")

// TestScripts runs the scripts of testdata. A script is a sequence of commands ("> init ...") with what comes of each: the
// answer, and the state that is stored. Lines with "#" are comments. The commands are the methods named in script.commands.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := &script{now: time.UnixMilli(1_000_000), nextID: 100}
			got := s.run(t, string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want) {
				t.Errorf("%s differs from what happened; rewrite it with -update if that is right:\n%s", file, got)
			}
		})
	}
}

type script struct {
	out    bytes.Buffer
	now    time.Time
	nextID int64
	t      *state.Transaction
	fails  bool // the store fails once
}

func (s *script) run(t *testing.T, text string) string {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, ">"):
			fmt.Fprintln(&s.out, line)
			words := strings.Fields(line[1:])
			run := s.commands()[words[0]]
			if run == nil {
				t.Fatalf("no such command: %s", line)
			}
			run(words[1:])
		case strings.HasPrefix(line, "#"), line == "":
			fmt.Fprintln(&s.out, line)
		}
	}
	return s.out.String()
}

func (s *script) commands() map[string]func([]string) {
	return map[string]func([]string){
		"init":     s.cmdInit,
		"add":      func(w []string) { s.step(fixed(Add{who(w[0]), parts(w[1:]), 0})) },
		"write":    func(w []string) { s.step(fixed(Add{who(w[0]), parts(w[1:]), 2})) },
		"verify":   func(w []string) { s.step(fixed(Verify{who(w[0]), parts(w[1:])})) },
		"commit":   func(w []string) { s.end(w, true) },
		"abort":    func(w []string) { s.end(w, false) },
		"complete": func([]string) { s.step(fixed(completed{})) },
		"overdue":  func([]string) { s.step(fixed(overdue{})) },
		"idle":     func(w []string) { s.step(fixed(idle{mustSpan(w[0])})) },
		"wait":     func(w []string) { s.now = s.now.Add(mustSpan(w[0])) },
		"epoch": func(w []string) {
			next := *s.t
			next.Epoch = who("0/" + w[0]).Epoch
			s.t = &next
			s.printf("%s", text(s.t))
		},
		"store":  func([]string) { s.fails = true },
		"reload": func([]string) { next := *s.t; next.LastEpoch = -1; s.t = &next },
	}
}

// init [ID/EPOCH] [timeout]: a producer asks for an identity; with one, it had that before.
func (s *script) cmdInit(words []string) {
	had, timeout := nobody, 60*time.Second
	for _, w := range words {
		if strings.Contains(w, "/") {
			had = who(w)
		} else {
			timeout = mustSpan(w)
		}
	}
	s.step(func(newID int64) event { return Init{had, int32(timeout.Milliseconds()), "x", newID} })
}

// commit ID/EPOCH [v1]: a producer ends its transaction, as clients of transaction.version 2 do, or as older ones.
func (s *script) end(words []string, commit bool) {
	e := End{Identity: who(words[0]), Commit: commit, Version: 2}
	if slices.Contains(words, "v1") {
		e.Version = 0
	}
	s.step(func(newID int64) event { e.newID = newID; return e })
}

func who(w string) Identity {
	id, epoch, _ := strings.Cut(w, "/")
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		panic(err)
	}
	m, err := strconv.ParseInt(epoch, 10, 16)
	if err != nil {
		panic(err)
	}
	return Identity{n, int16(m)}
}

func parts(words []string) []state.TopicPartition {
	var out []state.TopicPartition
	for _, w := range words {
		topic, p, _ := strings.Cut(w, "/")
		n, err := strconv.Atoi(p)
		if err != nil {
			panic(err)
		}
		out = append(out, state.TopicPartition{Topic: topic, Partition: int32(n)})
	}
	return out
}

func mustSpan(v string) time.Duration {
	d, err := time.ParseDuration(v)
	if err != nil {
		panic(err)
	}
	return d
}

func (s *script) step(make func(newID int64) event) {
	out := make(noID).decide(s.t, s.now)
	if out.err == errNeedID {
		s.nextID++
		out = make(s.nextID).decide(s.t, s.now)
	}
	if s.fails && (out.next != nil || out.forget) {
		s.fails = false
		s.printf("the store fails")
		return
	}
	if out.next != nil {
		s.t = out.next
		s.printf("store: %s", text(s.t))
	}
	if out.forget {
		s.t = nil
		s.printf("store: nothing")
	}
	switch {
	case out.err != nil:
		s.printf("%v", out.err)
	case out.who != Identity{}:
		s.printf("ok %d/%d", out.who.ProducerID, out.who.Epoch)
	case out.next == nil && !out.forget:
		s.printf("nothing to do")
	}
}

func text(t *state.Transaction) string {
	out := fmt.Sprintf("%s %d/%d", t.Status, t.ProducerID, t.Epoch)
	if t.LastEpoch >= 0 {
		out += fmt.Sprintf(" after %d", t.LastEpoch)
	}
	if t.PreviousProducerID >= 0 {
		out += fmt.Sprintf(" of %d", t.PreviousProducerID)
	}
	if t.NextProducerID >= 0 {
		out += fmt.Sprintf(", then %d", t.NextProducerID)
	}
	for _, p := range t.Partitions {
		out += fmt.Sprintf(" %s/%d", p.Topic, p.Partition)
	}
	if t.Started >= 0 {
		out += fmt.Sprintf(", since %s", time.UnixMilli(t.Started).Sub(time.UnixMilli(1_000_000)))
	}
	return out
}

func (s *script) printf(format string, a ...any) {
	fmt.Fprintf(&s.out, "%6s  %s\n", s.now.Sub(time.UnixMilli(1_000_000)), fmt.Sprintf(format, a...))
}
