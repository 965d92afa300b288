package api

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/group"
)

// describeGroups answers DescribeGroups.
func describeGroups(s *Server, ctx context.Context, c caller, req *kmsg.DescribeGroupsRequest) finish {
	replies := make([]chan group.Description, len(req.Groups))
	asked := make(map[string]bool, len(req.Groups))
	for i, id := range req.Groups {
		if !c.may(Describe, Group, id) {
			replies[i] = replied(group.Description{Err: kerr.GroupAuthorizationFailed})
			continue
		}
		if asked[id] {
			// A few bytes each time must not be answered with the whole group again and again.
			replies[i] = replied(group.Description{Err: kerr.InvalidRequest})
			continue
		}
		asked[id] = true
		reply := make(chan group.Description, 1)
		replies[i] = reply
		s.Coordinators.Groups.Describe(id, func(d group.Description) { reply <- d })
	}
	return awaitsAll(ctx, replies, func(got []group.Description) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.DescribeGroupsResponse)
		for i, id := range req.Groups {
			out := described(req.Version, id, &got[i])
			if out.ErrorCode == 0 && req.IncludeAuthorizedOperations {
				out.AuthorizedOperations = s.operations(ctx, c, Group, id)
			}
			resp.Groups = append(resp.Groups, out)
		}
		return resp
	})
}

func described(version int16, id string, d *group.Description) kmsg.DescribeGroupsResponseGroup {
	out := kmsg.NewDescribeGroupsResponseGroup()
	out.Group = id
	switch {
	case errors.Is(d.Err, group.ErrNotFound):
		// Dead is all that older clients understand (KIP-1043).
		out.State = group.Dead.String()
		if version >= 6 {
			out.ErrorCode = code(d.Err)
			text := fmt.Sprintf("Group %s not found.", id)
			out.ErrorMessage = &text
		}
		return out
	case d.Err != nil:
		out.ErrorCode = code(d.Err)
		return out
	}
	out.State, out.ProtocolType, out.Protocol = d.State.String(), d.ProtocolType, d.Protocol
	for _, m := range d.Members {
		om := kmsg.NewDescribeGroupsResponseGroupMember()
		om.MemberID, om.InstanceID = m.ID, orNull(m.InstanceID)
		om.ClientID, om.ClientHost = m.ClientID, m.ClientHost
		om.ProtocolMetadata, om.MemberAssignment = m.Metadata, m.Assignment
		out.Members = append(out.Members, om)
	}
	return out
}

func describeGroupsNeeds(_ *Server, req *kmsg.DescribeGroupsRequest) []need {
	var needs []need
	for _, id := range req.Groups {
		needs = append(needs, need{Describe, Group, id})
	}
	return needs
}

func refuseDescribeGroups(req *kmsg.DescribeGroupsRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.DescribeGroupsResponse)
	for _, id := range req.Groups {
		resp.Groups = append(resp.Groups, described(req.Version, id, &group.Description{Err: kerr.GroupAuthorizationFailed}))
	}
	return resp
}
