package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/log"
)

// describeProducers answers DescribeProducers (KIP-664): what partitions know of their producers.
func describeProducers(s *Server, _ context.Context, c caller, req *kmsg.DescribeProducersRequest) finish {
	return later(func() kmsg.Response {
		resp := req.ResponseKind().(*kmsg.DescribeProducersResponse)
		asked := map[log.Partition]bool{}
		for i := range req.Topics {
			rt := &req.Topics[i]
			out := kmsg.NewDescribeProducersResponseTopic()
			out.Topic = rt.Topic
			t := s.Catalog.named(rt.Topic)
			for _, index := range rt.Partitions {
				p := kmsg.NewDescribeProducersResponseTopicPartition()
				p.Partition = index
				active, err := s.producers(c, t, rt.Topic, index, asked)
				if err != nil {
					p.ErrorCode, p.ErrorMessage = s.failed("look up producers", err)
				}
				for _, a := range active {
					ap := kmsg.NewDescribeProducersResponseTopicPartitionActiveProducer()
					ap.ProducerID, ap.ProducerEpoch = a.ID, int32(a.Epoch)
					ap.LastSequence, ap.LastTimestamp = a.LastSequence, a.LastTimestamp
					ap.CoordinatorEpoch, ap.CurrentTxnStartOffset = a.CoordinatorEpoch, a.TxnStart
					p.ActiveProducers = append(p.ActiveProducers, ap)
				}
				out.Partitions = append(out.Partitions, p)
			}
			resp.Topics = append(resp.Topics, out)
		}
		return resp
	})
}

func (s *Server) producers(c caller, t *topic, name string, index int32, asked map[log.Partition]bool) ([]log.ActiveProducer, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	switch {
	case !c.may(Read, Topic, name):
		return nil, kerr.TopicAuthorizationFailed
	case t == nil || !t.has(index):
		return nil, kerr.UnknownTopicOrPartition
	case asked[t.partition(index)]:
		// A few bytes each time must not be answered with all producers again and again.
		return nil, kerr.InvalidRequest
	}
	asked[t.partition(index)] = true
	return s.Engine.Producers(t.partition(index))
}

func describeProducersNeeds(_ *Server, req *kmsg.DescribeProducersRequest) []need {
	var needs []need
	for i := range req.Topics {
		needs = append(needs, need{Read, Topic, req.Topics[i].Topic})
	}
	return needs
}

func refuseDescribeProducers(req *kmsg.DescribeProducersRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.DescribeProducersResponse)
	for i := range req.Topics {
		t := kmsg.NewDescribeProducersResponseTopic()
		t.Topic = req.Topics[i].Topic
		for _, index := range req.Topics[i].Partitions {
			p := kmsg.NewDescribeProducersResponseTopicPartition()
			p.Partition, p.ErrorCode = index, kerr.TopicAuthorizationFailed.Code
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}
