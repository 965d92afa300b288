package serde

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// explainTimeout bounds the question why a record is refused.
const explainTimeout = 10 * time.Second

// explain asks the broker once more to take a record that it has just refused alone. It returns the broker's reason,
// or stored = true if the broker took the record this time, because a schema was registered meanwhile, for one.
func (s *sender) explain(rec *kgo.Record) (reason error, stored bool) {
	ctx, cancel := context.WithTimeout(context.Background(), explainTimeout)
	defer cancel()
	info, err := s.topic.load(ctx, s.client)
	if err == nil {
		err = produceAlone(ctx, s.client, info, rec)
	}
	if err != nil && !errors.Is(err, kerr.InvalidRecord) {
		err = fmt.Errorf("%w (asking the broker why failed: %w)", kerr.InvalidRecord, err)
	}
	return err, err == nil
}

// ProduceAlone produces one record to its Topic and Partition in a request of its own and sets its Offset. If the broker refuses it, the
// error holds a *Refusal with the broker's own words, which kgo drops (KIP-467). It is not idempotent: after an error of
// kind ErrNetwork the record may be stored.
func ProduceAlone(ctx context.Context, client *kgo.Client, rec *kgo.Record) error {
	info, err := (&topicInfo{name: rec.Topic}).load(ctx, client)
	if err != nil {
		return err
	}
	if rec.Timestamp.IsZero() {
		rec.Timestamp = time.Now()
	}
	err = produceAlone(ctx, client, info, rec)
	if errors.Is(err, kerr.InvalidRecord) {
		return failed(ErrRefused, err, "topic %s partition %d", rec.Topic, rec.Partition)
	}
	if err != nil {
		return networkOr(err, "topic %s partition %d", rec.Topic, rec.Partition)
	}
	return nil
}

func produceAlone(ctx context.Context, client *kgo.Client, info *topicState, rec *kgo.Record) error {
	if rec.Partition < 0 || int(rec.Partition) >= len(info.leaders) {
		return kerr.UnknownTopicOrPartition
	}
	base, _, err := produceBatch(ctx, client, info, []*kgo.Record{rec}, noProducer)
	if err == nil {
		rec.Offset = base
	}
	return err
}

// producedBy is whose batch it is.
type producedBy struct {
	transaction *string // the transactional id
	id          int64
	epoch       int16
	sequence    int32
}

var noProducer = producedBy{id: -1, epoch: -1, sequence: -1}

// produceBatch sends records of one partition, which exists, as one batch in a request of its own. If the broker refuses
// it, err says why, and at is the index of the first record that the broker names, or -1.
func produceBatch(ctx context.Context, client *kgo.Client, info *topicState, recs []*kgo.Record, by producedBy) (base int64, at int, err error) {
	part := kmsg.NewProduceRequestTopicPartition()
	part.Partition = recs[0].Partition
	part.Records = encodeBatch(recs, by)
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.TopicID = recs[0].Topic, info.id
	topic.Partitions = append(topic.Partitions, part)
	req := kmsg.NewPtrProduceRequest()
	req.TransactionID, req.Acks, req.TimeoutMillis = by.transaction, -1, int32(explainTimeout.Milliseconds())
	req.Topics = append(req.Topics, topic)
	raw, err := client.Broker(int(info.leaders[recs[0].Partition])).Request(ctx, req)
	if err != nil {
		return 0, -1, err
	}
	resp, ok := raw.(*kmsg.ProduceResponse)
	if !ok || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return 0, -1, errors.New("the broker's answer to one batch is not about one batch")
	}
	at, err = readRefusal(&resp.Topics[0].Partitions[0])
	return resp.Topics[0].Partitions[0].BaseOffset, at, err
}

func readRefusal(p *kmsg.ProduceResponseTopicPartition) (at int, err error) {
	if p.ErrorCode == 0 {
		return -1, nil
	}
	code := kerr.ErrorForCode(p.ErrorCode)
	for _, r := range p.ErrorRecords {
		if r.ErrorMessage != nil && *r.ErrorMessage != "" {
			return int(r.RelativeOffset), &Refusal{Code: code, Message: *r.ErrorMessage}
		}
	}
	if p.ErrorMessage != nil && *p.ErrorMessage != "" {
		return -1, &Refusal{Code: code, Message: *p.ErrorMessage}
	}
	return -1, code
}

// How much the broker is asked about at once, which no broker finds too much: bytes of keys and values.
const maxAskedBytes = 512 << 10

// ask finds the record for whose sake the broker refused a transaction's records, which are all of one partition, and the
// broker's reason. It sends them once more, in the transaction that is to be aborted anyway, so that nothing of them can
// come into effect; and with sequence numbers that no broker that counts them takes. No reason: it is not known.
func (tx *transaction) ask(ctx context.Context, t *Transactor, refused []numbered) (at numbered, reason error) {
	ctx, cancel := context.WithTimeout(ctx, explainTimeout)
	defer cancel()
	info, err := (&topicInfo{name: refused[0].rec.Topic}).load(ctx, t.client)
	if err != nil || int(refused[0].rec.Partition) >= len(info.leaders) {
		return at, nil
	}
	by := producedBy{transaction: &t.cfg.ID, id: tx.id, epoch: tx.epoch, sequence: 1 << 30}
	for len(refused) > 0 && ctx.Err() == nil {
		n, size := 0, 0
		for n < len(refused) && (n == 0 || size < maxAskedBytes) {
			size += len(refused[n].rec.Key) + len(refused[n].rec.Value) + itemOverhead
			n++
		}
		if at, reason = askAbout(ctx, t.client, info, refused[:n], by); reason != nil {
			return at, reason
		}
		refused = refused[n:]
	}
	return at, nil
}

// askAbout asks about records together, and about ever fewer of them until the broker names one.
func askAbout(ctx context.Context, client *kgo.Client, info *topicState, asked []numbered, by producedBy) (at numbered, reason error) {
	recs := make([]*kgo.Record, len(asked))
	for i := range asked {
		recs[i] = asked[i].rec
	}
	_, i, err := produceBatch(ctx, client, info, recs, by)
	switch {
	case !allRefused([]error{err}): // there is nothing wrong with them, or no answer
		return at, nil
	case i >= 0 && i < len(asked):
		return asked[i], err
	case len(asked) == 1:
		return asked[0], err
	}
	if at, reason = askAbout(ctx, client, info, asked[:len(asked)/2], by); reason != nil {
		return at, reason
	}
	return askAbout(ctx, client, info, asked[len(asked)/2:], by)
}

// Refusal is the broker's own word on why it refused a record.
type Refusal struct {
	Code    error  // the protocol's, such as kerr.InvalidRecord
	Message string // names the schema id, the field and the reason
}

func (e *Refusal) Error() string { return e.Message }

// Unwrap returns the protocol's code.
func (e *Refusal) Unwrap() error { return e.Code }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// transactional is the bit of a batch's attributes that says that it is part of a transaction.
const transactional = 1 << 4

// encodeBatch encodes records as one uncompressed batch, message format v2.
func encodeBatch(recs []*kgo.Record, by producedBy) []byte {
	first := recs[0].Timestamp.UnixMilli()
	latest := first
	var records []byte
	for i, rec := range recs {
		millis := rec.Timestamp.UnixMilli()
		latest = max(latest, millis)
		r := kmsg.Record{Key: rec.Key, Value: rec.Value, OffsetDelta: int32(i), TimestampDelta64: millis - first}
		for _, h := range rec.Headers {
			r.Headers = append(r.Headers, kmsg.Header{Key: h.Key, Value: h.Value})
		}
		body := r.AppendTo(nil)[1:] // without the length, which is zero here: one byte
		records = append(binary.AppendVarint(records, int64(len(body))), body...)
	}
	batch := kmsg.RecordBatch{
		Length:               int32(49 + len(records)),
		PartitionLeaderEpoch: -1,
		Magic:                2,
		LastOffsetDelta:      int32(len(recs) - 1),
		FirstTimestamp:       first,
		MaxTimestamp:         latest,
		ProducerID:           by.id,
		ProducerEpoch:        by.epoch,
		FirstSequence:        by.sequence,
		NumRecords:           int32(len(recs)),
		Records:              records,
	}
	if by.transaction != nil {
		batch.Attributes = transactional
	}
	out := batch.AppendTo(nil)
	// The checksum stands at bytes 17 to 20 and covers what follows it.
	binary.BigEndian.PutUint32(out[17:], crc32.Checksum(out[21:], castagnoli))
	return out
}
