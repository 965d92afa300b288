package group

import (
	"time"

	"github.com/typelog/typelog/broker/internal/state"
)

// Token names a waiting request. 0 is nobody.
type Token uint64

// Event is something that happens to a group: a request, the passing of time (Tick), or the store's answer (Written).
type Event interface {
	apply(g *Group, now time.Time)
}

// Effect is what a step wants done: Reply, Write or Dropped.
type Effect interface{ effect() }

// Reply answers a request.
type Reply struct {
	To     Token
	Answer Answer
}

// Write changes the stored state. Writes of a group are applied in order, and the outcome of each comes back as a Written.
type Write struct {
	ID      uint64
	Effects []state.Effect
}

// Dropped says that the group has given a member up, which operators want to know: its partitions go to others.
type Dropped struct {
	MemberID, ClientID, ClientHost string
	Why                            string
}

func (Reply) effect()   {}
func (Write) effect()   {}
func (Dropped) effect() {}

// Answer is one of Joined, Synced, Beaten, Left, Committed, Fetched, Description, Removed, Ended.
type Answer interface{ answer() }

// Protocol is an assignment strategy that a member supports, with what it tells the leader about itself.
type Protocol struct {
	Name     string
	Metadata []byte
}

// Join asks to become, or to stay, a member. The group keeps the slices.
type Join struct {
	Token        Token
	MemberID     string // empty for one that has none yet
	NewMemberID  string // what it will be called then
	InstanceID   string // empty for a dynamic member
	ClientID     string
	ClientHost   string
	ProtocolType string
	Protocols    []Protocol // in order of preference
	Session      time.Duration
	// Rebalance is how long the member may take to rejoin; Session if the request has none (version 0).
	Rebalance time.Duration
	// NeedsID: a newcomer has to come again with the member id that it is told (version 4 on, KIP-394).
	NeedsID bool
	// CanSkip: the client understands Joined.SkipAssignment (version 9 on, KIP-814).
	CanSkip bool
}

// Joined answers a Join.
type Joined struct {
	Err            error
	MemberID       string
	Generation     int32 // -1 with Err
	ProtocolType   string
	Protocol       string
	Leader         string
	SkipAssignment bool
	Members        []JoinedMember // for the leader
}

// JoinedMember is a member as the leader sees it.
type JoinedMember struct {
	ID         string
	InstanceID string
	Metadata   []byte
}

// Sync asks for the member's assignment, and brings everybody's if it comes from the leader. The group keeps the slices.
type Sync struct {
	Token        Token
	MemberID     string
	InstanceID   string
	Generation   int32
	ProtocolType string // empty in versions that have none
	Protocol     string // likewise
	Assignments  map[string][]byte
}

// Synced answers a Sync.
type Synced struct {
	Err          error
	ProtocolType string
	Protocol     string
	Assignment   []byte
}

// Heartbeat says that a member is alive.
type Heartbeat struct {
	Token      Token
	MemberID   string
	InstanceID string
	Generation int32
}

// Beaten answers a Heartbeat.
type Beaten struct{ Err error }

// Leave takes members away.
type Leave struct {
	Token   Token
	Members []Leaver
}

// Leaver names a member by its id, by its instance id, or by both.
type Leaver struct{ MemberID, InstanceID string }

// Left answers a Leave.
type Left struct {
	Err error   // concerns all
	Of  []error // one for each member of the request, if Err is nil
}

// Commit commits offsets.
type Commit struct {
	Token      Token
	MemberID   string
	InstanceID string
	Generation int32 // negative from outside the group
	// Retention, if not 0, is how long these offsets are kept, whatever the broker's setting says (versions 2 to 4).
	Retention time.Duration
	// Offsets are what is committed; their CommitTime and ExpireTime are set here.
	Offsets []state.Offset
}

// TxnCommit commits offsets within a producer's transaction.
type TxnCommit struct {
	Token    Token
	Producer state.Producer
	// Who commits; the versions before 3 do not say, and send no member and a negative generation.
	MemberID   string
	InstanceID string
	Generation int32
	Offsets    []state.Offset
}

// TxnEnd is the end of a producer's transaction: its marker is in the log.
type TxnEnd struct {
	Token      Token
	ProducerID int64
	Commit     bool
}

// Ended answers a TxnEnd.
type Ended struct{ Err error }

// Committed answers a Commit or a TxnCommit.
type Committed struct {
	Err error   // concerns all
	Of  []error // one for each offset of the request, if Err is nil
}

// Fetch asks for committed offsets.
type Fetch struct {
	Token Token
	// Topics are the partitions asked for, by topic; nil for all.
	Topics map[string][]int32
	// Stable: an offset that a transaction may yet replace is not wanted (KIP-447).
	Stable bool
}

// Fetched answers a Fetch with the offsets that are committed; others are left out.
type Fetched struct {
	Err      error
	Offsets  []state.Offset
	Unstable []TopicPartition
}

// Describe asks what the group is like.
type Describe struct{ Token Token }

// Description answers a Describe.
type Description struct {
	Err          error
	State        State
	ProtocolType string
	Protocol     string // empty unless Stable
	Members      []DescribedMember
}

// DescribedMember is a member as administrators see it. Metadata and Assignment are empty unless the group is Stable.
type DescribedMember struct {
	ID, InstanceID       string
	ClientID, ClientHost string
	Metadata, Assignment []byte
}

// Delete removes the group, if it is empty.
type Delete struct{ Token Token }

// DeleteOffsets removes committed offsets.
type DeleteOffsets struct {
	Token      Token
	Partitions []TopicPartition
}

// DropTopic removes the committed offsets of a topic that is no more.
type DropTopic struct {
	Token Token
	Topic string
	// ID spares the offsets of another topic of the same name; zero spares none.
	ID [16]byte
}

// TopicPartition names a partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// Removed answers Delete, DeleteOffsets and DropTopic.
type Removed struct {
	Err error   // concerns all
	Of  []error // of DeleteOffsets: one for each partition of the request, if Err is nil
}

// Tick says that time has passed: it is wanted at Deadline.
type Tick struct{}

// Expire removes offsets past their retention, and the group if nothing is left of it.
type Expire struct{}

// Restored is the first event of a group that Restore made.
type Restored struct{}

// Written is the store's answer to a Write.
type Written struct {
	ID  uint64
	Err error
}

func (Joined) answer()      {}
func (Synced) answer()      {}
func (Beaten) answer()      {}
func (Left) answer()        {}
func (Committed) answer()   {}
func (Fetched) answer()     {}
func (Description) answer() {}
func (Removed) answer()     {}
func (Ended) answer()       {}
