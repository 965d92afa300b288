package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/typelog/typelog/schemas/audit"
)

// corpus returns a log of testdata: its lines, the JSON in them, and their events.
func corpus(t *testing.T, name string) (lines []string, roots []map[string]any, events []*audit.AuditEvent) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		root, err := parseJSON([]byte(line))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		e, err := mapEvent(root)
		if err != nil {
			t.Fatalf("%s: %v: %s", name, err, line)
		}
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.UseNumber()
		var doc map[string]any
		if err := decoder.Decode(&doc); err != nil {
			t.Fatal(err)
		}
		lines, roots, events = append(lines, line), append(roots, doc), append(events, e)
	}
	return lines, roots, events
}

// TestMapping says what the corpus means: operation, outcome, actor, action, target, reason.
func TestMapping(t *testing.T) {
	for name, want := range map[string][]string{
		"kubernetes.jsonl": {
			`CREATE SUCCESS SERVICE:system:serviceaccount:shop:deployer pods:create pods=web-x7k2p RBAC: allowed by RoleBinding "deployers/shop"`,
			`READ DENIED USER:mara secrets:get secrets=db secrets "db" is forbidden`,
			`EXECUTE SUCCESS USER:mara pods/exec:create pods=web-x7k2p`,
			`GRANT FAILURE SYSTEM:system:kube-controller-manager clusterrolebindings:create clusterrolebindings=all AlreadyExists`,
			`READ UNKNOWN ANONYMOUS:system:anonymous /healthz:get`,
			`READ FAILURE UNKNOWN: pods:list pods=/api/v1/namespaces/shop/pods`,
		},
		"cloudtrail.jsonl": {
			`READ SUCCESS USER:arn:aws:iam::111122223333:user/ines s3:GetObject AWS::S3::Object=arn:aws:s3:::ledger/2026/03/01.csv`,
			`GRANT DENIED SERVICE:arn:aws:sts::111122223333:assumed-role/web/i-1 iam:AttachRolePolicy AccessDenied: User is not authorized to perform: iam:AttachRolePolicy`,
			`LOGIN SUCCESS SYSTEM:ec2.amazonaws.com sts:AssumeRole`,
			`LOGIN DENIED USER:arn:aws:iam::111122223333:root signin:ConsoleLogin`,
			`CREATE FAILURE ANONYMOUS:ANONYMOUS_PRINCIPAL ec2:RunInstances InsufficientInstanceCapacity`,
		},
		"windows.jsonl": {
			`LOGIN SUCCESS USER:S-1-5-21-1-2-3-1001 Microsoft-Windows-Security-Auditing:4624`,
			`LOGIN DENIED USER:DESK-7\otto Microsoft-Windows-Security-Auditing:4625 %%2313 0xc000006d 0xc000006a`,
			`EXECUTE DENIED USER:S-1-5-21-1-2-3-1001 Microsoft-Windows-Security-Auditing:4673`,
			`UPDATE SUCCESS SYSTEM:S-1-5-18 Microsoft-Windows-Security-Auditing:4670 object=0x96c`,
			`LOGOUT SUCCESS USER:S-1-5-21-1-2-3-1001 Microsoft-Windows-Security-Auditing:4634`,
			`UNKNOWN FAILURE SERVICE:S-1-5-80-77 Microsoft-Windows-Security-Auditing:5061`,
			`EXECUTE UNKNOWN USER:DESK-7\otto Microsoft-Windows-Sysmon:1 process={a-1}`,
			`CREATE UNKNOWN UNKNOWN: Microsoft-Windows-Sysmon:12 registry key=HKLM\SOFTWARE\Demo`,
			`UPDATE UNKNOWN UNKNOWN: Microsoft-Windows-Sysmon:13 registry value=HKLM\SOFTWARE\Demo\Start`,
			`UNKNOWN UNKNOWN UNKNOWN: Microsoft-Windows-Sysmon:10 process={a-2}`,
			`DELETE UNKNOWN SYSTEM:NT AUTHORITY\SYSTEM Microsoft-Windows-Sysmon:23 file=C:\tmp\a`,
			`EXECUTE UNKNOWN UNKNOWN: Microsoft-Windows-PowerShell:4104 script block=7b0b`,
			`UNKNOWN UNKNOWN UNKNOWN: SomeVendor:77`,
			`UNKNOWN UNKNOWN UNKNOWN: SomeVendor:77`,
		},
	} {
		_, _, events := corpus(t, name)
		if len(events) != len(want) {
			t.Errorf("%s: %d events, not %d", name, len(events), len(want))
			continue
		}
		for i, e := range events {
			got := fmt.Sprintf("%v %v %v:%s %s", e.Operation, e.Outcome, e.Actor.Type, e.Actor.ID, e.Action)
			if len(e.Targets) > 0 {
				got += " " + e.Targets[0].Type + "=" + e.Targets[0].ID
			}
			if got = joined(" ", got, e.Reason.Or("")); got != want[i] {
				t.Errorf("%s line %d:\n got %s\nwant %s", name, i+1, got, want[i])
			}
		}
	}
}

// TestDetails holds fields that only some events have.
func TestDetails(t *testing.T) {
	_, _, k8s := corpus(t, "kubernetes.jsonl")
	_, _, aws := corpus(t, "cloudtrail.jsonl")
	_, _, win := corpus(t, "windows.jsonl")
	for what, pair := range map[string][2]string{
		"impersonation":          {k8s[1].Actor.OnBehalfOf.Or(""), "root-of-shop"},
		"first address":          {k8s[0].Source.IP.Or(""), "10.1.2.3"},
		"no address":             {k8s[4].Source.IP.Or("none"), "none"},
		"cut to microseconds":    {k8s[3].OccurredAt.Format(layoutMicros), "2026-03-01T09:15:03.999999Z"},
		"and kept as it was":     {k8s[3].Metadata["/requestReceivedTimestamp"], "2026-03-01T09:15:03.999999999Z"},
		"time of another field":  {k8s[4].OccurredAt.Format(layoutMicros), "2026-03-01T09:15:05.000000Z"},
		"time of another zone":   {k8s[5].OccurredAt.Format(layoutMicros), "2026-03-01T09:15:06.000000Z"},
		"exact number":           {k8s[0].Metadata["/requestObject/spec/weight"], "1.50"},
		"large number":           {k8s[0].Metadata["/requestObject/spec/big"], "12345678901234567890"},
		"escaped path":           {k8s[0].Metadata["/requestObject/metadata/labels/app.kubernetes.io~1name"], "web"},
		"path with a tilde":      {k8s[0].Metadata["/requestObject/metadata/labels/tier~01"], "front"},
		"null":                   {k8s[0].Metadata["/requestObject/metadata/creationTimestamp"], "null"},
		"empty array":            {k8s[0].Metadata["/requestObject/spec/tolerations"], "[]"},
		"assumed role":           {aws[1].Actor.OnBehalfOf.Or(""), "arn:aws:iam::111122223333:role/web"},
		"access key":             {aws[0].Actor.AuthMethod.Or(""), "access-key"},
		"mfa":                    {aws[3].Actor.AuthMethod.Or(""), "mfa"},
		"second target":          {aws[0].Targets[1].ID, "arn:aws:s3:::ledger"},
		"service's name as ip":   {aws[2].Metadata["/sourceIPAddress"], "ec2.amazonaws.com"},
		"event id as request id": {aws[2].Trace.RequestID.Or(""), "E3"},
		"logon by":               {win[0].Actor.AuthMethod.Or(""), "negotiate"},
		"account's name":         {win[0].Actor.Name.Or(""), `DESK-7\otto`},
		"old value":              {win[3].Changes[0].Old.Or(""), `"D:(A)"`},
		"new value":              {win[8].Changes[0].New.Or(""), `"DWORD (0x2)"`},
		"seven digits":           {win[6].Metadata["/TimeCreated"], "2026-03-02T06:00:06.9686605Z"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %q, not %q", what, pair[0], pair[1])
		}
	}
}

// TestExporters reads what other exporters write in the same fields.
func TestExporters(t *testing.T) {
	for line, want := range map[string]audit.Outcome{
		`{"EventID":1,"Channel":"Security","SourceName":"x","TimeCreated":"2026-03-02T06:00:00Z","Keywords":-9214364837600034816,"EventType":"AUDIT_SUCCESS"}`: audit.OutcomeSuccess,
		`{"EventID":1,"Channel":"Security","SourceName":"x","TimeCreated":"2026-03-02T06:00:00Z","Keywords":-9218868437227405312,"EventType":4,"Status":null}`: audit.OutcomeFailure,
		`{"EventID":1,"Channel":"Security","SourceName":"x","@timestamp":"2026-03-02T06:00:00+02:00"}`:                                                         audit.OutcomeUnknown,
	} {
		root, err := parseJSON([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		if e, err := mapEvent(root); err != nil || e.Outcome != want {
			t.Errorf("%s: %v (%v)", line, e, err)
		}
	}
}

// own says where an event of each log holds a source's field as it was. It is written down a second time here, so that
// the mapping cannot forget a field by its own table.
func own(log string, e *audit.AuditEvent) map[string]string {
	target := audit.Target{}
	if len(e.Targets) > 0 {
		target = e.Targets[0]
	}
	switch log {
	case "kubernetes.jsonl":
		return map[string]string{
			"/auditID": e.Trace.RequestID.Value, "/user/username": e.Actor.ID, "/impersonatedUser/username": e.Actor.OnBehalfOf.Value,
			"/objectRef/resource": target.Type, "/objectRef/name": target.ID, "/objectRef/namespace": target.Scope.Value,
			"/objectRef/apiVersion": e.Source.Version.Value, "/sourceIPs/0": e.Source.IP.Value, "/userAgent": e.Source.UserAgent.Value,
			"/requestReceivedTimestamp": e.OccurredAt.Format("2006-01-02T15:04:05.000000Z07:00"),
		}
	case "cloudtrail.jsonl":
		return map[string]string{
			"/eventSource": e.Source.Service, "/apiVersion": e.Source.Version.Value, "/requestID": e.Trace.RequestID.Value,
			"/userIdentity/arn": e.Actor.ID, "/userIdentity/userName": e.Actor.Name.Value,
			"/userIdentity/sessionContext/sessionIssuer/arn": e.Actor.OnBehalfOf.Value,
			"/sourceIPAddress": e.Source.IP.Value, "/userAgent": e.Source.UserAgent.Value,
			"/eventTime": e.OccurredAt.Format("2006-01-02T15:04:05Z07:00"),
		}
	}
	return map[string]string{
		"/SourceName": e.Source.Service, "/Hostname": e.Source.Host.Value, "/IpAddress": e.Source.IP.Value,
		"/TimeCreated": e.OccurredAt.Format("2006-01-02T15:04:05.000Z07:00"),
	}
}

// TestNothingIsLost finds every value of every line again in its event: exactly, and of the same type.
func TestNothingIsLost(t *testing.T) {
	leaves := 0
	for _, name := range []string{"kubernetes.jsonl", "cloudtrail.jsonl", "windows.jsonl"} {
		_, roots, events := corpus(t, name)
		for i, root := range roots {
			var others []string
			if list, ok := events[i].Metadata["non_strings"]; ok {
				if err := json.Unmarshal([]byte(list), &others); err != nil {
					t.Fatal(err)
				}
			}
			places := own(name, events[i])
			found := 0
			walk("", root, func(pointer string, v any) {
				leaves++
				text, isString := v.(string)
				if !isString {
					b, err := json.Marshal(v)
					if err != nil {
						t.Fatal(err)
					}
					text = string(b)
				}
				kept, ok := events[i].Metadata[pointer]
				switch {
				case ok && isString == slices.Contains(others, pointer):
					t.Errorf("%s line %d: the type of %s is lost", name, i+1, pointer)
				case ok && kept != text:
					t.Errorf("%s line %d: %s is %q, not %q", name, i+1, pointer, kept, text)
				case ok:
					found++
				case !isString || places[pointer] != text:
					t.Errorf("%s line %d: %s = %s is lost", name, i+1, pointer, text)
				}
			})
			if extra := len(events[i].Metadata) - found; extra > 1 || extra == 1 && len(others) == 0 {
				t.Errorf("%s line %d: metadata has %d entries that no field explains", name, i+1, extra)
			}
		}
	}
	if leaves < 300 {
		t.Errorf("the corpus has %d values only", leaves)
	}
}

// walk visits the leaves of a document with their JSON pointers.
func walk(pointer string, v any, visit func(string, any)) {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			walk(pointer+"/"+escape.Replace(name), member, visit)
		}
		if len(v) > 0 {
			return
		}
	case []any:
		for i, item := range v {
			walk(fmt.Sprintf("%s/%d", pointer, i), item, visit)
		}
		if len(v) > 0 {
			return
		}
	}
	visit(pointer, v)
}
