package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/txn"
)

// endTxn answers EndTxn. From version 5 on the epoch is raised, and the answer says to what (KIP-890).
func endTxn(s *Server, ctx context.Context, _ caller, req *kmsg.EndTxnRequest) finish {
	return later(func() kmsg.Response {
		resp := req.ResponseKind().(*kmsg.EndTxnResponse)
		end := txn.End{Identity: txn.Identity{ProducerID: req.ProducerID, Epoch: req.ProducerEpoch}, Commit: req.Commit, Version: clientsFirst}
		if req.Version >= 5 {
			end.Version = brokerFirst
		}
		who, err := s.Coordinators.Transactions.End(ctx, req.TransactionalID, end)
		resp.ErrorCode = fencedCode(err, resp.Version >= 2)
		resp.ProducerID, resp.ProducerEpoch = who.ProducerID, who.Epoch
		return resp
	})
}

func endTxnNeeds(_ *Server, req *kmsg.EndTxnRequest) []need {
	return []need{{Write, TransactionalID, req.TransactionalID}}
}

func refuseEndTxn(req *kmsg.EndTxnRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.EndTxnResponse)
	resp.ErrorCode, resp.ProducerID, resp.ProducerEpoch = kerr.TransactionalIDAuthorizationFailed.Code, -1, -1
	return resp
}
