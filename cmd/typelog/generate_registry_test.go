package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/typelog/typelog/registry"
)

// runRegistry starts a real registry and returns its URL and a client.
func runRegistry(t *testing.T) (string, *sr.Client) {
	t.Helper()
	r, err := registry.New(registry.Config{DataDir: t.TempDir(), Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	url := "http://" + r.Addrs()[0].String()
	client, err := sr.NewClient(sr.URLs(url))
	if err != nil {
		t.Fatal(err)
	}
	return url, client
}

// A subject is generated with all that it refers to, in the version that was asked for.
func TestGenerateFromRegistry(t *testing.T) {
	url, client := runRegistry(t)
	register := func(subject, text string, references ...sr.SchemaReference) {
		t.Helper()
		if _, err := client.CreateSchema(t.Context(), subject, sr.Schema{Schema: text, References: references}); err != nil {
			t.Fatal(err)
		}
	}
	register("common.line", `{"type":"record","name":"Line","namespace":"shop.events","fields":[{"name":"sku","type":"string"}]}`)
	order := `{"type":"record","name":"Order","namespace":"shop.events","fields":[{"name":"line","type":"Line"}`
	line := sr.SchemaReference{Name: "shop.events.Line", Subject: "common.line", Version: 1}
	register("orders-value", order+`]}`, line)
	register("orders-value", order+`,{"name":"note","type":"string","default":""}]}`, line)

	for subject, note := range map[string]bool{"orders-value": true, "orders-value:latest": true, "orders-value:1": false} {
		out := t.TempDir()
		if printed, err := generate("--out", out, "--registry", url, "--subject", subject, "--subject", "common.line"); err != nil {
			t.Fatalf("%v\n%s", err, printed)
		}
		code, err := os.ReadFile(filepath.Join(out, "orders_avro.go"))
		if err != nil || bytes.Contains(code, []byte("Note ")) != note {
			t.Errorf("%s: %v\n%s", subject, err, code)
		}
		if code, err = os.ReadFile(filepath.Join(out, "common_line_avro.go")); err != nil || !bytes.Contains(code, []byte("type Line struct")) {
			t.Errorf("%s: %v\n%s", subject, err, code)
		}
	}
	for _, c := range []struct{ subject, want string }{
		{"nothing", "subject nothing"}, {"orders-value:9", "subject orders-value"},
	} {
		if _, err := generate("--out", t.TempDir(), "--registry", url, "--subject", c.subject); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.subject, err)
		}
	}
	if _, err := generate("--out", t.TempDir(), "--subject", "orders-value"); err == nil || !strings.Contains(err.Error(), "registry") {
		t.Errorf("without --registry: %v", err)
	}
}
