package main

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/typelog/typelog/schemas/audit"
	"github.com/typelog/typelog/serde/avro"
)

// registryKey is the kind of target of Sysmon's events whose operation is in their EventType.
const registryKey = "registry key"

// Bits of a Windows event's keywords.
const (
	auditFailure = 0x0010000000000000
	auditSuccess = 0x0020000000000000
)

// mapWindows maps an event of a Windows log (Security, Sysmon, PowerShell and others) with its data as flat fields.
func mapWindows(e *audit.AuditEvent, f *fields) {
	provider := f.need("SourceName")
	id, ok := f.integer("EventID")
	if !ok {
		f.fail([]string{"EventID"}, "is missing")
	}
	known := knownWindowsEvents(provider)[id]

	e.OccurredAt = f.instant("TimeCreated", "@timestamp")
	e.Action = provider + ":" + strconv.FormatInt(id, 10)
	e.Operation = windowsOperation(known, f)
	e.Outcome = windowsOutcome(known, f)
	if e.Outcome == audit.OutcomeDenied || e.Outcome == audit.OutcomeFailure {
		e.Reason = some(joined(" ", f.first("FailureReason"), f.first("Status"), f.first("SubStatus")))
	}
	windowsActor(&e.Actor, known, f)
	if target := f.first(known.id, known.name); target != "" && known.target != "" {
		e.Targets = []audit.Target{{Type: known.target, ID: target, Name: some(f.first(known.name)), Scope: f.opt("Hostname")}}
		if e.Targets[0].Name.Value == target {
			e.Targets[0].Name = avro.None[string]()
		}
	}
	if known.newValue != "" {
		change := audit.Change{Path: known.attribute, New: jsonText(f.opt(known.newValue))}
		if known.oldValue != "" {
			change.Old = jsonText(f.opt(known.oldValue))
		}
		e.Changes = []audit.Change{change}
	}
	e.Source.Service = provider
	e.Source.Host = f.opt("Hostname")
	e.Source.IP = address(f.text("IpAddress"))
}

func windowsPlaces() []place {
	return []place{
		{"/TimeCreated", func(e *audit.AuditEvent) avro.Opt[string] { return written(e.OccurredAt, layoutMillis) }},
		{"/SourceName", func(e *audit.AuditEvent) avro.Opt[string] { return avro.Some(e.Source.Service) }},
		{"/Hostname", func(e *audit.AuditEvent) avro.Opt[string] { return e.Source.Host }},
		{"/IpAddress", func(e *audit.AuditEvent) avro.Opt[string] { return e.Source.IP }},
	}
}

// jsonText writes a value of a change.
func jsonText(s avro.Opt[string]) avro.Opt[string] {
	if !s.Valid {
		return s
	}
	text, err := json.Marshal(s.Value)
	if err != nil {
		return avro.None[string]()
	}
	return avro.Some(string(text))
}

func windowsOperation(known windowsEvent, f *fields) audit.Operation {
	if known.target != registryKey {
		return known.operation
	}
	switch f.text("EventType") {
	case "CreateKey", "CreateValue":
		return audit.OperationCreate
	case "DeleteKey", "DeleteValue":
		return audit.OperationDelete
	}
	return known.operation
}

// windowsOutcome reads the audit bits of the keywords; logs other than Security have none and say nothing.
func windowsOutcome(known windowsEvent, f *fields) audit.Outcome {
	bits := windowsKeywords(f)
	switch {
	case bits&auditFailure != 0 && (known.failureIsDenial || known.operation == audit.OperationLogin):
		return audit.OutcomeDenied
	case bits&auditFailure != 0:
		return audit.OutcomeFailure
	case bits&auditSuccess != 0:
		return audit.OutcomeSuccess
	}
	return audit.OutcomeUnknown
}

// windowsKeywords returns the keywords' bits: hexadecimal text, or the same 64 bits as a signed number, by exporter.
func windowsKeywords(f *fields) uint64 {
	path := []string{"Keywords"}
	if v := f.at(path); v != nil && v.kind == kindNumber {
		n, _ := f.integer(path...)
		return uint64(n)
	}
	text := f.text(path...)
	if text == "" {
		return 0
	}
	bits, err := strconv.ParseUint(text, 0, 64)
	if err != nil {
		f.fail(path, "is %q, not a number", clip(text))
	}
	return bits
}

// windowsActor finds who acted. In most events of the Security log that is the subject; who logs on or off is the
// target, since the subject is the process that asked.
func windowsActor(actor *audit.Actor, known windowsEvent, f *fields) {
	side := "Subject"
	if known.targetActs {
		side = "Target"
	}
	sid := f.first(side + "UserSid")
	if sid == "S-1-0-0" { // nobody: the name is all there is
		sid = ""
	}
	name := joined(`\`, f.first(side+"DomainName"), f.first(side+"UserName"))
	switch {
	case sid != "":
		actor.ID, actor.Name = sid, some(name)
	case known.targetActs:
		actor.ID = name
	default:
		if actor.ID = f.first("User", "SourceUser"); actor.ID == "" {
			actor.ID = name
		}
	}
	actor.Type = windowsActorType(sid, actor.Name.Or(actor.ID))
	if known.operation == audit.OperationLogin {
		actor.AuthMethod = some(strings.ToLower(f.first("AuthenticationPackageName", "PackageName")))
	}
}

// windowsActorType reads the well-known security identifiers, or the name if there is none.
func windowsActorType(sid, name string) audit.ActorType {
	authority := slices.ContainsFunc([]string{`NT AUTHORITY\`, `Window Manager\`, `Font Driver Host\`}, func(prefix string) bool {
		return strings.HasPrefix(name, prefix)
	})
	switch {
	case sid == "S-1-5-7":
		return audit.ActorTypeAnonymous
	case sid == "S-1-5-18", sid == "S-1-5-19", sid == "S-1-5-20", sid == "" && authority:
		return audit.ActorTypeSystem
	case strings.HasPrefix(sid, "S-1-5-90-"), strings.HasPrefix(sid, "S-1-5-96-"):
		return audit.ActorTypeSystem
	case strings.HasPrefix(sid, "S-1-5-80-"), strings.HasPrefix(sid, "S-1-5-82-"), strings.HasPrefix(sid, "S-1-5-83-"):
		return audit.ActorTypeService
	case name == "" && sid == "":
		return audit.ActorTypeUnknown
	case strings.HasSuffix(name, "$"): // a computer's account
		return audit.ActorTypeService
	}
	return audit.ActorTypeUser
}
