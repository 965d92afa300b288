package api

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// createTopics answers CreateTopics. Each topic stands by itself: some can be created while others are refused.
func createTopics(s *Server, ctx context.Context, c caller, req *kmsg.CreateTopicsRequest) finish {
	return later(func() kmsg.Response {
		resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
		times := make(map[string]int, len(req.Topics))
		for i := range req.Topics {
			times[req.Topics[i].Topic]++
		}
		total := int32(0)
		for i := range req.Topics {
			rt := &req.Topics[i]
			if times[rt.Topic] == 0 {
				continue // a duplicate, answered before
			}
			r := kmsg.NewCreateTopicsResponseTopic()
			r.Topic, r.NumPartitions, r.ReplicationFactor = rt.Topic, -1, -1
			t, err := (*topic)(nil), error(nil)
			if times[rt.Topic] > 1 {
				err = &fault{kerr.InvalidRequest, "Duplicate topic name."}
			} else if !c.may(Create, Topic, rt.Topic) && !s.may(ctx, c, Create, Cluster, ClusterResource) {
				err = kerr.TopicAuthorizationFailed
			} else {
				t, err = s.createTopic(ctx, rt, req.ValidateOnly, &total)
			}
			times[rt.Topic] = 0
			if err != nil {
				r.ErrorCode, r.ErrorMessage = s.failed("create a topic", err)
			} else {
				if !req.ValidateOnly {
					r.TopicID = t.id
					s.Logger.Info("created a topic", "topic", t.name, "partitions", t.partitions, "client", c.ClientID)
					s.warnConfigs(t.name, t.configs)
				}
				r.NumPartitions, r.ReplicationFactor = t.partitions, 1
				if s.may(ctx, c, DescribeConfigs, Topic, rt.Topic) {
					r.Configs = s.createdConfigs(t)
				} else {
					r.ConfigErrorCode = kerr.TopicAuthorizationFailed.Code
				}
			}
			resp.Topics = append(resp.Topics, r)
		}
		return resp
	})
}

// createTopic creates one topic of a request; total counts the partitions of the request.
func (s *Server) createTopic(ctx context.Context, rt *kmsg.CreateTopicsRequestTopic, dry bool, total *int32) (*topic, error) {
	if err := checkName(rt.Topic); err != nil {
		return nil, err
	}
	if isInternal(rt.Topic) {
		return nil, &fault{kerr.InvalidTopicException, fmt.Sprintf("Topic '%s' belongs to the broker.", rt.Topic)}
	}
	parts, err := s.partitionsOf(rt)
	if err != nil {
		return nil, err
	}
	if parts > maxPartitions-*total {
		return nil, tooManyPartitions(parts)
	}
	configs, err := topicConfigs(rt.Configs)
	if err != nil {
		return nil, err
	}
	*total += parts
	return s.Catalog.create(ctx, rt.Topic, parts, configs, dry)
}

// partitionsOf works out how many partitions a topic is to have, and checks that this one broker can hold their replicas.
func (s *Server) partitionsOf(rt *kmsg.CreateTopicsRequestTopic) (int32, error) {
	if len(rt.ReplicaAssignment) > 0 {
		if rt.NumPartitions != -1 || rt.ReplicationFactor != -1 {
			return 0, &fault{kerr.InvalidRequest, "A manual partition assignment was specified, but numPartitions or " +
				"replicationFactor was not set to -1."}
		}
		return s.assigned(len(rt.ReplicaAssignment), func(i int) (int32, []int32) {
			return rt.ReplicaAssignment[i].Partition, rt.ReplicaAssignment[i].Replicas
		})
	}
	switch rf := rt.ReplicationFactor; {
	case rf == -1 || rf == 1:
	case rf <= 0:
		return 0, &fault{kerr.InvalidReplicationFactor, "Replication factor must be larger than 0, or -1 to use the default value."}
	case !s.Settings.AnyReplication:
		return 0, &fault{kerr.InvalidReplicationFactor, fmt.Sprintf(
			"Unable to replicate the partition %d time(s): this broker stands alone. Use 1, or -1 for the default.", rf)}
	}
	switch n := rt.NumPartitions; {
	case n == -1:
		return s.Settings.Partitions, nil
	case n <= 0:
		return 0, &fault{kerr.InvalidPartitions, "Number of partitions was set to an invalid non-positive value."}
	default:
		return n, nil
	}
}

// assigned checks a manual assignment of n partitions, which must be numbered from 0 without a gap and lie on this broker.
func (s *Server) assigned(n int, at func(i int) (partition int32, replicas []int32)) (int32, error) {
	seen := make(map[int32]bool, n)
	for i := range n {
		p, replicas := at(i)
		if p < 0 || int(p) >= n || seen[p] {
			return 0, &fault{kerr.InvalidReplicaAssignment,
				"partitions should be a consecutive 0-based integer sequence"}
		}
		seen[p] = true
		if err := s.checkReplicas(replicas); err != nil {
			return 0, err
		}
	}
	return int32(n), nil
}

func (s *Server) checkReplicas(replicas []int32) error {
	if len(replicas) == 0 {
		return &fault{kerr.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list."}
	}
	for i, r := range replicas {
		if i > 0 && r == replicas[0] {
			return &fault{kerr.InvalidReplicaAssignment,
				fmt.Sprintf("The manual partition assignment includes the broker %d more than once.", r)}
		}
		if r != s.Settings.NodeID {
			return &fault{kerr.InvalidReplicaAssignment,
				fmt.Sprintf("The manual partition assignment includes broker %d, but no such broker is registered.", r)}
		}
	}
	return nil
}

func createTopicsNeeds(_ *Server, req *kmsg.CreateTopicsRequest) []need {
	needs := make([]need, 0, len(req.Topics)+1)
	needs = append(needs, need{Create, Cluster, ClusterResource})
	for i := range req.Topics {
		needs = append(needs, need{Create, Topic, req.Topics[i].Topic})
	}
	return needs
}

func refuseCreateTopics(req *kmsg.CreateTopicsRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
	for i := range req.Topics {
		r := kmsg.NewCreateTopicsResponseTopic()
		r.Topic, r.ErrorCode, r.ErrorMessage = req.Topics[i].Topic, kerr.TopicAuthorizationFailed.Code,
			message(kerr.TopicAuthorizationFailed)
		resp.Topics = append(resp.Topics, r)
	}
	return resp
}
