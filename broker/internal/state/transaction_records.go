package state

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Versions of keys and values of the transaction topic; the package comment has the table.
const (
	keyTransaction      = 0
	valueTransaction    = 1
	maxTransactionValue = 1
)

func transactionKey(id string) []byte {
	k := kmsg.NewTxnMetadataKey()
	k.Version, k.TransactionalID = keyTransaction, id
	return k.AppendTo(nil)
}

func transactionValue(t *Transaction) []byte {
	v := kmsg.NewTxnMetadataValue()
	v.Version = valueTransaction
	v.ProducerID, v.ProducerEpoch = t.ProducerID, t.Epoch
	v.PreviousProducerID, v.NextProducerID = t.PreviousProducerID, t.NextProducerID
	v.TimeoutMillis = t.Timeout
	v.State = kmsg.TransactionState(t.Status)
	v.LastUpdateTimestamp, v.StartTimestamp = t.Updated, t.Started
	v.ClientTransactionVersion = t.Version
	if t.Status != TransactionEmpty { // null then, otherwise an array
		v.Topics = []kmsg.TxnMetadataValueTopic{}
	}
	at := map[string]int{}
	for _, p := range t.Partitions {
		i, ok := at[p.Topic]
		if !ok {
			i = len(v.Topics)
			at[p.Topic] = i
			topic := kmsg.NewTxnMetadataValueTopic()
			topic.Topic = p.Topic
			v.Topics = append(v.Topics, topic)
		}
		v.Topics[i].Partitions = append(v.Topics[i].Partitions, p.Partition)
	}
	return v.AppendTo(nil)
}

// decodeTransaction reads a record of the transaction topic. It returns nil for records of kinds that are not ours to read.
// What it returns does not alias key and value.
func decodeTransaction(key, value []byte) (Effect, error) {
	if len(key) < 2 {
		return nil, fmt.Errorf("%w: a key of %d bytes", errMalformed, len(key))
	}
	if binary.BigEndian.Uint16(key) != keyTransaction {
		return nil, nil
	}
	var k kmsg.TxnMetadataKey
	if err := k.ReadFrom(key); err != nil {
		return nil, fmt.Errorf("%w: key of a transaction: %v", errMalformed, err)
	}
	if value == nil {
		return RemoveTransaction{k.TransactionalID}, nil
	}
	if err := checkVersion(value, maxTransactionValue); err != nil {
		return nil, fmt.Errorf("transactional id %q: %w", k.TransactionalID, err)
	}
	v := kmsg.NewTxnMetadataValue()
	if err := v.ReadFrom(value); err != nil {
		return nil, fmt.Errorf("%w: transactional id %q: %v", errMalformed, k.TransactionalID, err)
	}
	status := TransactionStatus(v.State)
	if status < 0 || status > TransactionDead {
		return nil, fmt.Errorf("%w: transactional id %q: state %d", errMalformed, k.TransactionalID, v.State)
	}
	t := Transaction{
		ID:                 k.TransactionalID,
		ProducerID:         v.ProducerID,
		PreviousProducerID: v.PreviousProducerID,
		NextProducerID:     v.NextProducerID,
		Epoch:              v.ProducerEpoch,
		LastEpoch:          -1,
		Timeout:            v.TimeoutMillis,
		Status:             status,
		Started:            v.StartTimestamp,
		Updated:            v.LastUpdateTimestamp,
		Version:            v.ClientTransactionVersion,
	}
	for i := range v.Topics {
		for _, p := range v.Topics[i].Partitions {
			t.Partitions = append(t.Partitions, TopicPartition{v.Topics[i].Topic, p})
		}
	}
	return PutTransaction{t}, nil
}
