package codegen_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/typelog/typelog/codegen"
)

// one generates a single schema and returns its source.
func one(t *testing.T, text string) string {
	t.Helper()
	files, err := codegen.Generate([]codegen.Source{{Path: "in.avsc", Text: text}}, codegen.Options{Package: "p"})
	if err != nil {
		t.Fatal(err)
	}
	return string(files[0].Data)
}

// Field names become Go names as a Go programmer would write them.
func TestFieldNames(t *testing.T) {
	for name, want := range map[string]string{
		"id": "ID", "user_id": "UserID", "userId": "UserID", "userID": "UserID", "recordedAtUTC": "RecordedAtUTC",
		"HTTPServer": "HTTPServer", "http_url": "HTTPURL", "ids": "IDs", "eventIDs": "EventIDs", "x": "X", "_x": "X",
		"_9": "X9", "v1_2": "V1_2", "type": "Type", "a__b_": "AB", "snake_CASE": "SnakeCASE", "Validate": "Validate_",
		"append_avro": "AppendAvro_", "_": "X",
	} {
		text := fmt.Sprintf(`{"type":"record","name":"R","fields":[{"name":%q,"type":"int"}]}`, name)
		if code := one(t, text); !strings.Contains(code, "\t"+want+" int32") {
			_, after, _ := strings.Cut(code, "type R struct {")
			field, _, _ := strings.Cut(after, "}")
			t.Errorf("%s: want %s, got %s", name, want, strings.TrimSpace(field))
		}
	}
}

// The order in which inputs are given changes which file comes first, and nothing in them.
func TestOrderOfInputs(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	sources := sourcesIn(t, "testdata/references")
	want := map[string][]byte{}
	for range 10 {
		files, err := codegen.Generate(sources, codegen.Options{Package: "p"})
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range files {
			if !strings.HasPrefix(f.Name, strings.TrimSuffix(sources[i].Path, ".avsc")) {
				t.Errorf("%s is generated from %s", f.Name, sources[i].Path)
			}
			if want[f.Name] == nil {
				want[f.Name] = f.Data
			}
			if !bytes.Equal(want[f.Name], f.Data) {
				t.Errorf("%s differs in another order", f.Name)
			}
		}
		r.Shuffle(len(sources), func(i, j int) { sources[i], sources[j] = sources[j], sources[i] })
	}
}

// Two inputs may define a type alike; it is generated once, in the first one's file.
func TestSharedDefinition(t *testing.T) {
	text := `{"type":"record","name":%q,"namespace":"n","fields":[{"name":"f","type":
		{"type":"record","name":"Shared","fields":[{"name":"x","type":"int"}]}}]}`
	files, err := codegen.Generate([]codegen.Source{
		{Path: "a.avsc", Text: fmt.Sprintf(text, "A")}, {Path: "b.avsc", Text: fmt.Sprintf(text, "B")},
	}, codegen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false} {
		if bytes.Contains(files[i].Data, []byte("type Shared struct")) != want {
			t.Errorf("%s: has the shared type: %v", files[i].Name, !want)
		}
	}
}

// A file's name never makes the Go tool leave the file out, or take it for a test.
func TestFileNames(t *testing.T) {
	for path, want := range map[string]string{
		"a/b/order.avsc": "order_avro.go", `a\order.avsc`: "order_avro.go", "event_linux.avsc": "event_linux_avro.go",
		"event_test.avsc": "event_test_avro.go", "_x.avsc": "x_x_avro.go", ".avsc": "x_avro.go", "a b-c.v1.avsc": "a_b_c_v1_avro.go",
	} {
		files, err := codegen.Generate([]codegen.Source{{Path: path, Text: `{"type":"fixed","name":"F","namespace":"n","size":1}`}}, codegen.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if files[0].Name != want {
			t.Errorf("%s: %s, want %s", path, files[0].Name, want)
		}
	}
	_, err := codegen.Generate([]codegen.Source{
		{Path: "a/x.avsc", Text: `{"type":"fixed","name":"F","namespace":"n","size":1}`},
		{Path: "b/X.avsc", Text: `{"type":"fixed","name":"G","namespace":"n","size":1}`},
	}, codegen.Options{})
	if err == nil || !strings.Contains(err.Error(), "a/x.avsc") || !strings.Contains(err.Error(), "b/X.avsc") {
		t.Errorf("two inputs for one file: %v", err)
	}
}

// Docs stay comments, whatever is in them.
func TestHostileDocs(t *testing.T) {
	doc := "first\n\n//go:build ignore\n*/ func init() { panic(1) } /*\r\n\u2028var x = 1\u0000\ufeff\u202e`"
	code := one(t, fmt.Sprintf(`{"type":"record","name":"R","doc":%s,"fields":[{"name":"f","type":"int","doc":%s}]}`,
		jsonText(doc), jsonText(doc)))
	for line := range strings.SplitSeq(code, "\n") {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "panic") && !strings.HasPrefix(line, "// ") && !strings.Contains(line, `\"doc\"`) ||
			strings.HasPrefix(line, "//go:") {
			t.Errorf("a doc got out of its comment: %s", line)
		}
	}
}

func jsonText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	b.WriteByte('"')
	return b.String()
}

// Defaults that hold each other's, doubling at every level, and records that hold each other, are found out in time.
func TestExponentialDefaults(t *testing.T) {
	var b strings.Builder
	for i := range 40 {
		next := `"int"`
		if i < 39 {
			next = fmt.Sprintf(`"R%d"`, i+1)
		}
		fmt.Fprintf(&b, `{"type":"record","name":"R%d","fields":[{"name":"a","type":%s},{"name":"b","type":%s},{"name":"c","type":"string","default":"x"}]},`,
			i, next, next)
	}
	if code := one(t, "["+strings.TrimSuffix(b.String(), ",")+"]"); !strings.Contains(code, "type R39 struct") {
		t.Error("the last record is missing")
	}

	b.Reset()
	for i := 39; i >= 0; i-- {
		next := `"int","default":5`
		if i < 39 {
			next = fmt.Sprintf(`"R%d","default":{}`, i+1)
		}
		fmt.Fprintf(&b, `{"type":"record","name":"R%d","fields":[{"name":"a","type":%s},{"name":"b","type":%s}]},`, i, next, next)
	}
	_, err := codegen.Generate([]codegen.Source{{Path: "in.avsc", Text: "[" + strings.TrimSuffix(b.String(), ",") + "]"}},
		codegen.Options{Package: "p"})
	var fault *codegen.Error
	if err != nil && !errors.As(err, &fault) {
		t.Errorf("%T: %v", err, err)
	}
	if err == nil || !strings.Contains(err.Error(), "default") {
		t.Errorf("a default of 2^40 values: %.200v", err)
	}
}

// wide returns inputs of so many fields in all: records of 20 fields, each using one of those before.
func wide(fields int) []codegen.Source {
	types := []string{`"string"`, `"long"`, `["null","double"]`, `{"type":"array","items":"bytes"}`, `{"type":"map","values":"int"}`}
	var sources []codegen.Source
	for i := range fields / 20 {
		var parts []string
		for j := range 19 {
			parts = append(parts, fmt.Sprintf(`{"name":"field_%d","type":%s,"doc":"Field %d."}`, j, types[j%len(types)], j))
		}
		last := `"string"`
		if i > 0 {
			last = fmt.Sprintf(`["null","big.Record%d"]`, i/2)
		}
		parts = append(parts, fmt.Sprintf(`{"name":"before","type":%s}`, last))
		sources = append(sources, codegen.Source{Path: fmt.Sprintf("record_%d.avsc", i),
			Text: fmt.Sprintf(`{"type":"record","name":"Record%d","namespace":"big","fields":[%s]}`, i, strings.Join(parts, ","))})
	}
	slices.Reverse(sources)
	return sources
}

func BenchmarkGenerate5000Fields(b *testing.B) {
	sources := wide(5000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := codegen.Generate(sources, codegen.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzGenerate: whatever is given, the result is Go source or an error that says what is wrong with the schema.
func FuzzGenerate(f *testing.F) {
	f.Add(`{"type":"record","name":"A","namespace":"n","fields":[{"name":"a","type":["null","A","string"],"default":null}]}`)
	f.Add(`{"type":"enum","name":"E","symbols":["A","b"],"default":"A","doc":"*/"}`)
	f.Add(`[{"type":"fixed","name":"F","size":3},{"type":"array","items":"F"},"null"]`)
	f.Add(`{"type":"record","name":"D","fields":[{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2},"default":"\u0001"}]}`)
	f.Add(`{"type":"record","name":"C","fields":[{"name":"c","type":["null","long"],"go.type":"time.Duration"},{"name":"d","type":{"type":"string","go.type":"a-b/v2.T","go.text":true}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		opts := codegen.Options{Package: "p", Pointers: len(text)%2 == 1, Tests: len(text)%3 == 1}
		files, err := codegen.Generate([]codegen.Source{{Path: "in.avsc", Text: text}}, opts)
		if err != nil {
			if strings.Contains(err.Error(), "fault of typelog") {
				t.Fatal(err)
			}
			return
		}
		if !bytes.HasPrefix(files[0].Data, []byte(codegen.Header)) {
			t.Fatal("no header")
		}
	})
}
