package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/group"
	"github.com/typelog/typelog/broker/internal/state"
	"github.com/typelog/typelog/broker/internal/txn"
)

// txnOffsetCommit answers TxnOffsetCommit once the offsets are durable; they count when the transaction is committed. From
// version 3 on the member that commits is named, and fenced (KIP-447); from version 5 on the group joins the transaction by
// this (KIP-890).
func txnOffsetCommit(s *Server, ctx context.Context, c caller, req *kmsg.TxnOffsetCommitRequest) finish {
	resp := req.ResponseKind().(*kmsg.TxnOffsetCommitResponse)
	commit := group.TxnCommit{
		Producer: state.Producer{ID: req.ProducerID, Epoch: req.ProducerEpoch},
		MemberID: req.MemberID, InstanceID: orEmpty(req.InstanceID), Generation: req.Generation,
	}
	refused := s.mayCommit(c, req)
	var codes []*int16 // where the outcome of each offset belongs
	resp.Topics = make([]kmsg.TxnOffsetCommitResponseTopic, len(req.Topics))
	for i := range req.Topics {
		rt, out := &req.Topics[i], &resp.Topics[i]
		out.Topic = rt.Topic
		out.Partitions = make([]kmsg.TxnOffsetCommitResponseTopicPartition, len(rt.Partitions))
		t := s.Catalog.named(rt.Topic)
		for j := range rt.Partitions {
			rp, p := &rt.Partitions[j], &out.Partitions[j]
			p.Partition = rp.Partition
			switch {
			case refused != nil:
				p.ErrorCode = refused.Code
			case !c.may(Read, Topic, rt.Topic):
				p.ErrorCode = kerr.TopicAuthorizationFailed.Code
			case t == nil || !t.has(rp.Partition):
				p.ErrorCode = kerr.UnknownTopicOrPartition.Code
			default:
				codes = append(codes, &p.ErrorCode)
				commit.Offsets = append(commit.Offsets, state.Offset{
					Topic: t.name, TopicID: t.id, Partition: rp.Partition,
					Offset: rp.Offset, LeaderEpoch: rp.LeaderEpoch, Metadata: orEmpty(rp.Metadata),
				})
			}
		}
	}
	if len(codes) == 0 {
		return now(resp)
	}
	return later(func() kmsg.Response {
		done := s.commitPending(ctx, req, commit)
		for i, at := range codes {
			if *at = code(done.Err); done.Err == nil {
				*at = code(done.Of[i])
			}
			if *at == kerr.CoordinatorLoadInProgress.Code && resp.Version < 2 {
				*at = kerr.CoordinatorNotAvailable.Code // older clients crash at the other (KAFKA-7296)
			}
		}
		return resp
	})
}

// mayCommit is why nothing can be committed at all.
func (s *Server) mayCommit(c caller, req *kmsg.TxnOffsetCommitRequest) *kerr.Error {
	switch {
	case !c.may(Write, TransactionalID, req.TransactionalID):
		return kerr.TransactionalIDAuthorizationFailed
	case !c.may(Read, Group, req.Group):
		return kerr.GroupAuthorizationFailed
	case req.TransactionalID == "":
		return kerr.InvalidRequest
	case req.Group == "":
		return kerr.InvalidGroupID
	}
	return nil
}

// commitPending writes the offsets while the transaction holds still.
func (s *Server) commitPending(ctx context.Context, req *kmsg.TxnOffsetCommitRequest, commit group.TxnCommit) group.Committed {
	shard, err := s.Coordinators.Groups.ShardOf(ctx, req.Group)
	if err != nil {
		return group.Committed{Err: err}
	}
	entering := txn.Add{
		Identity:   txn.Identity{ProducerID: req.ProducerID, Epoch: req.ProducerEpoch},
		Partitions: offsetsPartition(shard), Version: clientsFirst,
	}
	if req.Version >= 5 {
		entering.Version = brokerFirst
	}
	release, err := s.Coordinators.Transactions.Enter(ctx, req.TransactionalID, entering)
	if err != nil {
		return group.Committed{Err: commitError(err, req.Version)}
	}
	defer release()
	reply := make(chan group.Committed, 1)
	s.Coordinators.Groups.CommitPending(req.Group, commit, func(d group.Committed) { reply <- d })
	// It comes even if the client is gone: the transaction must not end before.
	return <-reply
}

// commitError is what is told of a transaction to whoever commits offsets within it.
func commitError(err error, version int16) error {
	if code(err) == kerr.CoordinatorLoadInProgress.Code || code(err) == kerr.CoordinatorNotAvailable.Code {
		return err
	}
	return writeError(err, version >= 4, true)
}

func txnOffsetCommitNeeds(_ *Server, req *kmsg.TxnOffsetCommitRequest) []need {
	needs := []need{{Write, TransactionalID, req.TransactionalID}, {Read, Group, req.Group}}
	for i := range req.Topics {
		needs = append(needs, need{Read, Topic, req.Topics[i].Topic})
	}
	return needs
}

func refuseTxnOffsetCommit(req *kmsg.TxnOffsetCommitRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.TxnOffsetCommitResponse)
	for i := range req.Topics {
		t := kmsg.NewTxnOffsetCommitResponseTopic()
		t.Topic = req.Topics[i].Topic
		for j := range req.Topics[i].Partitions {
			p := kmsg.NewTxnOffsetCommitResponseTopicPartition()
			p.Partition, p.ErrorCode = req.Topics[i].Partitions[j].Partition, kerr.TransactionalIDAuthorizationFailed.Code
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}
