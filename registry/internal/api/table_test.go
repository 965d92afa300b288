package api

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/typelog/typelog/registry/internal/model"
)

// nobody is a caller who may do nothing; it counts what it was asked.
type nobody struct {
	t     *testing.T
	asked *int
}

func (n nobody) May(access Access, _ model.Subject) bool { return n.MayWithout(access) }

func (n nobody) MayWithout(access Access) bool {
	*n.asked++
	if access == 0 {
		n.t.Error("a route needs no right at all")
	}
	return false
}

// unnamed is a service that knows names and nothing else: anything else that is asked of it is a panic.
type unnamed struct{ Service }

func (unnamed) Resolve(subject string) model.Subject { return model.ParseSubject(subject) }

// TestEveryRouteIsAuthorized walks the table with a caller who is denied everything: no route may reach the service.
// Without credentials none does either, except for health.
func TestEveryRouteIsAuthorized(t *testing.T) {
	asked, sent := 0, 0
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	denied := New(unnamed{}, Options{Log: quiet, Authenticate: func(*http.Request) (Caller, error) { return nobody{t, &asked}, nil }})
	unknown := New(unnamed{}, Options{Log: quiet, Authenticate: func(*http.Request) (Caller, error) { return nil, ErrUnauthenticated }})
	rows := append(table(), route{method: http.MethodGet, pattern: "/metrics", access: Describe})
	for _, r := range rows {
		if r.access == Open {
			if r.pattern != "/healthz" && r.pattern != "/readyz" {
				t.Errorf("%s is open to all", r.pattern)
			}
			continue
		}
		path := strings.NewReplacer("{subject}", "s", "{version}", "1", "{id}", "1", "{guid}", "g", "{context}", "c").Replace(r.pattern)
		for _, prefix := range []string{"", "/contexts/c"} {
			if prefix != "" && !r.contexts {
				continue
			}
			sent++
			w := httptest.NewRecorder()
			denied.ServeHTTP(w, httptest.NewRequest(r.method, prefix+path, nil))
			if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "40301") {
				t.Errorf("%s %s: %d %s", r.method, prefix+path, w.Code, w.Body)
			}
			w = httptest.NewRecorder()
			unknown.ServeHTTP(w, httptest.NewRequest(r.method, prefix+path, nil))
			if w.Code != http.StatusUnauthorized || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("%s %s without credentials: %d %s", r.method, prefix+path, w.Code, w.Body)
			}
		}
	}
	if asked != sent {
		t.Errorf("%d of %d requests were authorized", asked, sent)
	}
}

// TestForeignMetrics: /metrics tells what the rest of the process counts, too.
func TestForeignMetrics(t *testing.T) {
	others := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "typelog_elsewhere_total", Help: "x"})
	others.MustRegister(counter)
	counter.Inc()
	w := httptest.NewRecorder()
	New(nil, Options{Gatherer: others}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{"typelog_elsewhere_total 1", "typelog_registry_requests_total"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s is not there:\n%.500s", want, w.Body)
		}
	}
}

func TestOptionsAndHead(t *testing.T) {
	h := New(nil, Options{})
	for path, want := range map[string]string{"/subjects": "HEAD, GET, OPTIONS", "/config": "HEAD, DELETE, GET, OPTIONS, PUT",
		"/subjects/s/versions": "HEAD, POST, GET, OPTIONS"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodOptions, path, nil))
		if w.Code != 200 || w.Body.String() != want || w.Header().Get("Content-Type") != "text/plain" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if !strings.Contains(w.Body.String(), `typelog_registry_requests_total{method="GET",route="/subjects",status="200"} 0`) {
		t.Errorf("the counters are not there:\n%.500s", w.Body)
	}
}
