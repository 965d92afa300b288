package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/state"
)

// describeTransactions answers DescribeTransactions (KIP-664).
func describeTransactions(s *Server, ctx context.Context, c caller, req *kmsg.DescribeTransactionsRequest) finish {
	return later(func() kmsg.Response {
		resp := req.ResponseKind().(*kmsg.DescribeTransactionsResponse)
		asked := make(map[string]bool, len(req.TransactionalIDs))
		for _, id := range req.TransactionalIDs {
			out := kmsg.NewDescribeTransactionsResponseTransactionState()
			out.TransactionalID = id
			switch {
			case !c.may(Describe, TransactionalID, id):
				out.ErrorCode = kerr.TransactionalIDAuthorizationFailed.Code
			case asked[id]:
				// A few bytes each time must not be answered with all partitions again and again.
				out.ErrorCode = kerr.InvalidRequest.Code
			default:
				t, err := s.Coordinators.Transactions.Describe(ctx, id)
				if out.ErrorCode = code(err); err == nil {
					s.describeTransaction(ctx, c, &t, &out)
				}
			}
			asked[id] = true
			resp.TransactionStates = append(resp.TransactionStates, out)
		}
		return resp
	})
}

func (s *Server) describeTransaction(ctx context.Context, c caller, t *state.Transaction,
	out *kmsg.DescribeTransactionsResponseTransactionState) {
	out.State, out.TimeoutMillis, out.StartTimestamp = t.Status.String(), t.Timeout, t.Started
	out.ProducerID, out.ProducerEpoch = t.ProducerID, t.Epoch
	at := map[string]int{} // -1 for a topic that the caller may not see
	for _, p := range t.Partitions {
		i, ok := at[p.Topic]
		if !ok {
			if i = -1; s.may(ctx, c, Describe, Topic, p.Topic) {
				i = len(out.Topics)
				topic := kmsg.NewDescribeTransactionsResponseTransactionStateTopic()
				topic.Topic = p.Topic
				out.Topics = append(out.Topics, topic)
			}
			at[p.Topic] = i
		}
		if i >= 0 {
			out.Topics[i].Partitions = append(out.Topics[i].Partitions, p.Partition)
		}
	}
}

func describeTransactionsNeeds(_ *Server, req *kmsg.DescribeTransactionsRequest) []need {
	var needs []need
	for _, id := range req.TransactionalIDs {
		needs = append(needs, need{Describe, TransactionalID, id})
	}
	return needs
}

func refuseDescribeTransactions(req *kmsg.DescribeTransactionsRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.DescribeTransactionsResponse)
	for _, id := range req.TransactionalIDs {
		out := kmsg.NewDescribeTransactionsResponseTransactionState()
		out.TransactionalID, out.ErrorCode = id, kerr.TransactionalIDAuthorizationFailed.Code
		resp.TransactionStates = append(resp.TransactionStates, out)
	}
	return resp
}
