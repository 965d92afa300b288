package api

import (
	"context"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/group"
)

// classicGroup is the type of all groups here (KIP-848 names others).
const classicGroup = "classic"

// listGroups answers ListGroups with the groups that the caller may describe.
func listGroups(s *Server, ctx context.Context, c caller, req *kmsg.ListGroupsRequest) finish {
	return later(func() kmsg.Response {
		resp := req.ResponseKind().(*kmsg.ListGroupsResponse)
		all, err := s.Coordinators.Groups.List(ctx)
		if err != nil {
			resp.ErrorCode = code(err)
			return resp
		}
		everything := s.may(ctx, c, Describe, Cluster, ClusterResource)
		for _, l := range all {
			if !listed(req, &l) || !everything && !s.may(ctx, c, Describe, Group, l.ID) {
				continue
			}
			out := kmsg.NewListGroupsResponseGroup()
			out.Group, out.ProtocolType, out.GroupState, out.GroupType = l.ID, l.ProtocolType, l.State.String(), classicGroup
			resp.Groups = append(resp.Groups, out)
		}
		return resp
	})
}

// listed reports whether a group passes the request's filters; an empty one passes everything.
func listed(req *kmsg.ListGroupsRequest, l *group.Listing) bool {
	passes := func(filter []string, value string) bool {
		return len(filter) == 0 || slices.ContainsFunc(filter, func(f string) bool { return strings.EqualFold(f, value) })
	}
	return passes(req.StatesFilter, l.State.String()) && passes(req.TypesFilter, classicGroup)
}

// refuseListGroups is never called: whoever may describe nothing gets an empty list.
func refuseListGroups(req *kmsg.ListGroupsRequest) kmsg.Response { return req.ResponseKind() }
