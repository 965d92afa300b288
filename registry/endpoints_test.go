package registry_test

import (
	"fmt"
	"testing"
)

func registeredAs(id, version int, schema string) string {
	return fmt.Sprintf(`{"id":%d,"version":%d,"guid":"*","schemaType":"AVRO","schema":%s}`, id, version, quoted(schema))
}

func shown(subject string, id, version int, schema string, deleted bool) string {
	return fmt.Sprintf(`{"subject":%s,"version":%d,"id":%d,"guid":"*","schemaType":"AVRO","schema":%s,"ts":1700000000000,"deleted":%t}`,
		quoted(subject), version, id, quoted(schema), deleted)
}

func byID(subject string, version int, schema string, deleted bool) string {
	return fmt.Sprintf(`{"subject":%s,"version":%d,"guid":"*","schemaType":"AVRO","schema":%s,"ts":1700000000000,"deleted":%t}`,
		quoted(subject), version, quoted(schema), deleted)
}

func refused(code int, message string) string {
	return fmt.Sprintf(`{"error_code":%d,"message":%s}`, code, quoted(message))
}

func TestRegisterAndRead(t *testing.T) {
	play(t, []step{
		{"POST /subjects/inv-value/versions", body(invoice1), 200, registeredAs(1, 1, invoice1)},
		{"POST /subjects/inv-value/versions", body(" " + invoice1 + "\n"), 200, registeredAs(1, 1, invoice1)},
		{"POST /subjects/inv-value/versions", body(invoice2), 200, registeredAs(2, 2, invoice2)},
		{"POST /subjects/other/versions", body(invoice1), 200, registeredAs(1, 1, invoice1)},
		{"POST /subjects/plain/versions", body(`{"type":"int"}`), 200, registeredAs(3, 1, `"int"`)},
		{"GET /subjects", "", 200, `["inv-value","other","plain"]`},
		{"GET /subjects?subjectPrefix=in", "", 200, `["inv-value"]`},
		{"GET /subjects?offset=1&limit=1", "", 200, `["other"]`},
		{"GET /subjects/inv-value/versions", "", 200, `[1,2]`},
		{"GET /subjects/inv-value/versions/1", "", 200, shown("inv-value", 1, 1, invoice1, false)},
		{"GET /subjects/inv-value/versions/latest", "", 200, shown("inv-value", 2, 2, invoice2, false)},
		{"GET /subjects/inv-value/versions/-1", "", 200, shown("inv-value", 2, 2, invoice2, false)},
		{"GET /subjects/inv-value/versions/1/schema", "", 200, invoice1},
		{"GET /subjects/inv-value/versions/9", "", 404, refused(40402, "Version 9 not found.")},
		{"GET /subjects/inv-value/versions/0", "", 422, refused(42202, "The specified version '0' is not a valid version id. "+
			`Allowed values are between [1, 2^31-1] and the string "latest"`)},
		{"GET /subjects/none/versions", "", 404, refused(40401, "Subject 'none' not found.")},
		{"GET /subjects/none/versions/1", "", 404, refused(40401, "Subject 'none' not found.")},
		{"GET /schemas/ids/2", "", 200, byID("inv-value", 2, invoice2, false)},
		{"GET /schemas/ids/1?subject=other", "", 200, byID("other", 1, invoice1, false)},
		{"GET /schemas/ids/2/schema", "", 200, invoice2},
		{"GET /schemas/ids/1/subjects", "", 200, `["inv-value","other"]`},
		{"GET /schemas/ids/1/versions", "", 200, `[{"subject":"inv-value","version":1},{"subject":"other","version":1}]`},
		{"GET /schemas/ids/9", "", 404, refused(40403, "Schema 9 not found")},
		{"GET /schemas/ids/9/schema", "", 404, refused(40403, "Schema 9 not found")},
		{"GET /schemas/ids/9/versions", "", 404, refused(40403, "Schema not found")},
		{"GET /schemas/ids/x", "", 404, refused(404, "HTTP 404 Not Found")},
		{"GET /schemas/types", "", 200, `["JSON","PROTOBUF","AVRO"]`},
		{"GET /schemas?latestOnly=true&limit=2", "", 200, "[" + shown("inv-value", 2, 2, invoice2, false) + "," +
			shown("other", 1, 1, invoice1, false) + "]"},
		{"GET /schemas?subjectPrefix=p", "", 200, "[" + shown("plain", 3, 1, `"int"`, false) + "]"},
		{"GET /contexts", "", 200, `["."]`},
		{"GET /", "", 200, `{}`},
		{"GET /v1/metadata/version", "", 200, `{"version":"8.3.1","commitId":"*"}`},
		{"GET /v1/metadata/id", "", 200, `{"scope":{"path":[],"clusters":{"kafka-cluster":"","schema-registry-cluster":"schema-registry"}}}`},
		{"GET /healthz", "", 200, `{"status":"ok"}`},
		{"GET /readyz", "", 200, `{"status":"ready"}`},
		{"GET /nowhere", "", 404, refused(404, "HTTP 404 Not Found")},
		{"DELETE /subjects", "", 405, refused(405, "HTTP 405 Method Not Allowed")},
		{"HEAD /subjects", "", 200, ""},
	})
}

func TestLookUp(t *testing.T) {
	found := func(id, version int, schema string) string {
		return fmt.Sprintf(`{"subject":"s","version":%d,"id":%d,"guid":"*","schemaType":"AVRO","schema":%s}`, version, id, quoted(schema))
	}
	play(t, []step{
		{"POST /subjects/s", body(invoice1), 404, refused(40401, "Subject 's' not found.")},
		{"POST /subjects/s/versions", body(invoice1), 200, "{\"id\":1,\"version\":1,\"guid\":\"*\",\"schemaType\":\"AVRO\",\"schema\":\"*\"}"},
		{"POST /subjects/s/versions", body(invoice2), 200, registeredAs(2, 2, invoice2)},
		{"POST /subjects/s", body(invoice1), 200, found(1, 1, invoice1)},
		{"POST /subjects/s", body(invoice3), 404, refused(40403, "Schema not found")},
		{"POST /subjects/s", `{}`, 404, refused(40403, "Schema not found")},
		{"DELETE /subjects/s/versions/1", "", 200, `1`},
		{"POST /subjects/s", body(invoice1), 404, refused(40403, "Schema not found")},
		{"POST /subjects/s?deleted=true", body(invoice1), 200, found(1, 1, invoice1)},
	})
}

func TestCompatibility(t *testing.T) {
	missing := `{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field 'due' at path '/fields/1' in the new ` +
		`schema has no default value and is missing in the old schema', additionalInfo:'due'}`
	details := missing + `, {oldSchemaVersion: 1}, {oldSchema: '` + invoice1 + `'}, {validateFields: 'false', compatibility: 'BACKWARD'}`
	play(t, []step{
		{"POST /compatibility/subjects/s/versions/latest?verbose=true", body(invoice1), 200, `{"is_compatible":true,"messages":[]}`},
		{"POST /compatibility/subjects/s/versions/1", body(invoice1), 404, refused(40402, "Version 1 not found.")},
		{"POST /subjects/s/versions", body(invoice1), 200, registeredAs(1, 1, invoice1)},
		{"POST /subjects/s/versions", body(noTotal), 409, refused(40901,
			`Schema being registered is incompatible with an earlier schema for subject "s", details: [`+details+`]`)},
		{"POST /subjects/s/versions?explain=true", body(noTotal), 409, `{"error_code":40901,"message":"*","incompatibilities":[
			{"version":1,"kind":"READER_FIELD_MISSING_DEFAULT_VALUE","reader":"new","pointer":"/fields/1","message":"due","verbose":` +
			quoted(missing) + `,"mend":"*"}]}`},
		{"GET /subjects/s/versions", "", 200, `[1]`},
		{"POST /compatibility/subjects/s/versions", body(noTotal), 200, `{"is_compatible":false}`},
		{"POST /compatibility/subjects/s/versions/latest?verbose=true", body(noTotal), 200, `{"is_compatible":false,"messages":[` +
			quoted(missing) + `,"{oldSchemaVersion: 1}",` + quoted(`{oldSchema: '`+invoice1+`'}`) +
			`,"{validateFields: 'false', compatibility: 'BACKWARD'}"]}`},
		{"POST /compatibility/subjects/s/versions/latest?verbose=true", body(`{"type":"x"`), 200, `{"is_compatible":false,"messages":["*"]}`},
		{"POST /compatibility/subjects/s/versions/latest", body(`{"type":"x"`), 422, `{"error_code":42201,"message":"*"}`},
		{"POST /compatibility/subjects/s/versions/latest", body(``), 422, refused(42201, "Empty schema")},
		{"PUT /config/s", `{"compatibility":"none"}`, 200, `{"compatibility":"NONE"}`},
		{"POST /subjects/s/versions", body(noTotal), 200, registeredAs(2, 2, noTotal)},
		{"PUT /config/s", `{"compatibility":"BACKWARD_TRANSITIVE"}`, 200, `{"compatibility":"BACKWARD_TRANSITIVE"}`},
		// Compatible with the latest, but not with the first; explained against all.
		{"POST /subjects/s/versions", body(badType), 409, `{"error_code":40901,"message":"*"}`},
		{"POST /compatibility/subjects/s/versions?explain=true", body(badType), 200, `{"is_compatible":false,"incompatibilities":[
			{"version":2,"kind":"TYPE_MISMATCH","reader":"new","pointer":"/fields/0/type","message":"*","verbose":"*","mend":"*"},
			{"version":1,"kind":"TYPE_MISMATCH","reader":"new","pointer":"/fields/0/type","message":"*","verbose":"*","mend":"*"}]}`},
		{"PUT /config/s", `{"compatibility":"FORWARD"}`, 200, `{"compatibility":"FORWARD"}`},
		{"POST /compatibility/subjects/s/versions", body(invoice1), 200, `{"is_compatible":false}`},
		{"PUT /config/s", `{"compatibility":"FULL"}`, 200, `{"compatibility":"FULL"}`},
		{"POST /compatibility/subjects/s/versions", body(invoice1), 200, `{"is_compatible":false}`},
	})
}

func TestDelete(t *testing.T) {
	play(t, []step{
		{"POST /subjects/s/versions", body(invoice1), 200, registeredAs(1, 1, invoice1)},
		{"POST /subjects/s/versions", body(invoice2), 200, registeredAs(2, 2, invoice2)},
		{"POST /subjects/s/versions", body(invoice3), 200, registeredAs(3, 3, invoice3)},
		{"DELETE /subjects/s/versions/2?permanent=true", "", 404,
			refused(40407, "Subject 's' Version 2 was not deleted first before being permanently deleted")},
		{"DELETE /subjects/s/versions/2", "", 200, `2`},
		{"DELETE /subjects/s/versions/2", "", 404,
			refused(40406, "Subject 's' Version 2 was soft deleted.Set permanent=true to delete permanently")},
		{"GET /subjects/s/versions", "", 200, `[1,3]`},
		{"GET /subjects/s/versions?deleted=true", "", 200, `[1,2,3]`},
		{"GET /subjects/s/versions?deletedOnly=true", "", 200, `[2]`},
		{"GET /subjects/s/versions?deletedAsNegative=true", "", 200, `[1,-2,3]`},
		{"GET /subjects/s/versions/2", "", 404, refused(40402, "Version 2 not found.")},
		{"GET /subjects/s/versions/2?deleted=true", "", 200, shown("s", 2, 2, invoice2, true)},
		{"GET /schemas/ids/2", "", 200, byID("s", 2, invoice2, true)},
		{"GET /schemas/ids/2/subjects", "", 200, `[]`},
		{"GET /schemas/ids/2/subjects?deleted=true", "", 200, `["s"]`},
		// Registered again it takes a new number and its old id, and the softly deleted version goes.
		{"POST /subjects/s/versions", body(invoice2), 200, registeredAs(2, 4, invoice2)},
		{"GET /subjects/s/versions?deleted=true", "", 200, `[1,3,4]`},
		{"DELETE /subjects/s?permanent=true", "", 404, refused(40405, "Subject 's' was not deleted first before being permanently deleted")},
		{"PUT /config/s", `{"compatibility":"FULL"}`, 200, `{"compatibility":"FULL"}`},
		{"PUT /mode/s", `{"mode":"READWRITE"}`, 200, `{"mode":"READWRITE"}`},
		{"DELETE /subjects/s/versions/latest", "", 200, `4`},
		{"DELETE /subjects/s", "", 200, `[1,3]`},
		{"DELETE /subjects/s", "", 404, refused(40404, "Subject 's' was soft deleted.Set permanent=true to delete permanently")},
		{"GET /subjects", "", 200, `[]`},
		{"GET /subjects?deleted=true", "", 200, `["s"]`},
		{"GET /subjects?deletedOnly=true", "", 200, `["s"]`},
		{"GET /config/s", "", 200, `{"compatibilityLevel":"FULL"}`},
		{"DELETE /subjects/s/versions/1?permanent=true", "", 200, `1`},
		{"GET /schemas/ids/1", "", 404, refused(40403, "Schema 1 not found")},
		{"DELETE /subjects/s?permanent=true", "", 200, `[3,4]`},
		{"GET /subjects?deleted=true", "", 200, `[]`},
		{"GET /config/s", "", 404, refused(40408, "Subject 's' does not have subject-level compatibility configured")},
		{"GET /mode/s", "", 404, refused(40409, "Subject 's' does not have subject-level mode configured")},
		{"DELETE /subjects/s", "", 404, refused(40401, "Subject 's' not found.")},
		{"DELETE /subjects/s/versions/1", "", 404, refused(40401, "Subject 's' not found.")},
		// Versions count from 1 again; ids do not.
		{"POST /subjects/s/versions", body(invoice1), 200, registeredAs(4, 1, invoice1)},
	})
}

func TestReferences(t *testing.T) {
	const refs = `,"references":[{"name":"shop.Line","subject":"line","version":1}]`
	const shownRefs = `"references":[{"name":"shop.Line","subject":"line","version":1}]`
	answer := `{"id":2,"version":1,"guid":"*","schemaType":"AVRO",` + shownRefs + `,"schema":` + quoted(order) + `}`
	play(t, []step{
		{"POST /subjects/order/versions", body(order, refs), 422, `{"error_code":42201,"message":"*"}`},
		{"POST /subjects/line/versions", body(line), 200, registeredAs(1, 1, line)},
		{"POST /subjects/order/versions", body(order), 422, `{"error_code":42201,"message":"*"}`},
		{"POST /subjects/order/versions", body(order, refs), 200, answer},
		{"POST /subjects/order/versions", body(order, `,"references":[{"name":"shop.Line","subject":"line","version":-1}]`), 200, answer},
		{"GET /schemas/ids/2?format=resolved", "", 200, `{"subject":"order","version":1,"guid":"*","schemaType":"AVRO",` + shownRefs +
			`,"schema":` + quoted(orderAll) + `,"ts":1700000000000,"deleted":false}`},
		{"POST /subjects/order", body(orderAll), 200, `{"subject":"order","id":2,"version":1,"guid":"*","schemaType":"AVRO",` + shownRefs +
			`,"schema":` + quoted(order) + `,"ts":1700000000000,"deleted":false}`},
		{"GET /subjects/line/versions/1/referencedby", "", 200, `[2]`},
		{"DELETE /subjects/line/versions/1", "", 422,
			refused(42206, "One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=line,version=1}.")},
		{"DELETE /subjects/line", "", 422, `{"error_code":42206,"message":"*"}`},
		{"DELETE /subjects/order", "", 200, `[1]`},
		{"GET /subjects/line/versions/1/referencedby", "", 200, `[]`},
		{"GET /subjects/line/versions/1/referencedby?deleted=true", "", 200, `[2]`},
		{"DELETE /subjects/line", "", 200, `[1]`},
		{"DELETE /subjects/line?permanent=true", "", 422, `{"error_code":42206,"message":"*"}`},
		{"DELETE /subjects/order?permanent=true", "", 200, `[1]`},
		{"DELETE /subjects/line?permanent=true", "", 200, `[1]`},
		{"POST /subjects/order/versions", body(order, `,"references":[{"name":"shop.Line","subject":"line"}]`), 422,
			`{"error_code":42201,"message":"*"}`},
	})
}

func TestConfig(t *testing.T) {
	play(t, []step{
		{"GET /config", "", 200, `{"compatibilityLevel":"BACKWARD"}`},
		{"GET /config/s", "", 404, refused(40408, "Subject 's' does not have subject-level compatibility configured")},
		{"GET /config/s?defaultToGlobal=true", "", 200, `{"compatibilityLevel":"BACKWARD"}`},
		{"PUT /config", `{"compatibility":"FULL_TRANSITIVE"}`, 200, `{"compatibility":"FULL_TRANSITIVE"}`},
		{"GET /config/s?defaultToGlobal=true", "", 200, `{"compatibilityLevel":"FULL_TRANSITIVE"}`},
		{"PUT /config/s", `{"normalize":true}`, 200, `{"normalize":true}`},
		{"GET /config/s", "", 200, `{"normalize":true,"compatibilityLevel":"BACKWARD"}`},
		{"PUT /config/s", `{"compatibility":"forward","alias":"t"}`, 200, `{"alias":"t","normalize":true,"compatibility":"FORWARD"}`},
		{"PUT /config/s", `{"alias":"","normalize":null}`, 200, `{"alias":"","compatibility":"FORWARD"}`},
		{"GET /config/s", "", 200, `{"compatibilityLevel":"FORWARD"}`},
		{"PUT /config/s", `{"compatibility":"SOME"}`, 422, `{"error_code":42203,"message":"*"}`},
		{"PUT /config/s", `null`, 422, refused(422, "updateSubjectLevelConfig.arg2 must not be null (was null)")},
		{"PUT /config", `[]`, 400, `{"error_code":400,"message":"*"}`},
		{"DELETE /config/s", "", 200, `{"compatibilityLevel":"FORWARD"}`},
		{"DELETE /config/s", "", 404, refused(40401, "Subject 's' not found.")},
		{"DELETE /config", "", 200, `{"compatibilityLevel":"FULL_TRANSITIVE"}`},
		{"GET /config", "", 200, `{"compatibilityLevel":"BACKWARD"}`},
	})
}

func TestAlias(t *testing.T) {
	play(t, []step{
		{"POST /subjects/real/versions", body(invoice1), 200, registeredAs(1, 1, invoice1)},
		{"PUT /config/nick", `{"alias":"real"}`, 200, `{"alias":"real"}`},
		{"GET /subjects/nick/versions/latest", "", 200, shown("real", 1, 1, invoice1, false)},
		{"POST /subjects/nick/versions", body(invoice2), 200, registeredAs(2, 2, invoice2)},
		{"GET /subjects", "", 200, `["real"]`},
		{"GET /schemas?aliases=true&subjectPrefix=nick&latestOnly=true", "", 200,
			`[{"subject":"real","version":2,"id":2,"guid":"*","schemaType":"AVRO","schema":"*","ts":"*","deleted":false,"aliases":["nick"]}]`},
	})
}

func TestModes(t *testing.T) {
	play(t, []step{
		{"GET /mode", "", 200, `{"mode":"READWRITE"}`},
		{"POST /subjects/s/versions", body(invoice1), 200, registeredAs(1, 1, invoice1)},
		{"PUT /mode", `{"mode":"readonly"}`, 200, `{"mode":"readonly"}`},
		{"GET /mode/s?defaultToGlobal=true", "", 200, `{"mode":"READONLY"}`},
		{"POST /subjects/s/versions", body(invoice1), 200, registeredAs(1, 1, invoice1)},
		{"POST /subjects/s/versions", body(invoice2), 422, refused(42205, "Subject s in context  is in read-only mode")},
		{"DELETE /subjects/s/versions/1", "", 422, `{"error_code":42205,"message":"*"}`},
		{"PUT /config/s", `{"compatibility":"NONE"}`, 422, `{"error_code":42205,"message":"*"}`},
		{"PUT /mode/s", `{"mode":"READWRITE"}`, 200, `{"mode":"READWRITE"}`},
		{"POST /subjects/s/versions", body(invoice2), 200, registeredAs(2, 2, invoice2)},
		{"DELETE /mode/s", "", 200, `{"mode":"READWRITE"}`},
		{"DELETE /mode/s", "", 404, refused(40401, "Subject 's' not found.")},
		{"DELETE /mode", "", 200, `{"mode":"READONLY"}`},
		{"PUT /mode", `{"mode":"IMPORT"}`, 422, refused(42205, "Cannot import since found existing subjects")},
		{"PUT /mode/t", `{"mode":"IMPORT"}`, 200, `{"mode":"IMPORT"}`},
		{"POST /subjects/t/versions", body(invoice1), 422, refused(42205, "Subject t in context  is not in read-write mode")},
		{"POST /subjects/t/versions", body(badType, `,"id":70,"version":5`), 200, registeredAs(70, 5, badType)},
		{"POST /subjects/t/versions", body(invoice3, `,"id":70`), 422, refused(42205, "Overwrite new schema with id 70 in context  is not permitted.")},
		{"POST /subjects/s/versions", body(invoice3, `,"id":9`), 422, refused(42205, "Subject s in context  is not in import mode")},
		{"POST /subjects/s/versions", body(invoice3), 200, registeredAs(71, 3, invoice3)},
		{"PUT /mode", `{"mode":"WRITE"}`, 422, `{"error_code":42204,"message":"*"}`},
		{"PUT /mode", `{}`, 422, `{"error_code":42204,"message":"*"}`},
	})
}

func TestContexts(t *testing.T) {
	play(t, []step{
		{"POST /subjects/%3A.eu%3As/versions", body(invoice1), 200, registeredAs(1, 1, invoice1)},
		{"POST /contexts/.eu/subjects/s/versions", body(invoice2), 200, registeredAs(2, 2, invoice2)},
		{"POST /subjects/t/versions", body(invoice3), 200, registeredAs(1, 1, invoice3)},
		{"GET /contexts", "", 200, `[".",".eu"]`},
		{"GET /subjects", "", 200, `[":.eu:s","t"]`},
		{"GET /contexts/eu/subjects", "", 200, `[":.eu:s"]`},
		{"GET /subjects?subjectPrefix=", "", 200, `["t"]`},
		{"GET /subjects?subjectPrefix=:*:s", "", 200, `[":.eu:s"]`},
		{"GET /contexts/.eu/schemas/ids/1", "", 200, byID(":.eu:s", 1, invoice1, false)},
		{"GET /schemas/ids/2", "", 404, refused(40403, "Schema 2 not found")},
		{"GET /schemas/ids/2?subject=%3A.eu%3A", "", 200, byID(":.eu:s", 2, invoice2, false)},
		{"GET /subjects/s/versions/1", "", 200, shown(":.eu:s", 1, 1, invoice1, false)},
		{"GET /subjects/s/versions", "", 404, refused(40401, "Subject 's' not found.")},
		{"PUT /contexts/.eu/mode", `{"mode":"READONLY"}`, 200, `{"mode":"READONLY"}`},
		{"GET /mode", "", 200, `{"mode":"READWRITE"}`},
		{"POST /contexts/.eu/subjects/s/versions", body(invoice3), 422, refused(42205, "Subject :.eu:s in context :.eu: is in read-only mode")},
		{"DELETE /contexts/.eu/mode", "", 200, `{"mode":"READONLY"}`},
		{"DELETE /contexts/.eu", "", 422, refused(42211, "The specified context ':.eu:' is not empty.")},
		{"DELETE /contexts/.eu/subjects/s", "", 200, `[1,2]`},
		{"DELETE /contexts/.eu/subjects/s?permanent=true", "", 200, `[1,2]`},
		{"DELETE /contexts/.eu", "", 204, ""},
		{"GET /contexts", "", 200, `["."]`},
	})
}

func TestMetadata(t *testing.T) {
	play(t, []step{
		{"POST /subjects/s/versions", body(invoice1, `,"metadata":{"properties":{"owner":"ann"},"tags":{"x":["b","a","b"]}}`), 200,
			`{"id":1,"version":1,"guid":"*","schemaType":"AVRO","schema":"*","metadata":{"properties":{"owner":"ann"},"tags":{"x":["a","b"]}}}`},
		{"POST /subjects/s/versions", body(invoice2), 200,
			`{"id":2,"version":2,"guid":"*","schemaType":"AVRO","schema":"*","metadata":{"properties":{"owner":"ann"},"tags":{"x":["a","b"]}}}`},
		{"POST /subjects/s/versions", body(invoice2, `,"metadata":{}`), 200,
			`{"id":3,"version":3,"guid":"*","schemaType":"AVRO","schema":"*","metadata":{}}`},
		{"POST /subjects/other/versions", body(invoice2), 200, registeredAs(4, 1, invoice2)},
		{"GET /subjects/s/metadata?key=owner&value=ann", "", 200, `{"subject":"s","id":2,"version":2,"guid":"*","schemaType":"AVRO","schema":"*",` +
			`"metadata":{"properties":{"owner":"ann"},"tags":{"x":["a","b"]}},"ts":"*","deleted":false}`},
		{"GET /subjects/s/metadata?key=owner&value=bob", "", 404, refused(40403, "Schema not found")},
		{"POST /subjects/s/versions", body(invoice3, `,"version":9`), 422, refused(42201, "Version is not one more than previous version")},
		{"POST /subjects/s/versions", body(invoice3, `,"version":4`), 200,
			`{"id":5,"version":4,"guid":"*","schemaType":"AVRO","schema":"*","metadata":{"properties":{"confluent:version":"4"}}}`},
	})
}

func TestGUIDs(t *testing.T) {
	// The guid of a content is a hash of it, the same in every registry.
	const guid = "ef524ea1-b91e-7317-3d93-8ade36c1db32"
	play(t, []step{
		{"POST /subjects/s/versions", body(`"int"`), 200, `{"id":1,"version":1,"guid":"` + guid + `","schemaType":"AVRO","schema":"\"int\""}`},
		{"GET /schemas/guids/" + guid, "", 200, `{"guid":"` + guid + `","schemaType":"AVRO","schema":"\"int\"","ts":"*","deleted":false}`},
		{"GET /schemas/guids/" + guid + "/ids", "", 200, `[{"context":".","id":1}]`},
		{"GET /schemas/guids/00000000-0000-0000-0000-000000000000/ids", "", 200, `[]`},
		{"GET /schemas/guids/x", "", 404, refused(40403, "Schema x not found")},
	})
}

func TestOtherLanguages(t *testing.T) {
	const schema = `{"type":"object","properties":{"a":{"type":"string"}}}`
	play(t, []step{
		{"POST /subjects/j/versions", body(schema, `,"schemaType":"JSON"`), 200,
			`{"id":1,"version":1,"guid":"*","schemaType":"JSON","schema":` + quoted(schema) + `}`},
		{"POST /subjects/j/versions", body(`{"type":"object"}`, `,"schemaType":"JSON"`), 409, `{"error_code":40901,"message":"*"}`},
		{"POST /subjects/j/versions", body(invoice1), 409, `{"error_code":40901,"message":"*"}`},
		{"PUT /config/j", `{"compatibility":"NONE"}`, 200, `{"compatibility":"NONE"}`},
		{"POST /subjects/j/versions", body(`{"type":"object"}`, `,"schemaType":"JSON"`), 200,
			`{"id":2,"version":2,"guid":"*","schemaType":"JSON","schema":"*"}`},
		{"POST /subjects/p/versions", body("syntax = \"proto3\";\n", `,"schemaType":"PROTOBUF"`), 200,
			`{"id":3,"version":1,"guid":"*","schemaType":"PROTOBUF","schema":"syntax = \"proto3\";\n"}`},
		{"POST /subjects/x/versions", body(invoice1, `,"schemaType":"XML"`), 422, refused(42201, "Invalid schema type XML")},
		{"POST /subjects/x/versions", body(`[`, `,"schemaType":"JSON"`), 422, `{"error_code":42201,"message":"*"}`},
	})
}

func TestSubjectNames(t *testing.T) {
	for _, name := range []string{"a%2Fb", "a%20b", "a%25b", "a+b", "%ED%95%9C", "quote%22d", "semi%3Bcolon"} {
		play(t, []step{
			{"POST /subjects/" + name + "/versions", body(invoice1), 200, registeredAs(1, 1, invoice1)},
			{"GET /subjects/" + name + "/versions/", "", 200, `[1]`},
		})
	}
}

func TestTags(t *testing.T) {
	const plain = `{"type":"record","name":"P","namespace":"n","fields":[{"name":"a","type":"string"},{"name":"b","type":"int"}]}`
	const one = `{"type":"record","name":"P","namespace":"n","fields":[{"name":"a","type":"string","confluent:tags":["PII"]},{"name":"b","type":"int"}]}`
	const both = `{"type":"record","name":"P","namespace":"n","fields":[{"name":"a","type":"string"},{"name":"b","type":"int"}],"confluent:tags":["REC"]}`
	numbered := func(id, version int, schema string) string {
		return fmt.Sprintf(`{"id":%d,"version":%d,"guid":"*","schemaType":"AVRO","metadata":{"properties":{"confluent:version":"%d"}},"schema":%s}`,
			id, version, version, quoted(schema))
	}
	field := `{"schemaEntity":{"entityPath":"n.P.a","entityType":"sr_field"},"tags":["PII"]}`
	play(t, []step{
		{"POST /subjects/s/versions", body(plain), 200, registeredAs(1, 1, plain)},
		{"POST /subjects/s/versions/1/tags", `{"newVersion":2,"tagsToAdd":[` + field + `]}`, 200, numbered(2, 2, one)},
		{"POST /subjects/s/versions/latest/tags", `{"tagsToRemove":[` + field +
			`],"tagsToAdd":[{"schemaEntity":{"entityPath":"n.P","entityType":"sr_record"},"tags":["REC"]}]}`, 200, numbered(3, 3, both)},
		{"GET /subjects/s/versions/2?findTags=PII", "", 200, `{"subject":"s","id":2,"version":2,"guid":"*","schemaType":"AVRO","schema":"*",` +
			`"metadata":{"properties":{"confluent:version":"2"}},"schemaTags":[` + field + `],"ts":"*","deleted":false}`},
		{"GET /schemas/ids/1?findTags=*", "", 200, byID("s", 1, plain, false)},
		{"POST /subjects/s/versions/1/tags", `{"newVersion":9}`, 422, refused(42201, "Version is not one more than previous version")},
		{"POST /subjects/s/versions/1/tags", `{"tagsToAdd":[{"schemaEntity":{"entityPath":"n.P.z","entityType":"sr_field"},"tags":["X"]}]}`,
			422, `{"error_code":42201,"message":"*"}`},
		{"POST /subjects/s/versions/9/tags", `{}`, 404, refused(40402, "Version 9 not found.")},
		{"POST /subjects/t/versions", body(plain, `,"schemaTagsToAdd":[`+field+`]`), 200, numbered(4, 1, one)},
		{"POST /subjects/t/versions", body(plain, `,"propagateSchemaTags":true`), 200, numbered(2, 2, one)},
	})
}
