package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/txn"
)

// initProducerID answers InitProducerId for idempotent producers. One with a transactional id is refused.
func initProducerID(s *Server, ctx context.Context, c caller, req *kmsg.InitProducerIDRequest) finish {
	return later(func() kmsg.Response {
		resp := req.ResponseKind().(*kmsg.InitProducerIDResponse)
		init := txn.Init{ProducerID: req.ProducerID, Epoch: req.ProducerEpoch}
		if req.TransactionalID != nil {
			if *req.TransactionalID == "" {
				return noProducerID(resp, kerr.InvalidRequest)
			}
			init.TransactionalID = *req.TransactionalID
		}
		who, err := s.Coordinators.Producers.Init(ctx, init)
		if err != nil {
			if held, ok := s.failures.Allow(s.now()); ok {
				s.Logger.Warn("refused a producer id", "error", err, "transactional_id", init.TransactionalID,
					"client", c.ClientID, "held_back", held)
			}
			return noProducerID(resp, err)
		}
		resp.ProducerID, resp.ProducerEpoch = who.ProducerID, who.Epoch
		return resp
	})
}

func noProducerID(resp *kmsg.InitProducerIDResponse, err error) kmsg.Response {
	resp.ErrorCode, resp.ProducerID, resp.ProducerEpoch = code(err), -1, -1
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
		return noProducerID(resp, kerr.TransactionalIDAuthorizationFailed)
	}
	return noProducerID(resp, kerr.ClusterAuthorizationFailed)
}
