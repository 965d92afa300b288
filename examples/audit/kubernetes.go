package main

import (
	"slices"
	"strings"

	"github.com/typelog/typelog/schemas/audit"
	"github.com/typelog/typelog/serde/avro"
)

const (
	decisionAnnotation = "authorization.k8s.io/decision"
	reasonAnnotation   = "authorization.k8s.io/reason"
)

// isKubernetes tells an event of audit.k8s.io from other things with an auditID. Some senders leave apiVersion out.
func isKubernetes(f *fields) bool {
	version := f.root.member("apiVersion")
	kind := f.root.member("kind")
	return kind != nil && kind.text == "Event" && (version == nil || strings.HasPrefix(version.text, "audit.k8s.io/"))
}

// mapKubernetes maps an event of the Kubernetes API server (audit.k8s.io, any version).
func mapKubernetes(e *audit.AuditEvent, f *fields) {
	verb := f.need("verb")
	resource, subresource := f.text("objectRef", "resource"), f.text("objectRef", "subresource")
	path, _, _ := strings.Cut(f.text("requestURI"), "?")

	e.OccurredAt = f.instant("requestReceivedTimestamp", "stageTimestamp", "timestamp")
	e.Action = joined("/", resource, subresource) + ":" + verb
	if resource == "" {
		e.Action = path + ":" + verb
	}
	e.Operation = kubernetesOperation(verb, resource, subresource)
	e.Outcome = kubernetesOutcome(f)
	for _, reason := range []string{f.text("responseStatus", "message"), f.text("responseStatus", "reason"), f.text("annotations", reasonAnnotation)} {
		if reason != "" {
			e.Reason = avro.Some(reason)
			break
		}
	}
	e.Actor.ID = f.text("user", "username")
	e.Actor.Type = kubernetesActor(e.Actor.ID)
	e.Actor.OnBehalfOf = f.opt("impersonatedUser", "username")
	if resource != "" {
		target := audit.Target{Type: resource, ID: f.text("objectRef", "name"), Scope: f.opt("objectRef", "namespace")}
		if target.ID == "" { // the server chose the name, or it is a collection
			target.ID = kubernetesNewName(f)
		}
		if target.ID == "" {
			target.ID = path
		}
		e.Targets = []audit.Target{target}
	}
	e.Source.Service = "kube-apiserver"
	e.Source.Version = f.opt("objectRef", "apiVersion")
	e.Source.UserAgent = f.opt("userAgent")
	if ips := f.list("sourceIPs"); len(ips) > 0 {
		if ips[0].kind != kindString {
			f.fail([]string{"sourceIPs", "0"}, "is %v, not a string", ips[0].kind)
		}
		e.Source.IP = address(ips[0].text)
	}
	e.Trace.RequestID = some(f.need("auditID"))
}

func kubernetesPlaces() []place {
	target := func(field func(*audit.Target) avro.Opt[string]) func(*audit.AuditEvent) avro.Opt[string] {
		return func(e *audit.AuditEvent) avro.Opt[string] {
			if len(e.Targets) == 0 {
				return avro.None[string]()
			}
			return field(&e.Targets[0])
		}
	}
	return []place{
		{"/requestReceivedTimestamp", func(e *audit.AuditEvent) avro.Opt[string] { return written(e.OccurredAt, layoutMicros) }},
		{"/user/username", func(e *audit.AuditEvent) avro.Opt[string] { return avro.Some(e.Actor.ID) }},
		{"/impersonatedUser/username", func(e *audit.AuditEvent) avro.Opt[string] { return e.Actor.OnBehalfOf }},
		{"/objectRef/resource", target(func(t *audit.Target) avro.Opt[string] { return avro.Some(t.Type) })},
		{"/objectRef/name", target(func(t *audit.Target) avro.Opt[string] { return avro.Some(t.ID) })},
		{"/objectRef/namespace", target(func(t *audit.Target) avro.Opt[string] { return t.Scope })},
		{"/objectRef/apiVersion", func(e *audit.AuditEvent) avro.Opt[string] { return e.Source.Version }},
		{"/userAgent", func(e *audit.AuditEvent) avro.Opt[string] { return e.Source.UserAgent }},
		{"/sourceIPs/0", func(e *audit.AuditEvent) avro.Opt[string] { return e.Source.IP }},
		{"/auditID", func(e *audit.AuditEvent) avro.Opt[string] { return e.Trace.RequestID }},
	}
}

func kubernetesNewName(f *fields) string {
	v := f.root.member("responseObject")
	for _, name := range []string{"metadata", "name"} {
		if v != nil {
			v = v.member(name)
		}
	}
	if v == nil {
		return ""
	}
	return v.text
}

// kubernetesOperation reads the verb; running something in a pod and binding roles have kinds of their own.
func kubernetesOperation(verb, resource, subresource string) audit.Operation {
	switch {
	case slices.Contains([]string{"exec", "attach", "portforward", "proxy"}, subresource):
		return audit.OperationExecute
	case resource == "rolebindings" || resource == "clusterrolebindings":
		switch verb {
		case "create":
			return audit.OperationGrant
		case "delete", "deletecollection":
			return audit.OperationRevoke
		}
	}
	switch verb {
	case "create", "post":
		return audit.OperationCreate
	case "get", "list", "watch", "head":
		return audit.OperationRead
	case "update", "patch", "put":
		return audit.OperationUpdate
	case "delete", "deletecollection":
		return audit.OperationDelete
	}
	return audit.OperationUnknown
}

func kubernetesOutcome(f *fields) audit.Outcome {
	code, answered := f.integer("responseStatus", "code")
	switch {
	case code == 401 || code == 403 || f.text("annotations", decisionAnnotation) == "forbid":
		return audit.OutcomeDenied
	case code >= 400 || f.text("stage") == "Panic":
		return audit.OutcomeFailure
	case answered && code >= 100:
		return audit.OutcomeSuccess
	}
	return audit.OutcomeUnknown
}

func kubernetesActor(user string) audit.ActorType {
	switch {
	case user == "":
		return audit.ActorTypeUnknown
	case user == "system:anonymous":
		return audit.ActorTypeAnonymous
	case strings.HasPrefix(user, "system:serviceaccount:"):
		return audit.ActorTypeService
	case strings.HasPrefix(user, "system:"):
		return audit.ActorTypeSystem
	}
	return audit.ActorTypeUser
}
