package state

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Versions of keys and values; the package comment has the table.
const (
	keyOffsetV0 = 0
	keyOffset   = 1
	keyGroup    = 2

	valueOffsetExpiring = 1 // the only version with an expiry of its own
	valueOffset         = 4
	valueOffsetEpoch    = 3 // the first with a leader epoch
	valueGroup          = 3
	maxValueVersion     = 4
)

// errMalformed: a record of the internal topic cannot be read.
var errMalformed = errors.New("malformed record")

// encode turns an effect into a record's key and value; a nil value is a tombstone.
func encode(e Effect) (key, value []byte) {
	switch e := e.(type) {
	case PutGroup:
		return groupKey(e.Group.ID), groupValue(&e.Group)
	case RemoveGroup:
		return groupKey(e.Group), nil
	case PutOffset:
		return offsetKey(e.Group, e.Offset.Topic, e.Offset.Partition), offsetValue(&e.Offset)
	case RemoveOffset:
		return offsetKey(e.Group, e.Topic, e.Partition), nil
	case PutPending:
		return offsetKey(e.Group, e.Offset.Topic, e.Offset.Partition), offsetValue(&e.Offset)
	case PutTransaction:
		return transactionKey(e.Transaction.ID), transactionValue(&e.Transaction)
	case RemoveTransaction:
		return transactionKey(e.ID), nil
	}
	panic(fmt.Sprintf("state: unknown effect %T", e))
}

func groupKey(group string) []byte {
	k := kmsg.NewGroupMetadataKey()
	k.Version, k.Group = keyGroup, group
	return k.AppendTo(nil)
}

func offsetKey(group, topic string, partition int32) []byte {
	k := kmsg.NewOffsetCommitKey()
	k.Version, k.Group, k.Topic, k.Partition = keyOffset, group, topic, partition
	return k.AppendTo(nil)
}

func offsetValue(o *Offset) []byte {
	v := kmsg.NewOffsetCommitValue()
	v.Version = valueOffset
	if o.ExpireTime >= 0 {
		v.Version = valueOffsetExpiring
	}
	v.Offset = o.Offset
	v.LeaderEpoch = o.LeaderEpoch
	v.Metadata = o.Metadata
	v.CommitTimestamp = o.CommitTime
	v.ExpireTimestamp = o.ExpireTime
	v.TopicID = o.TopicID
	return v.AppendTo(nil)
}

func groupValue(g *Group) []byte {
	v := kmsg.NewGroupMetadataValue()
	v.Version = valueGroup
	v.ProtocolType = g.ProtocolType
	v.Generation = g.Generation
	v.Protocol = optional(g.Protocol)
	v.Leader = optional(g.Leader)
	v.CurrentStateTimestamp = g.StateTime
	for i := range g.Members {
		from := &g.Members[i]
		m := kmsg.NewGroupMetadataValueMember()
		m.MemberID = from.ID
		m.InstanceID = optional(from.InstanceID)
		m.ClientID = from.ClientID
		m.ClientHost = from.ClientHost
		m.RebalanceTimeoutMillis = from.RebalanceTimeout
		m.SessionTimeoutMillis = from.SessionTimeout
		m.Subscription = from.Subscription
		m.Assignment = from.Assignment
		v.Members = append(v.Members, m)
	}
	return v.AppendTo(nil)
}

// decode is encode's inverse for the topic of groups. It returns nil for records of kinds that are not ours to read. What it returns does not
// alias key and value.
func decode(key, value []byte) (Effect, error) {
	if len(key) < 2 {
		return nil, fmt.Errorf("%w: a key of %d bytes", errMalformed, len(key))
	}
	switch version := binary.BigEndian.Uint16(key); {
	case version == keyOffsetV0 || version == keyOffset:
		return decodeOffset(key, value)
	case version == keyGroup:
		return decodeGroup(key, value)
	default:
		return nil, nil
	}
}

func decodeOffset(key, value []byte) (Effect, error) {
	var k kmsg.OffsetCommitKey
	if err := k.ReadFrom(key); err != nil {
		return nil, fmt.Errorf("%w: key of an offset: %v", errMalformed, err)
	}
	if value == nil {
		return RemoveOffset{k.Group, k.Topic, k.Partition}, nil
	}
	if err := checkVersion(value, maxValueVersion); err != nil {
		return nil, fmt.Errorf("offset of group %q, topic %q: %w", k.Group, k.Topic, err)
	}
	v := kmsg.NewOffsetCommitValue()
	if err := v.ReadFrom(value); err != nil {
		return nil, fmt.Errorf("%w: offset of group %q, topic %q: %v", errMalformed, k.Group, k.Topic, err)
	}
	o := Offset{
		Topic:       k.Topic,
		TopicID:     v.TopicID,
		Partition:   k.Partition,
		Offset:      v.Offset,
		LeaderEpoch: -1,
		Metadata:    v.Metadata,
		CommitTime:  v.CommitTimestamp,
		ExpireTime:  -1,
	}
	if v.Version >= valueOffsetEpoch {
		o.LeaderEpoch = v.LeaderEpoch
	}
	if v.Version == valueOffsetExpiring {
		o.ExpireTime = v.ExpireTimestamp
	}
	return PutOffset{k.Group, o}, nil
}

func decodeGroup(key, value []byte) (Effect, error) {
	var k kmsg.GroupMetadataKey
	if err := k.ReadFrom(key); err != nil {
		return nil, fmt.Errorf("%w: key of a group: %v", errMalformed, err)
	}
	if value == nil {
		return RemoveGroup{k.Group}, nil
	}
	if err := checkVersion(value, maxValueVersion); err != nil {
		return nil, fmt.Errorf("group %q: %w", k.Group, err)
	}
	v := kmsg.NewGroupMetadataValue()
	if err := v.ReadFrom(value); err != nil {
		return nil, fmt.Errorf("%w: group %q: %v", errMalformed, k.Group, err)
	}
	g := Group{
		ID:           k.Group,
		ProtocolType: v.ProtocolType,
		Generation:   v.Generation,
		Protocol:     deref(v.Protocol),
		Leader:       deref(v.Leader),
		StateTime:    -1,
	}
	if v.Version >= 2 {
		g.StateTime = v.CurrentStateTimestamp
	}
	for i := range v.Members {
		from := &v.Members[i]
		rebalance := from.RebalanceTimeoutMillis
		if v.Version < 1 || rebalance < 0 {
			rebalance = from.SessionTimeoutMillis
		}
		g.Members = append(g.Members, Member{
			ID:               from.MemberID,
			InstanceID:       deref(from.InstanceID),
			ClientID:         from.ClientID,
			ClientHost:       from.ClientHost,
			RebalanceTimeout: rebalance,
			SessionTimeout:   from.SessionTimeoutMillis,
			Subscription:     append([]byte(nil), from.Subscription...),
			Assignment:       append([]byte(nil), from.Assignment...),
		})
	}
	return PutGroup{g}, nil
}

// checkVersion refuses values from the future: to skip one would be to forget what it says.
func checkVersion(value []byte, max int16) error {
	if len(value) < 2 {
		return fmt.Errorf("%w: a value of %d bytes", errMalformed, len(value))
	}
	if v := int16(binary.BigEndian.Uint16(value)); v < 0 || v > max {
		return fmt.Errorf("%w: value version %d, known are 0 to %d", errMalformed, v, max)
	}
	return nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
