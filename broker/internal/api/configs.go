package api

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/config"
)

// topicConfigs turns the configs of a CreateTopics request into a topic's own.
func topicConfigs(asked []kmsg.CreateTopicsRequestTopicConfig) (map[string]string, error) {
	own := make(map[string]string, len(asked))
	for i := range asked {
		if asked[i].Value == nil {
			return nil, &fault{kerr.InvalidConfig, fmt.Sprintf("Null value not supported for topic configs: %s", asked[i].Name)}
		}
		own[asked[i].Name] = *asked[i].Value
	}
	return own, nil
}

// createdConfigs are a topic's configs as CreateTopics answers them.
func (s *Server) createdConfigs(t *topic) []kmsg.CreateTopicsResponseTopicConfig {
	entries := s.Config.DescribeTopic(t.configs)
	out := make([]kmsg.CreateTopicsResponseTopicConfig, len(entries))
	for i, e := range entries {
		out[i] = kmsg.CreateTopicsResponseTopicConfig{
			Name: e.Name, Value: e.Value, ReadOnly: e.ReadOnly, Source: int8(e.Source), IsSensitive: e.Sensitive,
		}
	}
	return out
}

// warnConfigs tells the operator of configs that a topic was given and that have no effect.
func (s *Server) warnConfigs(topic string, own map[string]string) {
	for _, w := range config.TopicWarnings(own) {
		s.Logger.Warn("a topic config has no effect", "topic", topic, "config", w.Name, "reason", w.Reason)
	}
}

// alterations are the changes of an IncrementalAlterConfigs request.
func alterations(asked []kmsg.IncrementalAlterConfigsRequestResourceConfig) ([]config.Change, error) {
	changes := make([]config.Change, len(asked))
	for i, a := range asked {
		changes[i] = config.Change{Name: a.Name, Op: config.Op(a.Op)}
		switch {
		case a.Value != nil:
			changes[i].Value = *a.Value
		case changes[i].Op != config.Delete:
			return nil, &fault{kerr.InvalidRequest, "Null value not supported for: " + a.Name}
		}
	}
	return changes, nil
}
