package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/group"
)

// heartbeat answers Heartbeat.
func heartbeat(s *Server, ctx context.Context, _ caller, req *kmsg.HeartbeatRequest) finish {
	reply := make(chan group.Beaten, 1)
	s.Coordinators.Groups.Heartbeat(req.Group, group.Heartbeat{
		MemberID:   req.MemberID,
		InstanceID: orEmpty(req.InstanceID),
		Generation: req.Generation,
	}, func(b group.Beaten) { reply <- b })
	return awaits(ctx, reply, func(b group.Beaten) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.HeartbeatResponse)
		resp.ErrorCode = code(b.Err)
		return resp
	})
}

func heartbeatNeeds(_ *Server, req *kmsg.HeartbeatRequest) []need { return onGroup(Read, req.Group) }

func refuseHeartbeat(req *kmsg.HeartbeatRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.HeartbeatResponse)
	resp.ErrorCode = kerr.GroupAuthorizationFailed.Code
	return resp
}
