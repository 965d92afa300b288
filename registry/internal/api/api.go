// Package api is the registry's HTTP interface: routes, arguments, bodies and answers in the forms of Confluent Schema
// Registry 8.3. It decides nothing about schemas: it asks a Service (package registry) and translates. One file per
// resource; table.go lists all routes, errors.go all error codes.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/typelog/typelog/registry/internal/model"
)

// Service is what the routes ask. *registry.Registry is the one; its methods document themselves there.
type Service interface {
	subjects
	schemas
	compatibility
	configs
	modes
	contexts
	tags
	searches
	transfers
	names
	Ready(context.Context) error
}

// Options are what the interface needs besides the service.
type Options struct {
	Log       *slog.Logger
	ClusterID string
	// Gatherer holds further metrics that /metrics serves; nil for none.
	Gatherer prometheus.Gatherer
	// Authenticate says who calls; nil lets anybody do anything.
	Authenticate func(r *http.Request) (Caller, error)
	// Compat is the major version of the registry whose answers are given: 7 for the older ones, 8 or 0.
	Compat int
}

// Caller is who sent a request, and what they may do.
type Caller interface {
	// May says whether the caller may do something to a subject, in its canonical spelling.
	May(access Access, subject model.Subject) bool
	// MayWithout says the same of a route that names no subject.
	MayWithout(access Access) bool
}

// ErrUnauthenticated is what Authenticate says where the credentials are missing or wrong.
var ErrUnauthenticated = errors.New("unauthorized")

// server holds what the handlers share. It is immutable, but for what it remembers.
type server struct {
	service Service
	options Options
	metrics *metrics
	byIDs   encoded
}

// New returns the handler of all routes.
func New(service Service, options Options) http.Handler {
	if options.Log == nil {
		options.Log = slog.Default()
	}
	s := &server{service: service, options: options, metrics: newMetrics()}
	mux := chi.NewRouter()
	mux.NotFound(func(w http.ResponseWriter, _ *http.Request) { bare(w, http.StatusNotFound) })
	mux.MethodNotAllowed(func(w http.ResponseWriter, _ *http.Request) { bare(w, http.StatusMethodNotAllowed) })
	mux.Method(http.MethodGet, "/metrics", s.metricsHandler())
	methods := map[string][]string{}
	for _, r := range table() {
		patterns := []string{r.pattern}
		if r.contexts {
			patterns = append(patterns, "/contexts/{context}"+r.pattern)
		}
		for _, pattern := range patterns {
			mux.Method(r.method, pattern, s.handler(r, pattern))
			if r.method == http.MethodGet {
				mux.Method(http.MethodHead, pattern, s.handler(r, pattern))
			}
			methods[pattern] = append(methods[pattern], r.method)
		}
	}
	for pattern, allowed := range methods {
		mux.Method(http.MethodOptions, pattern, optionsHandler(allowed))
	}
	return clean(mux)
}

// handler adapts a route: it reads the arguments, asks, and writes the answer or the error.
func (s *server) handler(r route, pattern string) http.Handler {
	served := s.metrics.route(r.method, pattern)
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		c := &call{server: s, request: request, writer: w}
		started := time.Now()
		defer func() { served.observe(c.status, started) }()
		if c.kind = negotiate(request.Header["Accept"]); c.kind == "" {
			c.status = http.StatusNotAcceptable
			bare(w, c.status)
			return
		}
		if r.body && !c.acceptsBody() {
			return
		}
		if err := c.authorize(r.access); err != nil {
			c.fail(err)
			return
		}
		answer, err := r.handle(c)
		if err != nil {
			c.fail(err)
			return
		}
		c.answer(answer)
	})
}

// clean refuses paths that no route may see, and takes off a trailing slash and matrix parameters (;a=b).
func clean(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.EscapedPath()
		if ambiguous(path, r.URL.Path) {
			http.Error(w, "Bad Request", http.StatusBadRequest)
			return
		}
		plain := path
		if strings.Contains(plain, ";") {
			segments := strings.Split(plain, "/")
			for i, s := range segments {
				segments[i], _, _ = strings.Cut(s, ";")
			}
			plain = strings.Join(segments, "/")
		}
		if len(plain) > 1 {
			plain = strings.TrimSuffix(plain, "/")
		}
		if plain != path {
			u, err := url.ParseRequestURI(plain)
			if err != nil {
				http.Error(w, "Bad Request", http.StatusBadRequest)
				return
			}
			u.RawQuery = r.URL.RawQuery
			r = r.WithContext(r.Context())
			r.URL = u
		}
		next.ServeHTTP(w, r)
	})
}

// ambiguous reports empty segments, control characters and backslashes.
func ambiguous(escaped, path string) bool {
	for i := 1; i < len(escaped); i++ {
		if escaped[i] == '/' && escaped[i-1] == '/' {
			return true
		}
	}
	for i := range len(path) {
		if path[i] < ' ' || path[i] == 0x7f || path[i] == '\\' {
			return true
		}
	}
	return false
}

// Access is what a caller must be allowed to do for a route.
type Access uint8

// The operations. The zero value is none of them, so that a row without one is seen.
const (
	_          Access = iota
	Describe          // lists of contexts and types, the server's identity, metrics
	Read              // schemas of a subject
	Write             // register
	Delete            // versions, subjects, contexts
	Configure         // configurations and modes
	Everything        // the whole registry at once
	Open              // nothing: health, for probes that have no login
)
