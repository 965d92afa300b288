package api

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/log/memlog"
	"github.com/typelog/typelog/broker/internal/record"
)

// fetchRequest asks for partition 0 of topics.
func fetchRequest(version int16, topics ...*topic) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxBytes, req.MinBytes, req.MaxWaitMillis, req.SessionEpoch = version, 1<<20, 1, 20_000, -1
	for _, t := range topics {
		ft := kmsg.NewFetchRequestTopic()
		ft.Topic, ft.TopicID = t.name, t.id
		fp := kmsg.NewFetchRequestTopicPartition()
		fp.PartitionMaxBytes, fp.CurrentLeaderEpoch = 1<<20, -1
		ft.Partitions = append(ft.Partitions, fp)
		req.Topics = append(req.Topics, ft)
	}
	return req
}

// put appends records to partition 0 and returns the size of their batch.
func (s *served) put(t *testing.T, to *topic, values ...string) int {
	t.Helper()
	var rs []record.Record
	for _, v := range values {
		rs = append(rs, record.KV(1, nil, []byte(v)))
	}
	batch := record.Of(rs...)
	p := s.dial(t)
	p.send(produceRequest(9, -1, to, map[int32][]byte{0: batch}))
	if got := p.receive(0).(*kmsg.ProduceResponse).Topics[0].Partitions[0]; got.ErrorCode != 0 {
		t.Fatal(kerr.ErrorForCode(got.ErrorCode))
	}
	return len(batch)
}

// TestFetchEveryVersion: records, their bounds and the topic's name or id come back in every version.
func TestFetchEveryVersion(t *testing.T) {
	s := serve(t, memlog.Options{}, nil)
	full, empty := s.topic(t, "full", 1, nil), s.topic(t, "empty", 1, nil)
	size := s.put(t, full, "a", "b")
	p := s.dial(t)
	for version := int16(4); version <= 18; version++ {
		p.send(fetchRequest(version, full, empty))
		got := p.receive(int(version - 4)).(*kmsg.FetchResponse)
		if got.ErrorCode != 0 || got.SessionID != 0 || len(got.Topics) != 2 {
			t.Fatalf("version %d: %+v", version, got)
		}
		if version < 13 && got.Topics[0].Topic != "full" || version >= 13 && got.Topics[0].TopicID != full.id {
			t.Errorf("version %d: topic %q %x", version, got.Topics[0].Topic, got.Topics[0].TopicID)
		}
		part := got.Topics[0].Partitions[0]
		if part.ErrorCode != 0 || part.HighWatermark != 2 || part.LastStableOffset != 2 || len(part.RecordBatches) != size {
			t.Errorf("version %d: %+v", version, part)
		}
		if part := got.Topics[1].Partitions[0]; part.RecordBatches == nil || len(part.RecordBatches) != 0 {
			t.Errorf("version %d: records of an empty partition are %v, want none, not null", version, part.RecordBatches)
		}
	}
}

func TestFetchErrors(t *testing.T) {
	s := serve(t, memlog.Options{Epoch: 5}, nil)
	known := s.topic(t, "known", 1, nil)
	s.put(t, known, "a")
	absent := &topic{name: "absent", id: newTopicID()}
	for name, c := range map[string]struct {
		version int16
		topic   *topic
		change  func(p *kmsg.FetchRequestTopicPartition)
		want    *kerr.Error
	}{
		"an unknown topic":       {9, absent, nil, kerr.UnknownTopicOrPartition},
		"an unknown id":          {13, absent, nil, kerr.UnknownTopicID},
		"an unknown partition":   {13, known, func(p *kmsg.FetchRequestTopicPartition) { p.Partition = 1 }, kerr.UnknownTopicOrPartition},
		"beyond the end":         {12, known, func(p *kmsg.FetchRequestTopicPartition) { p.FetchOffset = 2 }, kerr.OffsetOutOfRange},
		"before the beginning":   {12, known, func(p *kmsg.FetchRequestTopicPartition) { p.FetchOffset = -1 }, kerr.OffsetOutOfRange},
		"an epoch that is over":  {12, known, func(p *kmsg.FetchRequestTopicPartition) { p.CurrentLeaderEpoch = 4 }, kerr.FencedLeaderEpoch},
		"an epoch from tomorrow": {12, known, func(p *kmsg.FetchRequestTopicPartition) { p.CurrentLeaderEpoch = 6 }, kerr.UnknownLeaderEpoch},
	} {
		t.Run(name, func(t *testing.T) {
			req := fetchRequest(c.version, c.topic)
			if c.change != nil {
				c.change(&req.Topics[0].Partitions[0])
			}
			p := s.dial(t)
			p.send(req) // answered at once, although nothing is there and it would wait for 20 s
			if got := p.receive(0).(*kmsg.FetchResponse).Topics[0].Partitions[0]; got.ErrorCode != c.want.Code {
				t.Errorf("%v, want %v", kerr.ErrorForCode(got.ErrorCode), c.want)
			}
		})
	}
}

// TestFetchWaits: an answer comes when min_bytes are there, or when max_wait is over, and not before.
func TestFetchWaits(t *testing.T) {
	s := serve(t, memlog.Options{}, nil)
	topic := s.topic(t, "t", 1, nil)
	p := s.dial(t)
	soon := fetchRequest(12, topic)
	soon.MaxWaitMillis = 20
	p.send(soon)
	if got := p.receive(0).(*kmsg.FetchResponse).Topics[0].Partitions[0]; got.ErrorCode != 0 || len(got.RecordBatches) != 0 {
		t.Errorf("after max_wait: %+v", got)
	}
	much := fetchRequest(12, topic)
	much.MinBytes = 150
	p.send(much)
	answered := make(chan int, 1)
	go func() { answered <- len(p.receive(1).(*kmsg.FetchResponse).Topics[0].Partitions[0].RecordBatches) }()
	size := s.put(t, topic, "one")
	select {
	case <-answered:
		t.Errorf("answered with %d bytes, %d were asked for", size, much.MinBytes)
	case <-time.After(20 * time.Millisecond):
	}
	size += s.put(t, topic, "two") + s.put(t, topic, "three")
	if got := <-answered; got < int(much.MinBytes) {
		t.Errorf("answered with %d bytes of %d", got, size)
	}
	none := fetchRequest(12, topic)
	none.MinBytes, none.Topics[0].Partitions[0].FetchOffset = 0, 3
	p.send(none) // min_bytes 0 never waits
	p.receive(2)
	greedy := fetchRequest(12, topic)
	greedy.MinBytes, greedy.MaxBytes = 1<<30, 100
	p.send(greedy) // nor does a minimum above the maximum, once the maximum is there
	p.receive(3)
}

// TestFetchReturnsALargeFirstBatch: a batch that is larger than all limits comes whole, or the consumer would be stuck.
func TestFetchReturnsALargeFirstBatch(t *testing.T) {
	s := serve(t, memlog.Options{}, nil)
	topic := s.topic(t, "t", 1, nil)
	size := s.put(t, topic, string(make([]byte, 50_000)))
	s.put(t, topic, "second")
	req := fetchRequest(12, topic)
	req.MaxBytes, req.Topics[0].Partitions[0].PartitionMaxBytes = 10, 10
	p := s.dial(t)
	p.send(req)
	if got := p.receive(0).(*kmsg.FetchResponse).Topics[0].Partitions[0]; len(got.RecordBatches) != size {
		t.Errorf("%d bytes, want the first batch's %d", len(got.RecordBatches), size)
	}
}

// TestMetadata: by name and by id, all, and created on demand.
func TestMetadata(t *testing.T) {
	s := serve(t, memlog.Options{}, nil)
	here := s.topic(t, "here", 3, nil)
	p := s.dial(t)
	n := -1
	ask := func(version int16, create bool, topics ...kmsg.MetadataRequestTopic) []kmsg.MetadataResponseTopic {
		t.Helper()
		req := kmsg.NewPtrMetadataRequest()
		req.Version, req.AllowAutoTopicCreation, req.Topics = version, create, topics
		p.send(req)
		n++
		resp := p.receive(n).(*kmsg.MetadataResponse)
		if resp.Brokers[0].Host != "127.0.0.1" || version >= 2 && *resp.ClusterID != "c" || version >= 1 && resp.ControllerID != 1 {
			t.Errorf("version %d: %+v", version, resp)
		}
		return resp.Topics
	}
	name := func(s string) kmsg.MetadataRequestTopic { return kmsg.MetadataRequestTopic{Topic: &s} }
	for version := int16(0); version <= 13; version++ {
		if got := ask(version, false); len(got) != 1 || len(got[0].Partitions) != 3 || got[0].Partitions[2].Leader != 1 {
			t.Errorf("version %d, all: %+v", version, got)
		}
		if got := ask(version, false, name("here")); len(got) != 1 || got[0].ErrorCode != 0 || version >= 10 && got[0].TopicID != here.id {
			t.Errorf("version %d, by name: %+v", version, got)
		}
	}
	if got := ask(12, false, kmsg.MetadataRequestTopic{TopicID: here.id}); *got[0].Topic != "here" {
		t.Errorf("by id: %+v", got)
	}
	if got := ask(12, false, kmsg.MetadataRequestTopic{TopicID: newTopicID()}); got[0].ErrorCode != kerr.UnknownTopicID.Code {
		t.Errorf("by an unknown id: %+v", got)
	}
	if got := ask(9, false, name("absent")); got[0].ErrorCode != kerr.UnknownTopicOrPartition.Code || s.Catalog.named("absent") != nil {
		t.Errorf("an unknown name: %+v", got)
	}
	if got := ask(9, true, name("a/b")); got[0].ErrorCode != kerr.InvalidTopicException.Code {
		t.Errorf("a bad name: %+v", got)
	}
	if got := ask(9, true, name("new")); got[0].ErrorCode != 0 || len(got[0].Partitions) != 1 || s.Catalog.named("new") == nil {
		t.Errorf("on demand: %+v", got)
	}
	if got := ask(1, false, name("older")); got[0].ErrorCode != 0 {
		t.Errorf("on demand, before version 4: %+v", got)
	}
}

// TestMetadataCreatesSomeTopicsAtATime: a request for very many new topics holds its connection up for a bounded time only. For
// those that are left the client is told to ask again.
func TestMetadataCreatesSomeTopicsAtATime(t *testing.T) {
	s := serve(t, memlog.Options{}, nil)
	p := s.dial(t)
	req := kmsg.NewPtrMetadataRequest()
	req.Version, req.AllowAutoTopicCreation = 9, true
	for i := range maxAutoCreate + 30 {
		name := fmt.Sprint("new-", i)
		req.Topics = append(req.Topics, kmsg.MetadataRequestTopic{Topic: &name})
	}
	for i, want := range []int{maxAutoCreate, maxAutoCreate + 30} {
		p.send(req)
		got := 0
		for _, topic := range p.receive(i).(*kmsg.MetadataResponse).Topics {
			switch topic.ErrorCode {
			case 0:
				got++
			case kerr.LeaderNotAvailable.Code:
			default:
				t.Errorf("%s: %v", *topic.Topic, kerr.ErrorForCode(topic.ErrorCode))
			}
		}
		if got != want || len(s.Catalog.all()) != want {
			t.Errorf("request %d: %d topics answered, %d there, want %d", i, got, len(s.Catalog.all()), want)
		}
	}
}

// TestApiVersions: KIP-511, by which clients of the future find out what they may send.
func TestApiVersions(t *testing.T) {
	s := serve(t, memlog.Options{}, nil)
	p := s.dial(t)
	for version := int16(0); version <= 4; version++ {
		req := kmsg.NewPtrApiVersionsRequest()
		req.Version, req.ClientSoftwareName, req.ClientSoftwareVersion = version, "a-client.1", "2"
		p.send(req)
		got := p.receive(int(version)).(*kmsg.ApiVersionsResponse)
		if got.ErrorCode != 0 || len(got.ApiKeys) != len(table()) {
			t.Errorf("version %d: %+v", version, got)
		}
	}
	for i, bad := range []string{"", "-a", "a-", "a b", "ä"} {
		req := kmsg.NewPtrApiVersionsRequest()
		req.Version, req.ClientSoftwareName, req.ClientSoftwareVersion = 3, bad, "1"
		p.send(req)
		if got := p.receive(5 + i).(*kmsg.ApiVersionsResponse); got.ErrorCode != kerr.InvalidRequest.Code {
			t.Errorf("software name %q: error %d", bad, got.ErrorCode)
		}
	}
	// A version from the future, whose body nobody can know.
	p.conn.Write([]byte{0, 0, 0, 14, 0, 18, 0, 99, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	b, err := readFrame(p.conn)
	if err != nil {
		t.Fatal(err)
	}
	got := kmsg.NewPtrApiVersionsResponse()
	if err := got.ReadFrom(b[4:]); err != nil || b[3] != 7 {
		t.Fatal(b, err)
	}
	if got.ErrorCode != kerr.UnsupportedVersion.Code || len(got.ApiKeys) != 1 || got.ApiKeys[0].ApiKey != 18 || got.ApiKeys[0].MaxVersion != 4 {
		t.Errorf("version 99: %+v", got)
	}
	if err := s.client(t).Ping(context.Background()); err != nil { // the newest franz-go asks for a version above ours
		t.Error(err)
	}
}

// denyTopic lets everything pass but what concerns one topic.
type denyTopic string

func (d denyTopic) Allowed(_ context.Context, _ string, _ Operation, kind ResourceKind, name string) bool {
	return kind != Topic || name != string(d)
}

// TestSomeTopicsAreDenied: a request about two topics is served for the one that the caller may use.
func TestSomeTopicsAreDenied(t *testing.T) {
	s := serve(t, memlog.Options{}, nil)
	for _, name := range []string{"open", "closed"} {
		s.topic(t, name, 1, nil)
	}
	s.Authorizer = denyTopic("closed")
	cl := s.client(t, kgo.RequestRetries(0), kgo.DisableIdempotentWrite())
	for name, wantErr := range map[string]bool{"open": false, "closed": true} {
		err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: name, Value: []byte("v")}).FirstErr()
		if (err != nil) != wantErr {
			t.Errorf("produce to %s: %v", name, err)
		}
	}
	p := s.dial(t)
	p.send(fetchRequest(12, s.Catalog.named("closed"), s.Catalog.named("open")))
	got := p.receive(0).(*kmsg.FetchResponse)
	for i, want := range []int16{kerr.TopicAuthorizationFailed.Code, 0} {
		if code := got.Topics[i].Partitions[0].ErrorCode; code != want {
			t.Errorf("fetch from %s: error %d, want %d", got.Topics[i].Topic, code, want)
		}
	}
	all := kmsg.NewPtrMetadataRequest()
	all.Version = 12
	p.send(all)
	if topics := p.receive(1).(*kmsg.MetadataResponse).Topics; len(topics) != 1 || *topics[0].Topic != "open" {
		t.Errorf("listed: %+v", topics)
	}
}
