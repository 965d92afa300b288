package broker

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/typelog/typelog/broker/internal/api"
	"github.com/typelog/typelog/broker/internal/config"
	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/log/memlog"
)

type memStore struct {
	m    map[log.TopicID]api.StoredTopic
	next int64
}

func (s *memStore) Close() error { return nil }
func (s *memStore) AllocateProducerIDs(_ context.Context, n int) (int64, error) {
	s.next += int64(n)
	return s.next - int64(n), nil
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

func (b *Broker) openData(context.Context, *config.Broker) error {
	b.store = &memStore{m: map[log.TopicID]api.StoredTopic{}}
	b.engine = memlog.New(memlog.Options{Delay: time.Millisecond})
	return nil
}
