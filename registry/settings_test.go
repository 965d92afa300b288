package registry_test

import (
	"strings"
	"testing"
)

// TestForcedImport: IMPORT needs a place without subjects, unless it is forced.
func TestForcedImport(t *testing.T) {
	play(t, []step{
		{"POST /subjects/s/versions", body(invoice1), 200, registeredAs(1, 1, invoice1)},
		{"PUT /mode/s", `{"mode":"IMPORT"}`, 422, refused(42205, "Cannot import since found existing subjects")},
		{"PUT /mode/s?force=true", `{"mode":"IMPORT"}`, 200, `{"mode":"IMPORT"}`},
		{"POST /subjects/s/versions", body(badType, `,"id":70,"version":9`), 200, registeredAs(70, 9, badType)},
		{"POST /subjects/s/versions", body(invoice2, `,"id":70,"version":10`), 422,
			refused(42205, "Overwrite new schema with id 70 in context  is not permitted.")},
		{"DELETE /mode/s", "", 200, `{"mode":"IMPORT"}`},
		{"GET /subjects/s/versions", "", 200, `[1,9]`},
		{"POST /subjects/t/versions", body(`"int"`), 200, registeredAs(71, 1, `"int"`)},
	})
}

// TestCompatibilityGroups: versions of other groups are not looked at.
func TestCompatibilityGroups(t *testing.T) {
	in := func(group string) string { return `,"metadata":{"properties":{"major":"` + group + `"}}` }
	as := func(id, version int, schema, group string) string {
		return strings.TrimSuffix(registeredAs(id, version, schema), "}") + in(group) + "}"
	}
	play(t, []step{
		{"PUT /config/s", `{"compatibility":"BACKWARD_TRANSITIVE","compatibilityGroup":"major"}`, 200,
			`{"compatibility":"BACKWARD_TRANSITIVE","compatibilityGroup":"major"}`},
		{"POST /subjects/s/versions", body(invoice1, in("1")), 200, as(1, 1, invoice1, "1")},
		{"POST /subjects/s/versions", body(badType, in("1")), 409, `{"error_code":40901,"message":"*"}`},
		{"POST /subjects/s/versions", body(badType, in("2")), 200, as(2, 2, badType, "2")},
		{"POST /subjects/s/versions", body(invoice2, in("1")), 200, as(3, 3, invoice2, "1")},
		{"POST /subjects/s/versions", body(invoice3, in("2")), 409, `{"error_code":40901,"message":"*"}`},
	})
}

// TestMetadataOfConfigurations: defaults lie below what a schema brings, overrides above.
func TestMetadataOfConfigurations(t *testing.T) {
	play(t, []step{
		{"PUT /config/s", `{"defaultMetadata":{"properties":{"owner":"all","tier":"3"}},"overrideMetadata":{"properties":{"tier":"1"},"sensitive":["owner"]}}`, 200,
			`{"defaultMetadata":{"properties":{"owner":"all","tier":"3"}},"overrideMetadata":{"properties":{"tier":"1"},"sensitive":["owner"]}}`},
		{"POST /subjects/s/versions", body(invoice1, `,"metadata":{"properties":{"owner":"ana","tier":"2"}}`), 200,
			strings.TrimSuffix(registeredAs(1, 1, invoice1), "}") + `,"metadata":{"properties":{"owner":"ana","tier":"1"},"sensitive":["owner"]}}`},
		{"POST /subjects/s/versions", body(invoice2, `,"metadata":{}`), 200,
			strings.TrimSuffix(registeredAs(2, 2, invoice2), "}") + `,"metadata":{"properties":{"owner":"all","tier":"1"},"sensitive":["owner"]}}`},
		{"GET /subjects/s/metadata?key=owner&value=ana", "", 200,
			strings.TrimSuffix(shown("s", 1, 1, invoice1, false), "}") + `,"metadata":{"properties":{"owner":"ana","tier":"1"},"sensitive":["owner"]}}`},
	})
}
