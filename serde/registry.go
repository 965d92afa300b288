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
// fetched once, and what a schema id or GUID stands for never changes, so what was found is kept. It is safe for
// concurrent use.
type Registry struct {
	client *sr.Client
	byName onceMap[SchemaName, *schema.Schema]
	names  onceMap[question, SchemaName]
}

// Reference names a version of a subject whose types a schema uses; Name is the type's full name.
type Reference = sr.SchemaReference

// Registration is a schema as it stands, or is to stand, under a subject.
type Registration struct {
	Subject string
	// Text is the schema. What References define it may define, too; it is registered without.
	Text       string
	References []Reference
	// Normalize lets the registry compare and keep a normal form, in which what does not matter (order of attributes,
	// for one) makes no difference.
	Normalize bool
}

// question is what is asked about a Registration, as a key.
type question struct {
	subject, text, references string
	normalize, register, guid bool
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
	name, err := r.Name(ctx, Registration{Subject: subject, Text: text}, false, false)
	return name.ID, err
}

// Register returns the id of the schema under the subject, and registers it if it is new. A schema that the subject's
// compatibility level does not allow gives ErrIncompatible with every reason.
func (r *Registry) Register(ctx context.Context, subject, text string) (int32, error) {
	name, err := r.Name(ctx, Registration{Subject: subject, Text: text}, true, false)
	return name.ID, err
}

// Name returns the id of a schema, with register after registering it if it is new, and with guid its GUID, which
// registries before Confluent Platform 8 do not have (ErrRegistry).
func (r *Registry) Name(ctx context.Context, reg Registration, register, guid bool) (SchemaName, error) {
	refs := fmt.Sprintf("%#v", reg.References)
	return r.names.get(ctx, question{reg.Subject, reg.Text, refs, reg.Normalize, register, guid}, func(ctx context.Context) (SchemaName, error) {
		if reg.Normalize {
			ctx = sr.WithParams(ctx, sr.Normalize)
		}
		text, err := r.withReferences(ctx, reg)
		if err != nil {
			return SchemaName{}, err
		}
		s := sr.Schema{Schema: text, References: reg.References}
		if !register {
			return r.find(ctx, reg.Subject, s, guid)
		}
		id, err := r.client.RegisterSchema(ctx, reg.Subject, s, -1, -1)
		if err != nil {
			return SchemaName{}, registryError(err, "register the schema of subject %s", reg.Subject)
		}
		if guid {
			return r.find(ctx, reg.Subject, s, true)
		}
		out, err := toID(id)
		return SchemaName{ID: out}, err
	})
}

func (r *Registry) find(ctx context.Context, subject string, s sr.Schema, guid bool) (SchemaName, error) {
	found, err := r.client.LookupSchema(ctx, subject, s)
	if err != nil {
		return SchemaName{}, registryError(err, "look up the schema of subject %s", subject)
	}
	return nameOf(found, guid)
}

func nameOf(found sr.SubjectSchema, guid bool) (name SchemaName, err error) {
	if name.ID, err = toID(found.ID); err != nil || !guid {
		return name, err
	}
	if name.GUID, err = ParseGUID(found.GUID); err != nil {
		return name, failed(ErrRegistry, err, "subject %s: the registry gives no GUID for schema %d, so that it cannot stand in a header",
			found.Subject, found.ID)
	}
	return name, nil
}

// withReferences prints a schema without what its references define.
func (r *Registry) withReferences(ctx context.Context, reg Registration) (string, error) {
	if len(reg.References) == 0 {
		return reg.Text, nil
	}
	refs, err := r.references(ctx, reg.References, &parseState{seen: map[sr.SchemaReference]*schema.Schema{}})
	if err != nil {
		return "", err
	}
	s, err := schema.Parse(reg.Text, schema.WithReferences(refs...))
	if err != nil {
		return "", failed(ErrIncompatible, err, "subject %s: the schema does not fit its references", reg.Subject)
	}
	return s.String(), nil
}

// Schema returns the Avro schema with this id.
func (r *Registry) Schema(ctx context.Context, id int32) (*schema.Schema, error) {
	return r.Named(ctx, SchemaName{ID: id})
}

// Named returns the Avro schema with this id or GUID.
func (r *Registry) Named(ctx context.Context, name SchemaName) (*schema.Schema, error) {
	if name.ID != 0 {
		name.GUID = GUID{}
	}
	return r.byName.get(ctx, name, func(ctx context.Context) (*schema.Schema, error) {
		var found sr.Schema
		var err error
		if name.GUID == (GUID{}) {
			found, err = r.client.SchemaByID(ctx, int(name.ID))
		} else {
			var subject sr.SubjectSchema
			subject, err = r.client.SchemaByGUID(ctx, name.GUID.String())
			found = subject.Schema
		}
		if err != nil {
			return nil, registryError(err, "fetch schema %s", name)
		}
		s, err := r.parse(ctx, found, &parseState{seen: map[sr.SchemaReference]*schema.Schema{}})
		if err != nil {
			return nil, fmt.Errorf("schema %s: %w", name, err)
		}
		return s, nil
	})
}

// patiently is Named, but as long as ctx lasts it waits for a registry that does not answer.
func (r *Registry) patiently(ctx context.Context, name SchemaName) (*schema.Schema, error) {
	s, err := r.Named(ctx, name)
	for wait := 100 * time.Millisecond; errors.Is(err, ErrNetwork) && ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		select {
		case <-time.After(wait):
			s, err = r.Named(ctx, name)
		case <-ctx.Done():
		}
	}
	return s, err
}

// Latest returns the newest version of a subject: its id and schema.
func (r *Registry) Latest(ctx context.Context, subject string) (int32, *schema.Schema, error) {
	name, s, err := r.latest(ctx, subject, false)
	return name.ID, s, err
}

func (r *Registry) latest(ctx context.Context, subject string, guid bool) (SchemaName, *schema.Schema, error) {
	found, err := r.client.SchemaByVersion(ctx, subject, -1)
	if err != nil {
		return SchemaName{}, nil, registryError(err, "fetch the latest schema of subject %s", subject)
	}
	name, err := nameOf(found, guid)
	if err != nil {
		return name, nil, err
	}
	s, err := r.Named(ctx, name)
	return name, s, err
}

// registered returns the name and schema of an id that a subject has.
func (r *Registry) registered(ctx context.Context, subject string, id int32, guid bool) (SchemaName, *schema.Schema, error) {
	text, err := r.client.SchemaByID(ctx, int(id))
	if err != nil {
		return SchemaName{}, nil, registryError(err, "fetch schema %d", id)
	}
	name, err := r.find(ctx, subject, text, guid)
	if err != nil {
		return name, nil, err
	}
	if name.ID != id {
		return name, nil, failed(ErrRegistry, nil, "subject %s has the schema as %d, not as %d", subject, name.ID, id)
	}
	s, err := r.Named(ctx, name)
	return name, s, err
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
	refs, err := r.references(ctx, s.References, state)
	if err != nil {
		return nil, err
	}
	// Lenient: what a registry imported from elsewhere must be readable, too.
	parsed, err := schema.Parse(s.Schema, schema.WithReferences(refs...), schema.Lenient())
	if err != nil {
		return nil, failed(ErrRegistry, err, "the registry's schema does not parse")
	}
	return parsed, nil
}

// references fetches and parses what a schema refers to.
func (r *Registry) references(ctx context.Context, references []Reference, state *parseState) ([]*schema.Schema, error) {
	var refs []*schema.Schema
	for _, ref := range references {
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
	return refs, nil
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
