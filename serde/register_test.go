package serde_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/typelog/typelog/serde"
	"github.com/typelog/typelog/serde/internal/shop"
)

// TestRegisters: a producer registers its schema under its subject, unless it is told not to; then it must be there. With
// Normalize what does not matter makes no difference.
func TestRegisters(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "in", 1)
	if _, err := s.orders(t, "in", serde.SchemaConfig{NoRegister: true}); !errors.Is(err, serde.ErrRegistry) {
		t.Errorf("not registered: %v, want ErrRegistry", err)
	}
	registry, err := serde.NewRegistry(s.registry)
	if err != nil {
		t.Fatal(err)
	}
	if subjects, err := registry.Client().Subjects(t.Context()); err != nil || len(subjects) > 0 {
		t.Errorf("NoRegister left %v, %v", subjects, err)
	}
	first, err := s.orders(t, "in", serde.SchemaConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if id, err := registry.Lookup(t.Context(), "in-value", textOf(new(shop.Order))); err != nil || id != first.SchemaID() {
		t.Errorf("registered as %d, %v; the producer writes %d", id, err, first.SchemaID())
	}
	again, err := s.orders(t, "in", serde.SchemaConfig{NoRegister: true})
	if err != nil || again.SchemaID() != first.SchemaID() {
		t.Errorf("registered already: %v", err)
	}
	// The same schema, written otherwise.
	s.createTopic(t, "other", 1)
	text := strings.Replace(textOf(new(shop.Order)), `"type": "record",`, ``, 1)
	id := s.register(t, "other-value", text[:strings.LastIndex(text, "}")]+`,"type":"record"}`)
	if _, err := s.orders(t, "other", serde.SchemaConfig{NoRegister: true, Normalize: true}); err != nil {
		t.Errorf("a schema in another order: %v", err)
	}
	normal, err := s.orders(t, "other", serde.SchemaConfig{Normalize: true})
	if err != nil || normal.SchemaID() != id {
		t.Errorf("a schema in another order was registered anew: %v", err)
	}
}

// held is a way to the registry that counts requests and answers none before it is opened.
func (s *server) held(t *testing.T) (front string, asked *atomic.Int64, arrived <-chan struct{}, open func()) {
	t.Helper()
	behind, err := url.Parse(s.registry)
	if err != nil {
		t.Fatal(err)
	}
	asked = new(atomic.Int64)
	first, gate := make(chan struct{}), make(chan struct{})
	open = sync.OnceFunc(func() { close(gate) })
	proxy := httputil.NewSingleHostReverseProxy(behind)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			close(first)
		}
		<-gate
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(open)
	return server.URL, asked, first, open
}

// TestRegistryIsNotStampeded: however many wait for the same answer, one request is made, and it goes on when the one who
// began it stops waiting.
func TestRegistryIsNotStampeded(t *testing.T) {
	s := startServer(t)
	id := s.register(t, "s", `"string"`)
	front, asked, arrived, open := s.held(t)
	registry, err := serde.NewRegistry(front)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := registry.Schema(ctx, id)
		gone <- err
	}()
	<-arrived
	cancel()
	if err := <-gone; !errors.Is(err, serde.ErrNetwork) {
		t.Errorf("the one who stops waiting: %v, want ErrNetwork", err)
	}
	const callers = 200
	var begun, waiting sync.WaitGroup
	begun.Add(callers)
	for range callers {
		waiting.Go(func() {
			begun.Done()
			if _, err := registry.Schema(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
	begun.Wait()
	open()
	waiting.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("%d callers made %d requests", callers+1, n)
	}
}
