package state

// Transaction is what is kept of a transactional id.
type Transaction struct {
	ID         string
	ProducerID int64
	// PreviousProducerID is the one before, if the last change brought a new one because the epoch was exhausted; otherwise -1.
	// It tells a retry.
	PreviousProducerID int64
	// NextProducerID takes over when the transaction that is ending is complete, because the epoch is exhausted; -1 if not.
	NextProducerID int64
	Epoch          int16
	// LastEpoch is the epoch before the last bump, if that was made for the producer itself (KIP-360); otherwise -1. It is not
	// stored: after a load it is -1, as in Apache Kafka.
	LastEpoch  int16
	Timeout    int32 // milliseconds
	Status     TransactionStatus
	Partitions []TopicPartition // in order of their joining
	Started    int64            // milliseconds since the epoch; -1 if no transaction is open
	Updated    int64            // milliseconds since the epoch
	// Version is the transaction.version that the client spoke (KIP-890).
	Version int16
}

// TopicPartition names a partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// TransactionStatus is the state of a transaction; the values are Kafka's.
type TransactionStatus int8

// The states.
const (
	TransactionEmpty          TransactionStatus = 0 // no transaction was begun by this producer id and epoch
	TransactionOngoing        TransactionStatus = 1
	TransactionPrepareCommit  TransactionStatus = 2 // it will be committed; markers are being written
	TransactionPrepareAbort   TransactionStatus = 3 // it will be aborted; markers are being written
	TransactionCompleteCommit TransactionStatus = 4
	TransactionCompleteAbort  TransactionStatus = 5
	TransactionDead           TransactionStatus = 6 // it is being forgotten
)

var transactionStatuses = [...]string{"Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "Dead"}

// String is the state's name in DescribeTransactions and ListTransactions.
func (s TransactionStatus) String() string {
	if s < 0 || int(s) >= len(transactionStatuses) {
		return "Unknown"
	}
	return transactionStatuses[s]
}

// TransactionStatusOf is the state of that name.
func TransactionStatusOf(name string) (TransactionStatus, bool) {
	for i, n := range transactionStatuses {
		if n == name {
			return TransactionStatus(i), true
		}
	}
	return 0, false
}

// PutTransaction replaces what is kept of a transactional id.
type PutTransaction struct{ Transaction Transaction }

// RemoveTransaction forgets a transactional id.
type RemoveTransaction struct{ ID string }

func (PutTransaction) effect()    {}
func (RemoveTransaction) effect() {}
