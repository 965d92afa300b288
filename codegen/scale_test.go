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

// A set of 5,000 fields is generated in less than two seconds, and what is generated compiles. make scale says so; among
// all other tests, on any machine, under the race detector, there is more time, and less to compile.
func TestScale(t *testing.T) {
	sources := wide(5000)
	most := 30 * time.Second
	if *compiled == 5000 {
		most = 2 * time.Second
	}
	start := time.Now()
	files, err := codegen.Generate(sources, codegen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	t.Logf("generated %d files in %v", len(files), took)
	if took > most {
		t.Errorf("it took %v", took)
	}
	if *compiled != 5000 {
		if files, err = codegen.Generate(wide(*compiled), codegen.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	start = time.Now()
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

// The tests that are generated compile, too. (The go command leaves testdata out; internal/golden runs what they call.)
func TestGeneratedTestsCompile(t *testing.T) {
	if out, err := exec.Command("go", "vet", "./testdata/tests").CombinedOutput(); err != nil {
		t.Errorf("%v\n%.4000s", err, out)
	}
}
