package api

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Configs knows the configs of topics and of the broker: names, types, defaults, and which values they take. It never
// changes while the broker runs.
type Configs interface {
	// Topic resolves a topic's own configs against the broker's. The error says which one is wrong and why.
	Topic(own map[string]string) (TopicConfig, error)
	// DescribeTopic lists all configs of a topic that has these of its own.
	DescribeTopic(own map[string]string) []ConfigEntry
	// DescribeBroker lists the broker's own settings.
	DescribeBroker() []ConfigEntry
	// TopicList reports whether the config of that name is a list, which can be added to and taken from.
	TopicList(name string) bool
}

// ConfigEntry is a config as DescribeConfigs shows it.
type ConfigEntry struct {
	Name      string
	Value     *string // nil if it has none, or if it is a secret
	Source    kmsg.ConfigSource
	Type      kmsg.ConfigType
	ReadOnly  bool
	Sensitive bool
	Synonyms  []ConfigSynonym // where the value comes from and what it would be otherwise, in order of precedence
	Doc       string
}

// ConfigSynonym is one place that a config's value can come from.
type ConfigSynonym struct {
	Name   string
	Value  *string
	Source kmsg.ConfigSource
}

// topicConfigs turns the configs of a CreateTopics request into a topic's own.
func (s *Server) topicConfigs(asked []kmsg.CreateTopicsRequestTopicConfig) (map[string]string, error) {
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
	entries := s.Configs.DescribeTopic(t.configs)
	out := make([]kmsg.CreateTopicsResponseTopicConfig, len(entries))
	for i, e := range entries {
		out[i] = kmsg.CreateTopicsResponseTopicConfig{
			Name: e.Name, Value: e.Value, ReadOnly: e.ReadOnly, Source: int8(e.Source), IsSensitive: e.Sensitive,
		}
	}
	return out
}

// alteration is one change of an IncrementalAlterConfigs request.
type alteration struct {
	name  string
	op    kmsg.IncrementalAlterConfigOp
	value *string
}

// alter applies changes to a topic's own configs (KIP-339).
func (s *Server) alter(own map[string]string, changes []alteration) (map[string]string, error) {
	seen := make(map[string]bool, len(changes))
	for _, ch := range changes {
		if seen[ch.name] {
			return nil, &fault{kerr.InvalidRequest, "Error due to duplicate config keys: " + ch.name}
		}
		seen[ch.name] = true
		if ch.value == nil && ch.op != kmsg.IncrementalAlterConfigOpDelete {
			return nil, &fault{kerr.InvalidRequest, "Null value not supported for: " + ch.name}
		}
		switch ch.op {
		case kmsg.IncrementalAlterConfigOpSet:
			own[ch.name] = *ch.value
		case kmsg.IncrementalAlterConfigOpDelete:
			if !s.knows(ch.name) {
				return nil, &fault{kerr.InvalidConfig, "Unknown topic config name: " + ch.name}
			}
			delete(own, ch.name)
		case kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract:
			if !s.Configs.TopicList(ch.name) {
				return nil, &fault{kerr.InvalidConfig, fmt.Sprintf("Can't %s to key %s because its type is not LIST.",
					strings.ToLower(ch.op.String()), ch.name)}
			}
			items := splitList(s.effective(own, ch.name))
			for _, item := range splitList(*ch.value) {
				if ch.op == kmsg.IncrementalAlterConfigOpSubtract {
					items = slices.DeleteFunc(items, func(have string) bool { return have == item })
				} else if !slices.Contains(items, item) {
					items = append(items, item)
				}
			}
			own[ch.name] = strings.Join(items, ",")
		default:
			return nil, &fault{kerr.InvalidRequest, fmt.Sprintf("Unknown operation %d on %s", ch.op, ch.name)}
		}
	}
	return own, nil
}

// effective is the value of a topic config that holds.
func (s *Server) effective(own map[string]string, name string) string {
	for _, e := range s.Configs.DescribeTopic(own) {
		if e.Name == name && e.Value != nil {
			return *e.Value
		}
	}
	return ""
}

func (s *Server) knows(name string) bool {
	return slices.ContainsFunc(s.Configs.DescribeTopic(nil), func(e ConfigEntry) bool { return e.Name == name })
}

func splitList(v string) []string {
	var items []string
	for _, item := range strings.Split(v, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
