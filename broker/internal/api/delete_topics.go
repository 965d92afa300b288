package api

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/log"
)

// deleteTopics answers DeleteTopics, by name or, from version 6, by id.
func deleteTopics(s *Server, ctx context.Context, c caller, req *kmsg.DeleteTopicsRequest) finish {
	return later(func() kmsg.Response {
		resp := req.ResponseKind().(*kmsg.DeleteTopicsResponse)
		for _, want := range deleteTargets(req) {
			r := kmsg.NewDeleteTopicsResponseTopic()
			r.Topic, r.TopicID = want.Topic, want.TopicID
			t, err := s.deleteTarget(ctx, c, want)
			if t != nil {
				r.Topic, r.TopicID = &t.name, t.id
			}
			if err == nil {
				err = s.deleteTopic(ctx, c, t)
			}
			if err != nil {
				r.ErrorCode, r.ErrorMessage = s.failed("delete a topic", err)
			}
			resp.Topics = append(resp.Topics, r)
		}
		return resp
	})
}

func (s *Server) deleteTopic(ctx context.Context, c caller, t *topic) error {
	switch {
	case !s.Settings.DeleteTopics:
		return &fault{kerr.TopicDeletionDisabled, "Topic deletion is disabled (delete.topic.enable)."}
	case t.internal:
		return &fault{kerr.InvalidTopicException, fmt.Sprintf("Topic '%s' belongs to the broker.", t.name)}
	}
	if err := s.Catalog.remove(ctx, t); err != nil {
		return err
	}
	s.metrics.refused.DeletePartialMatch(prometheus.Labels{"topic": t.name})
	s.Logger.Info("deleted a topic", "topic", t.name, "id", fmt.Sprintf("%x", t.id), "client", c.ClientID)
	s.dropOffsets(ctx, t)
	return nil
}

// deleteTarget looks up what is to be deleted. The topic is nil if the caller may not know of it.
func (s *Server) deleteTarget(ctx context.Context, c caller, want kmsg.DeleteTopicsRequestTopic) (*topic, error) {
	if want.Topic != nil {
		if want.TopicID != (log.TopicID{}) {
			return nil, &fault{kerr.InvalidRequest, "Only one of name and id may be given."}
		}
		if !c.may(Delete, Topic, *want.Topic) {
			return nil, kerr.TopicAuthorizationFailed
		}
		if t := s.Catalog.named(*want.Topic); t != nil {
			return t, nil
		}
		return nil, kerr.UnknownTopicOrPartition
	}
	t := s.Catalog.withID(want.TopicID)
	if t == nil || !s.may(ctx, c, Describe, Topic, t.name) {
		return nil, kerr.UnknownTopicID
	}
	if !c.may(Delete, Topic, t.name) {
		return nil, kerr.TopicAuthorizationFailed
	}
	return t, nil
}

// deleteTargets are the topics of a request in the form of version 6.
func deleteTargets(req *kmsg.DeleteTopicsRequest) []kmsg.DeleteTopicsRequestTopic {
	if req.Version >= 6 {
		return req.Topics
	}
	targets := make([]kmsg.DeleteTopicsRequestTopic, len(req.TopicNames))
	for i := range req.TopicNames {
		targets[i].Topic = &req.TopicNames[i]
	}
	return targets
}

func deleteTopicsNeeds(s *Server, req *kmsg.DeleteTopicsRequest) []need {
	var needs []need
	for _, want := range deleteTargets(req) {
		if want.Topic != nil {
			needs = append(needs, need{Delete, Topic, *want.Topic})
		} else if t := s.Catalog.withID(want.TopicID); t != nil {
			needs = append(needs, need{Delete, Topic, t.name})
		}
	}
	return needs
}

func refuseDeleteTopics(req *kmsg.DeleteTopicsRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.DeleteTopicsResponse)
	for _, want := range deleteTargets(req) {
		r := kmsg.NewDeleteTopicsResponseTopic()
		r.Topic, r.TopicID = want.Topic, want.TopicID
		r.ErrorCode = kerr.TopicAuthorizationFailed.Code
		if want.Topic == nil {
			r.ErrorCode = kerr.UnknownTopicID.Code
		}
		resp.Topics = append(resp.Topics, r)
	}
	return resp
}
