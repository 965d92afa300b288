// Package log declares the seam that partitions lie behind: the types and the interface that the API handlers use
// and that each storage engine implements. It holds no I/O, and no lock, path or file crosses it.
//
// The suite in logtest says what every engine must do. The embedded engine is partlog; the suite's own in-memory
// engine commits in batches after a delay, as an engine over a remote store does, and passes it too.
//
// Flow: api (Produce) -> contract -> Engine.Append -> engine -> disk; api (Fetch) -> Engine.Read -> chunks -> wire.
package log

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// TopicID is a topic's permanent id (KIP-516). A topic that is deleted and created again has another.
type TopicID [16]byte

// Partition names a partition. Names of topics are the handlers' affair.
type Partition struct {
	Topic TopicID
	Index int32
}

// String formats the partition for logs and errors.
func (p Partition) String() string { return fmt.Sprintf("%x-%d", p.Topic, p.Index) }

// Kinds of errors. Engines wrap them with the operation and the partition; api turns them into protocol codes.
var (
	// ErrUnknownPartition: the partition does not exist here (any more).
	ErrUnknownPartition = errors.New("unknown partition")
	// ErrOffsetOutOfRange: the offset is below the log start or above the high watermark.
	ErrOffsetOutOfRange = errors.New("offset out of range")
	// ErrCorrupt: bytes at rest do not match their checksum. It is wrapped in a *CorruptError.
	ErrCorrupt = errors.New("corrupt")
	// ErrStorage: the engine cannot write (a failed or full disk). Nothing of the request was kept.
	ErrStorage = errors.New("storage failed")
	// ErrClosed: the engine is shutting down; the client should try again.
	ErrClosed = errors.New("closed")
	// ErrDuplicateSequence: older than the batches that are remembered (Kafka code 46). Clients take it for success, so
	// every record of the batch is in the log.
	ErrDuplicateSequence = errors.New("duplicate sequence number")
	// ErrOutOfOrderSequence: a gap in a producer's sequence numbers (45).
	ErrOutOfOrderSequence = errors.New("out of order sequence number")
	// ErrUnknownProducer: no state for this producer id, and the sequence does not begin at 0 (59).
	ErrUnknownProducer = errors.New("unknown producer id")
	// ErrInvalidProducerEpoch: the epoch is older than the newest that was seen (47).
	ErrInvalidProducerEpoch = errors.New("invalid producer epoch")
	// ErrInvalidTxnState: a batch outside of a transaction from a producer that has one open here (48).
	ErrInvalidTxnState = errors.New("invalid transaction state")
)

// CorruptError tells where bytes at rest are damaged.
type CorruptError struct {
	File   string // as the operator would find it
	Offset int64  // of the batch, in bytes from the start of the file
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("corrupt: %s at byte %d: %s", e.File, e.Offset, e.Reason)
}

// Is makes errors.Is(err, ErrCorrupt) true.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

// Config is what an engine needs to know of a topic's configs. All durations are in milliseconds, sizes in bytes; -1
// means without limit, as in Kafka.
type Config struct {
	SegmentBytes   int64
	SegmentMs      int64
	RetentionMs    int64
	RetentionBytes int64
	IndexInterval  int64 // bytes of log for each entry of the offset index
	Compact        bool
	Delete         bool
	// Of compaction: how long tombstones stay once they were found, how long records are kept from it and when they must be
	// compacted at the latest (0 is without bound), and how much of the log must be dirty.
	DeleteRetentionMs  int64
	MinCompactionLagMs int64
	MaxCompactionLagMs int64
	MinCleanableRatio  float64
	// FlushOS opts out of flushing before an append is answered (typelog.flush=os).
	FlushOS bool
	// AppendTime sets each batch's timestamps to the time of append (message.timestamp.type).
	AppendTime bool
	// Essential topics (offset commits) take appends for some time even while the disk is full.
	Essential bool
}

// Batch is one record batch (message format v2) on its way into a partition.
type Batch struct {
	Partition Partition
	// Bytes is one whole batch whose header, length and CRC were verified by package record. Until Append's callback
	// has run, the engine may patch base offset, leader epoch and, under AppendTime, the timestamp fields (and the
	// CRC then) in place, and the caller must not touch it. Afterwards it is the caller's again.
	Bytes []byte
	// Transactional control batches never come this way; see AppendControl.

	// Unsequenced marks a batch that the broker itself writes for a producer (offsets that a transaction commits): its
	// epoch fences as always, but its sequence numbers mean nothing.
	Unsequenced bool

	// Companions, if set, is called once the batch's base offset is known, and returns batches for other partitions
	// (a dead letter, say) that are appended if and only if this one is. It is not called for a duplicate. It must not
	// block.
	Companions func(baseOffset int64) ([]Batch, error)
}

// Appended is the outcome of one Batch.
type Appended struct {
	// BaseOffset of the batch; for a duplicate that of the original.
	BaseOffset int64
	// AppendTime in milliseconds since the epoch under Config.AppendTime, otherwise -1.
	AppendTime int64
	// LogStart is the log start offset after the append.
	LogStart  int64
	Duplicate bool
	// Err is nil once the batch is as durable as its topic asks for; otherwise nothing of it was kept.
	Err error
}

// Isolation is a reader's isolation level.
type Isolation uint8

// The isolation levels of Kafka's Fetch and ListOffsets.
const (
	ReadUncommitted Isolation = iota
	ReadCommitted
)

// Bounds are a partition's offsets.
type Bounds struct {
	LogStart      int64 // first offset that can be read
	HighWatermark int64 // one past the last offset that is flushed, so that no reader sees what a power cut could take
	LastStable    int64 // at most HighWatermark; before the first open transaction
}

// ReadRequest asks for records of one partition.
type ReadRequest struct {
	Partition Partition
	Offset    int64
	MaxBytes  int
}

// AbortedTxn is a transaction whose records a read_committed reader must drop (KIP-98).
type AbortedTxn struct {
	ProducerID  int64
	FirstOffset int64
}

// ReadResult is the answer for one partition. Chunks together are whole batches, the first of which contains the
// offset that was asked for or, where compaction has left a gap, is the next one; each must be released, whether it was written or not.
type ReadResult struct {
	Bounds  Bounds
	Aborted []AbortedTxn
	Chunks  []Chunk
	Err     error
}

// Size is the number of bytes in the result's chunks.
func (r *ReadResult) Size() int64 {
	var n int64
	for _, c := range r.Chunks {
		n += c.Len()
	}
	return n
}

// Chunk is a run of log bytes that writes itself to a connection: a range of a file, by sendfile where the connection
// allows, or bytes in memory. What it reads stays readable until Release, whatever retention or compaction does
// meanwhile. A Chunk is used by one goroutine.
type Chunk interface {
	Len() int64
	io.WriterTo
	Release()
}

// ReadLimits bound a Read over all its partitions.
type ReadLimits struct {
	// MaxBytes bounds the sum of all results; the first batch of the first partition that has records is returned
	// whole even if it is larger (KIP-74).
	MaxBytes  int
	Isolation Isolation
}

// TimeOffset is the answer to a look-up by time.
type TimeOffset struct {
	Offset      int64 // -1 if there is none
	Timestamp   int64 // -1 likewise
	LeaderEpoch int32
}

// Special times for ByTime (Kafka's ListOffsets).
const (
	Latest       int64 = -1
	Earliest     int64 = -2
	MaxTimestamp int64 = -3
)

// EpochEnd is the answer to OffsetForLeaderEpoch (KIP-101, KIP-279).
type EpochEnd struct {
	Epoch     int32 // the largest epoch at or below the one asked for; -1 if unknown
	EndOffset int64 // one past its last offset; -1 if unknown
}

// ActiveProducer is what a partition knows of a producer (KIP-664).
type ActiveProducer struct {
	ID               int64
	Epoch            int16
	LastSequence     int32 // -1 if it has written nothing in its epoch
	LastTimestamp    int64 // milliseconds since the epoch
	CoordinatorEpoch int32 // of its last marker; -1 if there is none
	TxnStart         int64 // first offset of its open transaction; -1 if none is open
}

// Control is a transaction marker to be written (KIP-98). It is exempt from the contract.
type Control struct {
	Partition        Partition
	ProducerID       int64
	ProducerEpoch    int16
	CoordinatorEpoch int32
	Commit           bool
}

// Engine holds partitions. It is safe for concurrent use.
type Engine interface {
	// Create makes the partitions durable, empty and readable; those that exist are left as they are. It returns
	// once they would survive a crash.
	Create(ctx context.Context, parts []Partition, cfg Config) error
	// Configure changes the configs of a topic's partitions from now on.
	Configure(topic TopicID, cfg Config)
	// DeleteTopic takes the topic's partitions away. Readers that hold chunks keep them.
	DeleteTopic(ctx context.Context, topic TopicID) error

	// Append takes all batches of a request and returns once each has its place in the order of its partition or has
	// been refused; done is called exactly once, from any goroutine, maybe before Append returns, with an outcome for
	// each batch in order, when all are decided. Batches that one goroutine passes in successive calls keep their
	// order. Idempotence, fencing and assignment of offsets happen inside, because some engines know an offset only
	// after they have committed. done must not block.
	Append(batches []Batch, done func([]Appended))
	// AppendControl writes transaction markers; done is called as by Append.
	AppendControl(markers []Control, done func([]Appended))

	// Read returns what is there now; it never waits for more. The results are in the order of the requests.
	Read(reqs []ReadRequest, limits ReadLimits) []ReadResult
	// Watch calls wake, once and without blocking, as soon as the high watermark (or last stable offset) of one of
	// the partitions moves, or one goes away, after the call; stop ends the watch and may be called at any time. To
	// miss nothing, watch first and read then.
	Watch(parts []Partition, wake func()) (stop func())

	Bounds(p Partition) (Bounds, error)
	// ByTime returns the first offset whose timestamp is at or after ts (milliseconds since the epoch), or, for the
	// special times, what they name. Under ReadCommitted, Latest is the last stable offset.
	ByTime(p Partition, ts int64, iso Isolation) (TimeOffset, error)
	EndOfEpoch(p Partition, epoch int32) (EpochEnd, error)
	// Producers returns the producers that the partition remembers, by id.
	Producers(p Partition) ([]ActiveProducer, error)
	// LeaderEpoch is the epoch that new batches get.
	LeaderEpoch(p Partition) (int32, error)
	// Trim makes offset the log start (DeleteRecords); -1 stands for the high watermark. It returns the new log
	// start once that is durable.
	Trim(ctx context.Context, p Partition, offset int64) (int64, error)

	// Close flushes, marks the shutdown as clean and releases everything. Appends under way are decided first.
	Close() error
}
