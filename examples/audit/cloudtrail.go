package main

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/typelog/typelog/schemas/audit"
	"github.com/typelog/typelog/serde/avro"
)

// mapCloudTrail maps a record of AWS CloudTrail.
func mapCloudTrail(e *audit.AuditEvent, f *fields) {
	service, name := f.need("eventSource"), f.need("eventName")
	code := f.text("errorCode")

	e.OccurredAt = f.instant("eventTime", "@timestamp")
	e.Action = strings.TrimSuffix(service, ".amazonaws.com") + ":" + name
	e.Operation = cloudTrailOperation(name, f.truth("readOnly"))
	e.Outcome = cloudTrailOutcome(code, f)
	e.Reason = some(joined(": ", code, f.text("errorMessage")))
	cloudTrailActor(&e.Actor, f)
	cloudTrailTargets(e, f)
	e.Source.Service = service
	e.Source.Version = f.opt("apiVersion")
	e.Source.IP = address(f.text("sourceIPAddress"))
	e.Source.UserAgent = f.opt("userAgent")
	e.Trace.RequestID = f.opt("requestID")
	if !e.Trace.RequestID.Valid {
		e.Trace.RequestID = f.opt("eventID")
	}
}

func cloudTrailPlaces() []place {
	return []place{
		{"/eventTime", func(e *audit.AuditEvent) avro.Opt[string] { return written(e.OccurredAt, layoutSeconds) }},
		{"/userIdentity/arn", func(e *audit.AuditEvent) avro.Opt[string] { return avro.Some(e.Actor.ID) }},
		{"/userIdentity/userName", func(e *audit.AuditEvent) avro.Opt[string] { return e.Actor.Name }},
		{"/userIdentity/sessionContext/sessionIssuer/arn", func(e *audit.AuditEvent) avro.Opt[string] { return e.Actor.OnBehalfOf }},
		{"/eventSource", func(e *audit.AuditEvent) avro.Opt[string] { return avro.Some(e.Source.Service) }},
		{"/apiVersion", func(e *audit.AuditEvent) avro.Opt[string] { return e.Source.Version }},
		{"/sourceIPAddress", func(e *audit.AuditEvent) avro.Opt[string] { return e.Source.IP }},
		{"/userAgent", func(e *audit.AuditEvent) avro.Opt[string] { return e.Source.UserAgent }},
		{"/requestID", func(e *audit.AuditEvent) avro.Opt[string] { return e.Trace.RequestID }},
	}
}

func cloudTrailActor(actor *audit.Actor, f *fields) {
	kind := f.text("userIdentity", "type")
	switch kind {
	case "Root", "IAMUser", "FederatedUser", "SAMLUser", "WebIdentityUser", "IdentityCenterUser", "Directory":
		actor.Type = audit.ActorTypeUser
	case "AssumedRole", "Role":
		actor.Type = audit.ActorTypeService
	case "AWSService":
		actor.Type = audit.ActorTypeSystem
	}
	for _, name := range []string{"arn", "invokedBy", "principalId", "accountId"} {
		if actor.ID = f.text("userIdentity", name); actor.ID != "" {
			break
		}
	}
	if f.text("userIdentity", "accountId") == "ANONYMOUS_PRINCIPAL" {
		actor.Type = audit.ActorTypeAnonymous
	}
	actor.Name = f.opt("userIdentity", "userName")
	actor.OnBehalfOf = f.opt("userIdentity", "sessionContext", "sessionIssuer", "arn")
	switch {
	case f.text("userIdentity", "sessionContext", "attributes", "mfaAuthenticated") == "true":
		actor.AuthMethod = avro.Some("mfa")
	case f.text("userIdentity", "accessKeyId") != "":
		actor.AuthMethod = avro.Some("access-key")
	}
}

func cloudTrailTargets(e *audit.AuditEvent, f *fields) {
	for i, resource := range f.list("resources") {
		at := []string{"resources", strconv.Itoa(i)}
		if resource.kind != kindObject {
			f.fail(at, "is %v, not an object", resource.kind)
			return
		}
		r := &fields{root: &resource}
		target := audit.Target{Type: r.first("type"), ID: r.first("ARN", "ARNPrefix"), Scope: r.opt("accountId")}
		if target.Type == "" {
			target.Type = "AWS resource"
		}
		if r.err != nil {
			f.fail(at, "holds a %v", r.err)
		}
		e.Targets = append(e.Targets, target)
	}
}

// deniedByAWS matches the error codes that mean a refusal by authentication, authorization or policy.
var deniedByAWS = regexp.MustCompile(`AccessDenied|Unauthorized|NotAuthorized|Forbidden|AuthFailure|ExpiredToken|InvalidClientTokenId|SignatureDoesNotMatch|OptInRequired`)

func cloudTrailOutcome(code string, f *fields) audit.Outcome {
	switch {
	case deniedByAWS.MatchString(code):
		return audit.OutcomeDenied
	case code != "":
		return audit.OutcomeFailure
	case f.text("eventName") == "ConsoleLogin" && f.text("responseElements", "ConsoleLogin") == "Failure":
		return audit.OutcomeDenied
	}
	return audit.OutcomeSuccess
}

// cloudTrailOperation reads the name of the call: AWS names begin with a verb.
func cloudTrailOperation(name string, readOnly bool) audit.Operation {
	switch name {
	case "ConsoleLogin", "AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetFederationToken", "GetSessionToken":
		return audit.OperationLogin
	case "Logout", "Signout":
		return audit.OperationLogout
	case "AddUserToGroup", "CreateGrant", "AddPermission":
		return audit.OperationGrant
	case "RemoveUserFromGroup", "RevokeGrant", "RetireGrant", "RemovePermission":
		return audit.OperationRevoke
	}
	if strings.HasSuffix(name, "Policy") {
		switch verb := firstWord(name); verb {
		case "Attach", "Put":
			return audit.OperationGrant
		case "Detach", "Delete":
			return audit.OperationRevoke
		}
	}
	for _, row := range []struct {
		operation audit.Operation
		verbs     []string
	}{
		{audit.OperationRead, []string{"Describe", "List", "Get", "Head", "Lookup", "Search", "Query", "Scan", "Select", "Batch"}},
		{audit.OperationCreate, []string{"Create", "Run", "Allocate", "Register", "Import", "Copy", "Request"}},
		{audit.OperationDelete, []string{"Delete", "Terminate", "Deregister", "Release", "Purge"}},
		{audit.OperationGrant, []string{"Authorize"}},
		{audit.OperationRevoke, []string{"Revoke"}},
		{audit.OperationExecute, []string{"Invoke", "Execute", "Send"}},
		{audit.OperationUpdate, []string{"Update", "Modify", "Set", "Put", "Change", "Enable", "Disable", "Tag", "Untag", "Attach",
			"Detach", "Associate", "Disassociate", "Start", "Stop", "Reboot", "Restore", "Replace", "Reset", "Add", "Remove"}},
	} {
		if slices.Contains(row.verbs, firstWord(name)) {
			return row.operation
		}
	}
	if readOnly {
		return audit.OperationRead
	}
	return audit.OperationUnknown
}

// firstWord returns a name up to its second capital letter.
func firstWord(name string) string {
	for i := 1; i < len(name); i++ {
		if name[i] >= 'A' && name[i] <= 'Z' {
			return name[:i]
		}
	}
	return name
}
