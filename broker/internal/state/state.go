// Package state declares the seam for the state of consumer groups and of transactions: what is kept of them, the effects
// that change it, and the Store that keeps them. Beside the seam stands its embedded form, Topic, which writes the
// internal compacted topics __consumer_offsets and __transaction_state in Kafka's own record formats, so that Kafka's
// tools can read them.
//
// It must not know what the state means: which generation may follow which, who may commit, when an offset
// expires, how a transaction ends. That is packages group's and txn's.
//
// Flow: api -> group or txn -> Store.Apply -> log.Engine -> disk; at start Store.Load -> group or txn.
//
// # Shards
//
// State is divided into shards; everything about one group, or one transactional id, is in the shard that ShardOf names,
// which is the partition that Apache Kafka would choose. A shard is loaded once before it is changed, and loading hands out
// an epoch: changes made under an older one are refused, so that two coordinators never interleave.
//
// # What a reload costs
//
// Loading reads a shard's log from start to end. Until the log compacts it, that is every commit ever made: about 100
// to 150 bytes for each committed partition, read at the speed of the disk with a buffer of one MiB. Memory holds only
// the newest value of each key.
//
// # Records of __consumer_offsets
//
//	key, int16 version first          value, int16 version first       null value
//	0, 1  group, topic, partition     committed offset, versions 0-4   the offset was removed
//	2     group                       group metadata, versions 0-4     the group was removed
//	3...  groups of KIP-848 and       not written here; skipped
//	      later
//
// Written are key version 1 with value version 4 (1 if the commit carries its own expiry; that version has no leader epoch
// and no topic id) and key version 2 with value version 3, as Apache Kafka 4.2 does. All effects of one Apply are one record
// batch, which is what makes them atomic.
//
// Offsets that a transaction commits are a transactional batch of its producer, with the same keys and values. They count
// once the transaction's commit marker follows, from the place where they stand: of two commits of one partition the later
// record wins, whenever its marker came. That is also what compaction keeps.
//
// # Records of __transaction_state
//
//	key, int16 version first          value, int16 version first       null value
//	0     transactional id            transaction, versions 0 and 1    the transactional id was forgotten
//
// Written is value version 1, as Apache Kafka does from transaction.version 1 on.
package state

import (
	"context"
	"errors"
	"unicode/utf16"
)

// Kinds of errors. Stores wrap them.
var (
	// ErrProducerFenced: a transactional effect of a producer that a newer epoch has fenced. Nothing was kept.
	ErrProducerFenced = errors.New("fenced producer")
	// ErrFenced: the shard has been loaded again since; what this caller knows of it is out of date.
	ErrFenced = errors.New("the shard was loaded again")
	// ErrTooLarge: the effects do not fit one atomic change. Nothing was kept.
	ErrTooLarge = errors.New("too large")
	// ErrUnavailable: the store cannot write or read now. Nothing was kept.
	ErrUnavailable = errors.New("state store unavailable")
)

// Epoch counts the loads of a shard.
type Epoch int64

// Store keeps the state of groups, or that of transactions. It is safe for concurrent use.
type Store interface {
	// Shards returns the number of shards, which never changes once it is not 0. It is 0 while nothing was ever stored
	// and create is false; with create, the store is made ready to hold something. It may wait.
	Shards(ctx context.Context, create bool) (int, error)

	// Load begins a new epoch of a shard and calls visit with effects whose sequence rebuilds its state: a later effect
	// replaces an earlier one on the same key, and what was replaced may be left out. Every Apply of an earlier epoch has
	// been decided, and is seen if it succeeded. visit owns what it is given. If it returns an error, Load does. On any
	// error the caller loads again before it applies.
	Load(ctx context.Context, shard int, visit func(Effect) error) (Epoch, error)

	// Apply makes all effects durable, or none: plain ones, or only PutPending of one producer, or one EndPending. It
	// returns once they have their place in the order of the shard;
	// done is called exactly once, from any goroutine, maybe before Apply returns, and must not block. The effects must
	// not be changed until then. Effects applied by successive calls of one goroutine keep their order.
	Apply(shard int, epoch Epoch, effects []Effect, done func(error))
}

// Effect is one change of state. Of groups: PutGroup, RemoveGroup, PutOffset, RemoveOffset, PutPending, EndPending. Of
// transactions: PutTransaction, RemoveTransaction.
type Effect interface{ effect() }

// PutGroup replaces a group's metadata.
type PutGroup struct{ Group Group }

// RemoveGroup removes a group's metadata, not its offsets.
type RemoveGroup struct{ Group string }

// PutOffset replaces the committed offset of one partition.
type PutOffset struct {
	Group  string
	Offset Offset
}

// RemoveOffset removes the committed offset of one partition.
type RemoveOffset struct {
	Group     string
	Topic     string
	Partition int32
}

// PutPending is a PutOffset that counts once the producer's transaction is committed, with its place among the effects
// before and after it, and never if it is aborted.
type PutPending struct {
	Producer Producer
	Group    string
	Offset   Offset
}

// EndPending ends the producer's transaction in the shard.
type EndPending struct {
	Producer         Producer
	CoordinatorEpoch int32
	Commit           bool
}

func (PutGroup) effect()     {}
func (RemoveGroup) effect()  {}
func (PutOffset) effect()    {}
func (RemoveOffset) effect() {}
func (PutPending) effect()   {}
func (EndPending) effect()   {}

// Producer is who writes within a transaction.
type Producer struct {
	ID    int64
	Epoch int16
}

// Group is what is kept of a group between generations.
type Group struct {
	ID           string
	ProtocolType string // "consumer" for consumers
	Generation   int32
	Protocol     string // of the generation; empty if it has no members
	Leader       string // member id; empty likewise
	// StateTime is when the group came to its state, in milliseconds since the epoch; -1 if unknown.
	StateTime int64
	Members   []Member
}

// Member is what is kept of a member.
type Member struct {
	ID               string
	InstanceID       string // empty for a dynamic member (KIP-345)
	ClientID         string
	ClientHost       string
	RebalanceTimeout int32 // milliseconds
	SessionTimeout   int32 // milliseconds
	Subscription     []byte
	Assignment       []byte
}

// Offset is a committed offset.
type Offset struct {
	Topic       string
	TopicID     [16]byte // zero if unknown
	Partition   int32
	Offset      int64
	LeaderEpoch int32 // -1 if unknown
	Metadata    string
	CommitTime  int64 // milliseconds since the epoch
	ExpireTime  int64 // likewise; -1 leaves it to the broker's retention
}

// ShardOf is the shard of a group or transactional id: the absolute value of Java's String.hashCode, modulo the number of shards, as in
// Apache Kafka's coordinators.
func ShardOf(id string, shards int) int {
	h := javaHash(id)
	switch {
	case h == -1<<31:
		h = 0
	case h < 0:
		h = -h
	}
	return int(h) % shards
}

// javaHash is Java's String.hashCode: over UTF-16 code units.
func javaHash(s string) int32 {
	var h int32
	for _, r := range s {
		if r <= 0xffff {
			h = 31*h + r
			continue
		}
		hi, lo := utf16.EncodeRune(r)
		h = 31*(31*h+hi) + lo
	}
	return h
}
