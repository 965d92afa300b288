package registry_test

import (
	"strings"
	"testing"
)

// TestWarnings: what passes the check and hurts later is told to whom asks for explanations, and to nobody else.
func TestWarnings(t *testing.T) {
	record := func(fields string) string {
		return `{"type":"record","name":"R","fields":[` + fields + `]}`
	}
	when := func(unit string) string {
		return record(`{"name":"at","type":{"type":"long","logicalType":"timestamp-` + unit + `"}}`)
	}
	bad := record(`{"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},{"name":"e","type":{"type":"enum","name":"E","symbols":["A"]},"default":"B"}`)
	coarser := `{"version":1,"kind":"INEXACT_LOGICAL_TYPE","reader":"new","pointer":"/fields/0/type/logicalType","message":"*",` +
		`"mend":"keep timestamp-micros, or add a field of the new type"}`
	fallen := `{"kind":"UNUSABLE_DEFAULT","pointer":"/fields/1/default","message":"*","mend":"give field e a default that its type can hold"}`
	play(t, []step{
		{"POST /subjects/s/versions?explain=true", body(when("micros")), 200, registeredAs(1, 1, when("micros"))},
		{"POST /compatibility/subjects/s/versions?explain=true", body(when("millis")), 200, `{"is_compatible":true,"incompatibilities":[],"warnings":[` + coarser + `]}`},
		{"POST /compatibility/subjects/s/versions", body(when("millis")), 200, `{"is_compatible":true}`},
		{"POST /compatibility/subjects/s/versions?explain=true", body(when("nanos")), 200, `{"is_compatible":true,"incompatibilities":[]}`},
		{"POST /subjects/s/versions?explain=true", body(bad), 200, strings.TrimSuffix(registeredAs(2, 2, bad), "}") + `,"warnings":[` + fallen + `]}`},
		{"PUT /config/s", `{"compatibility":"FORWARD"}`, 200, `{"compatibility":"FORWARD"}`},
		{"DELETE /subjects/s/versions/2", "", 200, `2`},
		{"POST /compatibility/subjects/s/versions?explain=true", body(when("nanos")), 200, `{"is_compatible":true,"incompatibilities":[],"warnings":[
			{"version":1,"kind":"INEXACT_LOGICAL_TYPE","reader":"old","pointer":"/fields/0/type/logicalType","message":"*","mend":"*"}]}`},
	})
}
