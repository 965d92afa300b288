package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newSchemaCommand() *cobra.Command {
	c := &registryClient{}
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Read, check, register, compare, move and delete schemas in a registry",
		RunE:  onlyHolds,
		Long: "Read, check, register, compare, move and delete schemas in a running registry: typelog's, or for most commands\n" +
			"any Confluent-compatible one. A login goes into the URL: --registry https://NAME:PASSWORD@HOST:8081.",
	}
	cmd.PersistentFlags().StringVar(&c.address, "registry", "http://localhost:8081", "URL of the schema registry")
	cmd.PersistentFlags().StringVar(&c.ca, "registry-ca", "", "PEM file of the authority that signed the registry's certificate")
	cmd.AddCommand(newSchemaListCommand(c), newSchemaGetCommand(c), newSchemaSearchCommand(c), newSchemaDiffCommand(c),
		newSchemaCheckCommand(c), newSchemaRegisterCommand(c), newSchemaDeleteCommand(c), newSchemaUndeleteCommand(c),
		newSchemaLevelCommand(c), newSchemaExportCommand(c), newSchemaImportCommand(c))
	return cmd
}

// maxAnswer bounds an answer that is read whole.
const maxAnswer = 64 << 20

// registryClient asks a registry what its Go client does not know: explanations, differences, exports.
type registryClient struct{ address, ca string }

// problem is a reason or a warning as the registry tells it.
type problem struct {
	Version int    `json:"version"`
	Kind    string `json:"kind"`
	Reader  string `json:"reader"`
	Pointer string `json:"pointer"`
	Message string `json:"message"`
	Mend    string `json:"mend"`
}

// refusal is an error that the registry answered with.
type refusal struct {
	Code              int       `json:"error_code"`
	Message           string    `json:"message"`
	Incompatibilities []problem `json:"incompatibilities"`
}

func (e *refusal) Error() string {
	return fmt.Sprintf("the registry refused: %s (error %d)", e.Message, e.Code)
}

// client is the HTTP client; timeout 0 is none.
func (c *registryClient) client(timeout time.Duration) (*http.Client, error) {
	if c.ca == "" {
		return &http.Client{Timeout: timeout}, nil
	}
	text, err := os.ReadFile(c.ca)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate in PEM form", c.ca)
	}
	return &http.Client{Timeout: timeout, Transport: &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}}, nil
}

// send sends one request. The caller closes the body of the answer, whose status is 200.
func (c *registryClient) send(ctx context.Context, timeout time.Duration, method, path, kind string, body io.Reader) (*http.Response, error) {
	client, err := c.client(timeout)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.address, "/")+path, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", kind)
	}
	request.Header.Set("User-Agent", "typelog")
	answer, err := client.Do(request)
	if err != nil {
		if fault := (*url.Error)(nil); errors.As(err, &fault) {
			return nil, fmt.Errorf("no answer from the registry at %s: %w. Is it running (typelog up)?", c.place(), fault.Err)
		}
		return nil, err
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	said := &refusal{}
	if json.Unmarshal(text, said) != nil || said.Message == "" {
		return nil, fmt.Errorf("%s answered %s: %.300s", c.place(), answer.Status, text)
	}
	return nil, said
}

// place is the registry's address without the login in it.
func (c *registryClient) place() string {
	u, err := url.Parse(c.address)
	if err != nil {
		return "the given address"
	}
	return u.Redacted()
}

// ask sends a request with a body of JSON, if any, and reads the answer into out: a *string takes it as it is.
func (c *registryClient) ask(ctx context.Context, method, path string, body, out any) error {
	var text io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		text = bytes.NewReader(encoded)
	}
	answer, err := c.send(ctx, registryTimeout, method, path, "application/vnd.schemaregistry.v1+json", text)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	read, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return err
	}
	if s, ok := out.(*string); ok {
		*s = string(read)
		return nil
	}
	if err := json.Unmarshal(read, out); err != nil {
		return fmt.Errorf("the answer of %s is no JSON of the kind expected: %w", c.place(), err)
	}
	return nil
}

// subjectPath is the path of a subject.
func subjectPath(subject string) string { return "/subjects/" + url.PathEscape(subject) }

// versionPath is the path of what NAME or NAME:VERSION means.
func versionPath(arg string) string {
	subject, version := splitSubject(arg)
	text := "latest"
	if version > 0 {
		text = strconv.Itoa(version)
	}
	return subjectPath(subject) + "/versions/" + text
}

// schemaSource is a schema to be checked or registered, from a file and flags.
type schemaSource struct {
	Schema     string            `json:"schema"`
	Type       string            `json:"schemaType,omitempty"`
	References []schemaReference `json:"references,omitempty"`
}

type schemaReference struct {
	Name    string `json:"name"`
	Subject string `json:"subject"`
	Version int    `json:"version"`
}

// sourceFlags are the flags that say what is in a schema's file.
type sourceFlags struct {
	kind       string
	references []string
	normalize  bool
}

func (f *sourceFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.kind, "type", "AVRO", "language of the schema: AVRO, JSON or PROTOBUF")
	cmd.Flags().StringArrayVar(&f.references, "reference", nil, "what the schema uses of another subject, as NAME=SUBJECT:VERSION; may be repeated")
	cmd.Flags().BoolVar(&f.normalize, "normalize", false, "bring the schema into its normal form first")
}

// read reads the file; - is standard input.
func (f *sourceFlags) read(cmd *cobra.Command, file string) (schemaSource, error) {
	out := schemaSource{Type: strings.ToUpper(f.kind)}
	var text []byte
	var err error
	if file == "-" {
		text, err = io.ReadAll(cmd.InOrStdin())
	} else {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return out, err
	}
	out.Schema = string(text)
	for _, r := range f.references {
		name, target, ok := strings.Cut(r, "=")
		subject, version := splitSubject(target)
		if !ok || name == "" || subject == "" {
			return out, fmt.Errorf("--reference %q: want NAME=SUBJECT:VERSION, such as shop.Line=line-value:1", r)
		}
		out.References = append(out.References, schemaReference{name, subject, version})
	}
	return out, nil
}

func (f *sourceFlags) query() string {
	q := url.Values{"explain": {"true"}}
	if f.normalize {
		q.Set("normalize", "true")
	}
	return "?" + q.Encode()
}

// tell prints reasons or warnings, each with its place and its mend.
func tell(w io.Writer, what string, list []problem) {
	for _, p := range list {
		where := p.Pointer
		if where == "" {
			where = "/"
		}
		line := fmt.Sprintf("%s %s at %s", what, p.Kind, where)
		if p.Version > 0 {
			line += fmt.Sprintf(", against version %d", p.Version)
		}
		if p.Reader == "old" {
			line += ", where readers have the old schema"
		}
		fmt.Fprintf(w, "%s: %s\n", line, p.Message)
		if p.Mend != "" {
			fmt.Fprintf(w, "  mend: %s\n", p.Mend)
		}
	}
}
