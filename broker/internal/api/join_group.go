package api

import (
	"bytes"
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/group"
)

// joinGroup answers JoinGroup once the group's next generation is formed.
func joinGroup(s *Server, ctx context.Context, c caller, req *kmsg.JoinGroupRequest) finish {
	join := group.Join{
		MemberID:     req.MemberID,
		InstanceID:   orEmpty(req.InstanceID),
		ClientID:     c.ClientID,
		ClientHost:   clientHost(c),
		ProtocolType: req.ProtocolType,
		Session:      millis(req.SessionTimeoutMillis),
		Rebalance:    millis(req.RebalanceTimeoutMillis),
		NeedsID:      req.Version >= 4, // KIP-394
		CanSkip:      req.Version >= 9, // KIP-814
	}
	if req.Version == 0 || join.Rebalance < 0 {
		join.Rebalance = join.Session
	}
	for i := range req.Protocols {
		// A member outlives the request: its frame must not be kept for a few bytes.
		p := &req.Protocols[i]
		join.Protocols = append(join.Protocols, group.Protocol{Name: p.Name, Metadata: bytes.Clone(p.Metadata)})
	}
	resp := req.ResponseKind().(*kmsg.JoinGroupResponse)
	reply := make(chan group.Joined, 1)
	s.Coordinators.Groups.Join(req.Group, join, func(j group.Joined) { reply <- j })
	return awaits(ctx, reply, func(j group.Joined) kmsg.Response { return joined(resp, &j) })
}

func joined(resp *kmsg.JoinGroupResponse, j *group.Joined) kmsg.Response {
	resp.MemberID = j.MemberID
	resp.Generation = j.Generation
	if j.Err != nil {
		resp.ErrorCode = code(j.Err)
		return resp
	}
	resp.ProtocolType, resp.Protocol = &j.ProtocolType, &j.Protocol
	resp.LeaderID = j.Leader
	resp.SkipAssignment = j.SkipAssignment
	for _, m := range j.Members {
		out := kmsg.NewJoinGroupResponseMember()
		out.MemberID, out.InstanceID, out.ProtocolMetadata = m.ID, orNull(m.InstanceID), m.Metadata
		resp.Members = append(resp.Members, out)
	}
	return resp
}

// clientHost is the caller's address as Apache Kafka shows it: with a slash, where a host's name could stand before it.
func clientHost(c caller) string { return "/" + c.Addr.Addr().Unmap().String() }

func joinGroupNeeds(_ *Server, req *kmsg.JoinGroupRequest) []need { return onGroup(Read, req.Group) }

func refuseJoinGroup(req *kmsg.JoinGroupRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.JoinGroupResponse)
	resp.ErrorCode, resp.MemberID, resp.Generation = kerr.GroupAuthorizationFailed.Code, req.MemberID, -1
	return resp
}
