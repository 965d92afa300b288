package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const shopSchema = `{"type":"record","name":"Order","namespace":"shop.events","fields":[{"name":"price","type":
	{"type":"record","name":"Money","namespace":"shop.common","fields":[%s]}}]}`

// typelog.yaml maps namespaces to packages: one run writes them all, and checks them all.
func TestGenerateByConfig(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "schemas", "order.avsc"), strings.Replace(shopSchema, "%s", "", 1))
	config := filepath.Join(dir, "typelog.yaml")
	writeFile(t, config, `
schemas: [schemas]
tests: true
packages:
  - namespace: shop.events
    import: example.com/shop/events
    out: gen/events
  - namespace: shop.common
    import: example.com/shop/common
    out: gen/common
    package: money
`)
	if printed, err := generate("--config", config, "--check"); err == nil || strings.Count(printed, ": missing") != 4 {
		t.Fatalf("checked before anything was generated: %v\n%s", err, printed)
	}
	if _, err := generate("--config", config); err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(filepath.Join(dir, "gen", "events", "order_avro.go"))
	if err != nil || !bytes.Contains(code, []byte("package events\n")) || !bytes.Contains(code, []byte(`common "example.com/shop/common"`)) ||
		!bytes.Contains(code, []byte("Price common.Money")) {
		t.Errorf("%v\n%s", err, code)
	}
	code, err = os.ReadFile(filepath.Join(dir, "gen", "common", "order_avro.go"))
	if err != nil || !bytes.Contains(code, []byte("package money\n")) || bytes.Contains(code, []byte("type Order")) {
		t.Errorf("%v\n%s", err, code)
	}
	if printed, err := generate("--config", config, "--check"); err != nil || printed != "" {
		t.Errorf("checked what was just generated: %v\n%s", err, printed)
	}
	t.Chdir(dir)
	if printed, err := generate("--check"); err != nil || printed != "" {
		t.Errorf("found no typelog.yaml: %v\n%s", err, printed)
	}

	writeFile(t, filepath.Join(dir, "schemas", "order.avsc"), strings.Replace(shopSchema, "%s", `{"name":"of","type":["null","shop.events.Order"]}`, 1))
	if _, err := generate("--config", config); err == nil || !strings.Contains(err.Error(), "shop.events.Order.price") || !strings.Contains(err.Error(), "shop.common.Money.of") {
		t.Errorf("two packages that import each other: %v", err)
	}
	for text, want := range map[string]string{
		"packages: []\n":                                    "no packages",
		"package: x\n":                                      "package",
		"packages: [{namespace: a, out: x}]\n":              "packages[0]",
		"packages: [{namespace: a, import: 'x y', out: x}]": "import path",
		"packages: [{namespace: a, import: x, out: x}]":     "shop.events",
	} {
		writeFile(t, config, text)
		if _, err := generate("--config", config, "schemas"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
