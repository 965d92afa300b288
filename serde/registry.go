package serde

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/typelog/typelog/serde/avro/schema"
)

// registryTimeout bounds one request to the registry.
const registryTimeout = 15 * time.Second

// Limits on what a registry may answer.
const (
	maxReferences = 1_000 // schemas that one schema is made of
)

// Registry is a Confluent-compatible schema registry with a cache in front: what is asked for many times at once is
// fetched once, and schema ids never change, so what was found is kept. It is safe for concurrent use.
type Registry struct {
	client *sr.Client
	byID   onceMap[int32, *schema.Schema]
	ids    onceMap[idQuestion, int32]
}

type idQuestion struct {
	subject, text string
	mayRegister   bool
}

// NewRegistry returns a client of the registry at the URLs. It does not connect yet.
func NewRegistry(urls ...string) (*Registry, error) {
	client, err := sr.NewClient(sr.URLs(urls...), sr.UserAgent("typelog"),
		sr.HTTPClient(&http.Client{Timeout: registryTimeout}))
	if err != nil {
		return nil, failed(ErrRegistry, err, "registry %v", urls)
	}
	return &Registry{client: client}, nil
}

// Client returns the plain client, for what this package does not do.
func (r *Registry) Client() *sr.Client { return r.client }

// Lookup returns the id under which the schema is registered for the subject.
func (r *Registry) Lookup(ctx context.Context, subject, text string) (int32, error) {
	return r.ids.get(ctx, idQuestion{subject, text, false}, func(ctx context.Context) (int32, error) {
		found, err := r.client.LookupSchema(ctx, subject, sr.Schema{Schema: text})
		if err != nil {
			return 0, registryError(err, "look up the schema of subject %s", subject)
		}
		return toID(found.ID)
	})
}

// Register returns the id of the schema under the subject, and registers it if it is new. A schema that the subject's
// compatibility level does not allow gives ErrIncompatible with every reason.
func (r *Registry) Register(ctx context.Context, subject, text string) (int32, error) {
	return r.ids.get(ctx, idQuestion{subject, text, true}, func(ctx context.Context) (int32, error) {
		id, err := r.client.RegisterSchema(ctx, subject, sr.Schema{Schema: text}, -1, -1)
		if err != nil {
			return 0, registryError(err, "register the schema of subject %s", subject)
		}
		return toID(id)
	})
}

// Schema returns the Avro schema with this id.
func (r *Registry) Schema(ctx context.Context, id int32) (*schema.Schema, error) {
	return r.byID.get(ctx, id, func(ctx context.Context) (*schema.Schema, error) {
		found, err := r.client.SchemaByID(ctx, int(id))
		if err != nil {
			return nil, registryError(err, "fetch schema %d", id)
		}
		s, err := r.parse(ctx, found, &parseState{seen: map[sr.SchemaReference]*schema.Schema{}})
		if err != nil {
			return nil, fmt.Errorf("schema %d: %w", id, err)
		}
		return s, nil
	})
}

// Latest returns the newest version of a subject: its id and schema.
func (r *Registry) Latest(ctx context.Context, subject string) (int32, *schema.Schema, error) {
	found, err := r.client.SchemaByVersion(ctx, subject, -1)
	if err != nil {
		return 0, nil, registryError(err, "fetch the latest schema of subject %s", subject)
	}
	id, err := toID(found.ID)
	if err != nil {
		return 0, nil, err
	}
	s, err := r.Schema(ctx, id)
	return id, s, err
}

type parseState struct {
	count int
	seen  map[sr.SchemaReference]*schema.Schema // nil while it is being fetched
}

// parse parses a schema after its references, each once.
func (r *Registry) parse(ctx context.Context, s sr.Schema, state *parseState) (*schema.Schema, error) {
	if s.Type != sr.TypeAvro {
		return nil, failed(ErrRegistry, nil, "the schema is %s, not Avro", s.Type)
	}
	var refs []*schema.Schema
	for _, ref := range s.References {
		key := sr.SchemaReference{Subject: ref.Subject, Version: ref.Version}
		parsed, ok := state.seen[key]
		if !ok {
			if state.count++; state.count > maxReferences {
				return nil, failed(ErrRegistry, nil, "the schema refers to more than %d others", maxReferences)
			}
			state.seen[key] = nil
			found, err := r.client.SchemaByVersion(ctx, ref.Subject, ref.Version)
			if err != nil {
				return nil, registryError(err, "fetch reference %s (subject %s version %d)", ref.Name, ref.Subject, ref.Version)
			}
			if parsed, err = r.parse(ctx, found.Schema, state); err != nil {
				return nil, err
			}
			state.seen[key] = parsed
		}
		if parsed == nil {
			return nil, failed(ErrRegistry, nil, "subject %s version %d refers to itself", ref.Subject, ref.Version)
		}
		refs = append(refs, parsed)
	}
	parsed, err := schema.Parse(s.Schema, schema.WithReferences(refs...))
	if err != nil {
		return nil, failed(ErrRegistry, err, "the registry's schema does not parse")
	}
	return parsed, nil
}

func toID(id int) (int32, error) {
	if id < 0 || id > 1<<31-1 {
		return 0, failed(ErrRegistry, nil, "the registry answered schema id %d", id)
	}
	return int32(id), nil
}

// registryError gives an error of the registry's client its kind.
func registryError(err error, what string, args ...any) error {
	var answer *sr.ResponseError
	switch {
	case !errors.As(err, &answer):
		return failed(ErrNetwork, err, what, args...)
	case answer.StatusCode == http.StatusConflict:
		return failed(ErrIncompatible, err, what, args...)
	case answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests:
		return failed(ErrNetwork, err, what, args...)
	}
	return failed(ErrRegistry, err, what, args...)
}

// onceMap keeps what was fetched by key. However many ask for a missing key at once, one fetch runs, and it goes on when
// the one who began it stops waiting. Failures are not kept.
type onceMap[K comparable, V any] struct {
	mu     sync.RWMutex // guards what follows
	values map[K]V
	calls  map[K]*call[V]
}

type call[V any] struct {
	done  chan struct{}
	value V
	err   error
}

func (m *onceMap[K, V]) get(ctx context.Context, key K, fetch func(context.Context) (V, error)) (V, error) {
	m.mu.RLock()
	v, ok := m.values[key]
	m.mu.RUnlock()
	if ok {
		return v, nil
	}
	c := m.begin(ctx, key, fetch)
	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
		var none V
		return none, failed(ErrNetwork, ctx.Err(), "waiting for the registry")
	}
}

func (m *onceMap[K, V]) begin(ctx context.Context, key K, fetch func(context.Context) (V, error)) *call[V] {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.calls[key]
	if c != nil {
		return c
	}
	c = &call[V]{done: make(chan struct{})}
	if v, ok := m.values[key]; ok { // it came between the two locks
		c.value = v
		close(c.done)
		return c
	}
	if m.calls == nil {
		m.calls, m.values = map[K]*call[V]{}, map[K]V{}
	}
	m.calls[key] = c
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*registryTimeout)
		defer cancel()
		c.value, c.err = fetch(ctx)
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.calls, key)
		if c.err == nil {
			m.values[key] = c.value
		}
		close(c.done)
	}()
	return c
}
