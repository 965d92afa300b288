package registry_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/typelog/typelog/registry"
)

// picture is everything that a registry shows.
func picture(t *testing.T, h http.Handler) string {
	t.Helper()
	var out strings.Builder
	for _, path := range []string{"/subjects?deleted=true", "/schemas?deleted=true&subjectPrefix=:*:", "/contexts", "/config", "/mode",
		"/config/a", "/mode/b", "/schemas/ids/1/versions?deleted=true", "/subjects/line/versions/1/referencedby",
		"/contexts/.eu/schemas/ids/1", "/schemas/ids/2?fetchMaxId=true", "/subjects/a/versions/1/schema?format=given&deleted=true"} {
		status, text := ask(t, h, "GET "+path, "")
		fmt.Fprintln(&out, path, status, text)
	}
	return out.String()
}

func TestRestartKeepsEverything(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	for _, s := range []step{
		{"POST /subjects/a/versions", body("  " + invoice1), 200, registeredAs(1, 1, invoice1)},
		{"POST /subjects/a/versions", body(invoice2, `,"metadata":{"properties":{"o":"x"}}`), 200, `{"id":2,"version":2,"guid":"*","schemaType":"AVRO","schema":"*","metadata":"*"}`},
		{"POST /subjects/b/versions", body(invoice1), 200, registeredAs(1, 1, invoice1)},
		{"DELETE /subjects/a/versions/1", "", 200, `1`},
		{"POST /subjects/line/versions", body(line), 200, registeredAs(3, 1, line)},
		{"POST /subjects/order/versions", body(order, `,"references":[{"name":"shop.Line","subject":"line","version":1}]`), 200, `{"id":4,"version":1,"guid":"*","schemaType":"AVRO","schema":"*","references":"*"}`},
		{"POST /subjects/:.eu:c/versions", body(invoice1), 200, registeredAs(1, 1, invoice1)},
		{"POST /subjects/gone/versions", body(badType), 200, registeredAs(5, 1, badType)},
		{"DELETE /subjects/gone", "", 200, `[1]`},
		{"DELETE /subjects/gone?permanent=true", "", 200, `[1]`},
		{"PUT /config", `{"compatibility":"NONE"}`, 200, `{"compatibility":"NONE"}`},
		{"PUT /config/a", `{"normalize":true}`, 200, `{"normalize":true}`},
		{"PUT /mode/b", `{"mode":"READONLY"}`, 200, `{"mode":"READONLY"}`},
	} {
		s.run(t, r.Handler())
	}
	before := picture(t, r.Handler())
	if !strings.Contains(before, "given&deleted=true 200   {") {
		t.Errorf("the text as it was given is not there:\n%s", before)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open(t, dir)
	if after := picture(t, r.Handler()); after != before {
		t.Errorf("before the restart\n%s\nafter\n%s", before, after)
	}
	// The ids of what was deleted for good are not given out again.
	step{"POST /subjects/new/versions", body(noTotal), 200, registeredAs(6, 1, noTotal)}.run(t, r.Handler())
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "registry.db"), []byte("something else entirely, long enough to be read as a header"), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := registry.New(registry.Config{DataDir: dir, Listen: []string{}})
	if err == nil {
		r.Close()
		t.Fatal("a file that is no database was opened")
	}
	if !strings.Contains(err.Error(), "registry.db") {
		t.Errorf("the error does not name the file: %v", err)
	}
}

func distinct(n int) string {
	return fmt.Sprintf(`{"type":"record","name":"R%d","fields":[{"name":"f","type":"int"}]}`, n)
}

func TestConcurrentRegistration(t *testing.T) {
	const clients, each = 64, 8
	r := open(t, t.TempDir())
	var mu sync.Mutex
	ids := map[int32]map[string]bool{}
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := range each {
				// The even ones are the same for all, the odd ones differ.
				text := distinct(i)
				if i%2 == 1 {
					text = distinct(1000 + c*each + i)
				}
				got, err := r.Register(t.Context(), registry.Registration{Subject: fmt.Sprintf("s%d", (c+i)%7), ID: registry.NoID,
					Source: registry.Source{Text: text}})
				var refusal *registry.Error
				if errors.As(err, &refusal) {
					continue // another schema was there first
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if ids[got.ID] == nil {
					ids[got.ID] = map[string]bool{}
				}
				ids[got.ID][got.Schema.Text] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	var all []int32
	for id, texts := range ids {
		if len(texts) != 1 {
			t.Errorf("id %d stands for %d schemas", id, len(texts))
		}
		all = append(all, id)
	}
	slices.Sort(all)
	for i, id := range all {
		if id != int32(i+1) {
			t.Fatalf("the ids have a gap: %v", all)
		}
	}
}

func TestConcurrentRegistrationOfOneSchema(t *testing.T) {
	r := open(t, t.TempDir())
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			got, err := r.Register(t.Context(), registry.Registration{Subject: "s", ID: registry.NoID, Source: registry.Source{Text: invoice1}})
			if err != nil || got.ID != 1 || got.Number != 1 {
				t.Errorf("got %+v, %v", got.Version, err)
			}
		})
	}
	wg.Wait()
}

// TestTwoNodes runs two registries on one database, as two nodes would run on a shared one.
func TestTwoNodes(t *testing.T) {
	dir := t.TempDir()
	nodes := []*registry.Registry{open(t, dir), open(t, dir)}
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[int32]string{}
	for n, node := range nodes {
		for i := range 25 {
			wg.Go(func() {
				text := distinct(n*100 + i)
				got, err := node.Register(t.Context(), registry.Registration{Subject: fmt.Sprint("s", n, "-", i), ID: registry.NoID,
					Source: registry.Source{Text: text}})
				if err != nil {
					t.Errorf("node %d: %v", n, err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				if other, taken := ids[got.ID]; taken {
					t.Errorf("id %d stands for %s and %s", got.ID, other, text)
				}
				ids[got.ID] = text
			})
		}
	}
	wg.Wait()
	// A change makes a node see what the other has done.
	for _, node := range nodes {
		step{"PUT /config", `{"compatibility":"NONE"}`, 200, `{"compatibility":"NONE"}`}.run(t, node.Handler())
	}
	step{"PUT /config/x", `{"compatibility":"NONE"}`, 200, `{"compatibility":"NONE"}`}.run(t, nodes[0].Handler())
	for _, node := range nodes {
		if got := len(node.Subjects(registry.AllSubjects(), registry.Live)); got != 50 {
			t.Errorf("a node knows %d of 50 subjects", got)
		}
	}
}

func TestServe(t *testing.T) {
	r, err := registry.New(registry.Config{DataDir: t.TempDir(), Listen: []string{"localhost:0"}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := contextWithCancel(t)
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	for _, a := range r.Addrs() {
		response, err := http.Get("http://" + a.String() + "/subjects")
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if string(text) != "[]" {
			t.Errorf("%s answered %s", a, text)
		}
	}
	if _, err := registry.New(registry.Config{DataDir: t.TempDir(), Listen: []string{r.Addrs()[0].String()}}); err == nil ||
		!strings.Contains(err.Error(), r.Addrs()[0].String()) {
		t.Errorf("a port that is taken: %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Run ended with %v", err)
	}
	if _, err := r.Register(t.Context(), registry.Registration{Subject: "s", ID: registry.NoID, Source: registry.Source{Text: invoice1}}); err == nil {
		t.Error("a schema was registered after the end")
	}
}
