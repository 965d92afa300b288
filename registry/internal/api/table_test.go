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

// TestEveryRouteIsAuthorized walks the table with an authorizer that denies everything: no route may reach the service,
// which is not even there.
func TestEveryRouteIsAuthorized(t *testing.T) {
	asked := 0
	h := New(nil, Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Authorize: func(_ *http.Request, access Access, subject string) error {
			asked++
			if access == 0 {
				t.Error("a route needs no right at all")
			}
			return model.Errorf(model.Forbidden, "denied: %q", subject)
		}})
	sent := 0
	for _, r := range table() {
		path := strings.NewReplacer("{subject}", "s", "{version}", "1", "{id}", "1", "{guid}", "g", "{context}", "c").Replace(r.pattern)
		for _, prefix := range []string{"", "/contexts/c"} {
			if prefix != "" && !r.contexts {
				continue
			}
			sent++
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(r.method, prefix+path, nil))
			if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "40301") {
				t.Errorf("%s %s: %d %s", r.method, prefix+path, w.Code, w.Body)
			}
		}
	}
	sent++
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil)); w.Code != http.StatusForbidden {
		t.Errorf("/metrics: %d", w.Code)
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
