package registry_test

import "testing"

func TestUndelete(t *testing.T) {
	play(t, []step{
		{"POST /subjects/s/versions/1/undelete", "", 404, refused(40401, "Subject 's' not found.")},
		{"POST /subjects/s/versions", body(invoice1), 200, registeredAs(1, 1, invoice1)},
		{"POST /subjects/s/versions", body(invoice2), 200, registeredAs(2, 2, invoice2)},
		{"POST /subjects/s/versions/1/undelete", "", 200, `1`}, // nothing to take back
		{"DELETE /subjects/s", "", 200, `[1,2]`},
		{"POST /subjects/s/versions/9/undelete", "", 404, refused(40402, "Version 9 not found.")},
		{"POST /subjects/s/versions/x/undelete", "", 422, refused(42202, "The specified version 'x' is not a valid version id. "+
			`Allowed values are between [1, 2^31-1] and the string "latest"`)},
		{"POST /subjects/s/versions/latest/undelete", "", 200, `2`},
		{"GET /subjects/s/versions", "", 200, `[2]`},
		{"GET /subjects/s/versions/2", "", 200, shown("s", 2, 2, invoice2, false)},
		{"PUT /mode/s", `{"mode":"READONLY"}`, 200, `{"mode":"READONLY"}`},
		{"POST /subjects/s/versions/1/undelete", "", 422, refused(42205, "Subject s in context  is in read-only mode")},
		{"PUT /mode/s", `{"mode":"READWRITE"}`, 200, `{"mode":"READWRITE"}`},
		{"POST /contexts/./subjects/s/versions/1/undelete", "", 200, `1`},
		{"GET /subjects/s/versions", "", 200, `[1,2]`},
		{"DELETE /subjects/s/versions/1", "", 200, `1`},
		{"DELETE /subjects/s/versions/1?permanent=true", "", 200, `1`},
		{"POST /subjects/s/versions/1/undelete", "", 404, refused(40402, "Version 1 not found.")},
	})
}

func TestSearch(t *testing.T) {
	const doc = `{"type":"record","name":"Parcel","namespace":"post","doc":"What is on its way","fields":[{"name":"weight","type":"int","doc":"in grams"},{"name":"state","type":{"type":"enum","name":"State","symbols":["SENT","LOST"]}}]}`
	invoice := func(matches string) string {
		return `{"subject":"inv-value","version":2,"id":2,"matches":[` + matches + `]}`
	}
	parcel := func(matches string) string {
		return `{"subject":"parcel-value","version":1,"id":3,"matches":[` + matches + `]}`
	}
	const field = `{"kind":"field","pointer":"/fields/1","name":"shop.Invoice.total","text":"total"}`
	play(t, []step{
		{"POST /subjects/inv-value/versions", body(invoice1), 200, registeredAs(1, 1, invoice1)},
		{"POST /subjects/inv-value/versions", body(invoice2), 200, registeredAs(2, 2, invoice2)},
		{"POST /subjects/parcel-value/versions", body(doc), 200, registeredAs(3, 1, doc)},
		{"GET /search?q=TOTAL", "", 200, "[" + invoice(field) + "]"},
		{"GET /search?q=tot%20inv", "", 200, "[" + invoice(`{"kind":"subject","text":"inv-value"},
			{"kind":"record","name":"shop.Invoice","text":"shop.Invoice"},`+field) + "]"},
		{"GET /search?q=grams", "", 200, "[" + parcel(`{"kind":"doc","pointer":"/fields/0","name":"post.Parcel.weight","text":"in grams"}`) + "]"},
		{"GET /search?q=lost", "", 200, "[" + parcel(`{"kind":"symbol","pointer":"/fields/1/type","name":"post.State","text":"LOST"}`) + "]"},
		{"GET /search?q=value", "", 200, "[" + invoice(`{"kind":"subject","text":"inv-value"}`) + "," +
			parcel(`{"kind":"subject","text":"parcel-value"}`) + "]"},
		{"GET /search?q=value&limit=1&offset=1", "", 200, "[" + parcel(`{"kind":"subject","text":"parcel-value"}`) + "]"},
		{"GET /search?q=value&subjectPrefix=inv", "", 200, "[" + invoice(`{"kind":"subject","text":"inv-value"}`) + "]"},
		{"GET /search?q=symbols", "", 200, `[]`}, // a word of the language, not a name
		{"GET /search?q=number&latestOnly=false&limit=1", "", 200,
			`[{"subject":"inv-value","version":1,"id":1,"matches":[{"kind":"field","pointer":"/fields/0","name":"shop.Invoice.number","text":"number"}]}]`},
		{"GET /search", "", 400, refused(400, "q is missing: ask /search?q=WORDS")},
		{"GET /search?q=x&limit=y", "", 404, refused(404, "HTTP 404 Not Found")},
	})
}

func TestDiff(t *testing.T) {
	added := `{"kind":"FIELD_ADDED","name":"shop.Invoice.total","toPointer":"/fields/1","after":"total: double = 0.0",
		"readers":{"ok":true,"text":"*"},"writers":{"ok":true,"text":"*"}}`
	note := `{"kind":"FIELD_ADDED","name":"shop.Invoice.note","toPointer":"/fields/2","after":"note: [null, string] = null",
		"readers":{"ok":true,"text":"*"},"writers":{"ok":true,"text":"*"}}`
	play(t, []step{
		{"GET /subjects/s/diff", "", 404, refused(40401, "Subject 's' not found.")},
		{"POST /subjects/s/versions", body(invoice1), 200, registeredAs(1, 1, invoice1)},
		{"GET /subjects/s/diff", "", 404, refused(40402, "Subject 's' has no version before 1 to compare with.")},
		{"POST /subjects/s/versions", body(invoice2), 200, registeredAs(2, 2, invoice2)},
		{"POST /subjects/s/versions", body(invoice3), 200, registeredAs(3, 3, invoice3)},
		{"GET /subjects/s/diff?from=1&to=2", "", 200, `{"subject":"s","from":1,"to":2,"backward":true,"forward":true,"differences":[` + added + `]}`},
		{"GET /subjects/s/diff", "", 200, `{"subject":"s","from":2,"to":3,"backward":true,"forward":true,"differences":[` + note + `]}`},
		{"GET /subjects/s/diff?from=1&to=latest", "", 200, `{"subject":"s","from":1,"to":3,"backward":true,"forward":true,"differences":[` + added + "," + note + `]}`},
		{"GET /subjects/s/diff?from=2&to=2", "", 200, `{"subject":"s","from":2,"to":2,"backward":true,"forward":true,"differences":[]}`},
		{"GET /subjects/s/diff?from=9", "", 404, refused(40402, "Version 9 not found.")},
		{"GET /subjects/s/diff?from=x", "", 422, `{"error_code":42202,"message":"*"}`},
		{"PUT /config/s", `{"compatibility":"NONE"}`, 200, `{"compatibility":"NONE"}`},
		{"POST /subjects/s/versions", body(badType), 200, registeredAs(4, 4, badType)},
		{"GET /subjects/s/diff?from=1&to=4", "", 200, `{"subject":"s","from":1,"to":4,"backward":false,"forward":false,"differences":[
			{"kind":"TYPE_CHANGED","name":"shop.Invoice.number","fromPointer":"/fields/0/type","toPointer":"/fields/0/type","before":"long",
			"after":"boolean","readers":{"ok":false,"text":"*"},"writers":{"ok":false,"text":"*"}}]}`},
	})
}
