package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/txn"
)

// initProducerID answers InitProducerId, for idempotent producers and for transactional ones.
func initProducerID(s *Server, ctx context.Context, c caller, req *kmsg.InitProducerIDRequest) finish {
	return later(func() kmsg.Response {
		resp := req.ResponseKind().(*kmsg.InitProducerIDResponse)
		had := txn.Identity{ProducerID: req.ProducerID, Epoch: req.ProducerEpoch}
		var who txn.Identity
		var err error
		if req.TransactionalID == nil {
			who, err = s.Coordinators.Transactions.New(ctx, had)
		} else {
			who, err = s.Coordinators.Transactions.Init(ctx, *req.TransactionalID, had, req.TransactionTimeoutMillis)
		}
		if err != nil {
			return noProducerID(resp, fencedCode(err, resp.Version >= 4))
		}
		resp.ProducerID, resp.ProducerEpoch = who.ProducerID, who.Epoch
		return resp
	})
}

func noProducerID(resp *kmsg.InitProducerIDResponse, code int16) kmsg.Response {
	resp.ErrorCode, resp.ProducerID, resp.ProducerEpoch = code, -1, -1
	return resp
}

func initProducerIDNeeds(_ *Server, req *kmsg.InitProducerIDRequest) []need {
	if req.TransactionalID != nil {
		return []need{{Write, TransactionalID, *req.TransactionalID}}
	}
	return onCluster(IdempotentWrite)
}

func refuseInitProducerID(req *kmsg.InitProducerIDRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.InitProducerIDResponse)
	if req.TransactionalID != nil {
		return noProducerID(resp, kerr.TransactionalIDAuthorizationFailed.Code)
	}
	return noProducerID(resp, kerr.ClusterAuthorizationFailed.Code)
}
