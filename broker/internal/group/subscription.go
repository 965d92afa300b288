package group

import (
	"encoding/binary"
	"errors"
	"slices"
)

// consumerProtocol is the protocol type of consumers, whose metadata names the topics that they read.
const consumerProtocol = "consumer"

var errSubscription = errors.New("malformed subscription")

// subscribed reports whether a member may be reading a topic. If a member's metadata cannot be read, it may.
func (g *Group) subscribed(topic string) bool {
	if g.protocolType != consumerProtocol {
		return false
	}
	for _, m := range g.members {
		metadata := m.metadata(g.protocol)
		if metadata == nil && len(m.protocols) > 0 {
			metadata = m.protocols[0].Metadata // no generation yet
		}
		topics, err := subscriptionTopics(metadata)
		if err != nil || slices.Contains(topics, topic) {
			return true
		}
	}
	return false
}

// subscriptionTopics reads the topics out of a consumer's metadata: an int16 version, then an array (int32 count) of
// strings (int16 length). What later versions append is not looked at (ConsumerProtocolSubscription of Apache Kafka).
func subscriptionTopics(b []byte) ([]string, error) {
	if len(b) < 6 {
		return nil, errSubscription
	}
	n := int32(binary.BigEndian.Uint32(b[2:]))
	b = b[6:]
	if n < 0 || int64(n)*2 > int64(len(b)) {
		return nil, errSubscription
	}
	topics := make([]string, 0, n)
	for range n {
		if len(b) < 2 {
			return nil, errSubscription
		}
		size := int(int16(binary.BigEndian.Uint16(b)))
		if size < 0 || size > len(b)-2 {
			return nil, errSubscription
		}
		topics = append(topics, string(b[2:2+size]))
		b = b[2+size:]
	}
	return topics, nil
}
