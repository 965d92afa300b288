package registry_test

import (
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
)

// TestFranzGo uses the registry as franz-go's client does.
func TestFranzGo(t *testing.T) {
	server := httptest.NewServer(open(t, t.TempDir()).Handler())
	defer server.Close()
	client, err := sr.NewClient(sr.URLs(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	first, err := client.CreateSchema(ctx, "s", sr.Schema{Schema: invoice1})
	if err != nil || first.ID != 1 || first.Version != 1 {
		t.Fatalf("created %+v, %v", first, err)
	}
	second, err := client.CreateSchema(ctx, "s", sr.Schema{Schema: invoice2})
	if err != nil || second.ID != 2 || second.Version != 2 {
		t.Fatalf("created %+v, %v", second, err)
	}
	var refusal *sr.ResponseError
	if _, err = client.CreateSchema(ctx, "s", sr.Schema{Schema: badType}); !errors.As(err, &refusal) || refusal.ErrorCode != 40901 {
		t.Errorf("an incompatible schema: %v", err)
	}
	if got, err := client.SchemaByID(ctx, 2); err != nil || got.Schema != invoice2 {
		t.Errorf("by id: %+v, %v", got, err)
	}
	if got, err := client.LookupSchema(ctx, "s", sr.Schema{Schema: invoice1}); err != nil || got.Version != 1 {
		t.Errorf("looked up: %+v, %v", got, err)
	}
	if got, err := client.SchemaByVersion(ctx, "s", -1); err != nil || got.Version != 2 {
		t.Errorf("latest: %+v, %v", got, err)
	}
	if got, err := client.Subjects(ctx); err != nil || len(got) != 1 || got[0] != "s" {
		t.Errorf("subjects: %v, %v", got, err)
	}
	if got, err := client.CheckCompatibility(ctx, "s", -1, sr.Schema{Schema: badType}); err != nil || got.Is {
		t.Errorf("compatible: %+v, %v", got, err)
	}
	for _, set := range client.SetCompatibility(ctx, sr.SetCompatibility{Level: sr.CompatFull}, "s") {
		if set.Err != nil || set.Level != sr.CompatFull {
			t.Errorf("set: %+v", set)
		}
	}
	for _, got := range client.Compatibility(ctx, "s") {
		if got.Err != nil || got.Level != sr.CompatFull {
			t.Errorf("level: %+v", got)
		}
	}
	if got, err := client.DeleteSubject(ctx, "s", sr.SoftDelete); err != nil || len(got) != 2 {
		t.Errorf("deleted: %v, %v", got, err)
	}
	if got, err := client.DeleteSubject(ctx, "s", sr.HardDelete); err != nil || len(got) != 2 {
		t.Errorf("deleted for good: %v, %v", got, err)
	}
	if _, err := client.SchemaByID(ctx, 1); !errors.As(err, &refusal) || refusal.ErrorCode != 40403 {
		t.Errorf("a schema that is gone: %v", err)
	}
}
