package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/log"
)

// offsetForLeaderEpoch answers OffsetForLeaderEpoch (KIP-101, KIP-320), with which a consumer finds out whether the log was
// cut off behind its back.
func offsetForLeaderEpoch(s *Server, _ context.Context, c caller, req *kmsg.OffsetForLeaderEpochRequest) finish {
	return later(func() kmsg.Response {
		resp := req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
		for i := range req.Topics {
			rt := &req.Topics[i]
			out := kmsg.NewOffsetForLeaderEpochResponseTopic()
			out.Topic = rt.Topic
			t := s.Catalog.named(rt.Topic)
			for j := range rt.Partitions {
				p := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
				p.Partition, p.LeaderEpoch, p.EndOffset = rt.Partitions[j].Partition, -1, -1
				end, err := s.endOfEpoch(c, t, rt.Topic, &rt.Partitions[j])
				if p.ErrorCode = code(err); err == nil {
					p.LeaderEpoch, p.EndOffset = end.Epoch, end.EndOffset
				}
				out.Partitions = append(out.Partitions, p)
			}
			resp.Topics = append(resp.Topics, out)
		}
		return resp
	})
}

func (s *Server) endOfEpoch(c caller, t *topic, name string,
	rp *kmsg.OffsetForLeaderEpochRequestTopicPartition) (log.EpochEnd, error) {
	switch {
	case !c.may(Describe, Topic, name):
		return log.EpochEnd{}, kerr.TopicAuthorizationFailed
	case t == nil || !t.has(rp.Partition):
		return log.EpochEnd{}, kerr.UnknownTopicOrPartition
	}
	p := t.partition(rp.Partition)
	if err := s.checkEpoch(p, rp.CurrentLeaderEpoch); err != nil {
		return log.EpochEnd{}, err
	}
	return s.Engine.EndOfEpoch(p, rp.LeaderEpoch)
}

func offsetForLeaderEpochNeeds(_ *Server, req *kmsg.OffsetForLeaderEpochRequest) []need {
	var needs []need
	for i := range req.Topics {
		needs = append(needs, need{Describe, Topic, req.Topics[i].Topic})
	}
	return needs
}

func refuseOffsetForLeaderEpoch(req *kmsg.OffsetForLeaderEpochRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
	for i := range req.Topics {
		t := kmsg.NewOffsetForLeaderEpochResponseTopic()
		t.Topic = req.Topics[i].Topic
		for j := range req.Topics[i].Partitions {
			p := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			p.Partition, p.ErrorCode = req.Topics[i].Partitions[j].Partition, kerr.TopicAuthorizationFailed.Code
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}
