package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/group"
)

// leaveGroup answers LeaveGroup: for one member until version 2, for several from version 3 on (KIP-345).
func leaveGroup(s *Server, ctx context.Context, _ caller, req *kmsg.LeaveGroupRequest) finish {
	resp := req.ResponseKind().(*kmsg.LeaveGroupResponse)
	members := []group.Leaver{{MemberID: req.MemberID}}
	if req.Version >= 3 {
		members = make([]group.Leaver, len(req.Members))
		for i, m := range req.Members {
			members[i] = group.Leaver{MemberID: m.MemberID, InstanceID: orEmpty(m.InstanceID)}
		}
	}
	reply := make(chan group.Left, 1)
	s.Coordinators.Groups.Leave(req.Group, group.Leave{Members: members}, func(l group.Left) { reply <- l })
	return awaits(ctx, reply, func(l group.Left) kmsg.Response {
		if l.Err != nil {
			resp.ErrorCode = code(l.Err)
			return resp
		}
		if req.Version < 3 {
			resp.ErrorCode = code(l.Of[0])
			return resp
		}
		for i, m := range req.Members {
			out := kmsg.NewLeaveGroupResponseMember()
			out.MemberID, out.InstanceID, out.ErrorCode = m.MemberID, m.InstanceID, code(l.Of[i])
			resp.Members = append(resp.Members, out)
		}
		return resp
	})
}

func leaveGroupNeeds(_ *Server, req *kmsg.LeaveGroupRequest) []need { return onGroup(Read, req.Group) }

func refuseLeaveGroup(req *kmsg.LeaveGroupRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.LeaveGroupResponse)
	resp.ErrorCode = kerr.GroupAuthorizationFailed.Code
	return resp
}
