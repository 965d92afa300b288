// Package registry is the schema registry: it registers schemas under subjects, looks them up, decides whether a new
// one may follow the old ones, and deletes them. It answers as Confluent Schema Registry 8.3 does, over HTTP and to Go
// callers in the same process, and it answers the broker's question whether a record fits its schema (CheckPayload).
//
// The rules live here, one noun a file, as decisions about a view of the whole registry in memory. Below them lies
// internal/store, which keeps the facts; above them internal/api, which speaks HTTP. One goroutine makes all changes:
// it plans those that wait, flushes them in one transaction, shows them to readers, and only then lets them be
// answered. Readers never wait for a flush. The package knows neither the broker nor Kafka's protocol.
package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/typelog/typelog/registry/internal/api"
	"github.com/typelog/typelog/registry/internal/store"
	"github.com/typelog/typelog/serde/avro/schema"
)

// Config is what a Registry needs to know. The zero value works.
type Config struct {
	// DataDir is the directory of registry.db; it is made if it is missing. "" is "typelog-data". The caller makes sure
	// that no other process uses it.
	DataDir string
	// Listen are the addresses to serve HTTP on. The host "localhost" means both loopbacks, 127.0.0.1 and, where it
	// exists, ::1; anything else is bound as it is. nil is localhost:8081; an empty list serves nothing.
	Listen []string
	// Log is where the registry logs to; nil is slog.Default().
	Log *slog.Logger
	// ClusterID is told to clients that ask for the server's identity.
	ClusterID string
	// Gatherer holds the metrics of the rest of the process, which /metrics serves together with the registry's own; nil
	// serves the registry's alone.
	Gatherer prometheus.Gatherer
	// Now is the clock of registrations; nil is time.Now.
	Now func() time.Time
}

// Registry is a schema registry. Its methods are safe for concurrent use.
type Registry struct {
	log     *slog.Logger
	now     func() time.Time
	store   store.Store
	catalog *catalog
	guards  *guards
	texts   cache[textKey, parsedText]
	parses  cache[*Schema, *schema.Schema]
	// verdicts remembers comparisons between the planning of a registration and its commit.
	verdicts cache[verdictKey, finding]

	changes  chan *change
	stopping chan struct{} // closed by Close
	stopped  chan struct{} // closed when the committer has ended

	handler   http.Handler
	listeners []net.Listener
	closing   sync.Once
	closed    error
}

// New opens the registry and its listeners. It takes connections once Run is called. Close gives everything back if Run
// is not to be called.
func New(cfg Config) (*Registry, error) {
	if cfg.DataDir == "" {
		cfg.DataDir = "typelog-data"
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Listen == nil {
		cfg.Listen = []string{"localhost:8081"}
	}
	if err := os.MkdirAll(cfg.DataDir, 0o755); err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	db, err := store.OpenSQLite(context.Background(), filepath.Join(cfg.DataDir, "registry.db"))
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	r := &Registry{
		log: cfg.Log, now: cfg.Now, store: db, catalog: newCatalog(), guards: newGuards(),
		changes: make(chan *change, maxBatch), stopping: make(chan struct{}), stopped: make(chan struct{}),
	}
	if err := r.reload(context.Background()); err != nil {
		db.Close()
		return nil, fmt.Errorf("registry: %w", err)
	}
	r.handler = api.New(r, api.Options{Log: cfg.Log, ClusterID: cfg.ClusterID, Gatherer: cfg.Gatherer})
	go r.commit()
	if r.listeners, err = listen(cfg.Listen); err != nil {
		return nil, errors.Join(fmt.Errorf("registry: %w", err), r.Close())
	}
	return r, nil
}

// Handler serves the registry's HTTP interface.
func (r *Registry) Handler() http.Handler { return r.handler }

// Addrs are the addresses that the registry listens on.
func (r *Registry) Addrs() []net.Addr {
	out := make([]net.Addr, len(r.listeners))
	for i, l := range r.listeners {
		out[i] = l.Addr()
	}
	return out
}

// Ready reports whether the store can be read.
func (r *Registry) Ready(ctx context.Context) error { return r.store.Check(ctx) }

// Given is the text of a version as its first client wrote it.
func (r *Registry) Given(ctx context.Context, v *Version) (string, error) {
	text, ok, err := r.store.Given(ctx, v.Subject, v.Number)
	if err == nil && !ok {
		err = versionNotFound(v.Number)
	}
	return text, err
}

// Close stops taking changes, finishes those that were taken, and closes listeners and store. It is called by Run.
func (r *Registry) Close() error {
	r.closing.Do(func() {
		close(r.stopping)
		<-r.stopped
		for _, l := range r.listeners {
			l.Close()
		}
		r.closed = r.store.Close()
	})
	return r.closed
}
