package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// generate runs the command and returns what it printed.
func generate(args ...string) (string, error) {
	var out bytes.Buffer
	cmd := newGenerateCommand()
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	err := cmd.Execute()
	return out.String(), err
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// A user generates from a directory, checks, changes a schema, is told which file drifted, and generates again.
func TestGenerateAndCheck(t *testing.T) {
	dir := t.TempDir()
	schemas, out := filepath.Join(dir, "schemas"), filepath.Join(dir, "events")
	writeFile(t, filepath.Join(schemas, "a", "order.avsc"),
		`{"type":"record","name":"Order","namespace":"shop.events","fields":[{"name":"line","type":"Line"}]}`)
	writeFile(t, filepath.Join(schemas, "line.avsc"), "\ufeff"+ // as some editors save it
		`{"type":"record","name":"Line","namespace":"shop.events","fields":[{"name":"sku","type":"string"}]}`)

	if printed, err := generate("--out", out, "--check", schemas); err == nil || !strings.Contains(printed, "order_avro.go: missing") {
		t.Fatalf("checked before anything was generated: %v\n%s", err, printed)
	}
	if _, err := generate("--out", out, schemas); err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(filepath.Join(out, "order_avro.go"))
	if err != nil || !bytes.Contains(code, []byte("package events\n")) {
		t.Fatalf("%v\n%s", err, code)
	}
	if printed, err := generate("--out", out, "--check", schemas); err != nil || printed != "" {
		t.Fatalf("checked what was just generated: %v\n%s", err, printed)
	}

	writeFile(t, filepath.Join(schemas, "line.avsc"),
		`{"type":"record","name":"Line","namespace":"shop.events","fields":[{"name":"sku","type":"bytes"}]}`)
	printed, err := generate("--out", out, "--check", schemas)
	if err == nil || !strings.Contains(printed, "line_avro.go: not up to date") {
		t.Fatalf("checked after a schema changed: %v\n%s", err, printed)
	}
	if printed, err = generate("--out", out, filepath.Join(schemas, "*.avsc"), filepath.Join(schemas, "a", "order.avsc")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(printed, "line_avro.go") {
		t.Errorf("did not say what it wrote:\n%s", printed)
	}
	if _, err := generate("--out", out, "--check", schemas); err != nil {
		t.Error(err)
	}

	if err := os.Remove(filepath.Join(schemas, "a", "order.avsc")); err != nil {
		t.Fatal(err)
	}
	if printed, err := generate("--out", out, "--check", schemas); err == nil || !strings.Contains(printed, "order_avro.go: generated from none") {
		t.Errorf("checked after a schema went away: %v\n%s", err, printed)
	}
}

// Files that typelog did not write are not overwritten, and what is wrong with an argument is said with its name.
func TestGenerateRefuses(t *testing.T) {
	dir := t.TempDir()
	schema := filepath.Join(dir, "order.avsc")
	writeFile(t, schema, `{"type":"record","name":"Order","namespace":"shop","fields":[]}`)
	own := filepath.Join(dir, "order_avro.go")
	writeFile(t, own, "package shop\n")
	if _, err := generate("--out", dir, schema); err == nil || !strings.Contains(err.Error(), own) {
		t.Errorf("over a file of the user's: %v", err)
	}
	if text, err := os.ReadFile(own); err != nil || string(text) != "package shop\n" {
		t.Errorf("the user's file became %q (%v)", text, err)
	}
	broken := filepath.Join(dir, "broken.avsc")
	writeFile(t, broken, `{"type":"record","name":"X","namespace":"shop","fields":[{"name":"f","type":"Nowhere"}]}`)
	for _, c := range []struct{ arg, want string }{
		{filepath.Join(dir, "missing.avsc"), "missing.avsc"},
		{t.TempDir(), "no .avsc file"},
		{broken, "/fields/0/type"},
	} {
		if _, err := generate("--out", filepath.Join(dir, "out"), c.arg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.arg, err)
		}
	}
	if _, err := generate(schema); err == nil || !strings.Contains(err.Error(), "out") {
		t.Errorf("without --out: %v", err)
	}
}
