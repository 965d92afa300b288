package codegen_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/format"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/typelog/typelog/codegen"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The corpus: each directory of testdata holds the inputs of one run. What it generates lies beside them as a real
// package, which the tests in internal/golden compile and try; a run that must fail has its message in error.txt.
func TestGolden(t *testing.T) {
	dirs, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		t.Run(dir.Name(), func(t *testing.T) {
			files, err := generateIn(t, filepath.Join("testdata", dir.Name()))
			wantError := filepath.Join("testdata", dir.Name(), "error.txt")
			if _, statErr := os.Stat(wantError); statErr == nil {
				checkError(t, wantError, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for out, files := range files {
				checkFiles(t, out, files)
			}
		})
	}
}

// The generated package beside the schema of the audit event is a golden file too.
func TestAuditIsUpToDate(t *testing.T) {
	dir := filepath.Join("..", "schemas", "audit")
	files, err := codegen.Generate(sourcesIn(t, dir), codegen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkFiles(t, dir, files)
}

// generateIn generates from the inputs in a directory, with the options and packages that its JSON files give. The files
// are returned by the directory that they are for.
func generateIn(t *testing.T, dir string) (map[string][]codegen.File, error) {
	t.Helper()
	var opts codegen.Options
	var packages []codegen.Package
	read := func(name string, into any) {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	read("options.json", &opts)
	read("packages.json", &packages)
	out := map[string][]codegen.File{}
	if packages == nil {
		files, err := codegen.Generate(sourcesIn(t, dir), opts)
		out[dir] = files
		return out, err
	}
	files, err := codegen.GeneratePackages(sourcesIn(t, dir), packages, opts)
	for _, f := range files {
		sub := filepath.Join(dir, path.Base(f.Package.Import))
		out[sub] = append(out[sub], f.File)
	}
	return out, err
}

func sourcesIn(t *testing.T, dir string) []codegen.Source {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.avsc"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no inputs in %s: %v", dir, err)
	}
	var sources []codegen.Source
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, codegen.Source{Path: filepath.Base(path), Text: string(text)})
	}
	return sources
}

func checkError(t *testing.T, path string, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("generated without the expected error")
	}
	got := err.Error() + "\n"
	if *update {
		write(t, path, []byte(got))
	}
	want, readErr := os.ReadFile(path)
	if readErr != nil {
		t.Fatal(readErr)
	}
	if got != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Errorf("error\n%swant\n%s", got, want)
	}
}

func checkFiles(t *testing.T, dir string, files []codegen.File) {
	t.Helper()
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
		path := filepath.Join(dir, f.Name)
		if *update {
			write(t, path, f.Data)
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(f.Data, bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))) {
			t.Errorf("%s is not what is generated; look at the difference, then run go test ./codegen -update", path)
		}
		if again, err := format.Source(f.Data); err != nil || !bytes.Equal(again, f.Data) {
			t.Errorf("%s is not as gofmt would have it (%v)", path, err)
		}
	}
	present, err := filepath.Glob(filepath.Join(dir, "*_avro*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range present {
		if !slices.Contains(names, filepath.Base(path)) {
			t.Errorf("%s is generated from nothing; delete it", path)
		}
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}
