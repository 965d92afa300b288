package registry_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/typelog/typelog/registry"
)

// open opens a registry without listeners on a directory.
func open(t testing.TB, dir string) *registry.Registry {
	t.Helper()
	r, err := registry.New(registry.Config{DataDir: dir, Listen: []string{}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Now: func() time.Time { return time.UnixMilli(1_700_000_000_000) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// step is a request and its answer. In want, "*" stands for any value; want "" is an empty body.
type step struct {
	request string // method and path
	body    string
	status  int
	want    string
}

// play runs steps in order on a fresh registry.
func play(t *testing.T, steps []step) *registry.Registry {
	t.Helper()
	r := open(t, t.TempDir())
	for _, s := range steps {
		s.run(t, r.Handler())
	}
	return r
}

func (s step) run(t *testing.T, h http.Handler) {
	t.Helper()
	status, body := ask(t, h, s.request, s.body)
	if status != s.status {
		t.Errorf("%s %s\n  status %d, want %d: %s", s.request, s.body, status, s.status, body)
		return
	}
	if s.want == "" || body == "" {
		if body != s.want {
			t.Errorf("%s\n  got %q, want %q", s.request, body, s.want)
		}
		return
	}
	var got, want any
	if err := json.Unmarshal([]byte(s.want), &want); err != nil {
		t.Fatalf("%s: the table's JSON: %v: %s", s.request, err, s.want)
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Errorf("%s\n  no JSON: %s", s.request, body)
		return
	}
	if !fits(got, want) {
		t.Errorf("%s %s\n  got  %s\n  want %s", s.request, s.body, body, s.want)
	}
}

func ask(t testing.TB, h http.Handler, request, body string, headers ...string) (int, string) {
	t.Helper()
	method, path, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// fits compares JSON values; a string "*" in want fits anything.
func fits(got, want any) bool {
	switch want := want.(type) {
	case string:
		return want == "*" || got == want
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok || len(object) != len(want) {
			return false
		}
		for k, v := range want {
			if value, ok := object[k]; !ok || !fits(value, v) {
				return false
			}
		}
		return true
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return false
		}
		for i := range want {
			if !fits(list[i], want[i]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(got, want)
}

// body is a registration's body.
func body(schema string, more ...string) string {
	text, _ := json.Marshal(schema)
	return `{"schema":` + string(text) + strings.Join(more, "") + `}`
}

// quoted is a text as JSON.
func quoted(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}

// Versions of an invoice: each is BACKWARD compatible with the one before; noTotal is not with any.
const (
	invoice1 = `{"type":"record","name":"Invoice","namespace":"shop","fields":[{"name":"number","type":"long"}]}`
	invoice2 = `{"type":"record","name":"Invoice","namespace":"shop","fields":[{"name":"number","type":"long"},{"name":"total","type":"double","default":0.0}]}`
	invoice3 = `{"type":"record","name":"Invoice","namespace":"shop","fields":[{"name":"number","type":"long"},{"name":"total","type":"double","default":0.0},{"name":"note","type":["null","string"],"default":null}]}`
	noTotal  = `{"type":"record","name":"Invoice","namespace":"shop","fields":[{"name":"number","type":"long"},{"name":"due","type":"long"}]}`
	badType  = `{"type":"record","name":"Invoice","namespace":"shop","fields":[{"name":"number","type":"boolean"}]}`
	line     = `{"type":"record","name":"Line","namespace":"shop","fields":[{"name":"text","type":"string"}]}`
	order    = `{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"lines","type":{"type":"array","items":"Line"}}]}`
	orderAll = `{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[{"name":"text","type":"string"}]}}}]}`
)

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	return ctx, stop
}
