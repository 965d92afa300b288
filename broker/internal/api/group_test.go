package api

import (
	"context"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/group"
	"github.com/typelog/typelog/broker/internal/log/memlog"
	"github.com/typelog/typelog/broker/internal/state"
)

// allow lets exactly these needs pass.
type allow []need

func (a allow) Allowed(_ context.Context, _ string, op Operation, kind ResourceKind, name string) bool {
	return slices.Contains(a, need{op, kind, name})
}

// withGroups gives a server a coordinator that ends with the test.
func withGroups(t *testing.T, o *Options) {
	o.Coordinators.Groups = group.NewCoordinator(state.NewTopic(o.Engine, o.Catalog, state.TopicConfig{Partitions: 2}), group.Config{})
	o.Coordinators.Groups.Start()
	t.Cleanup(o.Coordinators.Groups.Close)
}

// TestGroupsOfOthers: the caller may use the group and the topic "mine"; "theirs" are refused one by one where a request
// names both.
func TestGroupsOfOthers(t *testing.T) {
	s := serve(t, memlog.Options{}, func(o *Options) {
		withGroups(t, o)
		o.Authorizer = allow{
			{Read, Group, "mine"}, {Describe, Group, "mine"}, {Delete, Group, "mine"},
			{Read, Topic, "mine"}, {Describe, Topic, "mine"},
		}
	})
	mine, theirs := s.topic(t, "mine", 1, nil), s.topic(t, "theirs", 1, nil)
	for _, g := range []string{"mine", "theirs"} {
		for _, topic := range []*topic{mine, theirs} {
			done := make(chan group.Committed, 1)
			s.Coordinators.Groups.Commit(g, group.Commit{Generation: -1, Offsets: []state.Offset{{Topic: topic.name, TopicID: topic.id, Offset: 5}}},
				func(c group.Committed) { done <- c })
			if c := <-done; c.Err != nil {
				t.Fatal(c.Err)
			}
		}
	}
	p := s.dial(t)
	ask := func(version int16, req kmsg.Request) kmsg.Response {
		t.Helper()
		req.SetVersion(version)
		p.send(req)
		return p.receive(len(p.sent) - 1)
	}
	want := func(what string, got []int16, want ...int16) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: codes %v, want %v", what, got, want)
		}
	}
	noGroup, noTopic := kerr.GroupAuthorizationFailed.Code, kerr.TopicAuthorizationFailed.Code

	for _, version := range []int16{2, 9, 10} {
		var got []int16
		for _, g := range []string{"mine", "theirs"} {
			resp := ask(version, commitBoth(g, mine, theirs)).(*kmsg.OffsetCommitResponse)
			for _, rt := range resp.Topics {
				got = append(got, rt.Partitions[0].ErrorCode)
			}
		}
		want("commit", got, 0, noTopic, noGroup, noGroup)
	}
	fetch := kmsg.NewPtrOffsetFetchRequest()
	for _, g := range []string{"mine", "theirs"} {
		all := kmsg.NewOffsetFetchRequestGroup()
		all.Group = g
		named := all
		for _, topic := range []*topic{mine, theirs} {
			gt := kmsg.NewOffsetFetchRequestGroupTopic()
			gt.Topic, gt.TopicID, gt.Partitions = topic.name, topic.id, []int32{0}
			named.Topics = append(named.Topics, gt)
		}
		fetch.Groups = append(fetch.Groups, all, named)
	}
	for _, version := range []int16{8, 9, 10} {
		resp := ask(version, fetch).(*kmsg.OffsetFetchResponse)
		var groups, topics []int16
		for _, g := range resp.Groups {
			groups = append(groups, g.ErrorCode)
			for _, gt := range g.Topics {
				topics = append(topics, gt.Partitions[0].ErrorCode)
			}
		}
		want("offset fetch, groups", groups, 0, 0, noGroup, noGroup)
		want("offset fetch, topics", topics, 0, 0, noTopic) // of all topics, the other one is not there
	}
	list := ask(5, kmsg.NewPtrListGroupsRequest()).(*kmsg.ListGroupsResponse)
	if len(list.Groups) != 1 || list.Groups[0].Group != "mine" {
		t.Errorf("listed %+v", list.Groups)
	}
	describe := kmsg.NewPtrDescribeGroupsRequest()
	describe.Groups, describe.IncludeAuthorizedOperations = []string{"mine", "theirs"}, true
	described := ask(6, describe).(*kmsg.DescribeGroupsResponse)
	want("describe", []int16{described.Groups[0].ErrorCode, described.Groups[1].ErrorCode}, 0, noGroup)
	if got, want := described.Groups[0].AuthorizedOperations, int32(1<<3|1<<6|1<<8); got != want {
		t.Errorf("operations %b, want read, delete and describe: %b", got, want)
	}
	remove := kmsg.NewPtrOffsetDeleteRequest()
	remove.Group = "mine"
	for _, topic := range []string{"mine", "theirs", "none"} {
		rt := kmsg.NewOffsetDeleteRequestTopic()
		rt.Topic, rt.Partitions = topic, []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 0}}
		remove.Topics = append(remove.Topics, rt)
	}
	removed := ask(0, remove).(*kmsg.OffsetDeleteResponse)
	var codes []int16
	for _, rt := range removed.Topics {
		codes = append(codes, rt.Partitions[0].ErrorCode)
	}
	want("offset delete", append(codes, removed.ErrorCode), 0, noTopic, noTopic, 0)
	remove.Group = "theirs"
	want("offset delete", []int16{ask(0, remove).(*kmsg.OffsetDeleteResponse).ErrorCode}, noGroup)
	drop := kmsg.NewPtrDeleteGroupsRequest()
	drop.Groups = []string{"theirs", "mine"}
	dropped := ask(2, drop).(*kmsg.DeleteGroupsResponse)
	want("delete", []int16{dropped.Groups[0].ErrorCode, dropped.Groups[1].ErrorCode}, noGroup, 0)
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorKeys = []string{"mine", "theirs"}
	found := ask(6, find).(*kmsg.FindCoordinatorResponse)
	want("find", []int16{found.Coordinators[0].ErrorCode, found.Coordinators[1].ErrorCode}, 0, noGroup)
}

func commitBoth(g string, topics ...*topic) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation = g, -1
	for _, topic := range topics {
		rt := kmsg.NewOffsetCommitRequestTopic()
		rt.Topic, rt.TopicID = topic.name, topic.id
		rt.Partitions = append(rt.Partitions, kmsg.NewOffsetCommitRequestTopicPartition())
		req.Topics = append(req.Topics, rt)
	}
	return req
}

// TestOffsetsOfAnotherTopic: a commit belongs to the topic that it was made for, not to a later one of the same name.
func TestOffsetsOfAnotherTopic(t *testing.T) {
	s := serve(t, memlog.Options{}, func(o *Options) { withGroups(t, o) })
	now := s.topic(t, "t", 1, nil)
	before := *now
	before.id[0] ^= 0xff
	done := make(chan group.Committed, 1)
	s.Coordinators.Groups.Commit("g", group.Commit{Generation: -1, Offsets: []state.Offset{{Topic: "t", TopicID: before.id, Offset: 5}}},
		func(c group.Committed) { done <- c })
	if c := <-done; c.Err != nil {
		t.Fatal(c.Err)
	}
	p := s.dial(t)
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version, req.Group = 7, "g"
	req.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: "t", Partitions: []int32{0}}}
	p.send(req)
	if got := p.receive(0).(*kmsg.OffsetFetchResponse).Topics[0].Partitions[0].Offset; got != -1 {
		t.Errorf("offset %d of a topic that is gone", got)
	}
	req.Topics = nil
	p.send(req)
	if got := p.receive(1).(*kmsg.OffsetFetchResponse).Topics; len(got) != 0 {
		t.Errorf("all offsets of the group: %+v", got)
	}
	commit := commitBoth("g", &before)
	commit.Version = 10
	p.send(commit)
	if got := p.receive(2).(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode; got != kerr.UnknownTopicID.Code {
		t.Errorf("commit for a topic that is gone: %d", got)
	}
}

// TestPipelinedCommits: many commits on one connection, none of them waited for, take effect in their order.
func TestPipelinedCommits(t *testing.T) {
	s := serve(t, memlog.Options{}, func(o *Options) { withGroups(t, o) })
	topic := s.topic(t, "t", 1, nil)
	p := s.dial(t)
	const n = 100
	for i := range n {
		req := commitBoth("g", topic)
		req.Version, req.Topics[0].Partitions[0].Offset = 8, int64(i)
		p.send(req)
	}
	for i := range n {
		if got := p.receive(i).(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode; got != 0 {
			t.Fatalf("commit %d: %d", i, got)
		}
	}
	fetch := kmsg.NewPtrOffsetFetchRequest()
	fetch.Version, fetch.Group = 5, "g"
	p.send(fetch)
	if got := p.receive(n).(*kmsg.OffsetFetchResponse).Topics[0].Partitions[0].Offset; got != n-1 {
		t.Errorf("offset %d, want %d", got, n-1)
	}
}

// TestRepeatedGroups: a request that names a group ten thousand times gets it once, not ten thousand times its size.
func TestRepeatedGroups(t *testing.T) {
	s := serve(t, memlog.Options{}, func(o *Options) { withGroups(t, o) })
	topic := s.topic(t, "t", 1, nil)
	p := s.dial(t)
	commit := commitBoth("g", topic)
	commit.Version = 9
	p.send(commit)
	p.receive(0)
	describe := kmsg.NewPtrDescribeGroupsRequest()
	fetch := kmsg.NewPtrOffsetFetchRequest()
	describe.Version, fetch.Version = 6, 9
	for range 10_000 {
		describe.Groups = append(describe.Groups, "g")
		g := kmsg.NewOffsetFetchRequestGroup()
		g.Group = "g"
		fetch.Groups = append(fetch.Groups, g)
	}
	p.send(describe, fetch)
	described, whole := p.receive(1).(*kmsg.DescribeGroupsResponse).Groups, p.receive(2).(*kmsg.OffsetFetchResponse).Groups
	for i := range 10_000 {
		want := kerr.InvalidRequest.Code
		if i == 0 {
			want = 0
		}
		if described[i].ErrorCode != want || whole[i].ErrorCode != want || len(whole[i].Topics) > 0 && i > 0 {
			t.Fatalf("%d: %+v, %+v", i, described[i], whole[i])
		}
	}
}
