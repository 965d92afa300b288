package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/txn"
)

// addOffsetsToTxn answers AddOffsetsToTxn: the partition that holds the group's offsets joins the transaction.
func addOffsetsToTxn(s *Server, ctx context.Context, c caller, req *kmsg.AddOffsetsToTxnRequest) finish {
	resp := req.ResponseKind().(*kmsg.AddOffsetsToTxnResponse)
	switch {
	case !c.may(Write, TransactionalID, req.TransactionalID):
		resp.ErrorCode = kerr.TransactionalIDAuthorizationFailed.Code
		return now(resp)
	case !c.may(Read, Group, req.Group):
		resp.ErrorCode = kerr.GroupAuthorizationFailed.Code
		return now(resp)
	case req.TransactionalID == "":
		resp.ErrorCode = kerr.InvalidRequest.Code
		return now(resp)
	}
	return later(func() kmsg.Response {
		shard, err := s.Coordinators.Groups.ShardOf(ctx, req.Group)
		if err == nil {
			err = s.Coordinators.Transactions.Add(ctx, req.TransactionalID, txn.Add{
				Identity:   txn.Identity{ProducerID: req.ProducerID, Epoch: req.ProducerEpoch},
				Partitions: offsetsPartition(shard), Version: clientsFirst,
			})
		}
		resp.ErrorCode = fencedCode(err, resp.Version >= 2)
		return resp
	})
}

func addOffsetsToTxnNeeds(_ *Server, req *kmsg.AddOffsetsToTxnRequest) []need {
	return []need{{Write, TransactionalID, req.TransactionalID}, {Read, Group, req.Group}}
}

func refuseAddOffsetsToTxn(req *kmsg.AddOffsetsToTxnRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.AddOffsetsToTxnResponse)
	resp.ErrorCode = kerr.TransactionalIDAuthorizationFailed.Code
	return resp
}
