package api

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// deleteRecords answers DeleteRecords (KIP-107).
func deleteRecords(s *Server, ctx context.Context, c caller, req *kmsg.DeleteRecordsRequest) finish {
	return later(func() kmsg.Response {
		resp := req.ResponseKind().(*kmsg.DeleteRecordsResponse)
		for i := range req.Topics {
			rt := &req.Topics[i]
			out := kmsg.NewDeleteRecordsResponseTopic()
			out.Topic = rt.Topic
			t := s.Catalog.named(rt.Topic)
			for _, rp := range rt.Partitions {
				p := kmsg.NewDeleteRecordsResponseTopicPartition()
				p.Partition, p.LowWatermark = rp.Partition, -1
				low, err := s.trim(ctx, c, t, rt.Topic, rp)
				if p.ErrorCode = code(err); err == nil {
					p.LowWatermark = low
				}
				out.Partitions = append(out.Partitions, p)
			}
			resp.Topics = append(resp.Topics, out)
		}
		return resp
	})
}

func (s *Server) trim(ctx context.Context, c caller, t *topic, name string,
	rp kmsg.DeleteRecordsRequestTopicPartition) (int64, error) {
	switch {
	case !c.may(Delete, Topic, name):
		return 0, kerr.TopicAuthorizationFailed
	case t == nil || !t.has(rp.Partition):
		return 0, kerr.UnknownTopicOrPartition
	case t.internal:
		return 0, &fault{kerr.InvalidTopicException, fmt.Sprintf("Topic '%s' belongs to the broker.", name)}
	case t.config.Compact && !t.config.Delete:
		return 0, &fault{kerr.PolicyViolation, "Records of a topic that is only compacted cannot be deleted."}
	case rp.Offset < -1:
		return 0, kerr.OffsetOutOfRange
	}
	return s.Engine.Trim(ctx, t.partition(rp.Partition), rp.Offset)
}

func deleteRecordsNeeds(_ *Server, req *kmsg.DeleteRecordsRequest) []need {
	var needs []need
	for i := range req.Topics {
		needs = append(needs, need{Delete, Topic, req.Topics[i].Topic})
	}
	return needs
}

func refuseDeleteRecords(req *kmsg.DeleteRecordsRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.DeleteRecordsResponse)
	for i := range req.Topics {
		t := kmsg.NewDeleteRecordsResponseTopic()
		t.Topic = req.Topics[i].Topic
		for _, rp := range req.Topics[i].Partitions {
			p := kmsg.NewDeleteRecordsResponseTopicPartition()
			p.Partition, p.LowWatermark, p.ErrorCode = rp.Partition, -1, kerr.TopicAuthorizationFailed.Code
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}
