package api

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/typelog/typelog/broker/internal/state"
	"github.com/typelog/typelog/broker/internal/txn"
)

// What the handlers of transactions share.

// Values of transaction.version (KIP-890).
const (
	clientsFirst = 0 // partitions join before they are written to, and the epoch stays
	brokerFirst  = 2 // partitions join by being written to, and the epoch is raised at the end
)

// fencedCode is the code of an error for a client that knows PRODUCER_FENCED only if knows is set.
func fencedCode(err error, knows bool) int16 {
	if !knows && errors.Is(err, txn.ErrFenced) {
		return kerr.InvalidProducerEpoch.Code
	}
	return code(err)
}

// writeError is what is told of a transaction to whoever writes within it. aborts says that the client knows
// TRANSACTION_ABORTABLE, and waits that it knows CONCURRENT_TRANSACTIONS as a reason to come again.
func writeError(err error, aborts, waits bool) error {
	switch {
	case errors.Is(err, txn.ErrFenced):
		return &fault{kerr.InvalidProducerEpoch, err.Error()}
	case errors.Is(err, txn.ErrNotPart) && aborts:
		return &fault{kerr.TransactionAbortable, err.Error()}
	case errors.Is(err, txn.ErrLoading), errors.Is(err, txn.ErrUnavailable), errors.Is(err, txn.ErrConcurrent) && !waits:
		// Every client tries that again, without a look at the metadata.
		return &fault{kerr.NotEnoughReplicas, "The transaction could not be verified, try again: " + err.Error()}
	}
	return err
}

// offsetsPartition is the partition of the topic of committed offsets that a group's offsets go to.
func offsetsPartition(shard int) []state.TopicPartition {
	return []state.TopicPartition{{Topic: OffsetsTopic, Partition: int32(shard)}}
}
