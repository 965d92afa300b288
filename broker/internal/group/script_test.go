package group

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

// TestScripts runs the scripts of testdata. A script is a sequence of commands ("> join ...") with what comes of each:
// answers, changes given to the store, and the group's state where it changed. Lines with "#" are comments. The commands
// are the methods named in script.commands.
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
			got := newScript().run(t, string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want) {
				t.Errorf("%s differs from what happened; rewrite it with -update if that is right:\n%s", file, diff(string(want), got))
			}
		})
	}
}

// diff shows the first lines that differ.
func diff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		a, b := "(end)", "(end)"
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\n  want %s\n  got  %s", i+1, a, b)
		}
	}
	return ""
}

type script struct {
	out      bytes.Buffer
	now      time.Time
	settings Settings
	group    *Group
	store    kept
	held     []Write // not answered yet
	hold     bool
	names    map[Token]string
	made     map[string]int // member ids by client
	last     string         // the state line that was printed last
}

func newScript() *script {
	s := &script{now: time.UnixMilli(0), names: map[Token]string{}, made: map[string]int{}, store: kept{offsets: map[TopicPartition]state.Offset{}}}
	s.group = New("g", s.settings, s.now)
	return s
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
			run(parseArgs(words[1:]))
			s.printState()
		case strings.HasPrefix(line, "#"), line == "":
			fmt.Fprintln(&s.out, line)
		}
	}
	return s.out.String()
}

// args of a command: plain words in order, and key=value.
type args struct {
	words []string
	named map[string]string
}

func parseArgs(words []string) args {
	a := args{named: map[string]string{}}
	for _, w := range words {
		if k, v, ok := strings.Cut(w, "="); ok && !strings.Contains(k, "/") {
			a.named[k] = v
		} else {
			a.words = append(a.words, w)
		}
	}
	return a
}

func (a args) has(word string) bool { return slices.Contains(a.words, word) }

func (a args) str(key, def string) string {
	if v, ok := a.named[key]; ok {
		return v
	}
	return def
}

func (a args) num(key string, def int) int {
	v, ok := a.named[key]
	if !ok {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		panic(err)
	}
	return n
}

func (a args) span(key string, def time.Duration) time.Duration {
	v, ok := a.named[key]
	if !ok {
		return def
	}
	return mustSpan(v)
}

func mustSpan(v string) time.Duration {
	d, err := time.ParseDuration(v)
	if err != nil {
		panic(err)
	}
	return d
}

func (s *script) commands() map[string]func(args) {
	return map[string]func(args){
		"settings":       s.cmdSettings,
		"join":           s.cmdJoin,
		"sync":           s.cmdSync,
		"heartbeat":      s.cmdHeartbeat,
		"leave":          s.cmdLeave,
		"commit":         s.cmdCommit,
		"txn-commit":     s.cmdTxnCommit,
		"txn-end":        s.cmdTxnEnd,
		"fetch":          s.cmdFetch,
		"describe":       func(args) { s.step(Describe{s.token("describe")}) },
		"delete":         func(args) { s.step(Delete{s.token("delete")}) },
		"delete-offsets": func(a args) { s.step(DeleteOffsets{s.token("delete-offsets"), partitionsOf(a.words)}) },
		"drop-topic":     func(a args) { s.step(DropTopic{Token: s.token("drop-topic"), Topic: a.words[0]}) },
		"expire":         func(args) { s.step(Expire{}) },
		"wait":           func(a args) { s.wait(mustSpan(a.words[0])) },
		"hold":           func(args) { s.hold = true },
		"written":        s.cmdWritten,
		"restart":        s.cmdRestart,
	}
}

// settings delay=3s size=2 retention=1h
func (s *script) cmdSettings(a args) {
	s.settings.InitialDelay = a.span("delay", 0)
	s.settings.MaxSize = a.num("size", 0)
	s.settings.Retention = a.span("retention", 0)
	s.group.settings = s.settings.withDefaults()
}

// join NAME: a member of client NAME joins, with defaults that the other words change.
func (s *script) cmdJoin(a args) {
	name := a.words[0]
	j := Join{
		Token:        s.token("join " + name),
		MemberID:     a.str("id", ""),
		InstanceID:   a.str("instance", ""),
		ClientID:     name,
		ClientHost:   "host",
		ProtocolType: a.str("type", "consumer"),
		Session:      a.span("session", 10*time.Second),
		Rebalance:    a.span("rebalance", 30*time.Second),
		NeedsID:      a.has("needs-id"),
		CanSkip:      a.has("can-skip"),
	}
	if j.MemberID == "" {
		s.made[name]++
		j.NewMemberID = fmt.Sprintf("%s-%d", name, s.made[name])
	}
	for p := range strings.SplitSeq(a.str("protocols", "range"), ",") {
		protocol, metadata, _ := strings.Cut(p, ":")
		j.Protocols = append(j.Protocols, Protocol{protocol, subscription(metadata)})
	}
	s.step(j)
}

// subscription is a consumer's metadata: topics, divided by "+".
func subscription(topics string) []byte {
	names := strings.FieldsFunc(topics, func(r rune) bool { return r == '+' })
	b := []byte{0, 0, 0, 0, 0, byte(len(names))}
	for _, n := range names {
		b = append(b, 0, byte(len(n)))
		b = append(b, n...)
	}
	return b
}

func (s *script) cmdSync(a args) {
	y := Sync{
		Token:        s.token("sync " + a.words[0]),
		MemberID:     a.words[0],
		InstanceID:   a.str("instance", ""),
		Generation:   int32(a.num("gen", int(s.group.generation))),
		ProtocolType: a.str("type", ""),
		Protocol:     a.str("protocol", ""),
		Assignments:  map[string][]byte{},
	}
	for pair := range strings.SplitSeq(a.str("assign", ""), ",") {
		if id, what, ok := strings.Cut(pair, ":"); ok {
			y.Assignments[id] = []byte(what)
		}
	}
	s.step(y)
}

func (s *script) cmdHeartbeat(a args) {
	s.step(Heartbeat{
		Token:      s.token("heartbeat " + a.words[0]),
		MemberID:   a.words[0],
		InstanceID: a.str("instance", ""),
		Generation: int32(a.num("gen", int(s.group.generation))),
	})
}

// leave ID or ID/INSTANCE or /INSTANCE
func (s *script) cmdLeave(a args) {
	l := Leave{Token: s.token("leave")}
	for _, w := range a.words {
		id, instance, _ := strings.Cut(w, "/")
		l.Members = append(l.Members, Leaver{id, instance})
	}
	s.step(l)
}

func (s *script) cmdCommit(a args) {
	c := Commit{
		Token:      s.token("commit"),
		MemberID:   a.str("id", ""),
		InstanceID: a.str("instance", ""),
		Generation: int32(a.num("gen", -1)),
		Retention:  a.span("retention", 0),
	}
	c.Offsets = offsetsOf(a.words)
	s.step(c)
}

// txn-commit PRODUCER OFFSETS: a transaction commits.
func (s *script) cmdTxnCommit(a args) {
	c := TxnCommit{
		Token:      s.token("txn-commit"),
		Producer:   state.Producer{ID: int64(mustInt(a.words[0]))},
		MemberID:   a.str("id", ""),
		InstanceID: a.str("instance", ""),
		Generation: int32(a.num("gen", -1)),
		Offsets:    offsetsOf(a.words[1:]),
	}
	s.step(c)
}

// txn-end PRODUCER [abort]: the marker of a transaction is in the log.
func (s *script) cmdTxnEnd(a args) {
	e := TxnEnd{Token: s.token("txn-end"), ProducerID: int64(mustInt(a.words[0])), Commit: !a.has("abort")}
	s.store.apply(state.EndPending{Producer: state.Producer{ID: e.ProducerID}, Commit: e.Commit})
	s.step(e)
}

func mustInt(v string) int {
	n, err := strconv.Atoi(v)
	if err != nil {
		panic(err)
	}
	return n
}

func offsetsOf(words []string) []state.Offset {
	var out []state.Offset
	for _, w := range words {
		at, offset, _ := strings.Cut(w, "=")
		offset, metadata, _ := strings.Cut(offset, ":")
		n, _ := strconv.ParseInt(offset, 10, 64)
		if metadata == "huge" {
			metadata = strings.Repeat("x", 5000)
		}
		p := partitionOf(at)
		out = append(out, state.Offset{Topic: p.Topic, Partition: p.Partition, Offset: n, LeaderEpoch: -1, Metadata: metadata})
	}
	return out
}

func partitionOf(w string) TopicPartition {
	topic, p, _ := strings.Cut(w, "/")
	n, err := strconv.Atoi(p)
	if err != nil {
		panic(err)
	}
	return TopicPartition{topic, int32(n)}
}

func partitionsOf(words []string) []TopicPartition {
	var out []TopicPartition
	for _, w := range words {
		out = append(out, partitionOf(w))
	}
	return out
}

func (s *script) cmdFetch(a args) {
	f := Fetch{Token: s.token("fetch"), Stable: a.has("stable")}
	for _, p := range partitionsOf(slices.DeleteFunc(a.words, func(w string) bool { return w == "stable" })) {
		if f.Topics == nil {
			f.Topics = map[string][]int32{}
		}
		f.Topics[p.Topic] = append(f.Topics[p.Topic], p.Partition)
	}
	s.step(f)
}

// written [N] [failed | too-large]: the store answers the Nth of the writes that are held, or all of them.
func (s *script) cmdWritten(a args) {
	var err error
	if a.has("failed") {
		err = state.ErrUnavailable
	}
	if a.has("too-large") {
		err = state.ErrTooLarge
	}
	if n, e := strconv.Atoi(append(a.words, "")[0]); e == nil {
		w := s.held[n-1]
		s.held = slices.Delete(s.held, n-1, n)
		s.answer(w, err)
		return
	}
	held := s.held
	s.held = nil
	for _, w := range held {
		s.answer(w, err)
	}
}

// restart: the broker is killed and comes back with what the store has.
func (s *script) cmdRestart(args) {
	s.held, s.names = nil, map[Token]string{}
	s.group = s.store.restore(s.settings, s.now)
	s.step(Restored{})
}

// wait lets time pass, with the ticks that the group asks for.
func (s *script) wait(d time.Duration) {
	until := s.now.Add(d)
	for {
		at := s.group.Deadline()
		if at.IsZero() || at.After(until) {
			break
		}
		s.now = at
		s.step(Tick{})
	}
	s.now = until
}

func (s *script) token(name string) Token {
	t := Token(len(s.names) + 1)
	s.names[t] = name
	return t
}

func (s *script) step(ev Event) {
	for _, e := range s.group.Step(s.now, ev) {
		switch e := e.(type) {
		case Reply:
			s.printf("%s: %s", s.names[e.To], answerText(e.Answer))
		case Write:
			for _, effect := range e.Effects {
				s.printf("store: %s", effectText(effect))
			}
			s.held = append(s.held, e)
		case Dropped:
			s.printf("dropped %s: %s", e.MemberID, e.Why)
		}
	}
	s.printState()
	if !s.hold {
		s.cmdWritten(args{})
	}
}

func (s *script) answer(w Write, err error) {
	if err == nil {
		for _, e := range w.Effects {
			s.store.apply(e)
		}
	}
	s.step(Written{w.ID, err})
}

func (s *script) printf(format string, a ...any) {
	fmt.Fprintf(&s.out, "%6s  %s\n", s.now.Sub(time.UnixMilli(0)), fmt.Sprintf(format, a...))
}

func (s *script) printState() {
	line := stateText(s.group)
	if line != s.last {
		s.printf("= %s", line)
		s.last = line
	}
}

// kept is what a store would have.
type kept struct {
	log     []state.Effect
	meta    *state.Group
	offsets map[TopicPartition]state.Offset // not those of transactions
}

func (k *kept) apply(e state.Effect) {
	k.log = append(k.log, e)
	switch e := e.(type) {
	case state.PutGroup:
		k.meta = &e.Group
	case state.RemoveGroup:
		k.meta = nil
	case state.PutOffset:
		k.offsets[TopicPartition{e.Offset.Topic, e.Offset.Partition}] = e.Offset
	case state.RemoveOffset:
		delete(k.offsets, TopicPartition{e.Topic, e.Partition})
	}
}

// restore makes a group of what was stored, as a shard does.
func (k *kept) restore(settings Settings, now time.Time) *Group {
	b := builder{groups: map[string]*stored{}, txns: participants{}}
	for _, e := range k.log {
		if err := b.add(e); err != nil {
			panic(err)
		}
	}
	g := b.group("g")
	return Restore("g", g.meta, g.ledger, settings, now)
}
