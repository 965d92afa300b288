package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// createPartitions answers CreatePartitions (KIP-195).
func createPartitions(s *Server, ctx context.Context, c caller, req *kmsg.CreatePartitionsRequest) finish {
	return later(func() kmsg.Response {
		resp := req.ResponseKind().(*kmsg.CreatePartitionsResponse)
		times := make(map[string]int, len(req.Topics))
		for i := range req.Topics {
			times[req.Topics[i].Topic]++
		}
		for i := range req.Topics {
			rt := &req.Topics[i]
			r := kmsg.NewCreatePartitionsResponseTopic()
			r.Topic = rt.Topic
			var err error
			switch {
			case times[rt.Topic] > 1:
				err = &fault{kerr.InvalidRequest, "Duplicate topic name."}
			case !c.may(Alter, Topic, rt.Topic):
				err = kerr.TopicAuthorizationFailed
			default:
				err = s.growTopic(ctx, rt, req.ValidateOnly)
			}
			r.ErrorCode, r.ErrorMessage = s.failed("create partitions", err)
			resp.Topics = append(resp.Topics, r)
		}
		return resp
	})
}

func (s *Server) growTopic(ctx context.Context, rt *kmsg.CreatePartitionsRequestTopic, dry bool) error {
	t := s.Catalog.named(rt.Topic)
	if t == nil {
		return kerr.UnknownTopicOrPartition
	}
	if rt.Assignment != nil {
		if int(rt.Count)-int(t.partitions) != len(rt.Assignment) {
			return &fault{kerr.InvalidReplicaAssignment, "The number of assignments differs from that of new partitions."}
		}
		for i := range rt.Assignment {
			if err := s.checkReplicas(rt.Assignment[i].Replicas); err != nil {
				return err
			}
		}
	}
	return s.Catalog.grow(ctx, rt.Topic, rt.Count, dry)
}

func createPartitionsNeeds(_ *Server, req *kmsg.CreatePartitionsRequest) []need {
	var needs []need
	for i := range req.Topics {
		needs = append(needs, need{Alter, Topic, req.Topics[i].Topic})
	}
	return needs
}

func refuseCreatePartitions(req *kmsg.CreatePartitionsRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.CreatePartitionsResponse)
	for i := range req.Topics {
		r := kmsg.NewCreatePartitionsResponseTopic()
		r.Topic, r.ErrorCode, r.ErrorMessage = req.Topics[i].Topic, kerr.TopicAuthorizationFailed.Code,
			message(kerr.TopicAuthorizationFailed)
		resp.Topics = append(resp.Topics, r)
	}
	return resp
}
