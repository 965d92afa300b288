package api

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/log/memlog"
	"github.com/typelog/typelog/broker/internal/wire"
)

// TestNothingIsBegunForWhoIsGone: one request can ask for thousands of topics. Those that are not made when its connection
// ends, or the broker stops, are not made any more, so that neither waits for them.
func TestNothingIsBegunForWhoIsGone(t *testing.T) {
	s := serve(t, memlog.Options{}, nil)
	there := s.topic(t, "there", 1, nil)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	c := caller{Caller: wire.Caller{Listener: "PLAINTEXT"}}

	ask := kmsg.NewPtrMetadataRequest()
	ask.Version, ask.AllowAutoTopicCreation = 12, true
	create := kmsg.NewPtrCreateTopicsRequest()
	create.Version = 7
	for i := range 100 {
		want := kmsg.NewMetadataRequestTopic()
		want.Topic = kmsg.StringPtr(fmt.Sprintf("asked%d", i))
		ask.Topics = append(ask.Topics, want)
		made := kmsg.NewCreateTopicsRequestTopic()
		made.Topic, made.NumPartitions, made.ReplicationFactor = fmt.Sprintf("made%d", i), 1, 1
		create.Topics = append(create.Topics, made)
	}
	for _, topic := range metadata(s.Server, ctx, c, ask)().resp.(*kmsg.MetadataResponse).Topics {
		if topic.ErrorCode != kerr.LeaderNotAvailable.Code {
			t.Errorf("Metadata of %s: %v, want one to try again", *topic.Topic, kerr.ErrorForCode(topic.ErrorCode))
		}
	}
	for _, topic := range createTopics(s.Server, ctx, c, create)().resp.(*kmsg.CreateTopicsResponse).Topics {
		if topic.ErrorCode != kerr.RequestTimedOut.Code {
			t.Errorf("CreateTopics of %s: %v, want one to try again", topic.Topic, kerr.ErrorForCode(topic.ErrorCode))
		}
	}
	if err := s.Catalog.grow(ctx, "there", 2, false); !errors.Is(err, kerr.RequestTimedOut) {
		t.Errorf("grow: %v", err)
	}
	if err := s.Catalog.remove(ctx, there); !errors.Is(err, kerr.RequestTimedOut) {
		t.Errorf("remove: %v", err)
	}
	if all := s.Catalog.all(); len(all) != 1 || all[0] != there {
		t.Errorf("there are %d topics, want the one of before, as it was", len(all))
	}
}
