package api

import (
	"bytes"
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/group"
)

// syncGroup answers SyncGroup once the leader's assignment is durable.
func syncGroup(s *Server, ctx context.Context, _ caller, req *kmsg.SyncGroupRequest) finish {
	resp := req.ResponseKind().(*kmsg.SyncGroupResponse)
	if req.Version >= 5 && (req.ProtocolType == nil || req.Protocol == nil) {
		resp.ErrorCode = kerr.InconsistentGroupProtocol.Code
		return now(resp)
	}
	sync := group.Sync{
		MemberID:     req.MemberID,
		InstanceID:   orEmpty(req.InstanceID),
		Generation:   req.Generation,
		ProtocolType: orEmpty(req.ProtocolType),
		Protocol:     orEmpty(req.Protocol),
		Assignments:  make(map[string][]byte, len(req.GroupAssignment)),
	}
	for i := range req.GroupAssignment {
		a := &req.GroupAssignment[i]
		sync.Assignments[a.MemberID] = bytes.Clone(a.MemberAssignment) // it outlives the request's frame
	}
	reply := make(chan group.Synced, 1)
	s.Coordinators.Groups.Sync(req.Group, sync, func(y group.Synced) { reply <- y })
	return awaits(ctx, reply, func(y group.Synced) kmsg.Response {
		if y.Err != nil {
			resp.ErrorCode = code(y.Err)
			return resp
		}
		resp.ProtocolType, resp.Protocol, resp.MemberAssignment = &y.ProtocolType, &y.Protocol, y.Assignment
		return resp
	})
}

func syncGroupNeeds(_ *Server, req *kmsg.SyncGroupRequest) []need { return onGroup(Read, req.Group) }

func refuseSyncGroup(req *kmsg.SyncGroupRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.SyncGroupResponse)
	resp.ErrorCode = kerr.GroupAuthorizationFailed.Code
	return resp
}
