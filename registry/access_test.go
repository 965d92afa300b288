package registry_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/typelog/typelog/registry"
)

// hashOfX is a hash of the password "x" with few iterations, which tests can afford.
const hashOfX = "pbkdf2-sha256$10000$c2FsdHNhbHRzYWx0c2FsdA$R8x+27qenNlRqqXQr+Ug8WhihgqW4ZHlUiKohmWPPzU"

// guarded opens a registry with users.
func guarded(t *testing.T, users string) *registry.Registry {
	t.Helper()
	file := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(file, []byte(users), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := registry.New(registry.Config{DataDir: t.TempDir(), Listen: []string{}, UsersFile: file,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// TestRights: what each user may do, route by route. Everybody's password is x.
func TestRights(t *testing.T) {
	r := guarded(t, "root "+hashOfX+" admin\nreader "+hashOfX+" read\nshop "+hashOfX+" write:shop- read:common\n"+
		"owner "+hashOfX+" admin:shop-\neu "+hashOfX+" admin::.eu:\n")
	referring := body(order, `,"references":[{"name":"shop.Line","subject":"secret","version":1}]`)
	for _, c := range []struct {
		user, request, body string
		status              int
		want                string // a part of the answer
	}{
		{"", "GET /subjects", "", 401, "Unauthorized"},
		{"root:wrong", "GET /subjects", "", 401, "Unauthorized"},
		{"bob", "GET /subjects", "", 401, "Unauthorized"},
		{"", "GET /healthz", "", 200, "ok"},
		{"", "GET /metrics", "", 401, "Unauthorized"},
		{"reader", "GET /metrics", "", 200, "typelog_registry_requests_total"},
		{"root", "POST /subjects/secret/versions", body(line), 200, `"id":1`},
		{"root", "POST /subjects/common/versions", body(invoice1), 200, `"id":2`},
		{"shop", "POST /subjects/shop-a/versions", body(invoice1), 200, `"id":2`},
		{"shop", "POST /subjects/shop-b/versions", body(`"int"`), 200, `"id":3`},
		{"shop", "POST /subjects/other/versions", body(`"int"`), 403, "40301"},
		{"shop", "POST /subjects/common/versions", body(`"int"`), 403, "40301"},
		{"shop", "POST /subjects/:.eu:shop-a/versions", body(`"int"`), 403, "40301"},
		{"shop", "POST /contexts/eu/subjects/shop-a/versions", body(`"int"`), 403, "40301"},
		{"reader", "POST /subjects/shop-a/versions", body(`"int"`), 403, "40301"},
		{"reader", "POST /subjects/shop-a", body(invoice1), 200, `"id":2`},
		{"eu", "POST /contexts/eu/subjects/x/versions", body(`"bytes"`), 200, `"id":1`},
		// Lists show what the caller may read.
		{"root", "GET /subjects", "", 200, `[":.eu:x","common","secret","shop-a","shop-b"]`},
		{"shop", "GET /subjects", "", 200, `["common","shop-a","shop-b"]`},
		{"owner", "GET /subjects", "", 200, `["shop-a","shop-b"]`},
		{"eu", "GET /subjects", "", 200, `[":.eu:x"]`},
		{"owner", "GET /schemas/ids/2/versions", "", 200, `[{"subject":"shop-a","version":1}]`},
		{"owner", "GET /schemas/ids/2/subjects", "", 200, `["shop-a"]`},
		{"owner", "GET /schemas/ids/2", "", 200, `"subject":"shop-a"`},
		{"owner", "GET /schemas/ids/1", "", 403, "40301"},
		{"owner", "GET /schemas/ids/1/schema", "", 403, "40301"},
		{"owner", "GET /search?q=line", "", 200, `[]`},
		{"root", "GET /search?q=line", "", 200, `"subject":"secret"`},
		{"shop", "GET /schemas?subjectPrefix=se", "", 200, `[]`},
		// A name that leads elsewhere.
		{"shop", "GET /subjects/x/versions/1", "", 403, "40301"},
		{"owner", "PUT /config/shop-alias", `{"alias":"secret"}`, 200, "secret"},
		{"owner", "GET /subjects/shop-alias/versions/1", "", 403, "40301"},
		{"owner", "POST /subjects/shop-alias/versions", body(`"int"`), 403, "40301"},
		{"owner", "DELETE /subjects/shop-alias", "", 403, "40301"},
		{"owner", "GET /config/shop-alias", "", 200, "secret"},
		{"shop", "POST /subjects/shop-c/versions", referring, 403, "40301"},
		{"shop", "POST /compatibility/subjects/shop-a/versions", referring, 403, "40301"},
		{"root", "POST /subjects/shop-c/versions", referring, 200, `"id":4`},
		// What needs more.
		{"shop", "DELETE /subjects/shop-b/versions/1", "", 403, "40301"},
		{"owner", "DELETE /subjects/shop-b/versions/1", "", 200, "1"},
		{"shop", "POST /subjects/shop-b/versions/1/undelete", "", 403, "40301"},
		{"owner", "POST /subjects/shop-b/versions/1/undelete", "", 200, "1"},
		{"shop", "PUT /mode/shop-a", `{"mode":"READONLY"}`, 403, "40301"},
		{"owner", "PUT /mode/shop-a", `{"mode":"READWRITE"}`, 200, "READWRITE"},
		{"owner", "PUT /config", `{"compatibility":"NONE"}`, 403, "40301"},
		{"owner", "GET /config", "", 200, "BACKWARD"},
		{"eu", "PUT /contexts/eu/config", `{"compatibility":"NONE"}`, 403, "40301"},
		{"eu", "PUT /config/:.eu:", `{"compatibility":"NONE"}`, 200, "NONE"},
		{"eu", "DELETE /contexts/eu", "", 403, "40301"},
		{"owner", "GET /export", "", 403, "40301"},
		{"reader", "GET /export", "", 403, "40301"},
		{"owner", "POST /import", "x", 403, "40301"},
		{"root", "GET /export", "", 200, `"keytype":"SCHEMA"`},
	} {
		name, password, _ := strings.Cut(c.user, ":")
		if password == "" {
			password = "x"
		}
		var headers []string
		if name != "" {
			q, _ := http.NewRequest("GET", "/", nil)
			q.SetBasicAuth(name, password)
			headers = []string{"Authorization", q.Header.Get("Authorization")}
		}
		status, got := ask(t, r.Handler(), c.request, c.body, headers...)
		if status != c.status || !strings.Contains(got, c.want) {
			t.Errorf("%s: %s: %d %.300s; want %d %s", c.user, c.request, status, got, c.status, c.want)
		}
	}
}

// TestTLS serves HTTPS with a certificate from files.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	roots := selfSigned(t, cert, key)
	r, err := registry.New(registry.Config{DataDir: dir, Listen: []string{"127.0.0.1:0"}, CertFile: cert, KeyFile: key,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := contextWithCancel(t)
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	url := r.URLs()[0]
	if !strings.HasPrefix(url, "https://127.0.0.1:") {
		t.Errorf("url %s", url)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	answer, err := client.Get(url + "/subjects")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 200 || answer.TLS == nil {
		t.Errorf("status %d, TLS %v", answer.StatusCode, answer.TLS)
	}
	client.CloseIdleConnections()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, cfg := range []registry.Config{{CertFile: cert}, {KeyFile: key}, {CertFile: key, KeyFile: cert}, {UsersFile: cert}, {Compat: 6}} {
		cfg.DataDir, cfg.Listen = t.TempDir(), []string{}
		if r, err := registry.New(cfg); err == nil {
			r.Close()
			t.Errorf("%+v is accepted", cfg)
		}
	}
}

func selfSigned(t *testing.T, certFile, keyFile string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(cert)
	return pool
}

// TestCompat7: the answers of the older version.
func TestCompat7(t *testing.T) {
	r, err := registry.New(registry.Config{DataDir: t.TempDir(), Listen: []string{}, Compat: 7})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	schema := quoted(invoice1)
	for _, s := range []step{
		{"POST /subjects/s/versions", body(invoice1), 200, `{"id":1}`},
		{"POST /subjects/s/versions", body(invoice1), 200, `{"id":1}`},
		{"POST /subjects/s", body(invoice1), 200, `{"subject":"s","id":1,"version":1,"schema":` + schema + `}`},
		{"GET /subjects/s/versions/1", "", 200, `{"subject":"s","version":1,"id":1,"schema":` + schema + `}`},
		{"GET /schemas/ids/1", "", 200, `{"schema":` + schema + `}`},
		{"GET /schemas", "", 200, `[{"subject":"s","version":1,"id":1,"schema":` + schema + `}]`},
		{"POST /subjects/j/versions", `{"schemaType":"JSON","schema":"true"}`, 200, `{"id":2}`},
		{"GET /schemas/ids/2", "", 200, `{"schemaType":"JSON","schema":"true"}`},
		{"GET /schemas/ids/2?fetchMaxId=true", "", 200, `{"schemaType":"JSON","schema":"true","maxId":2}`},
		{"GET /v1/metadata/version", "", 200, `{"version":"7.9.0","commitId":"typelog"}`},
	} {
		s.run(t, r.Handler())
	}
}
