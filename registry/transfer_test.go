package registry_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/typelog/typelog/registry"
)

// full makes a registry that has some of everything.
func full(t *testing.T) *registry.Registry {
	r := play(t, []step{
		{"POST /subjects/line/versions", body(line), 200, registeredAs(1, 1, line)},
		{"POST /subjects/order/versions", body(order, `,"references":[{"name":"shop.Line","subject":"line","version":1}]`), 200,
			`{"id":2,"version":1,"guid":"*","schemaType":"AVRO","references":[{"name":"shop.Line","subject":"line","version":1}],"schema":"*"}`},
		{"POST /subjects/:.eu:inv/versions", body(" " + invoice1), 200, registeredAs(1, 1, invoice1)},
		{"POST /subjects/s/versions", body(invoice1, `,"metadata":{"properties":{"owner":"ana"}},"ruleSet":{"domainRules":[`+checkTotal+`]}`), 200,
			withRules(3, 1, invoice1, `,"metadata":{"properties":{"owner":"ana"}},"ruleSet":{"domainRules":[`+checkTotalBack+`]}`)},
		{"POST /subjects/s/versions", body(invoice2, `,"metadata":{},"ruleSet":{}`), 200, withRules(4, 2, invoice2, `,"metadata":{},"ruleSet":{}`)},
		{"POST /subjects/j/versions", `{"schemaType":"JSON","schema":"{\"type\":\"string\"}"}`, 200,
			`{"id":5,"version":1,"guid":"*","schemaType":"JSON","schema":"*"}`},
		{"POST /subjects/gone/versions", body(`"int"`), 200, registeredAs(6, 1, `"int"`)},
		{"DELETE /subjects/gone", "", 200, `[1]`},
		{"DELETE /subjects/gone?permanent=true", "", 200, `[1]`},
		{"DELETE /subjects/s/versions/1", "", 200, `1`},
		{"PUT /config", `{"compatibility":"FULL","defaultRuleSet":{"domainRules":[` + encrypt + `]}}`, 200, `{"compatibility":"FULL","defaultRuleSet":"*"}`},
		{"PUT /config/s", `{"normalize":true,"alias":"t","defaultMetadata":{"tags":{"a":["b"]}}}`, 200, `{"alias":"t","normalize":true,"defaultMetadata":{"tags":{"a":["b"]}}}`},
		{"PUT /mode/:.eu:", `{"mode":"READONLY"}`, 200, `{"mode":"READONLY"}`},
	})
	return r
}

func export(t *testing.T, r *registry.Registry) string {
	t.Helper()
	var out bytes.Buffer
	if err := r.Export(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestExportAndImport: what an import makes exports the same and answers the same, ids that are gone stay used, and the
// text as it came is there.
func TestExportAndImport(t *testing.T) {
	text := export(t, full(t))
	dir := t.TempDir()
	other := open(t, dir)
	if _, err := other.Import(t.Context(), strings.NewReader(text)); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if again := export(t, other); again != text {
		t.Errorf("exported\n%s\nafter the import\n%s", text, again)
	}
	for _, s := range []step{
		{"GET /subjects?deleted=true", "", 200, `[":.eu:inv","j","line","order","s"]`},
		{"GET /subjects/:.eu:inv/versions/1/schema?format=given", "", 200, " " + invoice1},
		{"GET /subjects/order/versions/1/schema?format=resolved", "", 200, orderAll},
		{"GET /mode/:.eu:inv?defaultToGlobal=true", "", 200, `{"mode":"READONLY"}`},
		{"GET /config?defaultToGlobal=true", "", 200, `{"compatibilityLevel":"FULL","defaultRuleSet":{"domainRules":[` + encryptBack + `]}}`},
		{"POST /subjects/new/versions", body(`"long"`, `,"ruleSet":{}`), 200, "*"},
	} {
		if s.want == "*" {
			_, got := ask(t, other.Handler(), s.request, s.body)
			if !strings.HasPrefix(got, `{"id":7,"version":1,`) {
				t.Errorf("%s: %s: an id was used twice", s.request, got)
			}
			continue
		}
		if strings.Contains(s.request, "/schema?") {
			if _, got := ask(t, other.Handler(), s.request, ""); got != s.want {
				t.Errorf("%s: %s", s.request, got)
			}
			continue
		}
		s.run(t, other.Handler())
	}
	later := export(t, other)
	other.Close()
	if got := export(t, open(t, dir)); got != later {
		t.Errorf("after a restart\n%s\nnot\n%s", got, later)
	}
}

// TestImportAgain: a second import of the same changes nothing, and one that contradicts what is there does nothing.
func TestImportAgain(t *testing.T) {
	r := full(t)
	text := export(t, r)
	done, err := r.Import(t.Context(), strings.NewReader(text))
	if err != nil || done.Versions != 0 || done.Unchanged != 6 {
		t.Errorf("again: %+v, %v", done, err)
	}
	if got := export(t, r); got != text {
		t.Errorf("it changed to\n%s\nfrom\n%s", got, text)
	}
	for _, c := range []struct{ line, want string }{
		{`{"key":{"keytype":"SCHEMA","subject":"s","version":1,"magic":1},"value":{"subject":"s","version":1,"id":3,"schema":"\"int\"","deleted":false}}`,
			"line 2: Subject 's' has another schema as version 1"},
		{`{"key":{"keytype":"SCHEMA","subject":"n","version":1,"magic":1},"value":{"subject":"n","version":1,"id":3,"schema":"\"int\"","deleted":false}}`,
			"line 2: Overwrite new schema with id 3 in context  is not permitted."},
		{`{"key":{"keytype":"SCHEMA","subject":"n","version":1,"magic":1},"value":{"subject":"n","version":1,"id":33,"schema":"\"in","deleted":false}}`, "line 2: subject 'n' version 1"},
		{`{"key":{"keytype":"SCHEMA","subject":"n","version":1,"magic":1},"value":{"subject":"m","version":1,"id":33,"schema":"\"int\"","deleted":false}}`, "line 2: key and value name different versions"},
		{`{"key":{"keytype":"SCHEMA","subject":":.eu:n","version":1,"magic":1},"value":{"version":1,"id":33,"schema":"\"int\"","deleted":false}}`, "line 2: Subject :.eu:n in context :.eu: is in read-only mode"},
		{`{"key":{"keytype":"SCHEMA","subject":"n","version":1,"magic":1},"value":{"version":1,"id":33,"schemaType":"XML","schema":"<a/>"}}`, `line 2: unknown schemaType "XML"`},
		{`{"key":{"keytype":"OTHER","magic":1},"value":{}}`, `line 2: unknown keytype "OTHER"`},
		{`{"key":{"keytype":"MODE","magic":1},"value":{"mode":"X"}}`, `line 2: unknown mode "X"`},
		{`nothing`, `line 2: it is neither {"key":…,"value":…} nor KEY, a tab, and VALUE`},
	} {
		fresh := `{"key":{"keytype":"SCHEMA","subject":"fresh","version":1,"magic":1},"value":{"subject":"fresh","version":1,"id":77,"schema":"\"int\"","deleted":false}}`
		if _, err := r.Import(t.Context(), strings.NewReader(fresh+"\n"+c.line+"\n")); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s\n%v", c.line, err)
		}
	}
	if got := export(t, r); got != text {
		t.Errorf("a refused import left\n%s", got)
	}
}

// TestImportConfluent replays records as Confluent's registry writes them, in the forms in which tools write them to
// files: overwritten, deleted by subject, deleted for good, made again.
func TestImportConfluent(t *testing.T) {
	r := open(t, t.TempDir())
	lines := strings.Join([]string{
		`{"keytype":"NOOP","magic":0}` + "\tnull",
		`{"keytype":"SCHEMA","subject":"a","version":1,"magic":1}` + "\t" + `{"subject":"a","version":1,"id":1,"md5":"x","schemaType":"AVRO","schema":"\"int\"","deleted":false}`,
		`{"keytype":"SCHEMA","subject":"a","version":2,"magic":1}` + "\t" + `{"subject":"a","version":2,"id":2,"schema":"\"long\"","deleted":false}`,
		`{"keytype":"DELETE_SUBJECT","subject":"a","magic":0}` + "\t" + `{"subject":"a","version":2}`,
		`{"keytype":"SCHEMA","subject":"a","version":3,"magic":1}` + "\t" + `{"subject":"a","version":3,"id":3,"schema":"\"double\"","deleted":false}`,
		`{"key":"{\"keytype\":\"SCHEMA\",\"subject\":\"b\",\"version\":1,\"magic\":1}","payload":"{\"subject\":\"b\",\"version\":1,\"id\":4,\"schema\":\"\\\"bytes\\\"\",\"deleted\":true}"}`,
		`{"key":{"keytype":"SCHEMA","subject":"b","version":1,"magic":1},"value":null}`,
		`{"key":{"keytype":"SCHEMA","subject":"c","version":1,"magic":1},"value":{"subject":"c","version":1,"id":5,"schema":"\"bytes\"","deleted":true}}`,
		`{"key":{"keytype":"CLEAR_SUBJECT","subject":"c","magic":0},"value":{"subject":"c"}}`,
		`{"key":{"keytype":"CONFIG","subject":null,"magic":0},"value":{"compatibilityLevel":"NONE"}}`,
		`{"key":{"keytype":"CONFIG","subject":"a","magic":0},"value":{"subject":"a","compatibilityLevel":"FULL"}}`,
		`{"key":{"keytype":"CONFIG","subject":"a","magic":0},"value":null}`,
		`{"key":{"keytype":"MODE","subject":"a","magic":0},"value":{"subject":"a","mode":"READONLY"}}`,
		`{"key":{"keytype":"CONTEXT","tenant":"default","context":".eu","magic":0},"value":{"tenant":"default","context":".eu"}}`,
		``,
	}, "\n")
	done, err := r.Import(t.Context(), strings.NewReader(lines))
	if err != nil || done.Versions != 3 || done.Configs != 1 || done.Modes != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	for _, s := range []step{
		{"GET /subjects?deleted=true", "", 200, `["a"]`},
		{"GET /subjects/a/versions?deleted=true", "", 200, `[1,2,3]`},
		{"GET /subjects/a/versions", "", 200, `[3]`},
		{"GET /config", "", 200, `{"compatibilityLevel":"NONE"}`},
		{"GET /config/a", "", 404, `{"error_code":40408,"message":"*"}`},
		{"GET /mode/a", "", 200, `{"mode":"READONLY"}`},
		{"GET /contexts", "", 200, `[".",".eu"]`},
	} {
		s.run(t, r.Handler())
	}
}

// TestTransferRoutes moves everything over HTTP.
func TestTransferRoutes(t *testing.T) {
	status, text := ask(t, full(t).Handler(), "GET /export", "")
	if status != 200 {
		t.Fatal(status, text)
	}
	other := open(t, t.TempDir())
	step{"POST /import", text, 200, `{"versions":6,"configs":2,"modes":1,"unchanged":0}`}.run(t, other.Handler())
	step{"POST /import", "x", 400, `{"error_code":400,"message":"*"}`}.run(t, other.Handler())
	if got := export(t, other); got != text {
		t.Errorf("exported\n%s\nnot\n%s", got, text)
	}
}
