package api

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/state"
	"github.com/typelog/typelog/broker/internal/txn"
)

// writeTxnMarkers answers WriteTxnMarkers. The transactions of this broker do without it; it is how an administrator ends a
// transaction in a partition that no coordinator knows (kafka-transactions.sh abort, KIP-664).
func writeTxnMarkers(s *Server, ctx context.Context, _ caller, req *kmsg.WriteTxnMarkersRequest) finish {
	return later(func() kmsg.Response {
		resp := req.ResponseKind().(*kmsg.WriteTxnMarkersResponse)
		for i := range req.Markers {
			rm := &req.Markers[i]
			var partitions []state.TopicPartition
			for _, rt := range rm.Topics {
				for _, p := range rt.Partitions {
					partitions = append(partitions, state.TopicPartition{Topic: rt.Topic, Partition: p})
				}
			}
			m := txn.Marker{
				Identity:         txn.Identity{ProducerID: rm.ProducerID, Epoch: rm.ProducerEpoch},
				CoordinatorEpoch: rm.CoordinatorEpoch, Commit: rm.Committed,
			}
			errs := s.Coordinators.Markers.write(ctx, m, partitions)
			s.Logger.Info("transaction markers were written by hand", "producer_id", rm.ProducerID, "commit", rm.Committed,
				"partitions", len(partitions), "error", errors.Join(errs...))
			resp.Markers = append(resp.Markers, marked(rm, func(j int) int16 { return code(errs[j]) }))
		}
		return resp
	})
}

// marked is the answer for one marker; code is that of its nth partition.
func marked(rm *kmsg.WriteTxnMarkersRequestMarker, code func(n int) int16) kmsg.WriteTxnMarkersResponseMarker {
	out := kmsg.NewWriteTxnMarkersResponseMarker()
	out.ProducerID = rm.ProducerID
	n := 0
	for _, rt := range rm.Topics {
		t := kmsg.NewWriteTxnMarkersResponseMarkerTopic()
		t.Topic = rt.Topic
		for _, index := range rt.Partitions {
			p := kmsg.NewWriteTxnMarkersResponseMarkerTopicPartition()
			p.Partition, p.ErrorCode = index, code(n)
			t.Partitions = append(t.Partitions, p)
			n++
		}
		out.Topics = append(out.Topics, t)
	}
	return out
}

func writeTxnMarkersNeeds(*Server, *kmsg.WriteTxnMarkersRequest) []need { return onCluster(Alter) }

func refuseWriteTxnMarkers(req *kmsg.WriteTxnMarkersRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.WriteTxnMarkersResponse)
	for i := range req.Markers {
		resp.Markers = append(resp.Markers, marked(&req.Markers[i], func(int) int16 { return kerr.ClusterAuthorizationFailed.Code }))
	}
	return resp
}
