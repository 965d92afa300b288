package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/group"
)

// offsetDelete answers OffsetDelete (KIP-496) once the offsets are durably gone.
func offsetDelete(s *Server, ctx context.Context, c caller, req *kmsg.OffsetDeleteRequest) finish {
	resp := req.ResponseKind().(*kmsg.OffsetDeleteResponse)
	if !c.may(Delete, Group, req.Group) {
		resp.ErrorCode = kerr.GroupAuthorizationFailed.Code
		return now(resp)
	}
	var codes []*int16
	var remove group.DeleteOffsets
	resp.Topics = make([]kmsg.OffsetDeleteResponseTopic, len(req.Topics))
	for i := range req.Topics {
		rt, out := &req.Topics[i], &resp.Topics[i]
		out.Topic = rt.Topic
		t := s.Catalog.named(rt.Topic)
		out.Partitions = make([]kmsg.OffsetDeleteResponseTopicPartition, len(rt.Partitions))
		for j := range rt.Partitions {
			p := &out.Partitions[j]
			p.Partition = rt.Partitions[j].Partition
			switch {
			case !c.may(Read, Topic, rt.Topic):
				p.ErrorCode = kerr.TopicAuthorizationFailed.Code
			case t == nil || !t.has(p.Partition):
				p.ErrorCode = kerr.UnknownTopicOrPartition.Code
			default:
				codes = append(codes, &p.ErrorCode)
				remove.Partitions = append(remove.Partitions, group.TopicPartition{Topic: rt.Topic, Partition: p.Partition})
			}
		}
	}
	reply := make(chan group.Removed, 1)
	s.Coordinators.Groups.DeleteOffsets(req.Group, remove, func(r group.Removed) { reply <- r })
	return awaits(ctx, reply, func(r group.Removed) kmsg.Response {
		if r.Err != nil {
			resp.ErrorCode, resp.Topics = code(r.Err), nil
			return resp
		}
		for i, at := range codes {
			*at = code(r.Of[i])
		}
		return resp
	})
}

func offsetDeleteNeeds(_ *Server, req *kmsg.OffsetDeleteRequest) []need {
	needs := []need{{Delete, Group, req.Group}}
	for i := range req.Topics {
		needs = append(needs, need{Read, Topic, req.Topics[i].Topic})
	}
	return needs
}

func refuseOffsetDelete(req *kmsg.OffsetDeleteRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.OffsetDeleteResponse)
	resp.ErrorCode = kerr.GroupAuthorizationFailed.Code
	return resp
}
