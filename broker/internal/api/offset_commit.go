package api

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/group"
	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/state"
)

// offsetCommit answers OffsetCommit once the offsets are durable. Topics go by name until version 9, by id from version
// 10 on.
func offsetCommit(s *Server, ctx context.Context, c caller, req *kmsg.OffsetCommitRequest) finish {
	resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
	commit := group.Commit{
		MemberID:   req.MemberID,
		InstanceID: orEmpty(req.InstanceID),
		Generation: req.Generation,
	}
	if req.RetentionTimeMillis > 0 {
		commit.Retention = time.Duration(min(req.RetentionTimeMillis, maxRetentionMillis)) * time.Millisecond
	}
	// codes are where the outcome of each offset belongs.
	var codes []*int16
	resp.Topics = make([]kmsg.OffsetCommitResponseTopic, len(req.Topics))
	for i := range req.Topics {
		rt, out := &req.Topics[i], &resp.Topics[i]
		out.Topic, out.TopicID = rt.Topic, rt.TopicID
		t, err := s.topicForCommit(c, req, rt)
		out.Partitions = make([]kmsg.OffsetCommitResponseTopicPartition, len(rt.Partitions))
		for j := range rt.Partitions {
			rp, p := &rt.Partitions[j], &out.Partitions[j]
			p.Partition = rp.Partition
			switch {
			case err != nil:
				p.ErrorCode = code(err)
			case !t.has(rp.Partition):
				p.ErrorCode = kerr.UnknownTopicOrPartition.Code
			default:
				codes = append(codes, &p.ErrorCode)
				commit.Offsets = append(commit.Offsets, state.Offset{
					Topic:       t.name,
					TopicID:     t.id,
					Partition:   rp.Partition,
					Offset:      rp.Offset,
					LeaderEpoch: rp.LeaderEpoch,
					Metadata:    orEmpty(rp.Metadata),
				})
			}
		}
	}
	if len(codes) == 0 {
		return now(resp)
	}
	reply := make(chan group.Committed, 1)
	s.Coordinators.Groups.Commit(req.Group, commit, func(d group.Committed) { reply <- d })
	return awaits(ctx, reply, func(d group.Committed) kmsg.Response {
		if errors.Is(d.Err, group.ErrNotFound) && resp.Version < 9 {
			d.Err = group.ErrIllegalGeneration // older clients do not expect the other (KIP-1043)
		}
		for i, at := range codes {
			if d.Err != nil {
				*at = code(d.Err)
			} else {
				*at = code(d.Of[i])
			}
		}
		return resp
	})
}

// maxRetentionMillis keeps a client's retention (a hundred years) within what a Duration can hold.
const maxRetentionMillis = 100 * 365 * 24 * 3600 * 1000

func (s *Server) topicForCommit(c caller, req *kmsg.OffsetCommitRequest, rt *kmsg.OffsetCommitRequestTopic) (*topic, error) {
	if !c.may(Read, Group, req.Group) {
		return nil, kerr.GroupAuthorizationFailed
	}
	if req.Version >= 10 {
		t := s.Catalog.withID(rt.TopicID)
		switch {
		case t == nil:
			return nil, kerr.UnknownTopicID
		case !c.may(Read, Topic, t.name):
			return nil, kerr.TopicAuthorizationFailed
		}
		return t, nil
	}
	if !c.may(Read, Topic, rt.Topic) {
		return nil, kerr.TopicAuthorizationFailed
	}
	if t := s.Catalog.named(rt.Topic); t != nil {
		return t, nil
	}
	return nil, kerr.UnknownTopicOrPartition
}

func offsetCommitNeeds(s *Server, req *kmsg.OffsetCommitRequest) []need {
	needs := onGroup(Read, req.Group)
	for i := range req.Topics {
		name := req.Topics[i].Topic
		if req.Version >= 10 {
			t := s.Catalog.withID(log.TopicID(req.Topics[i].TopicID))
			if t == nil {
				continue
			}
			name = t.name
		}
		needs = append(needs, need{Read, Topic, name})
	}
	return needs
}

func refuseOffsetCommit(req *kmsg.OffsetCommitRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
	for i := range req.Topics {
		rt := &req.Topics[i]
		out := kmsg.NewOffsetCommitResponseTopic()
		out.Topic, out.TopicID = rt.Topic, rt.TopicID
		for j := range rt.Partitions {
			p := kmsg.NewOffsetCommitResponseTopicPartition()
			p.Partition, p.ErrorCode = rt.Partitions[j].Partition, kerr.GroupAuthorizationFailed.Code
			out.Partitions = append(out.Partitions, p)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}
