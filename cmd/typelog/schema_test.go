package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/typelog/typelog/registry"
)

// startRegistry runs a registry until the test ends and returns its URL.
func startRegistry(t *testing.T, cfg registry.Config) string {
	t.Helper()
	cfg.DataDir, cfg.Listen, cfg.Log = t.TempDir(), []string{"127.0.0.1:0"}, slog.New(slog.NewTextHandler(io.Discard, nil))
	r, err := registry.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return r.URLs()[0]
}

// command runs a command and returns what it prints.
func command(t *testing.T, in string, args ...string) (string, error) {
	t.Helper()
	root := newRootCommand()
	var out bytes.Buffer
	root.SetArgs(args)
	root.SetIn(strings.NewReader(in))
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestSchemaCommands(t *testing.T) {
	url := startRegistry(t, registry.Config{})
	dump := filepath.Join(t.TempDir(), "dump.jsonl")
	const one = `{"type":"record","name":"R","namespace":"n","fields":[{"name":"a","type":"int"}]}`
	const two = `{"type":"record","name":"R","namespace":"n","fields":[{"name":"a","type":"long"},{"name":"b","type":"string","default":"x"}]}`
	const bad = `{"type":"record","name":"R","namespace":"n","fields":[{"name":"a","type":"boolean"},{"name":"c","type":"int"}]}`
	const uses = `{"type":"record","name":"U","fields":[{"name":"r","type":"n.R"}]}`
	for _, c := range []struct {
		in   string
		args []string
		want string // parts, separated by |
		fail bool
	}{
		{one, []string{"register", "s-value", "-"}, "s-value:1  id 1\n", false},
		{two, []string{"check", "s-value", "-"}, "s-value: compatible\n", false},
		{bad, []string{"check", "s-value", "-"}, "TYPE_MISMATCH at /fields/0/type, against version 1: reader type: BOOLEAN|READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1|mend: add a default to field c", true},
		{bad, []string{"register", "s-value", "-"}, "TYPE_MISMATCH at /fields/0/type|mend: add a default to field c", true},
		{two, []string{"register", "s-value", "-"}, "s-value:2  id 2\n", false},
		{uses, []string{"register", "u-value", "-", "--reference", "n.R=s-value:2"}, "u-value:1  id 3\n", false},
		{uses, []string{"register", "u-value", "-", "--reference", "n.R"}, "", true},
		{"", []string{"list"}, "s-value:1  id 1\ns-value:2  id 2\nu-value:1  id 3\n", false},
		{"", []string{"get", "s-value:1"}, one + "\n", false},
		{"", []string{"get", "u-value", "--resolved"}, `"name":"b"`, false},
		{"", []string{"search", "r", "b"}, "s-value:2\n  record n.R\n  field n.R.b\n", false},
		{"", []string{"diff", "s-value"}, "version 1 to 2: backward compatible true, forward compatible false|TYPE_WIDENED n.R.a: int -> long|readers ok|writers NO|FIELD_ADDED n.R.b", false},
		{"", []string{"level", "s-value", "FULL"}, "FULL\n", false},
		{"", []string{"level", "s-value"}, "FULL\n", false},
		{"", []string{"delete", "s-value:1"}, "deleted s-value 1\n", false},
		{"", []string{"undelete", "s-value:1"}, "s-value:1 is back\n", false},
		{"", []string{"undelete", "s-value:9"}, "", true},
		{"", []string{"export", dump}, "wrote ", false},
		{"", []string{"import", dump}, "imported 0 versions, 1 configurations, 0 modes; 3 versions were there already\n", false},
	} {
		got, err := command(t, c.in, append(append([]string{"schema"}, c.args...), "--registry", url)...)
		if (err != nil) != c.fail {
			t.Errorf("%v: %v\n%s", c.args, err, got)
		}
		for part := range strings.SplitSeq(c.want, "|") {
			if !strings.Contains(got, part) {
				t.Errorf("%v: got\n%swithout\n%s", c.args, got, part)
			}
		}
	}
	// Into another registry, and out of it again.
	other := startRegistry(t, registry.Config{})
	if got, err := command(t, "", "schema", "import", dump, "--registry", other); err != nil || !strings.HasPrefix(got, "imported 3 versions") {
		t.Errorf("%s %v", got, err)
	}
	want, _ := os.ReadFile(dump)
	if got, err := command(t, "", "schema", "export", "-", "--registry", other); err != nil || got != string(want) {
		t.Errorf("exported\n%s\nnot\n%s\n%v", got, want, err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(dump)); len(entries) != 1 {
		t.Errorf("export left %d files", len(entries))
	}
}

func TestSchemaCommandsWithLogin(t *testing.T) {
	hash, err := command(t, "secret\n", "registry", "hash-password")
	if err != nil {
		t.Fatal(err)
	}
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, []byte("ana "+strings.TrimSpace(hash)+" admin\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := startRegistry(t, registry.Config{UsersFile: users})
	if _, err := command(t, "", "schema", "list", "--registry", url); err == nil || !strings.Contains(err.Error(), "Unauthorized") {
		t.Errorf("without a login: %v", err)
	}
	if _, err := command(t, "", "schema", "list", "--registry", strings.Replace(url, "://", "://ana:secret@", 1)); err != nil {
		t.Errorf("with a login: %v", err)
	}
	_, err = command(t, "", "schema", "list", "--registry", "http://ana:secret@127.0.0.1:1")
	if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "typelog up") {
		t.Errorf("without a registry: %v", err)
	}
}
