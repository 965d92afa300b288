package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/typelog/typelog/codegen"
)

const (
	// registryTimeout bounds one request to the registry.
	registryTimeout = 30 * time.Second
	// maxFetched is how many schemas one run takes from a registry, references included.
	maxFetched = 10_000
)

// subjectFetcher reads schemas from a registry, each version of a subject once, with all that they refer to.
type subjectFetcher struct {
	client  *sr.Client
	seen    map[string]bool
	sources []codegen.Source
}

// fetchSubjects returns the schemas of subjects, given as NAME or NAME:VERSION, and of all that they refer to.
func fetchSubjects(ctx context.Context, url string, subjects []string) ([]codegen.Source, error) {
	client, err := sr.NewClient(sr.URLs(url), sr.UserAgent("typelog"), sr.HTTPClient(&http.Client{Timeout: registryTimeout}))
	if err != nil {
		return nil, err
	}
	f := subjectFetcher{client: client, seen: map[string]bool{}}
	for _, arg := range subjects {
		subject, version := splitSubject(arg)
		if err := f.fetch(ctx, subject, version); err != nil {
			return nil, err
		}
	}
	return f.sources, nil
}

// splitSubject splits NAME:VERSION. Names may have colons themselves: only a number or "latest" after the last one is a
// version. -1 is the latest.
func splitSubject(arg string) (subject string, version int) {
	at := strings.LastIndexByte(arg, ':')
	if at < 0 {
		return arg, -1
	}
	if arg[at+1:] == "latest" {
		return arg[:at], -1
	}
	if v, err := strconv.Atoi(arg[at+1:]); err == nil && v > 0 {
		return arg[:at], v
	}
	return arg, -1
}

func (f *subjectFetcher) fetch(ctx context.Context, subject string, version int) error {
	s, err := f.client.SchemaByVersion(ctx, subject, version)
	if err != nil {
		return fmt.Errorf("subject %s: %w", subject, err)
	}
	key := fmt.Sprintf("%s\x00%d", subject, s.Version)
	if f.seen[key] {
		return nil
	}
	if f.seen[key] = true; len(f.seen) > maxFetched {
		return fmt.Errorf("subject %s: more than %d schemas are referred to", subject, maxFetched)
	}
	if s.Type != sr.TypeAvro {
		return fmt.Errorf("subject %s, version %d: the schema is %v, and only Avro is generated", subject, s.Version, s.Type)
	}
	if len(s.Schema.Schema) > maxSchema {
		return fmt.Errorf("subject %s, version %d: larger than %d bytes, which no schema should be", subject, s.Version, maxSchema)
	}
	f.sources = append(f.sources, codegen.Source{Path: sourceName(subject), Text: s.Schema.Schema})
	for _, ref := range s.References {
		if err := f.fetch(ctx, ref.Subject, ref.Version); err != nil {
			return fmt.Errorf("subject %s, version %d, refers to %s: %w", subject, s.Version, ref.Name, err)
		}
	}
	return nil
}

// sourceName names the generated file after the subject, without what topic names bring along.
func sourceName(subject string) string {
	name := strings.NewReplacer("/", "_", `\`, "_", ".", "_").Replace(strings.TrimSuffix(subject, "-value"))
	return name + ".avsc"
}
