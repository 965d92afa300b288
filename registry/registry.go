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
	"crypto/tls"
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

	"github.com/typelog/typelog/registry/internal/access"
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
	// Compat is the major version of Confluent's registry whose answers are given: 8, or 7 for clients that cannot take
	// the members that came later (guid, ts, deleted, schemaType of Avro schemas, and all but the id when registering).
	// 0 is 8.
	Compat int
	// UsersFile names a file of users with hashed passwords and rights, one a line: NAME HASH RIGHT... (see HashPassword).
	// A right is read, write or admin, or one of them for subjects with a prefix, such as write:orders-. Callers then
	// need HTTP's basic authentication. "" lets anybody do anything. The file is read once, by New.
	UsersFile string
	// CertFile and KeyFile name PEM files of a certificate chain and its key. With them the registry serves HTTPS only.
	CertFile, KeyFile string
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
	tls       *tls.Config // nil for plain HTTP
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
	options := api.Options{Log: cfg.Log, ClusterID: cfg.ClusterID, Gatherer: cfg.Gatherer, Compat: cfg.Compat}
	secure, err := cfg.secure(&options)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
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
		tls:     secure,
		changes: make(chan *change, maxBatch), stopping: make(chan struct{}), stopped: make(chan struct{}),
	}
	if err := r.reload(context.Background()); err != nil {
		db.Close()
		return nil, fmt.Errorf("registry: %w", err)
	}
	r.handler = api.New(r, options)
	go r.commit()
	if r.listeners, err = listen(cfg.Listen); err != nil {
		return nil, errors.Join(fmt.Errorf("registry: %w", err), r.Close())
	}
	return r, nil
}

// secure reads what protects the listeners, and says who may do what. The answer is nil for plain HTTP.
func (cfg Config) secure(options *api.Options) (*tls.Config, error) {
	switch cfg.Compat {
	case 0, 7, 8:
	default:
		return nil, fmt.Errorf("compat %d: want 7 or 8", cfg.Compat)
	}
	if cfg.UsersFile != "" {
		users, err := access.Load(cfg.UsersFile)
		if err != nil {
			return nil, fmt.Errorf("users: %w", err)
		}
		options.Authenticate = basicAuth(users)
	}
	switch {
	case cfg.CertFile == "" && cfg.KeyFile == "":
		return nil, nil
	case cfg.CertFile == "" || cfg.KeyFile == "":
		return nil, errors.New("a certificate and its key belong together: one of the two files is not given")
	}
	pair, err := tls.LoadX509KeyPair(cfg.CertFile, cfg.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", cfg.CertFile, cfg.KeyFile, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// URLs are where the registry listens, for people.
func (r *Registry) URLs() []string {
	scheme := "http://"
	if r.tls != nil {
		scheme = "https://"
	}
	out := make([]string, len(r.listeners))
	for i, l := range r.listeners {
		out[i] = scheme + l.Addr().String()
	}
	return out
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
