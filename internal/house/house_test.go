// Package house holds the rules of the house in tests: who may import whom (ARCHITECTURE.md lists the same rules in
// words), and that every package says what it is for.
package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/typelog/typelog/"

// A rule forbids the packages under from to import packages under any of never, except those under but and its own.
// Test files may import more, because they join rooms to try them on the real thing; a rule with tests set holds for
// them, too.
type rule struct {
	why   string
	from  string
	never []string
	but   []string
	tests bool
}

var rules = []rule{
	{"broker and registry meet in internal/node only", "broker", []string{"registry", "serde"}, nil, false},
	{"broker and registry meet in internal/node only", "registry", []string{"broker"}, nil, true},
	{"domain rooms know neither the wire nor each other", "broker/internal/partlog",
		[]string{"broker"}, []string{"broker/internal/log", "broker/internal/record", "broker/internal/journal", "broker/internal/vfs"}, false},
	{"domain rooms know neither the wire nor each other", "broker/internal/group",
		[]string{"broker"}, []string{"broker/internal/log", "broker/internal/record", "broker/internal/state"}, false},
	{"domain rooms know neither the wire nor each other", "broker/internal/txn",
		[]string{"broker"}, []string{"broker/internal/log", "broker/internal/record", "broker/internal/state"}, false},
	{"domain rooms know neither the wire nor each other", "broker/internal/meta",
		[]string{"broker"}, []string{"broker/internal/config"}, false},
	{"the partition seam imports only record", "broker/internal/log",
		[]string{"broker"}, []string{"broker/internal/record"}, false},
	{"the state seam knows only the partition seam", "broker/internal/state",
		[]string{"broker"}, []string{"broker/internal/log", "broker/internal/record"}, false},
	{"record stands alone", "broker/internal/record", []string{"broker"}, []string{"broker/contract"}, false},
	{"the contract is types only", "broker/contract", []string{""}, nil, false},
	{"journal lies under partlog", "broker/internal/journal", []string{"broker"}, []string{"broker/internal/vfs"}, false},
	{"the file system knows nobody", "broker/internal/vfs", []string{""}, nil, false},
	{"wire moves frames", "broker/internal/wire", []string{"broker"}, []string{"broker/internal/log", "broker/internal/lograte"}, false},
	{"clients speak the protocols", "serde", []string{"broker", "registry"}, nil, false},
	{"examples import public packages", "examples", []string{"broker", "registry", "internal", "cmd"}, nil, false},
	{"the schema model stands alone", "serde/avro/schema", []string{""}, nil, true},
	{"compat knows only the model", "serde/avro/compat", []string{""}, []string{"serde/avro/schema"}, true},
	{"the runtime knows only the model", "serde/avro", []string{""}, []string{"serde/avro"}, false},
	{"the generator knows the model and no runtime", "codegen", []string{""}, []string{"serde/avro/schema", "codegen"}, false},
	{"schemas hold generated code", "schemas", []string{""}, []string{"serde/avro", "schemas"}, false},
	{"the registry builds on schema, compat and the validator", "registry", []string{"serde"}, []string{"serde/avro"}, false},
	{"nothing imports commands", "", []string{"cmd"}, []string{"cmd"}, true},
	{"only node and cmd join broker and registry", "internal", []string{"broker", "registry"}, nil, false},
}

// joins are the rooms that a rule's From does not reach into.
var joins = []string{"internal/node", "internal/testkit"}

// kmsgRooms are the only rooms below broker that may know the protocol's structs.
var kmsgRooms = []string{"broker/internal/wire", "broker/internal/api", "broker/internal/state"}

func TestImports(t *testing.T) {
	files := 0
	eachFile(t, func(name string) {
		files++
		dir := path.Dir(name)
		isTest := strings.HasSuffix(name, "_test.go")
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", name), nil, parser.ImportsOnly)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !isTest && under(dir, "broker") && strings.HasSuffix(imported, "franz-go/pkg/kmsg") && !underAny(dir, kmsgRooms) {
				t.Errorf("%s imports kmsg: only %v may", name, kmsgRooms)
			}
			ours, ok := strings.CutPrefix(imported, module)
			if !ok {
				continue
			}
			for _, r := range rules {
				if isTest && !r.tests || !under(dir, r.from) || underAny(dir, joins) || r.from != "" && under(ours, r.from) {
					continue
				}
				if underAny(ours, r.never) && !underAny(ours, r.but) {
					t.Errorf("%s imports %s: %s", name, ours, r.why)
				}
			}
		}
	})
	if files < 10 {
		t.Fatalf("saw only %d Go files: is the test run in the source tree?", files)
	}
}

// TestPackageComments wants one comment for each package that a person wrote, which says what it is for.
func TestPackageComments(t *testing.T) {
	commented := map[string]bool{}
	eachFile(t, func(name string) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		dir := path.Dir(name)
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", name), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if ast.IsGenerated(f) {
			return
		}
		commented[dir] = commented[dir] || f.Doc != nil && len(f.Doc.Text()) > 40
	})
	for dir, ok := range commented {
		if !ok {
			t.Errorf("package %s has no package comment that says what it is for", dir)
		}
	}
}

func under(dir, room string) bool {
	return room == "" || dir == room || strings.HasPrefix(dir, room+"/")
}

func underAny(dir string, rooms []string) bool {
	for _, r := range rooms {
		if under(dir, r) {
			return true
		}
	}
	return false
}

// eachFile calls f with the slash-separated name, relative to the module's root, of every Go file outside testdata.
func eachFile(t *testing.T, f func(name string)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if base := d.Name(); rel != "." && (base == "testdata" || strings.HasPrefix(base, ".")) {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(rel, ".go") {
			f(rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
