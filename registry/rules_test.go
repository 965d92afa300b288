package registry_test

import (
	"strings"
	"testing"
)

// Rules as clients send them and as they come back: with the defaults of kind and mode, tags sorted, and disabled.
const (
	checkTotal     = `{"name":"checkTotal","kind":"CONDITION","type":"CEL","mode":"WRITE","expr":"message.total >= 0.0","onFailure":"DLQ","tags":["b","a","b"],"params":{"dlq.topic":"bad"}}`
	checkTotalBack = `{"name":"checkTotal","kind":"CONDITION","mode":"WRITE","type":"CEL","tags":["a","b"],"params":{"dlq.topic":"bad"},"expr":"message.total >= 0.0","onFailure":"DLQ","disabled":false}`
	encrypt        = `{"name":"encrypt","type":"ENCRYPT"}`
	encryptBack    = `{"name":"encrypt","kind":"TRANSFORM","mode":"WRITEREAD","type":"ENCRYPT","disabled":false}`
)

func withRules(id, version int, schema, more string) string {
	return strings.TrimSuffix(registeredAs(id, version, schema), "}") + more + "}"
}

func TestRuleSets(t *testing.T) {
	domain := func(rules string) string { return `,"ruleSet":{"domainRules":[` + rules + `]}` }
	play(t, []step{
		{"POST /subjects/s/versions", body(invoice1, domain(checkTotal)), 200, withRules(1, 1, invoice1, domain(checkTotalBack))},
		{"POST /subjects/s/versions", body(invoice1, domain(checkTotal)), 200, withRules(1, 1, invoice1, domain(checkTotalBack))},
		{"POST /subjects/s/versions", body(invoice1), 200, withRules(1, 1, invoice1, domain(checkTotalBack))}, // the latest's
		{"POST /subjects/s", body(invoice1), 200, strings.Replace(withRules(1, 1, invoice1, domain(checkTotalBack)), "{", `{"subject":"s",`, 1)},
		// Inherited by the next version; other rules make another schema of the same text.
		{"POST /subjects/s/versions", body(invoice2), 200, withRules(2, 2, invoice2, domain(checkTotalBack))},
		{"POST /subjects/s/versions", body(invoice2, domain(encrypt)), 200, withRules(3, 3, invoice2, domain(encryptBack))},
		{"POST /subjects/s/versions", body(invoice2, `,"ruleSet":{}`), 200, withRules(4, 4, invoice2, `,"ruleSet":{}`)},
		{"GET /subjects/s/versions/3", "", 200, strings.Replace(strings.TrimSuffix(withRules(3, 3, invoice2, domain(encryptBack)), "}"), "{", `{"subject":"s",`, 1) +
			`,"ts":"*","deleted":false}`},
		{"GET /schemas/ids/1", "", 200, strings.TrimSuffix(byID("s", 1, invoice1, false), "}") + domain(checkTotalBack) + "}"},
		{"GET /schemas?ruleType=ENCRYPT&latestOnly=false", "", 200, "[" + strings.TrimSuffix(shown("s", 3, 3, invoice2, false), "}") + domain(encryptBack) + "}]"},
		{"GET /schemas?ruleType=NONE", "", 200, `[]`},
		// What clients could not carry out.
		{"POST /subjects/x/versions", body(invoice1, domain(encrypt+","+encrypt)), 422, refused(42210, "Found rule with duplicate name 'encrypt'")},
		{"POST /subjects/x/versions", body(invoice1, domain(`{"type":"CEL"}`)), 422, refused(42210, "Missing rule name")},
		{"POST /subjects/x/versions", body(invoice1, domain(`{"name":"","type":"CEL"}`)), 422, refused(42210, "Empty rule name")},
		{"POST /subjects/x/versions", body(invoice1, domain(`{"name":"1a","type":"CEL"}`)), 422, refused(42210, "Illegal initial character in rule name: 1a")},
		{"POST /subjects/x/versions", body(invoice1, domain(`{"name":"a b","type":"CEL"}`)), 422, refused(42210, "Illegal character in rule name: a b")},
		{"POST /subjects/x/versions", body(invoice1, domain(`{"name":"`+strings.Repeat("a", 257)+`","type":"CEL"}`)), 422, refused(42210, "Rule name too long")},
		{"POST /subjects/x/versions", body(invoice1, domain(`{"name":"a"}`)), 422, refused(42210, "Missing rule type")},
		{"POST /subjects/x/versions", body(invoice1, domain(`{"name":"a","type":"CEL","mode":"UPGRADE"}`)), 422, refused(42210, "Domain rules can only be WRITE, READ, WRITEREAD")},
		{"POST /subjects/x/versions", body(invoice1, `,"ruleSet":{"migrationRules":[`+encrypt+`]}`), 422, refused(42210, "Migration rules can only be UPGRADE, DOWNGRADE, UPDOWN")},
		{"POST /subjects/x/versions", body(invoice1, `,"ruleSet":{"encodingRules":[{"name":"a","type":"CEL","mode":"UPDOWN"}]}`), 422, refused(42210, "Encoding rules can only be WRITE, READ, WRITEREAD")},
		{"POST /subjects/x/versions", body(invoice1, domain(`{"name":"a","type":"CEL","mode":"WRITE","onFailure":"NONE,ERROR"}`)), 422,
			refused(42210, "Multiple actions only valid with WRITEREAD and UPDOWN")},
		{"POST /subjects/x/versions", body(invoice1, domain(`{"name":"a","type":"CEL","kind":"X"}`)), 400, `{"error_code":400,"message":"*"}`},
		{"GET /subjects/x/versions", "", 404, refused(40401, "Subject 'x' not found.")},
	})
}

func TestRuleSetsOfConfigurations(t *testing.T) {
	defaults := `"defaultRuleSet":{"domainRules":[` + encryptBack + `]}`
	override := `"overrideRuleSet":{"domainRules":[` + checkTotalBack + `],"enableAt":"CLIENT"}`
	play(t, []step{
		{"PUT /config/s", `{"defaultRuleSet":{"domainRules":[` + encrypt + `]},"overrideRuleSet":{"domainRules":[` + checkTotal + `],"enableAt":"CLIENT"}}`,
			200, "{" + defaults + "," + override + "}"},
		{"GET /config/s", "", 200, `{"compatibilityLevel":"BACKWARD",` + defaults + "," + override + "}"},
		{"POST /subjects/s/versions", body(invoice1), 200, withRules(1, 1, invoice1, `,"ruleSet":{"domainRules":[`+encryptBack+","+checkTotalBack+`],"enableAt":"CLIENT"}`)},
		{"POST /subjects/s/versions", body(invoice2, `,"ruleSet":{"domainRules":[{"name":"checkTotal","type":"X"}]}`), 200,
			withRules(2, 2, invoice2, `,"ruleSet":{"domainRules":[`+encryptBack+","+checkTotalBack+`],"enableAt":"CLIENT"}`)},
		{"PUT /config/s", `{"overrideRuleSet":null}`, 200, "{" + defaults + "}"},
		{"PUT /config/s", `{"defaultRuleSet":{"domainRules":[{"name":"a"}]}}`, 422, refused(42210, "Missing rule type")},
		{"PUT /config/s", `{"defaultRuleSet":{"enableAt":"MOON"}}`, 400, `{"error_code":400,"message":"*"}`},
		{"GET /config/s", "", 200, `{"compatibilityLevel":"BACKWARD",` + defaults + "}"},
	})
}

func TestRuleSetsOfTags(t *testing.T) {
	domain := func(rules string) string { return `,"ruleSet":{"domainRules":[` + rules + `]}` }
	tagged := func(id, version int, more string) string {
		return withRules(id, version, invoice1, `,"metadata":{"properties":{"confluent:version":"`+string(rune('0'+version))+`"}}`+more)
	}
	play(t, []step{
		{"POST /subjects/s/versions", body(invoice1, domain(checkTotal)), 200, withRules(1, 1, invoice1, domain(checkTotalBack))},
		{"POST /subjects/s/versions/1/tags", `{"rulesToMerge":{"domainRules":[` + encrypt + `]}}`, 200, tagged(2, 2, domain(checkTotalBack+","+encryptBack))},
		{"POST /subjects/s/versions/2/tags", `{"rulesToRemove":["checkTotal"]}`, 200, tagged(3, 3, domain(encryptBack))},
		{"POST /subjects/s/versions/2/tags", `{"rulesToRemove":["a"],"ruleSet":{}}`, 422,
			refused(42210, "ruleSet should be omitted if specifying rulesToMerge or rulesToRemove")},
		{"POST /subjects/s/versions/3/tags", `{"ruleSet":{"domainRules":[{"name":"a"}]}}`, 422, refused(42210, "Missing rule type")},
	})
}
