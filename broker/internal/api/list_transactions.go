package api

import (
	"context"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/state"
	"github.com/typelog/typelog/broker/internal/txn"
)

// listTransactions answers ListTransactions (KIP-664) with the transactional ids that the caller may describe, and that
// pass the filters: state and producer id, from version 1 on duration (KIP-994).
func listTransactions(s *Server, ctx context.Context, c caller, req *kmsg.ListTransactionsRequest) finish {
	return later(func() kmsg.Response {
		resp := req.ResponseKind().(*kmsg.ListTransactionsResponse)
		filter := txn.Filter{ProducerIDs: req.ProducerIDFilters, Duration: -1}
		if d := req.DurationFilterMillis; req.Version >= 1 && d >= 0 {
			filter.Duration = time.Duration(min(d, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
		}
		for _, name := range req.StateFilters {
			if filter.States == nil {
				filter.States = []state.TransactionStatus{}
			}
			if status, ok := state.TransactionStatusOf(name); ok {
				filter.States = append(filter.States, status)
			} else {
				resp.UnknownStateFilters = append(resp.UnknownStateFilters, name)
			}
		}
		all, err := s.Coordinators.Transactions.List(ctx, filter)
		if resp.ErrorCode = code(err); err != nil {
			return resp
		}
		for i := range all {
			t := &all[i]
			if !s.may(ctx, c, Describe, TransactionalID, t.ID) {
				continue
			}
			out := kmsg.NewListTransactionsResponseTransactionState()
			out.TransactionalID, out.ProducerID, out.TransactionState = t.ID, t.ProducerID, t.Status.String()
			resp.TransactionStates = append(resp.TransactionStates, out)
		}
		return resp
	})
}

// refuseListTransactions is never called: whoever may describe nothing gets an empty list.
func refuseListTransactions(req *kmsg.ListTransactionsRequest) kmsg.Response {
	return req.ResponseKind()
}
