package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/internal/node"
	"github.com/typelog/typelog/schemas/audit"
)

// testServer is a typelog in this process, on real files and sockets. It can be stopped and started again in its place.
type testServer struct {
	file  node.File
	stop  context.CancelFunc
	ended chan error
}

func startServer(t *testing.T) *testServer {
	t.Helper()
	s := &testServer{file: node.File{
		Data:      t.TempDir(),
		Listeners: []node.FileListener{{Name: "PLAINTEXT", Bind: "127.0.0.1:0"}},
		Registry:  node.FileRegistry{Bind: "127.0.0.1:0"},
	}}
	s.start(t)
	t.Cleanup(func() { s.end(t) })
	return s
}

func (s *testServer) start(t *testing.T) {
	t.Helper()
	n, err := node.Open(s.file, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if s.stop == nil { // a restart keeps the addresses
		s.file.Listeners[0].Bind, s.file.Registry.Bind = n.Kafka()[0].String(), n.Registry()[0].String()
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop, s.ended = stop, make(chan error, 1)
	go func() { s.ended <- n.Run(ctx) }()
}

func (s *testServer) end(t *testing.T) {
	t.Helper()
	s.stop()
	if err := <-s.ended; err != nil {
		t.Errorf("the server ended with: %v", err)
	}
}

// audit runs the command line against the server and returns what it printed last.
func (s *testServer) audit(t *testing.T, args ...string) (string, error) {
	t.Helper()
	if args[0] != "report" {
		args = append(args, "--brokers", s.file.Listeners[0].Bind, "--registry", "http://"+s.file.Registry.Bind)
	}
	var out strings.Builder
	cmd := command()
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := cmd.ExecuteContext(ctx)
	return strings.TrimSpace(out.String()), err
}

func (s *testServer) expect(t *testing.T, want string, args ...string) {
	t.Helper()
	if got, err := s.audit(t, args...); err != nil || got != want {
		t.Fatalf("audit %s printed %q (%v), not %q", strings.Join(args, " "), got, err, want)
	}
}

func corpusFiles() []string {
	return []string{"testdata/kubernetes.jsonl", "testdata/cloudtrail.jsonl", "testdata/windows.jsonl"}
}

func TestPipeline(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	dir := t.TempDir()
	db := filepath.Join(dir, "events #1.db")
	store := []string{"store", "--until-idle", "--db", db}
	s.expect(t, "read=25 produced=25 dead_lettered=0", append([]string{"ingest"}, corpusFiles()...)...)
	s.expect(t, "stored=25 duplicates=0 gaps=0", store...)
	checkReport(t, s, db)
	checkStored(t, db)

	// Once more, and with lines appended.
	s.expect(t, "read=25 produced=25 dead_lettered=0", append([]string{"ingest"}, corpusFiles()...)...)
	text, err := os.ReadFile("testdata/cloudtrail.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	grown := filepath.Join(dir, "cloudtrail.jsonl")
	if err := os.WriteFile(grown, slices.Concat(text, text[:strings.IndexByte(string(text), '\n')+1]), 0o600); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "read=6 produced=6 dead_lettered=0", "ingest", grown)
	s.expect(t, "stored=1 duplicates=30 gaps=0", store...)
	s.expect(t, "stored=0 duplicates=0 gaps=0", store...)
}

// TestContract produces something else to the topic of events: the server refuses it, so the store never meets it.
func TestContract(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.expect(t, "read=25 produced=25 dead_lettered=0", append([]string{"ingest"}, corpusFiles()...)...)
	client, err := kgo.NewClient(kgo.SeedBrokers(s.file.Listeners[0].Bind), kgo.DefaultProduceTopic("audit"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	err = client.ProduceSync(t.Context(), kgo.StringRecord("no event")).FirstErr()
	if !errors.Is(err, kerr.InvalidRecord) {
		t.Errorf("a record that is no event gives: %v", err)
	}
}

// TestNoContract ingests to a topic that somebody created without a contract: it works, and says so.
func TestNoContract(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(s.file.Listeners[0].Bind))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, topic := range []string{"bare", "audit"} {
		if topic == "bare" {
			if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 2, 1, nil, topic); err != nil {
				t.Fatal(err)
			}
		}
		var said strings.Builder
		cfg := ingestConfig{brokers: []string{s.file.Listeners[0].Bind}, registry: "http://" + s.file.Registry.Bind, topic: topic, files: corpusFiles()}
		if err := ingest(t.Context(), cfg, slog.New(slog.NewTextHandler(&said, nil)), io.Discard); err != nil {
			t.Fatal(err)
		}
		if warned := strings.Contains(said.String(), "no contract"); warned != (topic == "bare") {
			t.Errorf("about topic %s it said %q", topic, said.String())
		}
	}
}

func checkReport(t *testing.T, s *testServer, db string) {
	t.Helper()
	got, err := s.audit(t, "report", "--db", db, "--top", "3")
	if err != nil {
		t.Fatal(err)
	}
	want := `events 25
from   2026-03-01T08:00:00.000000Z
to     2026-03-02T06:00:12.000000Z

by actor (3 of 15)
        7	(none)
        3	S-1-5-21-1-2-3-1001	DESK-7\otto
        2	DESK-7\otto
       13	(others)
       25	(total)
`
	if !strings.HasPrefix(got, want) {
		t.Errorf("the report begins:\n%s\nand not:\n%s", got[:min(len(got), len(want)+100)], want)
	}
	for _, part := range []string{
		"\nby outcome (3 of 4)\n        9\tUNKNOWN\n        7\tSUCCESS\n        5\tDENIED\n        4\t(others)\n",
		"\nby source (3 of 3)\n       14\twindows.jsonl\n        6\tkubernetes.jsonl\n        5\tcloudtrail.jsonl\n",
		"\ngaps 0",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("the report lacks %q:\n%s", part, got)
		}
	}
}

// checkStored compares the rows with the events that the mapping makes.
func checkStored(t *testing.T, path string) {
	t.Helper()
	db, err := openDatabase(t.Context(), path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, file := range corpusFiles() {
		lines, _, events := corpus(t, filepath.Base(file))
		chain := newChain(filepath.Base(file))
		for i, e := range events {
			chain.add([]byte(lines[i]))
			e.EventID = chain.end()
			e.Producer = audit.Producer{ID: filepath.Base(file), Sequence: int64(i + 1)}
			want, err := rowOf(e)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]string, len(want))
			into := make([]any, len(want))
			for i := range got {
				into[i] = &got[i]
			}
			row := db.QueryRowContext(t.Context(), "SELECT hex(event_id), occurred_at, 0, action, operation, outcome, ifnull(reason, '<nil>'), "+
				"actor_type, actor_id, ifnull(actor_name, '<nil>'), ifnull(on_behalf_of, '<nil>'), ifnull(auth_method, '<nil>'), targets, "+
				"source_service, ifnull(source_version, '<nil>'), ifnull(source_host, '<nil>'), ifnull(source_ip, '<nil>'), "+
				"ifnull(source_user_agent, '<nil>'), ifnull(request_id, '<nil>'), ifnull(trace_id, '<nil>'), changes, metadata, "+
				"producer_id, sequence FROM events WHERE event_id = ?", e.EventID[:])
			if err := row.Scan(into...); err != nil {
				t.Fatalf("%s line %d: %v", file, i+1, err)
			}
			want[0], want[2] = strings.ToUpper(e.EventID.String()), 0 // recorded_at is the ingester's clock
			for c := range want {
				if w := plainColumn(t, want[c]); got[c] != w {
					t.Errorf("%s line %d: column %d is %q, not %q", file, i+1, c, got[c], w)
				}
			}
		}
	}
}

func plainColumn(t *testing.T, v any) string {
	t.Helper()
	if valuer, ok := v.(driver.Valuer); ok {
		plain, err := valuer.Value()
		if err != nil {
			t.Fatal(err)
		}
		v = plain
	}
	return fmt.Sprint(v)
}

// TestDeadLetters ingests a log of which most lines are bad: each bad one is in the dead letters, as it came, with its
// place and the reason.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.expect(t, "read=26 produced=3 dead_lettered=23", "ingest", "testdata/corrupt.jsonl")
	db := filepath.Join(t.TempDir(), "a.db")
	s.expect(t, "stored=3 duplicates=0 gaps=0", "store", "--until-idle", "--db", db)

	text, err := os.ReadFile("testdata/corrupt.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	want := map[string]string{
		"2": "the line is cut off", "3": "the line is cut off", "4": "the line is empty", "5": "more follows the JSON value",
		"6": "an array, not an object", "7": "unknown shape", "8": "unknown shape", "9": "/user/username is a number, not a string",
		"10": `/responseStatus/code is "200", not a whole number`, "11": "/responseStatus is a number, not an object",
		"12": `/requestReceivedTimestamp is "yesterday", not a time`, "13": "/requestReceivedTimestamp is missing",
		"14": `the name "verb" comes twice`, "15": "not UTF-8", "16": "half a surrogate pair", "17": "a number begins with 0",
		"18": "nested more than 64 deep", "19": "/eventName is missing or empty", "20": "/resources/0 is a number, not an object",
		"21": `/EventID is "4624", not a whole number`, "22": `/Keywords is "many", not a number`, "23": "unknown shape", "24/2": "unknown shape",
	}
	letters := deadLettersOf(t, s, len(want))
	if !slices.Equal(slices.Sorted(maps.Keys(letters)), slices.Sorted(maps.Keys(want))) {
		t.Errorf("dead letters are lines %v", slices.Sorted(maps.Keys(letters)))
	}
	for at, l := range letters {
		if !strings.Contains(l.reason, want[at]) {
			t.Errorf("line %s: the reason is %q, not %q", at, l.reason, want[at])
		}
		raw := "7" // the second record of line 24
		if l.record == 0 {
			raw = lines[l.line-1]
		}
		if string(l.text) != raw || l.source != "corrupt.jsonl" {
			t.Errorf("line %s of %s is %q, not %q", at, l.source, l.text, raw)
		}
	}
}

// deadLettersOf reads the dead letters by line, or line/record. Parts are joined.
func deadLettersOf(t *testing.T, s *testServer, n int) map[string]letter {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.file.Listeners[0].Bind), kgo.ConsumeTopics("audit-dead"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(t.Context(), "audit-dead")
	if err != nil {
		t.Fatal(err)
	}
	end, _ := ends.Lookup("audit-dead", 0)
	letters := map[string]letter{}
	for read := int64(0); read < end.Offset; {
		fetches := client.PollFetches(t.Context())
		if err := fetches.Err0(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			read++
			l := letter{text: r.Value}
			at := ""
			for _, h := range r.Headers {
				switch h.Key {
				case headerSource:
					l.source = string(h.Value)
				case headerLine:
					at = string(h.Value) + at
					fmt.Sscan(string(h.Value), &l.line)
				case headerRecord:
					at += "/" + string(h.Value)
					fmt.Sscan(string(h.Value), &l.record)
				case headerReason:
					l.reason = string(h.Value)
				}
			}
			l.text = append(letters[at].text, l.text...)
			letters[at] = l
		})
	}
	if len(letters) != n {
		t.Errorf("%d dead letters, not %d", len(letters), n)
	}
	return letters
}

// TestDocumentAndLongLine ingests a CloudTrail document, whose records get the ids that they have one a line, and a line
// that no message could hold.
func TestDocumentAndLongLine(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	text, err := os.ReadFile("testdata/cloudtrail.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	document := `{"Records":[` + strings.Join(strings.Split(strings.TrimSpace(string(text)), "\n"), ", ") + "]}"
	long := `{"long":"` + strings.Repeat("0123456789", maxLine/10+1) + `"}`
	file := filepath.Join(dir, "cloudtrail.jsonl")
	if err := os.WriteFile(file, []byte(document+"\n"+long), 0o600); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "read=6 produced=5 dead_lettered=1", "ingest", file)
	s.expect(t, "read=5 produced=5 dead_lettered=0", "ingest", "testdata/cloudtrail.jsonl")
	s.expect(t, "stored=5 duplicates=5 gaps=0", "store", "--until-idle", "--db", filepath.Join(dir, "a.db"))
	if got := deadLettersOf(t, s, 1)["2"]; string(got.text) != long {
		t.Errorf("of a line of %d bytes, %d are in the dead letters (%s)", len(long), len(got.text), got.reason)
	}
}

// TestRestart stops the server while logs come in and go out. Nobody gives up, and nothing is lost.
func TestRestart(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	dir := t.TempDir()
	line, _, _ := corpus(t, "windows.jsonl")
	file, db := filepath.Join(dir, "many.jsonl"), filepath.Join(dir, "a.db")
	if err := os.WriteFile(file, []byte(strings.Repeat(line[0]+"\n", 3000)), 0o600); err != nil {
		t.Fatal(err)
	}
	ingested := make(chan string, 1)
	go func() {
		got, err := s.audit(t, "ingest", "--rate", "2000", file)
		ingested <- fmt.Sprint(got, err)
	}()
	untilStored(t, s, db, 500)
	s.end(t)
	s.start(t)
	if got := <-ingested; got != "read=3000 produced=3000 dead_lettered=0<nil>" {
		t.Errorf("ingest printed %s", got)
	}
	got, err := s.audit(t, "store", "--until-idle", "--db", db)
	if err != nil || !strings.HasSuffix(got, " gaps=0") {
		t.Errorf("store printed %s (%v)", got, err)
	}
	again := filepath.Join(dir, "again.db") // each event is in the topic once
	s.expect(t, "stored=3000 duplicates=0 gaps=0", "store", "--until-idle", "--group", "again", "--db", again)
}

// untilStored runs a store until the database holds n events.
func untilStored(t *testing.T, s *testServer, path string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	db, err := openDatabase(ctx, path, true)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	cfg := storeConfig{brokers: []string{s.file.Listeners[0].Bind}, registry: "http://" + s.file.Registry.Bind, topic: defaultTopic, group: "audit-store", db: path}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- store(running, cfg, slog.New(slog.DiscardHandler), io.Discard) }()
	for stored := 0; stored < n; {
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM events").Scan(&stored); err != nil {
			t.Fatal(err)
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%d of %d events were stored in time", stored, n)
		}
	}
	stop()
	<-ended // gaps are possible: partitions run at their own pace
}

// TestGaps takes events out of a database.
func TestGaps(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	path := filepath.Join(t.TempDir(), "a.db")
	s.expect(t, "read=25 produced=25 dead_lettered=0", append([]string{"ingest"}, corpusFiles()...)...)
	s.expect(t, "stored=25 duplicates=0 gaps=0", "store", "--until-idle", "--db", path)
	db, err := openDatabase(t.Context(), path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "DELETE FROM events WHERE sequence IN (1, 3, 4) AND producer_id = 'windows.jsonl'"); err != nil {
		t.Fatal(err)
	}
	got, err := s.audit(t, "report", "--db", path)
	if want := "\ngaps 3\n        1\twindows.jsonl\t1-1\n        2\twindows.jsonl\t3-4"; err == nil || !strings.HasSuffix(got, want) {
		t.Errorf("the report of a database with gaps ends (%v):\n%s", err, got)
	}
	if got, err := s.audit(t, "store", "--until-idle", "--db", path); err == nil || got != "stored=0 duplicates=0 gaps=3" {
		t.Errorf("store printed %s (%v)", got, err)
	}
}
