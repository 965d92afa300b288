package registry_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestHostileBodies: whatever is sent, the answer is an error of the client's, soon, and nothing is registered.
func TestHostileBodies(t *testing.T) {
	r := open(t, t.TempDir())
	nested := func(open, close string, n int) string { return strings.Repeat(open, n) + strings.Repeat(close, n) }
	var union strings.Builder
	union.WriteString(`[`)
	for i := range 20_000 {
		if i > 0 {
			union.WriteString(`,`)
		}
		union.WriteString(`{"type":"array","items":"int"}`)
	}
	union.WriteString(`]`)
	for name, text := range map[string]string{
		"deep arrays":         nested("[", "]", 1_000_000),
		"deep objects":        strings.Repeat(`{"schema":`, 300_000),
		"a deep schema":       body(nested(`{"type":"array","items":`, `}`, 20_000)),
		"a deep valid schema": body(strings.Repeat(`{"type":"array","items":`, 20_000) + `"int"` + strings.Repeat(`}`, 20_000)),
		"deep defaults":       body(`{"type":"record","name":"R","fields":[{"name":"x","type":"int","default":` + nested("[", "]", 100_000) + `}]}`),
		"a union of arrays":   body(union.String()),
		"not UTF-8":           "{\"schema\":\"\xff\xfe\"}",
		"a NUL":               "{\"schema\":\"\\u0000\"}",
		"half a surrogate":    `{"schema":"\"\ud800\""}`,
		"an endless number":   `{"id":` + strings.Repeat("9", 500_000) + `}`,
		"a number as schema":  `{"schema":1e999999999}`,
		"trailing":            body(`"int"`) + `{}`,
		"an empty name":       body(`{"type":"record","name":"","fields":[]}`),
		"a cut body":          `{"schema":"\"int\"`,
		"many members":        `{` + strings.Repeat(`"a":1,`, 200_000) + `"schema":"{"}`,
		"too large":           body(`"` + strings.Repeat("x", 5<<20) + `"`),
		"a large schema":      body(`{"type":"enum","name":"E","doc":"` + strings.Repeat("x", 1_200_000) + `","symbols":["A"]}`),
		"a reference to all":  body(`"int"`, `,"references":[`+strings.Repeat(`{"name":"a","subject":"s","version":1},`, 20_000)+`{}]`),
	} {
		began := time.Now()
		status, answer := ask(t, r.Handler(), "POST /subjects/s/versions", text)
		if status < 400 || status >= 500 {
			t.Errorf("%s: %d %.200s", name, status, answer)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s took %s", name, took)
		}
		if !strings.HasPrefix(answer, `{"error_code":`) {
			t.Errorf("%s: %.200s", name, answer)
		}
	}
	if _, list := ask(t, r.Handler(), "GET /subjects?deleted=true", ""); list != "[]" {
		t.Errorf("registered: %s", list)
	}
}

func TestMediaTypes(t *testing.T) {
	r := open(t, t.TempDir())
	for _, c := range []struct {
		request, body, header, value string
		status                       int
	}{
		{"GET /subjects", "", "Accept", "application/json", 200},
		{"GET /subjects", "", "Accept", "application/vnd.schemaregistry+json; q=0.9, */*; q=0.1", 200},
		{"GET /subjects", "", "Accept", "text/html", http.StatusNotAcceptable},
		{"POST /subjects/s/versions", body(`"int"`), "Content-Type", "application/octet-stream", 200},
		{"POST /subjects/s/versions", body(`"int"`), "Content-Type", "text/plain", http.StatusUnsupportedMediaType},
		{"POST /subjects/s/versions", body(`"int"`), "Content-Type", "nonsense", http.StatusBadRequest},
	} {
		if status, answer := ask(t, r.Handler(), c.request, c.body, c.header, c.value); status != c.status {
			t.Errorf("%s with %s %s: %d %s", c.request, c.header, c.value, status, answer)
		}
	}
}

func TestPathsThatNobodyMaySee(t *testing.T) {
	r := open(t, t.TempDir())
	for _, path := range []string{"/subjects//versions", "/subjects/a%00b/versions", "/subjects/a%5Cb/versions"} {
		if status, _ := ask(t, r.Handler(), "GET "+path, ""); status != http.StatusBadRequest {
			t.Errorf("%s: %d", path, status)
		}
	}
}
