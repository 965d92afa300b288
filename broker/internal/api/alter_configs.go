package api

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// incrementalAlterConfigs answers IncrementalAlterConfigs (KIP-339) for topics. The broker's own settings are set when it
// starts.
func incrementalAlterConfigs(s *Server, ctx context.Context, c caller, req *kmsg.IncrementalAlterConfigsRequest) finish {
	return later(func() kmsg.Response {
		resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
		for i := range req.Resources {
			rr := &req.Resources[i]
			err := s.alterResource(ctx, c, rr.ResourceType, rr.ResourceName, req.ValidateOnly,
				func(own map[string]string) (map[string]string, error) {
					changes, err := alterations(rr.Configs)
					if err != nil {
						return nil, err
					}
					return s.Config.Alter(own, changes)
				})
			r := kmsg.NewIncrementalAlterConfigsResponseResource()
			r.ResourceType, r.ResourceName = rr.ResourceType, rr.ResourceName
			r.ErrorCode, r.ErrorMessage = s.failed("alter configs", err)
			resp.Resources = append(resp.Resources, r)
		}
		return resp
	})
}

// alterConfigs answers AlterConfigs, the older form: what it lists becomes all that the topic sets itself.
func alterConfigs(s *Server, ctx context.Context, c caller, req *kmsg.AlterConfigsRequest) finish {
	return later(func() kmsg.Response {
		resp := req.ResponseKind().(*kmsg.AlterConfigsResponse)
		for i := range req.Resources {
			rr := &req.Resources[i]
			err := s.alterResource(ctx, c, rr.ResourceType, rr.ResourceName, req.ValidateOnly,
				func(map[string]string) (map[string]string, error) {
					own := make(map[string]string, len(rr.Configs))
					for j := range rr.Configs {
						if rr.Configs[j].Value == nil {
							return nil, &fault{kerr.InvalidRequest, "Null value not supported for: " + rr.Configs[j].Name}
						}
						own[rr.Configs[j].Name] = *rr.Configs[j].Value
					}
					return own, nil
				})
			r := kmsg.NewAlterConfigsResponseResource()
			r.ResourceType, r.ResourceName = rr.ResourceType, rr.ResourceName
			r.ErrorCode, r.ErrorMessage = s.failed("alter configs", err)
			resp.Resources = append(resp.Resources, r)
		}
		return resp
	})
}

func (s *Server) alterResource(ctx context.Context, c caller, kind kmsg.ConfigResourceType, name string, dry bool,
	edit func(own map[string]string) (map[string]string, error)) error {
	if n := configNeed(kind, name, AlterConfigs); !c.may(n.Op, n.Kind, n.Name) {
		return configDenied(kind)
	}
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		t := s.Catalog.named(name)
		if t == nil {
			return kerr.UnknownTopicOrPartition
		}
		if t.internal {
			return &fault{kerr.InvalidRequest, fmt.Sprintf("Topic '%s' belongs to the broker.", name)}
		}
		if err := s.Catalog.configure(ctx, name, dry, edit); err != nil {
			return err
		}
		if !dry {
			s.Logger.Info("changed the configs of a topic", "topic", name, "client", c.ClientID)
			if t = s.Catalog.named(name); t != nil {
				s.warnConfigs(name, t.configs)
			}
		}
		return nil
	case kmsg.ConfigResourceTypeBroker:
		return &fault{kerr.InvalidRequest,
			"The broker's settings cannot be changed while it runs: set them with --set or in its configuration file."}
	}
	return &fault{kerr.InvalidRequest, fmt.Sprintf("Unsupported resource type: %d", kind)}
}

func incrementalAlterConfigsNeeds(_ *Server, req *kmsg.IncrementalAlterConfigsRequest) []need {
	var needs []need
	for i := range req.Resources {
		needs = append(needs, configNeed(req.Resources[i].ResourceType, req.Resources[i].ResourceName, AlterConfigs))
	}
	return needs
}

func refuseIncrementalAlterConfigs(req *kmsg.IncrementalAlterConfigsRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	for i := range req.Resources {
		r := kmsg.NewIncrementalAlterConfigsResponseResource()
		r.ResourceType, r.ResourceName = req.Resources[i].ResourceType, req.Resources[i].ResourceName
		err := configDenied(r.ResourceType)
		r.ErrorCode, r.ErrorMessage = err.Code, message(err)
		resp.Resources = append(resp.Resources, r)
	}
	return resp
}

func alterConfigsNeeds(_ *Server, req *kmsg.AlterConfigsRequest) []need {
	var needs []need
	for i := range req.Resources {
		needs = append(needs, configNeed(req.Resources[i].ResourceType, req.Resources[i].ResourceName, AlterConfigs))
	}
	return needs
}

func refuseAlterConfigs(req *kmsg.AlterConfigsRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.AlterConfigsResponse)
	for i := range req.Resources {
		r := kmsg.NewAlterConfigsResponseResource()
		r.ResourceType, r.ResourceName = req.Resources[i].ResourceType, req.Resources[i].ResourceName
		err := configDenied(r.ResourceType)
		r.ErrorCode, r.ErrorMessage = err.Code, message(err)
		resp.Resources = append(resp.Resources, r)
	}
	return resp
}
