package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/contract"
	"github.com/typelog/typelog/broker/internal/api"
	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/log/memlog"
	"github.com/typelog/typelog/broker/internal/wire"
)

type memStore struct {
	m map[log.TopicID]api.StoredTopic
}

func (s *memStore) Topics(context.Context) ([]api.StoredTopic, error) {
	return slices.Collect(maps.Values(s.m)), nil
}
func (s *memStore) Create(_ context.Context, t api.StoredTopic) error { s.m[t.ID] = t; return nil }
func (s *memStore) SetPartitions(_ context.Context, id log.TopicID, n int32) error {
	t := s.m[id]
	t.Partitions = n
	s.m[id] = t
	return nil
}
func (s *memStore) SetConfigs(_ context.Context, id log.TopicID, c map[string]string) error {
	t := s.m[id]
	t.Configs = c
	s.m[id] = t
	return nil
}
func (s *memStore) MarkDeleting(context.Context, log.TopicID) error { return nil }
func (s *memStore) Forget(_ context.Context, id log.TopicID) error  { delete(s.m, id); return nil }

func (b *Broker) topics() api.TopicStore { return &memStore{m: map[log.TopicID]api.StoredTopic{}} }

func (b *Broker) openData(*settings) error {
	b.engine = memlog.New(memlog.Options{Delay: time.Millisecond})
	return nil
}

type settings struct{ own map[string]string }

func newSettings(own map[string]string) (*settings, error) { return &settings{own}, nil }
func (s *settings) api() api.Settings {
	return api.Settings{AutoCreateTopics: s.own["auto.create.topics.enable"] != "false", DeleteTopics: true, Partitions: 1, RequestMaxBytes: 100 << 20, FetchMaxBytes: 55 << 20,
		ContractTimeout: 5 * time.Second}
}
func (s *settings) wire() wire.Options { return wire.Options{} }

func (s *settings) Topic(own map[string]string) (api.TopicConfig, error) {
	c := api.TopicConfig{MaxMessageBytes: 1048588, TimestampBefore: math.MaxInt64, TimestampAfter: 3600000,
		Log: log.Config{SegmentBytes: 1 << 30, SegmentMs: 604800000, RetentionMs: 604800000, RetentionBytes: -1, IndexInterval: 4096, Delete: true}}
	for k, v := range own {
		switch k {
		case "cleanup.policy":
			c.Log.Compact = v == "compact"
			if v != "compact" && v != "delete" {
				return c, errors.New("Invalid value " + v + " for configuration cleanup.policy")
			}
		case "max.message.bytes":
			n, err := strconv.Atoi(v)
			if err != nil {
				return c, err
			}
			c.MaxMessageBytes = n
		case "typelog.value.contract":
			if v == "reject" {
				c.Policy.Value = contract.Full
			}
		case "typelog.acks0":
			c.AcceptAcks0 = v == "accept"
		case "segment.bytes", "compression.type", "retention.ms":
		default:
			return c, fmt.Errorf("Unknown topic config name: %s", k)
		}
	}
	return c, nil
}
func (s *settings) DescribeTopic(own map[string]string) []api.ConfigEntry {
	var out []api.ConfigEntry
	for k, v := range map[string]string{"cleanup.policy": "delete", "max.message.bytes": "1048588", "typelog.value.contract": "off", "retention.ms": "604800000"} {
		src := kmsg.ConfigSourceDefaultConfig
		if o, ok := own[k]; ok {
			v, src = o, kmsg.ConfigSourceDynamicTopicConfig
		}
		out = append(out, api.ConfigEntry{Name: k, Value: &v, Source: src, Type: kmsg.ConfigTypeString})
	}
	return out
}
func (s *settings) DescribeBroker() []api.ConfigEntry { return nil }
func (s *settings) TopicList(name string) bool        { return name == "cleanup.policy" }
