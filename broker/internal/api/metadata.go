package api

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/log"
)

// metadata answers Metadata: the brokers (this one, at the address of the caller's listener) and topics. A topic that is not
// there is created if both the broker and the request allow it; the answer waits until it is durable.
func metadata(s *Server, ctx context.Context, c caller, req *kmsg.MetadataRequest) finish {
	return later(func() kmsg.Response {
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		at := s.Settings.Advertised[c.Listener]
		resp.Brokers = []kmsg.MetadataResponseBroker{{NodeID: s.Settings.NodeID, Host: at.Host, Port: at.Port}}
		resp.ControllerID = s.Settings.NodeID
		resp.ClusterID = &s.Settings.ClusterID
		if req.IncludeClusterAuthorizedOperations {
			resp.AuthorizedOperations = s.operations(ctx, c, Cluster, ClusterResource)
		}
		withOps := req.IncludeTopicAuthorizedOperations
		if req.Topics == nil || req.Version == 0 && len(req.Topics) == 0 {
			for _, t := range s.Catalog.all() {
				if s.may(ctx, c, Describe, Topic, t.name) {
					resp.Topics = append(resp.Topics, s.metadataTopic(ctx, c, t, withOps))
				}
			}
			return resp
		}
		seen := make(map[string]bool, len(req.Topics))
		mayCreate := req.Version < 4 || req.AllowAutoTopicCreation
		made := 0
		seenID := map[log.TopicID]bool{}
		for _, want := range req.Topics {
			if want.Topic == nil {
				if seenID[want.TopicID] {
					continue // an answer is larger than its question: none is given twice
				}
				seenID[want.TopicID] = true
				resp.Topics = append(resp.Topics, s.metadataByID(ctx, c, want.TopicID, withOps))
				continue
			}
			if seen[*want.Topic] {
				continue
			}
			seen[*want.Topic] = true
			t, created, err := s.topicForMetadata(ctx, c, *want.Topic, mayCreate, made < maxAutoCreate)
			if created {
				made++
			}
			if err != nil {
				resp.Topics = append(resp.Topics, metadataError(want.Topic, want.TopicID, err))
				continue
			}
			resp.Topics = append(resp.Topics, s.metadataTopic(ctx, c, t, withOps))
		}
		return resp
	})
}

// maxAutoCreate bounds the topics that one request creates: each is flushed to disk, and all that the client sends behind it
// waits. For the others it is told to ask again.
const maxAutoCreate = 100

// topicForMetadata looks a topic up, creating it if that is allowed and this request has not created enough.
func (s *Server) topicForMetadata(ctx context.Context, c caller, name string, create, more bool) (t *topic, created bool, err error) {
	if !c.may(Describe, Topic, name) {
		return nil, false, kerr.TopicAuthorizationFailed
	}
	if t := s.Catalog.named(name); t != nil {
		return t, false, nil
	}
	if err := checkName(name); err != nil {
		return nil, false, err
	}
	if !create || !s.Settings.AutoCreateTopics || isInternal(name) {
		return nil, false, kerr.UnknownTopicOrPartition
	}
	if !s.may(ctx, c, Create, Cluster, ClusterResource) && !s.may(ctx, c, Create, Topic, name) {
		return nil, false, kerr.TopicAuthorizationFailed
	}
	if !more {
		return nil, false, kerr.LeaderNotAvailable
	}
	t, err = s.Catalog.create(ctx, name, s.Settings.Partitions, nil, false)
	switch {
	case errors.Is(err, kerr.TopicAlreadyExists): // somebody else was quicker
		return t, false, nil
	case errors.Is(err, errGone):
		return nil, false, kerr.LeaderNotAvailable // clients ask again for that
	case err != nil:
		s.Logger.Warn("could not create a topic that a client asked for", "topic", name, "client", c.ClientID, "error", err)
		return nil, false, err
	}
	s.Logger.Info("created a topic that a client asked for", "topic", name, "partitions", t.partitions, "client", c.ClientID)
	return t, true, nil
}

func (s *Server) metadataByID(ctx context.Context, c caller, id log.TopicID, withOps bool) kmsg.MetadataResponseTopic {
	t := s.Catalog.withID(id)
	if t == nil || !s.may(ctx, c, Describe, Topic, t.name) {
		// Who may not see a topic does not learn from its id that it exists.
		return metadataError(nil, id, kerr.UnknownTopicID)
	}
	return s.metadataTopic(ctx, c, t, withOps)
}

func metadataError(name *string, id log.TopicID, err error) kmsg.MetadataResponseTopic {
	r := kmsg.NewMetadataResponseTopic()
	r.Topic, r.TopicID, r.ErrorCode = name, id, code(err)
	return r
}

func (s *Server) metadataTopic(ctx context.Context, c caller, t *topic, withOps bool) kmsg.MetadataResponseTopic {
	r := kmsg.NewMetadataResponseTopic()
	r.Topic, r.TopicID, r.IsInternal = &t.name, t.id, t.internal
	if withOps {
		r.AuthorizedOperations = s.operations(ctx, c, Topic, t.name)
	}
	self := []int32{s.Settings.NodeID}
	r.Partitions = make([]kmsg.MetadataResponseTopicPartition, t.partitions)
	for i := range r.Partitions {
		p := &r.Partitions[i]
		p.Default()
		p.Partition, p.Leader, p.Replicas, p.ISR = int32(i), s.Settings.NodeID, self, self
		epoch, err := s.Engine.LeaderEpoch(t.partition(int32(i)))
		if err != nil {
			p.ErrorCode, p.Leader = kerr.LeaderNotAvailable.Code, -1
			continue
		}
		p.LeaderEpoch = epoch
	}
	return r
}

func metadataNeeds(s *Server, req *kmsg.MetadataRequest) []need {
	var needs []need
	for _, t := range req.Topics {
		if t.Topic != nil {
			needs = append(needs, need{Describe, Topic, *t.Topic})
		} else if known := s.Catalog.withID(t.TopicID); known != nil {
			needs = append(needs, need{Describe, Topic, known.name})
		}
	}
	return needs
}

func refuseMetadata(req *kmsg.MetadataRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.MetadataResponse)
	for _, t := range req.Topics {
		err := kerr.TopicAuthorizationFailed
		if t.Topic == nil {
			err = kerr.UnknownTopicID
		}
		resp.Topics = append(resp.Topics, metadataError(t.Topic, t.TopicID, err))
	}
	return resp
}
