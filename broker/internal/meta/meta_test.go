package meta

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func id(n byte) TopicID { return TopicID{0: n, 15: 1} }

// opened is a store on a real file that the test can close and open again.
type opened struct {
	*Store
	t    *testing.T
	path string
}

func newStore(t *testing.T) *opened {
	t.Helper()
	o := &opened{t: t, path: filepath.Join(t.TempDir(), "broker.db")}
	o.open()
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

func (o *opened) open() {
	o.t.Helper()
	s, err := Open(o.t.Context(), o.path)
	if err != nil {
		o.t.Fatal(err)
	}
	o.Store = s
}

func (o *opened) reopen() {
	o.t.Helper()
	if err := o.Close(); err != nil {
		o.t.Fatal(err)
	}
	o.open()
}

func (o *opened) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// names lists the topics of a snapshot.
func names(topics []*Topic) string {
	var out []string
	for _, t := range topics {
		out = append(out, t.Name)
	}
	return strings.Join(out, " ")
}

func (o *opened) wantNames(topics, deleting string) {
	o.t.Helper()
	s := o.Snapshot()
	if got := names(s.Topics()); got != topics || s.Len() != len(s.Topics()) {
		o.t.Errorf("topics %q, want %q", got, topics)
	}
	if got := names(s.Deleting()); got != deleting {
		o.t.Errorf("deleting %q, want %q", got, deleting)
	}
}

func equal(a, b *Topic) bool {
	return a.ID == b.ID && a.Name == b.Name && a.Partitions == b.Partitions && a.Created == b.Created &&
		a.Changed == b.Changed && a.Deleting == b.Deleting && maps.Equal(a.Configs, b.Configs)
}

// same wants two snapshots to be equal in every respect.
func same(t *testing.T, got, want *Snapshot) {
	t.Helper()
	if got.version != want.version || got.epoch != want.epoch || got.producer != want.producer ||
		!maps.Equal(got.configs, want.configs) || !maps.Equal(got.folded, want.folded) ||
		!maps.EqualFunc(got.byID, want.byID, equal) || !maps.EqualFunc(got.byName, want.byName, equal) {
		t.Errorf("snapshots differ:\n%+v\n%+v", got, want)
	}
}

func TestEverythingSurvives(t *testing.T) {
	ctx := t.Context()
	o := newStore(t)
	o.must(o.Create(ctx, Topic{ID: id(1), Name: "orders", Partitions: 3, Created: 1_700_000_000_000,
		Configs: map[string]string{"retention.ms": "5", "typelog.value.contract": "reject"}}))
	o.must(o.Create(ctx, Topic{ID: id(2), Name: "audit.log", Partitions: 1}))
	o.must(o.Create(ctx, Topic{ID: id(3), Name: "gone", Partitions: 1, Configs: map[string]string{"a": "b"}}))
	o.must(o.Create(ctx, Topic{ID: id(4), Name: "going", Partitions: 1}))
	o.must(o.SetPartitions(ctx, id(1), 9))
	o.must(o.SetConfigs(ctx, id(2), map[string]string{"segment.ms": "7", "empty": ""}))
	o.must(o.MarkDeleting(ctx, id(3)))
	o.must(o.Forget(ctx, id(3)))
	o.must(o.MarkDeleting(ctx, id(4)))
	o.must(o.SetBrokerConfigs(ctx, map[string]string{"message.max.bytes": "77"}))
	if first, err := o.AllocateProducerIDs(ctx, 1000); err != nil || first != 0 {
		t.Fatal(first, err)
	}
	if epoch, err := o.RaiseEpoch(ctx); err != nil || epoch != 1 {
		t.Fatal(epoch, err)
	}
	before := o.Snapshot()
	o.reopen()
	same(t, o.Snapshot(), before)
	o.wantNames("audit.log orders", "going")
	got := o.Snapshot().ByName("orders")
	want := &Topic{ID: id(1), Name: "orders", Partitions: 9, Created: 1_700_000_000_000, Changed: 5,
		Configs: map[string]string{"retention.ms": "5", "typelog.value.contract": "reject"}}
	if got == nil || !equal(got, want) || o.Snapshot().ByID(id(1)) != got {
		t.Errorf("%+v, want %+v", got, want)
	}
	if first, err := o.AllocateProducerIDs(ctx, 1); err != nil || first != 1000 {
		t.Errorf("producer ids begin again at %d, %v", first, err)
	}
	if epoch, err := o.RaiseEpoch(ctx); err != nil || epoch != 2 || o.Snapshot().Epoch() != 2 {
		t.Errorf("epoch %d, %v", epoch, err)
	}
}

func TestOneOfConcurrentCreationsWins(t *testing.T) {
	o := newStore(t)
	const racers, topics = 8, 5
	var wg sync.WaitGroup
	won := make([][]TopicID, topics)
	var mu sync.Mutex
	for r := range racers {
		wg.Go(func() {
			for n := range topics {
				mine := TopicID{0: byte(r + 1), 1: byte(n)}
				err := o.Create(t.Context(), Topic{ID: mine, Name: fmt.Sprint("topic-", n), Partitions: 1})
				switch {
				case err == nil:
					mu.Lock()
					won[n] = append(won[n], mine)
					mu.Unlock()
				case !errors.Is(err, ErrExists):
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	o.reopen()
	for n := range topics {
		got := o.Snapshot().ByName(fmt.Sprint("topic-", n))
		if len(won[n]) != 1 || got == nil || got.ID != won[n][0] {
			t.Errorf("topic %d: winners %x, stored %+v", n, won[n], got)
		}
	}
}

func TestDeletionInTwoSteps(t *testing.T) {
	ctx := t.Context()
	o := newStore(t)
	o.must(o.Create(ctx, Topic{ID: id(1), Name: "t", Partitions: 2, Configs: map[string]string{"a": "1"}}))
	if err := o.Forget(ctx, id(1)); !errors.Is(err, ErrInvalid) {
		t.Errorf("forgetting a living topic: %v", err)
	}
	o.must(o.MarkDeleting(ctx, id(1)))
	o.wantNames("", "t")
	for what, err := range map[string]error{
		"marking again": o.MarkDeleting(ctx, id(1)),
		"partitions":    o.SetPartitions(ctx, id(1), 5),
		"configs":       o.SetConfigs(ctx, id(1), nil),
		"no such topic": o.MarkDeleting(ctx, id(9)),
	} {
		if !errors.Is(err, ErrUnknownTopic) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// The name is free at once, the id is not.
	o.must(o.Create(ctx, Topic{ID: id(2), Name: "t", Partitions: 1}))
	if err := o.Create(ctx, Topic{ID: id(1), Name: "u", Partitions: 1}); !errors.Is(err, ErrExists) {
		t.Errorf("the id of a topic that is being deleted: %v", err)
	}
	o.reopen() // as after a crash between the steps
	o.wantNames("t", "t")
	if got := o.Snapshot().ByID(id(1)); got == nil || !got.Deleting || got.Configs["a"] != "1" {
		t.Errorf("%+v", got)
	}
	o.must(o.Forget(ctx, id(1)))
	o.must(o.Forget(ctx, id(1)))
	o.wantNames("t", "")
	o.reopen()
	o.wantNames("t", "")
}

func TestWhatCannotBeATopic(t *testing.T) {
	o := newStore(t)
	for _, bad := range []Topic{
		{ID: id(1), Name: "", Partitions: 1},
		{ID: id(1), Name: ".", Partitions: 1},
		{ID: id(1), Name: "..", Partitions: 1},
		{ID: id(1), Name: "a b", Partitions: 1},
		{ID: id(1), Name: "ä", Partitions: 1},
		{ID: id(1), Name: "a/b", Partitions: 1},
		{ID: id(1), Name: "a\x00", Partitions: 1},
		{ID: id(1), Name: strings.Repeat("a", 250), Partitions: 1},
		{ID: id(1), Name: "ok", Partitions: 0},
		{ID: TopicID{}, Name: "ok", Partitions: 1},
	} {
		if err := o.Create(t.Context(), bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	o.must(o.Create(t.Context(), Topic{ID: id(1), Name: strings.Repeat("a", 249), Partitions: 1}))
	o.must(o.Create(t.Context(), Topic{ID: id(2), Name: "...", Partitions: 2}))
	if err := o.SetPartitions(t.Context(), id(2), 1); !errors.Is(err, ErrInvalid) {
		t.Errorf("fewer partitions: %v", err)
	}
	if o.Snapshot().Version() != 2 {
		t.Errorf("refusals were counted as changes: %d", o.Snapshot().Version())
	}
}

func TestCollidingNames(t *testing.T) {
	ctx := t.Context()
	o := newStore(t)
	o.must(o.Create(ctx, Topic{ID: id(1), Name: "a.b", Partitions: 1}))
	for name, want := range map[string]bool{"a_b": true, "a.b": false, "a-b": false} {
		if got := o.Snapshot().Collides(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	o.must(o.Create(ctx, Topic{ID: id(2), Name: "a_b", Partitions: 1}))
	o.must(o.MarkDeleting(ctx, id(1)))
	if s := o.Snapshot(); s.Collides("a_b") || !s.Collides("a.b") {
		t.Error("the deleted topic still counts")
	}
	o.must(o.MarkDeleting(ctx, id(2)))
	if o.Snapshot().Collides("a.b") {
		t.Error("deleted topics still count")
	}
}

func TestChangedSince(t *testing.T) {
	ctx := t.Context()
	o := newStore(t)
	o.must(o.Create(ctx, Topic{ID: id(1), Name: "a", Partitions: 1}))
	o.must(o.Create(ctx, Topic{ID: id(2), Name: "b", Partitions: 1}))
	at := o.Snapshot().Version()
	if got := o.Snapshot().ChangedSince(at); len(got) != 0 {
		t.Errorf("nothing changed, got %s", names(got))
	}
	o.must(o.SetConfigs(ctx, id(1), map[string]string{"x": "y"}))
	if got := names(o.Snapshot().ChangedSince(at)); got != "a" {
		t.Errorf("changed: %s", got)
	}
	o.must(o.MarkDeleting(ctx, id(2)))
	o.reopen()
	if got := names(o.Snapshot().ChangedSince(at)); got != "a b" {
		t.Errorf("changed: %s", got)
	}
	if got := names(o.Snapshot().ChangedSince(0)); got != "a b" {
		t.Errorf("changed since the beginning: %s", got)
	}
}

func TestSnapshotsDoNotChange(t *testing.T) {
	ctx := t.Context()
	o := newStore(t)
	configs := map[string]string{"a": "1"}
	o.must(o.Create(ctx, Topic{ID: id(1), Name: "t", Partitions: 1, Configs: configs}))
	before := o.Snapshot()
	topic := before.ByName("t")
	configs["a"] = "2" // the caller's map is the caller's
	o.must(o.SetConfigs(ctx, id(1), map[string]string{"b": "3"}))
	o.must(o.SetPartitions(ctx, id(1), 4))
	o.must(o.MarkDeleting(ctx, id(1)))
	if before.ByName("t") != topic || topic.Deleting || topic.Partitions != 1 || topic.Configs["a"] != "1" || len(topic.Configs) != 1 {
		t.Errorf("%+v", topic)
	}
	before.BrokerConfigs()["x"] = "y"
	if len(before.BrokerConfigs()) != 0 {
		t.Error("the broker's configs can be changed from outside")
	}
}

func TestProducerIDsAreNeverGivenOutTwice(t *testing.T) {
	o := newStore(t)
	var mu sync.Mutex
	taken := make(map[int64]bool)
	take := func() {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for n := 1; n < 6; n++ {
					first, err := o.AllocateProducerIDs(t.Context(), n)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for i := range int64(n) {
						if taken[first+i] {
							t.Errorf("%d twice", first+i)
						}
						taken[first+i] = true
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
	}
	take()
	o.reopen()
	take()
	if len(taken) != 2*4*15 {
		t.Errorf("%d ids", len(taken))
	}
	for _, n := range []int{0, -1} {
		if _, err := o.AllocateProducerIDs(t.Context(), n); !errors.Is(err, ErrInvalid) {
			t.Errorf("%d ids: %v", n, err)
		}
	}
}

func TestCountersEnd(t *testing.T) {
	o := newStore(t)
	_, err := o.db.Exec("UPDATE counters SET value = 9223372036854775806 WHERE name = 'producer_id'; UPDATE counters SET value = 2147483647 WHERE name = 'leader_epoch'")
	o.must(err)
	o.reopen()
	if first, err := o.AllocateProducerIDs(t.Context(), 1); err != nil || first != 9223372036854775806 {
		t.Errorf("%d, %v", first, err)
	}
	if _, err := o.AllocateProducerIDs(t.Context(), 1); !errors.Is(err, ErrExhausted) {
		t.Errorf("past the last producer id: %v", err)
	}
	if _, err := o.RaiseEpoch(t.Context()); !errors.Is(err, ErrExhausted) {
		t.Errorf("past the last epoch: %v", err)
	}
}

func TestAFullDiskChangesNothing(t *testing.T) {
	ctx := t.Context()
	o := newStore(t)
	o.must(o.Create(ctx, Topic{ID: id(1), Name: "before", Partitions: 1}))
	before := o.Snapshot()
	var pages int
	o.must(o.db.QueryRow("PRAGMA page_count").Scan(&pages))
	_, err := o.db.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	o.must(err)
	big := map[string]string{"x": strings.Repeat("y", 100_000)}
	for range 3 {
		if err := o.Create(ctx, Topic{ID: id(2), Name: "big", Partitions: 1, Configs: big}); !errors.Is(err, ErrStorage) {
			t.Fatalf("without room: %v", err)
		}
	}
	same(t, o.Snapshot(), before)
	_, err = o.db.Exec("PRAGMA max_page_count = 100000")
	o.must(err)
	o.must(o.Create(ctx, Topic{ID: id(2), Name: "big", Partitions: 1, Configs: big}))
	o.reopen()
	o.wantNames("before big", "")
}

func TestACancelledChangeChangesNothing(t *testing.T) {
	o := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.Create(ctx, Topic{ID: id(1), Name: "t", Partitions: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	o.wantNames("", "")
	o.must(o.Create(t.Context(), Topic{ID: id(1), Name: "t", Partitions: 1}))
	o.wantNames("t", "")
}

// A commit of which nobody knows whether it happened is looked up before the next change.
func TestAfterACommitInDoubtTheFileDecides(t *testing.T) {
	o := newStore(t)
	_, err := o.db.Exec("INSERT INTO topics VALUES (?, 'hidden', 1, 0, 0, 1); UPDATE counters SET value = 1 WHERE name = 'change'", make([]byte, 16))
	o.must(err)
	o.stale = true
	if err := o.Create(t.Context(), Topic{ID: id(1), Name: "hidden", Partitions: 1}); !errors.Is(err, ErrExists) {
		t.Errorf("%v", err)
	}
	o.must(o.Create(t.Context(), Topic{ID: id(1), Name: "other", Partitions: 1}))
	o.wantNames("hidden other", "")
	if v := o.Snapshot().Version(); v != 2 {
		t.Errorf("version %d", v)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	database := func(name, statements string) string {
		path := filepath.Join(dir, name)
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(statements); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := func(name string) string {
		path := filepath.Join(dir, name)
		s, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		for n := range byte(50) {
			if err := s.Create(t.Context(), Topic{ID: id(n + 1), Name: fmt.Sprint("topic-", n), Partitions: 1,
				Configs: map[string]string{"x": strings.Repeat("z", 500)}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return path
	}
	newer := good("newer")
	database("newer", fmt.Sprintf("PRAGMA user_version = %d", len(migrations)+1))
	damaged := good("damaged")
	b, err := os.ReadFile(damaged)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(b)-4096; i += 4096 {
		copy(b[i:], strings.Repeat("\xff", 2000))
	}
	if err := os.WriteFile(damaged, b, 0o600); err != nil {
		t.Fatal(err)
	}
	noise := filepath.Join(dir, "noise")
	if err := os.WriteFile(noise, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]struct {
		kind error
		says string
	}{
		newer:   {ErrNewer, "newer typelog"},
		damaged: {ErrCorrupt, ""},
		noise:   {ErrCorrupt, ""},
		database("foreign", "CREATE TABLE t (x)"):                                              {ErrCorrupt, "something else"},
		database("empty-but-numbered", "PRAGMA application_id = 123; PRAGMA user_version = 1"): {ErrCorrupt, "schema version 1"},
		filepath.Join(dir, "no", "such", "directory"):                                          {ErrStorage, ""},
	} {
		s, err := Open(t.Context(), path)
		if !errors.Is(err, want.kind) || !strings.Contains(err.Error(), want.says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %v that says %q and names the file", filepath.Base(path), err, want.kind, want.says)
		}
		if err == nil {
			s.Close()
		}
	}
}

// Names that mean something in a URL or on a command line are only names.
func TestPathsAreTakenAsTheyAre(t *testing.T) {
	name := "a b&x=%41#ü"
	if runtime.GOOS != "windows" { // where no file can be called so
		name += "?mode=memory"
	}
	dir := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "broker.db")
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestDurabilityIsNotLeftToDefaults(t *testing.T) {
	o := newStore(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "fullfsync": "1"} {
		var got string
		o.must(o.db.QueryRow("PRAGMA " + pragma).Scan(&got))
		if got != want {
			t.Errorf("%s is %s, want %s", pragma, got, want)
		}
	}
}

func BenchmarkCreate(b *testing.B) {
	s, err := Open(b.Context(), filepath.Join(b.TempDir(), "broker.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		t := Topic{ID: TopicID{1, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, Name: fmt.Sprint("topic-", n), Partitions: 1}
		if err := s.Create(b.Context(), t); err != nil {
			b.Fatal(err)
		}
	}
}
