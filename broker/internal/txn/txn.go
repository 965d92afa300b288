// Package txn runs transactions (KIP-98) and hands out producer ids.
//
// What a request does to a transactional id is a pure function, decide: from the state, an event and the time to the next
// state. It does no I/O and reads no clock; scripts in testdata show what it does. Coordinator surrounds it with what is not
// pure: the state store, the markers, timeouts, and requests that wait.
//
// The room must not know the protocol's encodings (api translates), how state is kept (package state), nor where markers go
// (Markers).
//
// Flow: api -> Coordinator -> decide -> state.Store -> Markers -> state.Store.
//
// # States
//
//	Empty           a producer has its identity and has begun no transaction
//	Ongoing         partitions have joined; records may be in them
//	PrepareCommit   decided: markers are being written. Nothing can change the outcome any more, nor a crash: who loads this
//	PrepareAbort    state writes the markers anew
//	CompleteCommit  every partition has its marker
//	CompleteAbort
//
//	Empty or Complete -partition joins-> Ongoing -end, or timeout-> Prepare -markers are written-> Complete
//	Empty or Complete -InitProducerId-> Empty, with a new epoch; -nothing for long-> forgotten
//
// A step is stored before it is answered, and before anything follows from it: no record of a transaction enters a
// partition before the partition is stored as a part of it, and no marker is written before the outcome is stored.
//
// # Who may go on
//
// A producer is its id and epoch. InitProducerId raises the epoch, which fences whoever had the one before; an ongoing
// transaction is aborted first, by markers of a raised epoch, so that late records of the old producer are refused by
// every partition. An exhausted epoch is followed by a new producer id.
//
// With transaction.version 2 (KIP-890) the end of a transaction raises the epoch, too, so that what is late belongs to
// no transaction, and partitions join by being written to. Older clients keep their epoch, and name partitions first.
// For both, a batch enters a partition only while its transaction holds still (Enter): an end waits until it is in.
//
// Sources: KIP-98, KIP-360 (an epoch that the producer asks to have raised), KIP-447, KIP-664, KIP-890, and what Apache Kafka
// 4.2 answers.
package txn

import "errors"

// What can be wrong with a request; api turns each into the protocol code in parentheses.
var (
	// ErrLoading: the state of the transactional id is being loaded (14).
	ErrLoading = errors.New("the transaction coordinator is loading")
	// ErrUnavailable: state cannot be stored or ids allocated now; the client tries again (15).
	ErrUnavailable = errors.New("the transaction coordinator is not available")
	// ErrInvalid: an epoch without a producer id, or the other way round; an empty transactional id (42).
	ErrInvalid = errors.New("invalid producer id and epoch, or transactional id")
	// ErrInvalidState: what is asked does not go with the state of the transaction (48).
	ErrInvalidState = errors.New("invalid transaction state")
	// ErrNotPart: the partition is not part of the producer's transaction (48, or 120 to clients that know it).
	ErrNotPart = errors.New("the partition is not part of the transaction")
	// ErrUnknownID: the transactional id has another producer id, or none (49).
	ErrUnknownID = errors.New("the producer id is not that of the transactional id")
	// ErrInvalidTimeout: the timeout is not positive, or above transaction.max.timeout.ms (50).
	ErrInvalidTimeout = errors.New("invalid transaction timeout")
	// ErrConcurrent: the transaction before is being ended; the client tries again (51).
	ErrConcurrent = errors.New("the transaction is being ended")
	// ErrFenced: another producer has taken over (90; 47 to old clients).
	ErrFenced = errors.New("fenced by a newer producer with this transactional id, or the transaction timed out")
	// ErrNotFound: nothing is known of the transactional id (105).
	ErrNotFound = errors.New("transactional id not found")
)

// Identity is what a producer writes into its batches.
type Identity struct {
	ProducerID int64
	Epoch      int16
}

// nobody is the identity of who has none.
var nobody = Identity{ProducerID: -1, Epoch: -1}
