package api

import (
	"cmp"
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/group"
	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/state"
)

// offsetFetch answers OffsetFetch: for one group until version 7, for several from version 8 on (KIP-709); topics go by
// name until version 9, by id from version 10 on. A partition without an offset, and a group that does not exist, get
// offset -1 and no error. Who requires stable offsets (version 7 on, KIP-447) gets UNSTABLE_OFFSET_COMMIT where a transaction
// may yet commit another one.
func offsetFetch(s *Server, ctx context.Context, c caller, req *kmsg.OffsetFetchRequest) finish {
	groups := offsetFetchGroups(req)
	replies := make([]chan group.Fetched, len(groups))
	whole := make(map[string]bool) // groups asked for all that they have
	for i := range groups {
		want := &groups[i]
		if !c.may(Describe, Group, want.Group) {
			replies[i] = replied(group.Fetched{Err: kerr.GroupAuthorizationFailed})
			continue
		}
		if want.Topics == nil {
			if whole[want.Group] {
				// A few bytes each time must not be answered with the whole group again and again.
				replies[i] = replied(group.Fetched{Err: kerr.InvalidRequest})
				continue
			}
			whole[want.Group] = true
		}
		reply := make(chan group.Fetched, 1)
		replies[i] = reply
		s.Coordinators.Groups.Fetch(want.Group, group.Fetch{Topics: s.fetchTopics(req.Version, want), Stable: req.RequireStable},
			func(f group.Fetched) { reply <- f })
	}
	return awaitsAll(ctx, replies, func(got []group.Fetched) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.OffsetFetchResponse)
		for i := range groups {
			resp.Groups = append(resp.Groups, s.fetchedGroup(ctx, c, req.Version, &groups[i], &got[i]))
		}
		return oneGroup(resp)
	})
}

// offsetFetchGroups are the groups of a request in the form of version 8; Topics is nil for all.
func offsetFetchGroups(req *kmsg.OffsetFetchRequest) []kmsg.OffsetFetchRequestGroup {
	if req.Version >= 8 {
		return req.Groups
	}
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = req.Group
	if req.Topics != nil || req.Version < 2 {
		g.Topics = []kmsg.OffsetFetchRequestGroupTopic{}
	}
	for _, t := range req.Topics {
		out := kmsg.NewOffsetFetchRequestGroupTopic()
		out.Topic, out.Partitions = t.Topic, t.Partitions
		g.Topics = append(g.Topics, out)
	}
	return []kmsg.OffsetFetchRequestGroup{g}
}

// fetchTopics are the partitions that a group is asked for; nil for all.
func (s *Server) fetchTopics(version int16, want *kmsg.OffsetFetchRequestGroup) map[string][]int32 {
	if want.Topics == nil {
		return nil
	}
	topics := make(map[string][]int32, len(want.Topics))
	for i := range want.Topics {
		t := &want.Topics[i]
		if name, ok := s.fetchName(version, t); ok {
			topics[name] = append(topics[name], t.Partitions...)
		}
	}
	return topics
}

func (s *Server) fetchName(version int16, t *kmsg.OffsetFetchRequestGroupTopic) (string, bool) {
	if version < 10 {
		return t.Topic, true
	}
	if known := s.Catalog.withID(t.TopicID); known != nil {
		return known.name, true
	}
	return "", false
}

func (s *Server) fetchedGroup(ctx context.Context, c caller, version int16, want *kmsg.OffsetFetchRequestGroup,
	got *group.Fetched) kmsg.OffsetFetchResponseGroup {
	out := kmsg.NewOffsetFetchResponseGroup()
	out.Group, out.ErrorCode = want.Group, code(got.Err)
	if got.Err != nil && version >= 2 {
		return out
	}
	unstable := make(map[group.TopicPartition]bool, len(got.Unstable))
	for _, p := range got.Unstable {
		unstable[p] = true
	}
	if want.Topics == nil {
		out.Topics = s.allFetched(ctx, c, version, withUnstable(got), unstable)
		return out
	}
	found := make(map[group.TopicPartition]*state.Offset, len(got.Offsets))
	for i := range got.Offsets {
		o := &got.Offsets[i]
		found[group.TopicPartition{Topic: o.Topic, Partition: o.Partition}] = o
	}
	for i := range want.Topics {
		wt := &want.Topics[i]
		t := kmsg.NewOffsetFetchResponseGroupTopic()
		t.Topic, t.TopicID = wt.Topic, wt.TopicID
		name, known := s.fetchName(version, wt)
		err := got.Err
		switch {
		case err != nil:
		case !known:
			err = kerr.UnknownTopicID
		case !c.may(Describe, Topic, name):
			err = kerr.TopicAuthorizationFailed
		}
		for _, p := range wt.Partitions {
			at := group.TopicPartition{Topic: name, Partition: p}
			o, perr := found[at], err
			if err == nil && unstable[at] {
				perr = kerr.UnstableOffsetCommit
			}
			if perr != nil || !s.current(o) {
				o = nil
			}
			t.Partitions = append(t.Partitions, fetchedPartition(p, o, perr))
		}
		out.Topics = append(out.Topics, t)
	}
	return out
}

// withUnstable are the offsets, and places for those that are not stable, by topic and partition.
func withUnstable(got *group.Fetched) []state.Offset {
	if len(got.Unstable) == 0 {
		return got.Offsets
	}
	all := slices.Clone(got.Offsets)
	for _, p := range got.Unstable {
		all = append(all, state.Offset{Topic: p.Topic, Partition: p.Partition})
	}
	slices.SortFunc(all, func(a, b state.Offset) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return all
}

// allFetched are all offsets of a group that the caller may see; they come sorted by topic.
func (s *Server) allFetched(ctx context.Context, c caller, version int16, offsets []state.Offset,
	unstable map[group.TopicPartition]bool) []kmsg.OffsetFetchResponseGroupTopic {
	var topics []kmsg.OffsetFetchResponseGroupTopic
	for len(offsets) > 0 {
		name, n := offsets[0].Topic, 1
		for n < len(offsets) && offsets[n].Topic == name {
			n++
		}
		t := kmsg.NewOffsetFetchResponseGroupTopic()
		t.Topic = name
		for i := range offsets[:n] {
			o := &offsets[i]
			switch {
			case unstable[group.TopicPartition{Topic: o.Topic, Partition: o.Partition}]:
				t.Partitions = append(t.Partitions, fetchedPartition(o.Partition, nil, kerr.UnstableOffsetCommit))
			case s.current(o):
				t.Partitions = append(t.Partitions, fetchedPartition(o.Partition, o, nil))
			}
		}
		offsets = offsets[n:]
		known := s.Catalog.named(name)
		if known != nil {
			t.TopicID = known.id
		}
		// By id, a topic that is gone has no name that the client could understand.
		if len(t.Partitions) > 0 && (known != nil || version < 10) && s.may(ctx, c, Describe, Topic, name) {
			topics = append(topics, t)
		}
	}
	return topics
}

// current reports whether an offset belongs to the topic that has its name now: it may have been deleted and created anew.
func (s *Server) current(o *state.Offset) bool {
	if o == nil || o.TopicID == (log.TopicID{}) {
		return o != nil
	}
	t := s.Catalog.named(o.Topic)
	return t == nil || t.id == o.TopicID
}

func fetchedPartition(partition int32, o *state.Offset, err error) kmsg.OffsetFetchResponseGroupTopicPartition {
	p := kmsg.NewOffsetFetchResponseGroupTopicPartition()
	p.Partition, p.Offset, p.LeaderEpoch, p.ErrorCode = partition, -1, -1, code(err)
	metadata := ""
	if o != nil {
		p.Offset, p.LeaderEpoch, metadata = o.Offset, o.LeaderEpoch, o.Metadata
	}
	p.Metadata = &metadata
	return p
}

// oneGroup puts the only group of an old response where it belongs.
func oneGroup(resp *kmsg.OffsetFetchResponse) *kmsg.OffsetFetchResponse {
	if resp.Version >= 8 {
		return resp
	}
	g := &resp.Groups[0]
	resp.ErrorCode = g.ErrorCode
	for i := range g.Topics {
		t := kmsg.NewOffsetFetchResponseTopic()
		t.Topic = g.Topics[i].Topic
		for _, p := range g.Topics[i].Partitions {
			out := kmsg.NewOffsetFetchResponseTopicPartition()
			out.Partition, out.Offset, out.LeaderEpoch = p.Partition, p.Offset, p.LeaderEpoch
			out.Metadata, out.ErrorCode = p.Metadata, p.ErrorCode
			t.Partitions = append(t.Partitions, out)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}

func offsetFetchNeeds(s *Server, req *kmsg.OffsetFetchRequest) []need {
	var needs []need
	groups := offsetFetchGroups(req)
	for i := range groups {
		needs = append(needs, need{Describe, Group, groups[i].Group})
		for j := range groups[i].Topics {
			if name, ok := s.fetchName(req.Version, &groups[i].Topics[j]); ok {
				needs = append(needs, need{Describe, Topic, name})
			}
		}
	}
	return needs
}

func refuseOffsetFetch(req *kmsg.OffsetFetchRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.OffsetFetchResponse)
	groups := offsetFetchGroups(req)
	for i := range groups {
		g := kmsg.NewOffsetFetchResponseGroup()
		g.Group, g.ErrorCode = groups[i].Group, kerr.GroupAuthorizationFailed.Code
		if req.Version < 2 { // errors stand with the partitions only
			for _, wt := range groups[i].Topics {
				t := kmsg.NewOffsetFetchResponseGroupTopic()
				t.Topic = wt.Topic
				for _, p := range wt.Partitions {
					t.Partitions = append(t.Partitions, fetchedPartition(p, nil, kerr.GroupAuthorizationFailed))
				}
				g.Topics = append(g.Topics, t)
			}
		}
		resp.Groups = append(resp.Groups, g)
	}
	return oneGroup(resp)
}
