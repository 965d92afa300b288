package api

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/config"
)

// describeConfigs answers DescribeConfigs for topics and for this broker. A resource that is asked for twice is answered once,
// because an answer is much larger than its question.
func describeConfigs(s *Server, _ context.Context, c caller, req *kmsg.DescribeConfigsRequest) finish {
	return later(func() kmsg.Response {
		resp := req.ResponseKind().(*kmsg.DescribeConfigsResponse)
		type resource struct {
			kind kmsg.ConfigResourceType
			name string
		}
		seen := map[resource]bool{}
		for i := range req.Resources {
			rr := &req.Resources[i]
			if key := (resource{rr.ResourceType, rr.ResourceName}); seen[key] {
				continue
			} else {
				seen[key] = true
			}
			r := kmsg.NewDescribeConfigsResponseResource()
			r.ResourceType, r.ResourceName = rr.ResourceType, rr.ResourceName
			entries, err := s.describe(c, rr)
			r.ErrorCode, r.ErrorMessage = code(err), message(err)
			for _, e := range entries {
				if rr.ConfigNames == nil || slices.Contains(rr.ConfigNames, e.Name) {
					r.Configs = append(r.Configs, describedConfig(e, req.IncludeSynonyms, req.IncludeDocumentation))
				}
			}
			resp.Resources = append(resp.Resources, r)
		}
		return resp
	})
}

func (s *Server) describe(c caller, rr *kmsg.DescribeConfigsRequestResource) ([]config.Entry, error) {
	switch rr.ResourceType {
	case kmsg.ConfigResourceTypeTopic:
		if !c.may(DescribeConfigs, Topic, rr.ResourceName) {
			return nil, kerr.TopicAuthorizationFailed
		}
		if err := checkName(rr.ResourceName); err != nil {
			return nil, err
		}
		t := s.Catalog.named(rr.ResourceName)
		if t == nil {
			return nil, kerr.UnknownTopicOrPartition
		}
		return s.Config.DescribeTopic(t.configs), nil
	case kmsg.ConfigResourceTypeBroker:
		if !c.may(DescribeConfigs, Cluster, ClusterResource) {
			return nil, kerr.ClusterAuthorizationFailed
		}
		if rr.ResourceName == "" { // the defaults of the whole cluster, of which there are none
			return nil, nil
		}
		if id, err := strconv.Atoi(rr.ResourceName); err != nil || id != int(s.Settings.NodeID) {
			return nil, &fault{kerr.InvalidRequest, fmt.Sprintf("Unexpected broker id, expected %d or empty string, but received %s",
				s.Settings.NodeID, rr.ResourceName)}
		}
		return s.Config.Describe(), nil
	case kmsg.ConfigResourceTypeBrokerLogger, kmsg.ConfigResourceTypeGroupConfig:
		return nil, nil
	}
	return nil, &fault{kerr.InvalidRequest, fmt.Sprintf("Unsupported resource type: %d", rr.ResourceType)}
}

func describedConfig(e config.Entry, synonyms, docs bool) kmsg.DescribeConfigsResponseResourceConfig {
	r := kmsg.NewDescribeConfigsResponseResourceConfig()
	r.Name, r.Value, r.ReadOnly, r.IsSensitive = e.Name, e.Value, e.ReadOnly, e.Sensitive
	r.Source, r.ConfigType = kmsg.ConfigSource(e.Source), kmsg.ConfigType(e.Type)
	r.IsDefault = e.Source == config.FromDefault
	if synonyms {
		for _, syn := range e.Synonyms {
			r.ConfigSynonyms = append(r.ConfigSynonyms, kmsg.DescribeConfigsResponseResourceConfigConfigSynonym{
				Name: syn.Name, Value: syn.Value, Source: kmsg.ConfigSource(syn.Source),
			})
		}
	}
	if docs && e.Doc != "" {
		r.Documentation = &e.Doc
	}
	return r
}

// configNeed is what a request about a resource's configs has to be allowed.
func configNeed(kind kmsg.ConfigResourceType, name string, op Operation) need {
	if kind == kmsg.ConfigResourceTypeTopic {
		return need{op, Topic, name}
	}
	return need{op, Cluster, ClusterResource}
}

// configDenied is the error of a caller who may not.
func configDenied(kind kmsg.ConfigResourceType) *kerr.Error {
	if kind == kmsg.ConfigResourceTypeTopic {
		return kerr.TopicAuthorizationFailed
	}
	return kerr.ClusterAuthorizationFailed
}

func describeConfigsNeeds(_ *Server, req *kmsg.DescribeConfigsRequest) []need {
	var needs []need
	for i := range req.Resources {
		needs = append(needs, configNeed(req.Resources[i].ResourceType, req.Resources[i].ResourceName, DescribeConfigs))
	}
	return needs
}

func refuseDescribeConfigs(req *kmsg.DescribeConfigsRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.DescribeConfigsResponse)
	for i := range req.Resources {
		r := kmsg.NewDescribeConfigsResponseResource()
		r.ResourceType, r.ResourceName = req.Resources[i].ResourceType, req.Resources[i].ResourceName
		err := configDenied(r.ResourceType)
		r.ErrorCode, r.ErrorMessage = err.Code, message(err)
		resp.Resources = append(resp.Resources, r)
	}
	return resp
}
