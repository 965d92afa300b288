package main

import (
	"errors"

	"github.com/typelog/typelog/schemas/audit"
)

// errShape says that a line is JSON, and no log that we know.
var errShape = errors.New("unknown shape: neither an audit.k8s.io event (kind Event, auditID, stage), nor a CloudTrail record " +
	"(eventSource, eventName), nor a Windows event (EventID, Channel)")

// mapEvent maps a record of any known log, told apart by the names that only it has. Id, recording time and producer are
// the caller's to set. Every value of the record is in the event: in a field, or in metadata by its JSON pointer.
func mapEvent(root *value) (*audit.AuditEvent, error) {
	if root.kind != kindObject {
		return nil, errors.New("unknown shape: the line is " + root.kind.String() + ", not an object")
	}
	has := func(names ...string) bool {
		for _, name := range names {
			if root.member(name) == nil {
				return false
			}
		}
		return true
	}
	f := &fields{root: root}
	e := audit.NewAuditEvent()
	var places []place
	switch {
	case has("auditID", "stage") && isKubernetes(f):
		mapKubernetes(e, f)
		places = kubernetesPlaces()
	case has("eventSource", "eventName"):
		mapCloudTrail(e, f)
		places = cloudTrailPlaces()
	case has("EventID", "Channel"):
		mapWindows(e, f)
		places = windowsPlaces()
	default:
		return nil, errShape
	}
	if f.err != nil {
		return nil, f.err
	}
	if err := keepRest(e, root, places); err != nil {
		return nil, err
	}
	return e, nil
}

// document returns the records of a whole CloudTrail document, {"Records": [...]}, or nil if it is none.
func document(root *value) []value {
	if root.kind != kindObject || len(root.members) != 1 || root.members[0].name != "Records" {
		return nil
	}
	return root.members[0].value.items
}
