package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/log"
)

// Special timestamps of ListOffsets that only mean something else where there is tiered storage (KIP-405, KIP-1005,
// KIP-1023).
const (
	earliestLocal         = -4
	latestTiered          = -5
	earliestPendingUpload = -6
)

// listOffsets answers ListOffsets.
func listOffsets(s *Server, _ context.Context, c caller, req *kmsg.ListOffsetsRequest) finish {
	return later(func() kmsg.Response {
		resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		iso := log.ReadUncommitted
		if req.IsolationLevel == 1 {
			iso = log.ReadCommitted
		}
		resp.Topics = make([]kmsg.ListOffsetsResponseTopic, len(req.Topics))
		for i := range req.Topics {
			rt, out := &req.Topics[i], &resp.Topics[i]
			t := s.Catalog.named(rt.Topic)
			out.Topic = rt.Topic
			out.Partitions = make([]kmsg.ListOffsetsResponseTopicPartition, len(rt.Partitions))
			for j := range rt.Partitions {
				rp, p := &rt.Partitions[j], &out.Partitions[j]
				p.Default()
				p.Partition, p.Offset, p.Timestamp, p.LeaderEpoch = rp.Partition, -1, -1, -1
				found, err := s.offsetByTime(c, t, rt.Topic, rp, iso)
				if err != nil {
					p.ErrorCode = code(err)
					continue
				}
				p.Offset, p.Timestamp, p.LeaderEpoch = found.Offset, found.Timestamp, found.LeaderEpoch
			}
		}
		return resp
	})
}

func (s *Server) offsetByTime(c caller, t *topic, name string, rp *kmsg.ListOffsetsRequestTopicPartition,
	iso log.Isolation) (log.TimeOffset, error) {
	none := log.TimeOffset{Offset: -1, Timestamp: -1, LeaderEpoch: -1}
	switch {
	case !c.may(Describe, Topic, name):
		return none, kerr.TopicAuthorizationFailed
	case t == nil || !t.has(rp.Partition):
		return none, kerr.UnknownTopicOrPartition
	}
	p := t.partition(rp.Partition)
	if err := s.checkEpoch(p, rp.CurrentLeaderEpoch); err != nil {
		return none, err
	}
	switch ts := rp.Timestamp; {
	case ts == earliestLocal:
		return s.Engine.ByTime(p, log.Earliest, iso)
	case ts == latestTiered, ts == earliestPendingUpload:
		return none, nil
	case ts < log.MaxTimestamp:
		return none, &fault{kerr.UnsupportedVersion, "unknown special timestamp"}
	default:
		return s.Engine.ByTime(p, ts, iso)
	}
}

func listOffsetsNeeds(_ *Server, req *kmsg.ListOffsetsRequest) []need {
	var needs []need
	for i := range req.Topics {
		needs = append(needs, need{Describe, Topic, req.Topics[i].Topic})
	}
	return needs
}

func refuseListOffsets(req *kmsg.ListOffsetsRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
	for i := range req.Topics {
		t := kmsg.NewListOffsetsResponseTopic()
		t.Topic = req.Topics[i].Topic
		for j := range req.Topics[i].Partitions {
			p := kmsg.NewListOffsetsResponseTopicPartition()
			p.Partition, p.ErrorCode = req.Topics[i].Partitions[j].Partition, kerr.TopicAuthorizationFailed.Code
			p.Offset, p.Timestamp = -1, -1
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}
