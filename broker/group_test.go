package broker

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// killed is the broker as it would come back after kill -9 at this moment: another one, on a copy of its files.
func killed(t *testing.T, r *running, cfg Config) *running {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	r.stop()
	cfg.Dir = dir
	return start(t, cfg)
}

// pinned is a request whose version the client must not choose.
type pinned struct {
	kmsg.Request
	version int16
}

func (p pinned) MaxVersion() int16 { return p.version }

// ask sends a request at one version and returns its answer.
func ask[R kmsg.Response](t *testing.T, ctx context.Context, cl *kgo.Client, version int16, req kmsg.Request) R {
	t.Helper()
	resp, err := cl.Broker(defaultNode).Request(ctx, pinned{req, version})
	if err != nil {
		t.Fatalf("%s v%d: %v", kmsg.NameForKey(req.Key()), version, err)
	}
	return resp.(R)
}

func joinRequest(group, member, instance string) *kmsg.JoinGroupRequest {
	r := kmsg.NewPtrJoinGroupRequest()
	r.Group, r.MemberID, r.ProtocolType = group, member, "consumer"
	r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = 10_000, 10_000
	if instance != "" {
		r.InstanceID = &instance
	}
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name, p.Metadata = "range", []byte{0, 0, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 0}
	r.Protocols = append(r.Protocols, p)
	return r
}

func syncRequest(group string, j *kmsg.JoinGroupResponse, instance string) *kmsg.SyncGroupRequest {
	r := kmsg.NewPtrSyncGroupRequest()
	r.Group, r.MemberID, r.Generation = group, j.MemberID, j.Generation
	r.ProtocolType, r.Protocol = kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
	if instance != "" {
		r.InstanceID = &instance
	}
	a := kmsg.NewSyncGroupRequestGroupAssignment()
	a.MemberID, a.MemberAssignment = j.MemberID, []byte("all of it")
	r.GroupAssignment = append(r.GroupAssignment, a)
	return r
}

func commitRequest(group string, j *kmsg.JoinGroupResponse, topic string, id [16]byte, offset int64) *kmsg.OffsetCommitRequest {
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Group, r.Generation = group, -1
	if j != nil {
		r.MemberID, r.Generation = j.MemberID, j.Generation
	}
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic, t.TopicID = topic, id
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Offset, p.Metadata = offset, kmsg.StringPtr("note")
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	return r
}

// TestGroupProtocolAtEveryVersion takes a member through its life at each version of JoinGroup, with the other keys at
// versions of the same age.
func TestGroupProtocolAtEveryVersion(t *testing.T) {
	r := start(t, Config{})
	ctx := within(t, 60*time.Second)
	cl := r.client()
	id := createTopic(t, ctx, cl, "t")
	for v := int16(0); v <= 9; v++ {
		group := fmt.Sprintf("g%d", v)
		j := ask[*kmsg.JoinGroupResponse](t, ctx, cl, v, joinRequest(group, "", ""))
		if v >= 4 {
			if j.ErrorCode != kerr.MemberIDRequired.Code || j.MemberID == "" {
				t.Fatalf("join v%d: %+v, want a member id to come again with", v, j)
			}
			j = ask[*kmsg.JoinGroupResponse](t, ctx, cl, v, joinRequest(group, j.MemberID, ""))
		}
		if j.ErrorCode != 0 || j.Generation != 1 || j.LeaderID != j.MemberID || len(j.Members) != 1 {
			t.Fatalf("join v%d: %+v", v, j)
		}
		for range 2 { // the second time it is told what it has already
			y := ask[*kmsg.SyncGroupResponse](t, ctx, cl, min(v, 5), syncRequest(group, j, ""))
			if y.ErrorCode != 0 || string(y.MemberAssignment) != "all of it" {
				t.Fatalf("sync v%d: %+v", min(v, 5), y)
			}
		}
		for wrong := range int32(2) {
			h := kmsg.NewPtrHeartbeatRequest()
			h.Group, h.MemberID, h.Generation = group, j.MemberID, j.Generation+wrong
			want := []int16{0, kerr.IllegalGeneration.Code}[wrong]
			if b := ask[*kmsg.HeartbeatResponse](t, ctx, cl, min(v, 4), h); b.ErrorCode != want {
				t.Errorf("heartbeat v%d in generation %d: %d, want %d", min(v, 4), h.Generation, b.ErrorCode, want)
			}
		}
		at := max(2, v)
		if v == 9 {
			at = 10
		}
		c := ask[*kmsg.OffsetCommitResponse](t, ctx, cl, at, commitRequest(group, j, "t", id, int64(v)+1))
		if code := c.Topics[0].Partitions[0].ErrorCode; code != 0 {
			t.Errorf("commit v%d: %d", at, code)
		}
		for f := int16(1); f <= 10; f++ {
			if got := committedOffset(t, ctx, cl, f, group, "t", id); got != int64(v)+1 {
				t.Errorf("offset fetch v%d: %d, want %d", f, got, v+1)
			}
		}
		l := kmsg.NewPtrLeaveGroupRequest()
		l.Group, l.MemberID = group, j.MemberID
		m := kmsg.NewLeaveGroupRequestMember()
		m.MemberID = j.MemberID
		l.Members = append(l.Members, m)
		if left := ask[*kmsg.LeaveGroupResponse](t, ctx, cl, min(v, 5), l); left.ErrorCode != 0 || len(left.Members) > 0 && left.Members[0].ErrorCode != 0 {
			t.Errorf("leave v%d: %+v", min(v, 5), left)
		}
	}
}

func createTopic(t *testing.T, ctx context.Context, cl *kgo.Client, name string) [16]byte {
	t.Helper()
	resp, err := kadm.NewClient(cl).CreateTopic(ctx, 2, 1, nil, name)
	if err != nil {
		t.Fatal(err)
	}
	return resp.ID
}

// committedOffset asks for partition 0 of a topic at one version of OffsetFetch.
func committedOffset(t *testing.T, ctx context.Context, cl *kgo.Client, version int16, group, topic string, id [16]byte) int64 {
	t.Helper()
	r := kmsg.NewPtrOffsetFetchRequest()
	r.Group = group
	old := kmsg.NewOffsetFetchRequestTopic()
	old.Topic, old.Partitions = topic, []int32{0}
	r.Topics = append(r.Topics, old)
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	gt := kmsg.NewOffsetFetchRequestGroupTopic()
	gt.Topic, gt.TopicID, gt.Partitions = topic, id, []int32{0}
	g.Topics = append(g.Topics, gt)
	r.Groups = append(r.Groups, g)
	resp := ask[*kmsg.OffsetFetchResponse](t, ctx, cl, version, r)
	if version < 8 {
		if resp.ErrorCode != 0 || resp.Topics[0].Partitions[0].ErrorCode != 0 {
			t.Errorf("offset fetch v%d: %+v", version, resp)
		}
		return resp.Topics[0].Partitions[0].Offset
	}
	if resp.Groups[0].ErrorCode != 0 || resp.Groups[0].Topics[0].Partitions[0].ErrorCode != 0 {
		t.Errorf("offset fetch v%d: %+v", version, resp)
	}
	return resp.Groups[0].Topics[0].Partitions[0].Offset
}

// TestGroupSurvivesKill: offsets that were acknowledged, members and their assignment are there after kill -9; nobody has
// to rejoin.
func TestGroupSurvivesKill(t *testing.T) {
	cfg := Config{Dir: t.TempDir()}
	r := start(t, cfg)
	ctx := within(t, 60*time.Second)
	cl := r.client()
	id := createTopic(t, ctx, cl, "t")
	j := ask[*kmsg.JoinGroupResponse](t, ctx, cl, 9, joinRequest("g", "", "one"))
	ask[*kmsg.SyncGroupResponse](t, ctx, cl, 5, syncRequest("g", j, "one"))
	for i := range int64(20) {
		c := commitRequest("g", j, "t", id, i+1)
		c.InstanceID = kmsg.StringPtr("one")
		if code := ask[*kmsg.OffsetCommitResponse](t, ctx, cl, 9, c).Topics[0].Partitions[0].ErrorCode; code != 0 {
			t.Fatalf("commit: %d", code)
		}
	}
	for round := range 2 {
		r = killed(t, r, cfg)
		cfg.Dir = r.cfg.Dir
		cl = r.client()
		if got := committedOffset(t, ctx, cl, 9, "g", "t", id); got != 20+int64(round) {
			t.Errorf("offset %d after kill -9, want %d", got, 20+round)
		}
		h := kmsg.NewPtrHeartbeatRequest()
		h.Group, h.MemberID, h.Generation, h.InstanceID = "g", j.MemberID, j.Generation, kmsg.StringPtr("one")
		if b := ask[*kmsg.HeartbeatResponse](t, ctx, cl, 4, h); b.ErrorCode != 0 {
			t.Errorf("heartbeat after kill -9: %d", b.ErrorCode)
		}
		y := ask[*kmsg.SyncGroupResponse](t, ctx, cl, 5, syncRequest("g", j, "one"))
		if y.ErrorCode != 0 || string(y.MemberAssignment) != "all of it" {
			t.Errorf("sync after kill -9: %+v", y)
		}
		c := commitRequest("g", j, "t", id, 21)
		c.InstanceID = kmsg.StringPtr("one")
		if code := ask[*kmsg.OffsetCommitResponse](t, ctx, cl, 9, c).Topics[0].Partitions[0].ErrorCode; code != 0 {
			t.Errorf("commit after kill -9: %d", code)
		}
	}
}

// TestMembersComeAndGo: consumers join and leave while records are produced, with eager and with cooperative rebalancing.
// Every record is consumed, and what is committed in the end is everything.
func TestMembersComeAndGo(t *testing.T) {
	for name, balancer := range map[string]kgo.GroupBalancer{"eager": kgo.RangeBalancer(), "cooperative": kgo.CooperativeStickyBalancer()} {
		t.Run(name, func(t *testing.T) {
			const records = 3000
			r := start(t, Config{Settings: map[string]string{"num.partitions": "6"}})
			ctx := within(t, 60*time.Second)
			var mu sync.Mutex
			seen := map[string]bool{}
			all := make(chan struct{})
			poll := func(cl *kgo.Client, until context.Context) {
				for until.Err() == nil {
					fs := cl.PollFetches(until)
					mu.Lock()
					fs.EachRecord(func(rec *kgo.Record) {
						if seen[string(rec.Value)] = true; len(seen) == records {
							select {
							case <-all:
							default:
								close(all)
							}
						}
					})
					mu.Unlock()
					// A commit that comes too late for its generation is no fault: the records come again.
					if err := cl.CommitUncommittedOffsets(ctx); err != nil && !errors.Is(err, kerr.RebalanceInProgress) &&
						!errors.Is(err, kerr.IllegalGeneration) && !errors.Is(err, kerr.UnknownMemberID) {
						t.Errorf("commit: %v", err)
					}
					cl.AllowRebalance()
				}
				cl.CloseAllowingRebalance()
			}
			member := func(opts ...kgo.Opt) *kgo.Client {
				return r.client(append(opts, kgo.FetchMaxWait(50*time.Millisecond), kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"), kgo.Balancers(balancer), kgo.BlockRebalanceOnPoll(),
					kgo.DisableAutoCommit(), kgo.HeartbeatInterval(20*time.Millisecond), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
			}
			p := r.client(kgo.AllowAutoTopicCreation(), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
			if err := p.ProduceSync(ctx, numbered("t", 0, 100)...).FirstErr(); err != nil {
				t.Fatal(err)
			}
			var polls sync.WaitGroup
			stay, stop := context.WithCancel(ctx)
			defer stop()
			polls.Go(func() { poll(member(), stay) })
			for i := range 5 {
				visit, leave := context.WithCancel(ctx)
				shares := make(chan struct{})
				visitor := member(kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
					if len(parts) > 0 {
						select {
						case <-shares:
						default:
							close(shares)
						}
					}
				}))
				polls.Go(func() { poll(visitor, visit) })
				if err := p.ProduceSync(ctx, numbered("t", 100+i*580, 580)...).FirstErr(); err != nil {
					t.Fatal(err)
				}
				select {
				case <-shares:
				case <-ctx.Done():
					t.Fatalf("visitor %d never got a partition", i)
				}
				leave()
			}
			select {
			case <-all:
			case <-ctx.Done():
				mu.Lock()
				defer mu.Unlock()
				t.Fatalf("%d of %d records were consumed", len(seen), records)
			}
			stop()
			polls.Wait()
			if got := committedTotal(t, ctx, p, "g", "t"); got != records {
				t.Errorf("%d records are committed, want %d", got, records)
			}
		})
	}
}

func committedTotal(t *testing.T, ctx context.Context, cl *kgo.Client, group, topic string) int64 {
	t.Helper()
	offsets, err := kadm.NewClient(cl).FetchOffsets(ctx, group)
	if err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, o := range offsets[topic] {
		total += o.At
	}
	return total
}

// TestGroupAdministration does to groups what operators do.
func TestGroupAdministration(t *testing.T) {
	r := start(t, Config{})
	ctx := within(t, 60*time.Second)
	cl := r.client()
	adm := kadm.NewClient(cl)
	id := createTopic(t, ctx, cl, "t")
	createTopic(t, ctx, cl, "u")
	j := ask[*kmsg.JoinGroupResponse](t, ctx, cl, 9, joinRequest("busy", "", "one"))
	ask[*kmsg.SyncGroupResponse](t, ctx, cl, 5, syncRequest("busy", j, "one"))
	ask[*kmsg.OffsetCommitResponse](t, ctx, cl, 9, commitRequest("idle", nil, "t", id, 5))
	ask[*kmsg.OffsetCommitResponse](t, ctx, cl, 9, commitRequest("idle", nil, "u", id, 6))

	listed, err := adm.ListGroups(ctx)
	if err != nil || !slices.Equal(listed.Groups(), []string{"busy", "idle"}) || listed["busy"].State != "Stable" || listed["idle"].State != "Empty" {
		t.Errorf("listed %+v, %v", listed, err)
	}
	if listed, err = adm.ListGroups(ctx, "stable"); err != nil || !slices.Equal(listed.Groups(), []string{"busy"}) {
		t.Errorf("listed those that are stable: %+v, %v", listed, err)
	}
	described, err := adm.DescribeGroups(ctx, "busy", "none")
	if err != nil || len(described["busy"].Members) != 1 || *described["busy"].Members[0].InstanceID != "one" || described["busy"].Members[0].ClientHost != "/127.0.0.1" {
		t.Errorf("described %+v, %v", described, err)
	}
	if !errors.Is(described["none"].Err, kerr.GroupIDNotFound) {
		t.Errorf("a group that is not there: %v", described["none"].Err)
	}
	deleted, err := adm.DeleteGroups(ctx, "busy", "none")
	if err != nil || !errors.Is(deleted["busy"].Err, kerr.NonEmptyGroup) || !errors.Is(deleted["none"].Err, kerr.GroupIDNotFound) {
		t.Errorf("deleted %+v, %v", deleted, err)
	}
	removed, err := adm.DeleteOffsets(ctx, "idle", kadm.TopicsSet{"t": {0: {}}})
	if err != nil || removed["t"][0] != nil {
		t.Errorf("deleted offsets: %v, %v", removed, err)
	}
	if got := committedTotal(t, ctx, cl, "idle", "u"); got != 6 {
		t.Errorf("another topic's offset is %d, want 6", got)
	}
	// With the topic go its offsets: they mean nothing in another topic of that name.
	if _, err := adm.DeleteTopic(ctx, "u"); err != nil {
		t.Fatal(err)
	}
	createTopic(t, ctx, cl, "u")
	if got, err := adm.FetchOffsets(ctx, "idle"); err != nil || len(got) != 0 {
		t.Errorf("offsets after all were removed: %v, %v", got, err)
	}
	left, err := adm.LeaveGroup(ctx, kadm.LeaveGroup("busy").InstanceIDs("one"))
	if err != nil || left["one"].Err != nil {
		t.Errorf("removed a static member: %+v, %v", left, err)
	}
	if deleted, err := adm.DeleteGroups(ctx, "busy"); err != nil || deleted["busy"].Err != nil {
		t.Errorf("deleted %+v, %v", deleted, err)
	}
}

// TestOffsetsTopicIsReadable: what groups keep is a topic that any consumer can read, in Kafka's own formats.
func TestOffsetsTopicIsReadable(t *testing.T) {
	r := start(t, Config{})
	ctx := within(t, 60*time.Second)
	cl := r.client()
	id := createTopic(t, ctx, cl, "t")
	j := ask[*kmsg.JoinGroupResponse](t, ctx, cl, 9, joinRequest("g", "", "one"))
	ask[*kmsg.SyncGroupResponse](t, ctx, cl, 5, syncRequest("g", j, "one"))
	c := commitRequest("g", j, "t", id, 77)
	c.InstanceID = kmsg.StringPtr("one")
	ask[*kmsg.OffsetCommitResponse](t, ctx, cl, 9, c)
	reader := r.client(kgo.ConsumeTopics("__consumer_offsets"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	found := map[uint16]bool{}
	for _, rec := range consume(t, ctx, reader, 2) {
		if rec.Partition != 3 { // "g" hashes to 103
			t.Errorf("a record of the group is in partition %d", rec.Partition)
		}
		kind := binary.BigEndian.Uint16(rec.Key)
		found[kind] = true
		switch kind {
		case 1:
			v := kmsg.NewOffsetCommitValue()
			if err := v.ReadFrom(rec.Value); err != nil || v.Offset != 77 || v.Metadata != "note" || v.TopicID != id {
				t.Errorf("offset %+v, %v", v, err)
			}
		case 2:
			v := kmsg.NewGroupMetadataValue()
			if err := v.ReadFrom(rec.Value); err != nil || len(v.Members) != 1 || !bytes.Equal(v.Members[0].Assignment, []byte("all of it")) {
				t.Errorf("group %+v, %v", v, err)
			}
		}
	}
	if !maps.Equal(found, map[uint16]bool{1: true, 2: true}) {
		t.Errorf("kinds of records: %v", found)
	}
}
