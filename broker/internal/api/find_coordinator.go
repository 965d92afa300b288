package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Types of coordinator keys.
const (
	groupKey       = 0
	transactionKey = 1
)

// findCoordinator answers FindCoordinator: this broker, at the address of the caller's listener. One key until version
// 3, several from version 4 on (KIP-699).
func findCoordinator(s *Server, _ context.Context, c caller, req *kmsg.FindCoordinatorRequest) finish {
	resp := req.ResponseKind().(*kmsg.FindCoordinatorResponse)
	for _, key := range coordinatorKeys(req) {
		resp.Coordinators = append(resp.Coordinators, s.coordinator(c, req.CoordinatorType, key))
	}
	return now(flattened(resp))
}

func (s *Server) coordinator(c caller, kind int8, key string) kmsg.FindCoordinatorResponseCoordinator {
	switch {
	case kind == groupKey && !c.may(Describe, Group, key):
		return noCoordinator(key, kerr.GroupAuthorizationFailed)
	case kind == transactionKey && !c.may(Describe, TransactionalID, key):
		return noCoordinator(key, kerr.TransactionalIDAuthorizationFailed)
	case kind != groupKey && kind != transactionKey:
		return noCoordinator(key, kerr.InvalidRequest)
	}
	if kind == groupKey {
		s.Coordinators.Groups.Prepare()
	} else {
		s.Coordinators.Transactions.Prepare()
	}
	out := kmsg.NewFindCoordinatorResponseCoordinator()
	at := s.Settings.Advertised[c.Listener]
	out.Key, out.NodeID, out.Host, out.Port = key, s.Settings.NodeID, at.Host, at.Port
	out.ErrorMessage = new(string)
	return out
}

func noCoordinator(key string, err *kerr.Error) kmsg.FindCoordinatorResponseCoordinator {
	out := kmsg.NewFindCoordinatorResponseCoordinator()
	out.Key, out.NodeID, out.Port = key, -1, -1
	out.ErrorCode, out.ErrorMessage = err.Code, message(err)
	return out
}

func coordinatorKeys(req *kmsg.FindCoordinatorRequest) []string {
	if req.Version < 4 {
		return []string{req.CoordinatorKey}
	}
	return req.CoordinatorKeys
}

// flattened puts the only coordinator of an old response where it belongs.
func flattened(resp *kmsg.FindCoordinatorResponse) *kmsg.FindCoordinatorResponse {
	if resp.Version < 4 {
		one := resp.Coordinators[0]
		resp.NodeID, resp.Host, resp.Port = one.NodeID, one.Host, one.Port
		resp.ErrorCode, resp.ErrorMessage = one.ErrorCode, one.ErrorMessage
		if one.ErrorCode == 0 {
			none := "NONE" // as Apache Kafka has it
			resp.ErrorMessage = &none
		}
	}
	return resp
}

func findCoordinatorNeeds(_ *Server, req *kmsg.FindCoordinatorRequest) []need {
	kind := Group
	switch req.CoordinatorType {
	case groupKey:
	case transactionKey:
		kind = TransactionalID
	default:
		return nil
	}
	var needs []need
	for _, key := range coordinatorKeys(req) {
		needs = append(needs, need{Describe, kind, key})
	}
	return needs
}

func refuseFindCoordinator(req *kmsg.FindCoordinatorRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.FindCoordinatorResponse)
	err := kerr.GroupAuthorizationFailed
	if req.CoordinatorType == transactionKey {
		err = kerr.TransactionalIDAuthorizationFailed
	}
	for _, key := range coordinatorKeys(req) {
		resp.Coordinators = append(resp.Coordinators, noCoordinator(key, err))
	}
	return flattened(resp)
}
