package codegen_test

import (
	"encoding/json"
	"flag"
	"fmt"

	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/typelog/typelog/codegen"
)

var compiled = flag.Int("compiled", 500, "of how many fields TestScale compiles what is generated")

// A set of 5,000 fields is generated in less than two seconds. What is generated of a smaller one compiles; make scale
// compiles all of it, which takes longer than a test should.
func TestScale(t *testing.T) {
	sources := wide(5000)
	quickest := time.Hour
	var files []codegen.File
	for range 3 { // the machine may be busy with something else
		start := time.Now()
		var err error
		if files, err = codegen.Generate(sources, codegen.Options{}); err != nil {
			t.Fatal(err)
		}
		if quickest = min(quickest, time.Since(start)); quickest < 2*time.Second {
			break
		}
	}
	t.Logf("generated %d files in %v", len(files), quickest)
	if quickest > 2*time.Second {
		t.Errorf("it took %v", quickest)
	}
	if *compiled != 5000 {
		var err error
		if files, err = codegen.Generate(wide(*compiled), codegen.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	compile(t, files)
	t.Logf("compiled %d fields in %v", *compiled, time.Since(start))
}

// compile builds a package that lies in this module and nowhere on disk.
func compile(t *testing.T, files []codegen.File) {
	t.Helper()
	dir := t.TempDir()
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for i, f := range files {
		real := filepath.Join(dir, fmt.Sprint(i, ".go"))
		write(t, real, f.Data)
		overlay.Replace[filepath.Join(here, "testdata", "overlaid", f.Name)] = real
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "overlay.json"), text)
	cmd := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "./testdata/overlaid")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("it does not compile: %v\n%.4000s", err, out)
	}
}
