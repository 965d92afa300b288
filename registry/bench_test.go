package registry_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// benchmarkHTTP sends one request again and again over keep-alive connections, to the registry and to a handler that
// writes a constant of the same size: the second is the limit.
func benchmarkHTTP(b *testing.B, request, body string) {
	r := open(b, b.TempDir())
	register(b, r, "s", invoice1)
	register(b, r, "s", invoice2)
	register(b, r, "s", invoice3)
	_, answer := ask(b, r.Handler(), request, body)
	constant := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header()["Content-Type"] = []string{"application/json"}
		io.WriteString(w, answer)
	})
	for name, handler := range map[string]http.Handler{"registry": r.Handler(), "constant": constant} {
		b.Run(name, func(b *testing.B) {
			server := httptest.NewServer(handler)
			defer server.Close()
			method, path, _ := strings.Cut(request, " ")
			b.SetParallelism(16)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				client := &http.Client{Transport: &http.Transport{}}
				defer client.CloseIdleConnections()
				for pb.Next() {
					q, _ := http.NewRequest(method, server.URL+path, strings.NewReader(body))
					q.Header.Set("Content-Type", "application/json")
					response, err := client.Do(q)
					if err != nil {
						b.Error(err)
						return
					}
					io.Copy(io.Discard, response.Body)
					response.Body.Close()
				}
			})
		})
	}
}

func BenchmarkByID(b *testing.B) { benchmarkHTTP(b, "GET /schemas/ids/3", "") }

func BenchmarkLookUp(b *testing.B) { benchmarkHTTP(b, "POST /subjects/s", body(invoice3)) }
