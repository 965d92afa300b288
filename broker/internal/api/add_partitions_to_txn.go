package api

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/state"
	"github.com/typelog/typelog/broker/internal/txn"
)

// addPartitionsToTxn answers AddPartitionsToTxn: for one transaction until version 3, which are those that clients send; for
// several from version 4 on, from brokers, which may only verify (KIP-890).
func addPartitionsToTxn(s *Server, ctx context.Context, c caller, req *kmsg.AddPartitionsToTxnRequest) finish {
	return later(func() kmsg.Response {
		resp := req.ResponseKind().(*kmsg.AddPartitionsToTxnResponse)
		for _, t := range joining(req) {
			out := kmsg.NewAddPartitionsToTxnResponseTransaction()
			out.TransactionalID = t.TransactionalID
			out.Topics = s.join(ctx, c, req.Version, &t)
			resp.Transactions = append(resp.Transactions, out)
		}
		return oneTransaction(resp)
	})
}

// joining are the transactions of a request in the form of version 4.
func joining(req *kmsg.AddPartitionsToTxnRequest) []kmsg.AddPartitionsToTxnRequestTransaction {
	if req.Version >= 4 {
		return req.Transactions
	}
	t := kmsg.NewAddPartitionsToTxnRequestTransaction()
	t.TransactionalID, t.ProducerID, t.ProducerEpoch = req.TransactionalID, req.ProducerID, req.ProducerEpoch
	for _, rt := range req.Topics {
		out := kmsg.NewAddPartitionsToTxnRequestTransactionTopic()
		out.Topic, out.Partitions = rt.Topic, rt.Partitions
		t.Topics = append(t.Topics, out)
	}
	return []kmsg.AddPartitionsToTxnRequestTransaction{t}
}

// join lets partitions join one transaction: all or none of them.
func (s *Server) join(ctx context.Context, c caller, version int16,
	t *kmsg.AddPartitionsToTxnRequestTransaction) []kmsg.AddPartitionsToTxnResponseTransactionTopic {
	var partitions []state.TopicPartition
	refused := map[state.TopicPartition]int16{}
	for i := range t.Topics {
		for _, p := range t.Topics[i].Partitions {
			at := state.TopicPartition{Topic: t.Topics[i].Topic, Partition: p}
			partitions = append(partitions, at)
			if err := s.mayJoin(c, version, at); err != nil {
				refused[at] = err.Code
			}
		}
	}
	all := int16(0)
	switch {
	case version < 4 && !c.may(Write, TransactionalID, t.TransactionalID):
		refused, all = nil, kerr.TransactionalIDAuthorizationFailed.Code
	case t.TransactionalID == "":
		refused, all = nil, kerr.InvalidRequest.Code
	case len(refused) > 0:
		all = kerr.OperationNotAttempted.Code
	default:
		who := txn.Identity{ProducerID: t.ProducerID, Epoch: t.ProducerEpoch}
		var err error
		if t.VerifyOnly {
			err = s.Coordinators.Transactions.Verify(ctx, t.TransactionalID, txn.Verify{Identity: who, Partitions: partitions})
			if errors.Is(err, txn.ErrNotPart) {
				err = kerr.TransactionAbortable
			}
		} else {
			err = s.Coordinators.Transactions.Add(ctx, t.TransactionalID, txn.Add{Identity: who, Partitions: partitions, Version: clientsFirst})
		}
		all = fencedCode(err, version >= 2)
	}
	topics := make([]kmsg.AddPartitionsToTxnResponseTransactionTopic, len(t.Topics))
	for i := range t.Topics {
		topics[i].Topic = t.Topics[i].Topic
		for _, p := range t.Topics[i].Partitions {
			out := kmsg.NewAddPartitionsToTxnResponseTransactionTopicPartition()
			out.Partition, out.ErrorCode = p, all
			if code, no := refused[state.TopicPartition{Topic: topics[i].Topic, Partition: p}]; no {
				out.ErrorCode = code
			}
			topics[i].Partitions = append(topics[i].Partitions, out)
		}
	}
	return topics
}

// mayJoin holds a partition against what the caller may do, and what there is.
func (s *Server) mayJoin(c caller, version int16, at state.TopicPartition) *kerr.Error {
	if version < 4 && (isInternal(at.Topic) || !c.may(Write, Topic, at.Topic)) {
		return kerr.TopicAuthorizationFailed
	}
	if t := s.Catalog.named(at.Topic); t == nil || !t.has(at.Partition) {
		return kerr.UnknownTopicOrPartition
	}
	return nil
}

// oneTransaction puts the only transaction of an old response where it belongs.
func oneTransaction(resp *kmsg.AddPartitionsToTxnResponse) kmsg.Response {
	if resp.Version >= 4 {
		return resp
	}
	for _, rt := range resp.Transactions[0].Topics {
		t := kmsg.NewAddPartitionsToTxnResponseTopic()
		t.Topic = rt.Topic
		for _, rp := range rt.Partitions {
			p := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
			p.Partition, p.ErrorCode = rp.Partition, rp.ErrorCode
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	resp.Transactions = nil
	return resp
}

func addPartitionsToTxnNeeds(_ *Server, req *kmsg.AddPartitionsToTxnRequest) []need {
	if req.Version >= 4 {
		return onCluster(ClusterAction)
	}
	needs := []need{{Write, TransactionalID, req.TransactionalID}}
	for i := range req.Topics {
		needs = append(needs, need{Write, Topic, req.Topics[i].Topic})
	}
	return needs
}

func refuseAddPartitionsToTxn(req *kmsg.AddPartitionsToTxnRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.AddPartitionsToTxnResponse)
	if resp.Version >= 4 {
		resp.ErrorCode = kerr.ClusterAuthorizationFailed.Code
		return resp
	}
	for i := range req.Topics {
		t := kmsg.NewAddPartitionsToTxnResponseTopic()
		t.Topic = req.Topics[i].Topic
		for _, rp := range req.Topics[i].Partitions {
			p := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
			p.Partition, p.ErrorCode = rp, kerr.TransactionalIDAuthorizationFailed.Code
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}
