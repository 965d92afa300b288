package serde_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/serde"
	"github.com/typelog/typelog/serde/internal/shop"
)

// counted is a way to the registry that counts requests.
func (s *server) counted(t *testing.T) (front string, asked *atomic.Int64) {
	t.Helper()
	behind, err := url.Parse(s.registry)
	if err != nil {
		t.Fatal(err)
	}
	asked = new(atomic.Int64)
	proxy := httputil.NewSingleHostReverseProxy(behind)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

// TestFloodOfBadRecords: records of a schema that nobody has, and of one that cannot be read, cost a question each, not
// one for each record.
func TestFloodOfBadRecords(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "flood", 1)
	number := s.register(t, "numbers-value", `"int"`)
	front, asked := s.counted(t)
	for i := range 100 {
		rec := &kgo.Record{Topic: "flood", Value: serde.AppendPrefix(nil, number+int32(i%2))}
		if err := serde.ProduceAlone(t.Context(), s.client, rec); err != nil {
			t.Fatal(err)
		}
	}
	var reasons []string
	c, err := serde.NewConsumer[shop.Order](serde.ConsumerConfig{Brokers: s.brokers, Registry: front, Topics: []string{"flood"},
		OnBad: func(_ context.Context, _ *kgo.Record, why error) error {
			reasons = append(reasons, why.Error())
			if !errors.Is(why, serde.ErrDecoding) {
				t.Error(why)
			}
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for len(reasons) < 100 {
		if m, err := c.Poll(ctx, 0); err != nil || len(m) > 0 {
			t.Fatal(m, err)
		}
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("a hundred bad records made %d requests", n)
	}
	if !strings.Contains(reasons[98], "int cannot be read as record") || !strings.Contains(reasons[99], fmt.Sprint("schema ", number+1)) {
		t.Errorf("the reasons are %q and %q", reasons[98], reasons[99])
	}
}

// TestConsumerWaitsForTheRegistry: while the registry is away no record is bad; once it is back the consumer goes on.
func TestConsumerWaitsForTheRegistry(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "patience", 1)
	p, err := s.orders(t, "patience", serde.SchemaConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.ProduceSync(t.Context(), &serde.Message[shop.Order]{Value: anOrder(1)}); err != nil {
		t.Fatal(err)
	}
	behind, err := url.Parse(s.registry)
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	var gone atomic.Bool
	proxy := httputil.NewSingleHostReverseProxy(behind)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) <= 2 || gone.Load() {
			http.Error(w, "starting", http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	c, err := serde.NewConsumer[shop.Order](serde.ConsumerConfig{Brokers: s.brokers, Registry: front.URL, Topics: []string{"patience"},
		OnBad: func(_ context.Context, _ *kgo.Record, why error) error {
			t.Errorf("called bad: %v", why)
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for m, err := range c.Messages(ctx) {
		if err != nil || !reflect.DeepEqual(m.Value, anOrder(1)) {
			t.Errorf("read %+v, %v", m, err)
		}
		break
	}
	if n := asked.Load(); n != 3 {
		t.Errorf("the registry was asked %d times, want 3", n)
	}
	gone.Store(true)
	away, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	other, err := serde.NewConsumer[shop.Order](serde.ConsumerConfig{Brokers: s.brokers, Registry: front.URL, Topics: []string{"patience"}})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for err == nil {
		_, err = other.Poll(away, 0)
	}
	if !errors.Is(err, serde.ErrNetwork) {
		t.Errorf("without a registry: %v, want ErrNetwork", err)
	}
}

// TestRegistryAsksOnce: however many ask at once, one request is made, and normal forms are what the registry compares.
func TestRegistryAsksOnce(t *testing.T) {
	s := startServer(t)
	front, asked := s.counted(t)
	registry, err := serde.NewRegistry(front)
	if err != nil {
		t.Fatal(err)
	}
	reg := serde.Registration{Subject: "s", Text: `{"type":"record","name":"R","fields":[],"b":1,"a":2}`, Normalize: true}
	names := make([]serde.SchemaName, 100)
	var wg sync.WaitGroup
	for i := range names {
		wg.Go(func() {
			var err error
			if names[i], err = registry.Name(t.Context(), reg, true, false); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("a hundred callers made %d requests", n)
	}
	for i := range names {
		wg.Go(func() {
			if _, err := registry.Named(t.Context(), names[i]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := asked.Load(); n != 2 {
		t.Errorf("reading it took %d requests", n-1)
	}
	reg.Text = `{"type":"record","name":"R","fields":[],"a":2,"b":1}`
	same, err := registry.Name(t.Context(), reg, false, true)
	if err != nil || same.ID != names[0].ID || same.GUID == (serde.GUID{}) {
		t.Errorf("the same in another order is %v, %v; want %v", same, err, names[0])
	}
	if _, err := registry.Named(t.Context(), serde.SchemaName{GUID: same.GUID}); err != nil {
		t.Errorf("by its GUID: %v", err)
	}
}
