package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/group"
)

// deleteGroups answers DeleteGroups once the groups' state is durably gone.
func deleteGroups(s *Server, ctx context.Context, c caller, req *kmsg.DeleteGroupsRequest) finish {
	replies := make([]chan group.Removed, len(req.Groups))
	for i, id := range req.Groups {
		if !c.may(Delete, Group, id) {
			replies[i] = replied(group.Removed{Err: kerr.GroupAuthorizationFailed})
			continue
		}
		reply := make(chan group.Removed, 1)
		replies[i] = reply
		s.Coordinators.Groups.Delete(id, func(r group.Removed) { reply <- r })
	}
	return awaitsAll(ctx, replies, func(got []group.Removed) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.DeleteGroupsResponse)
		for i, id := range req.Groups {
			resp.Groups = append(resp.Groups, deletedGroup(id, got[i].Err))
		}
		return resp
	})
}

func deletedGroup(id string, err error) kmsg.DeleteGroupsResponseGroup {
	out := kmsg.NewDeleteGroupsResponseGroup()
	out.Group, out.ErrorCode, out.ErrorMessage = id, code(err), message(err)
	return out
}

func deleteGroupsNeeds(_ *Server, req *kmsg.DeleteGroupsRequest) []need {
	var needs []need
	for _, id := range req.Groups {
		needs = append(needs, need{Delete, Group, id})
	}
	return needs
}

func refuseDeleteGroups(req *kmsg.DeleteGroupsRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.DeleteGroupsResponse)
	for _, id := range req.Groups {
		resp.Groups = append(resp.Groups, deletedGroup(id, kerr.GroupAuthorizationFailed))
	}
	return resp
}
