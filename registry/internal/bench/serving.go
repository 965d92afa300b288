package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/typelog/typelog/registry"
)

const (
	readers = 100   // keep-alive clients that read
	schemas = 1_000 // of twelve fields each
)

// twelve is the text of a schema of twelve fields.
func twelve(number int) string {
	fields := make([]string, 12)
	kinds := []string{`"string"`, `"long"`, `["null","string"]`, `"double"`, `"boolean"`, `{"type":"long","logicalType":"timestamp-millis"}`}
	for i := range fields {
		fields[i] = fmt.Sprintf(`{"name":"field%d","type":%s}`, i, kinds[i%len(kinds)])
	}
	return fmt.Sprintf(`{"type":"record","name":"Event%d","namespace":"bench","fields":[%s]}`, number, strings.Join(fields, ","))
}

// serve runs a registry with a listener until stop is called.
func serve(dir string) (r *registry.Registry, stop func() error, err error) {
	if r, err = open(dir, "127.0.0.1:0"); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	return r, func() error { cancel(); return <-ended }, nil
}

// serving compares reads with handlers that write a constant of the same size.
func serving(out *report, dir string, length time.Duration, rounds int) error {
	r, stop, err := serve(filepath.Join(dir, "serving"))
	if err != nil {
		return err
	}
	defer stop()
	gets, lookups := make([][]byte, schemas), make([][]byte, schemas)
	for i := range schemas {
		subject, text := "event"+strconv.Itoa(i)+"-value", twelve(i)
		done, err := r.Register(context.Background(), registry.Registration{Subject: subject, ID: registry.NoID, Source: registry.Source{Text: text}})
		if err != nil {
			return err
		}
		body, err := json.Marshal(map[string]string{"schema": text})
		if err != nil {
			return err
		}
		gets[i] = request("GET", "/schemas/ids/"+strconv.Itoa(int(done.ID)), nil)
		lookups[i] = request("POST", "/subjects/"+subject, body)
	}
	addr := r.Addrs()[0].String()
	for _, c := range []struct {
		what     string
		requests [][]byte
		target   float64
	}{
		{"GET /schemas/ids/{id}", gets, 0.7},
		{"POST /subjects/{s} (look up)", lookups, 0.5},
	} {
		conn, err := connect(addr)
		if err != nil {
			return err
		}
		size, err := conn.ask(c.requests[0])
		conn.Close()
		if err != nil {
			return err
		}
		if err := compare(out, c.what, c.target, c.requests, addr, size, length, rounds); err != nil {
			return err
		}
	}
	return nil
}

// compare measures the registry and the constant in turns; the ratio is the median of the rounds'.
func compare(out *report, what string, target float64, requests [][]byte, addr string, size int, length time.Duration, rounds int) error {
	constant, err := startConstant(size)
	if err != nil {
		return err
	}
	defer constant.Close()
	next := func(client, n int) []byte { return requests[(client*37+n)%len(requests)] }
	var served, limits, ratios []float64
	for range rounds {
		limit, err := load(constant.Addr().String(), readers, length, next)
		if err != nil {
			return err
		}
		rate, err := load(addr, readers, length, next)
		if err != nil {
			return err
		}
		served, limits, ratios = append(served, rate), append(limits, limit), append(ratios, rate/limit)
	}
	out.line(what+", a constant of "+strconv.Itoa(size)+" bytes", fmt.Sprintf("%.0f/s", median(limits)))
	out.line(what, fmt.Sprintf("%.0f/s", median(served)))
	out.target(what+" against the constant", fmt.Sprintf("%.2f", median(ratios)), fmt.Sprintf("at least %.1f", target), median(ratios) >= target)
	return nil
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// startConstant serves the limit: chi routes, a handler reads the body and writes a constant.
func startConstant(size int) (net.Listener, error) {
	text := []byte(strings.Repeat("x", size))
	handle := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			io.ReadAll(r.Body)
		}
		w.Header()["Content-Type"] = []string{"application/vnd.schemaregistry.v1+json"}
		w.Write(text)
	}
	mux := chi.NewRouter()
	mux.Get("/schemas/ids/{id}", handle)
	mux.Post("/subjects/{subject}", handle)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go (&http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}).Serve(l)
	return l, nil
}
