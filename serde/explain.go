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
	part := kmsg.NewProduceRequestTopicPartition()
	part.Partition = rec.Partition
	part.Records = singleBatch(rec)
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.TopicID = rec.Topic, info.id
	topic.Partitions = append(topic.Partitions, part)
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, int32(explainTimeout.Milliseconds())
	req.Topics = append(req.Topics, topic)
	raw, err := client.Broker(int(info.leaders[rec.Partition])).Request(ctx, req)
	if err != nil {
		return err
	}
	resp, ok := raw.(*kmsg.ProduceResponse)
	if !ok || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return errors.New("the broker's answer to one record is not about one record")
	}
	return readRefusal(&resp.Topics[0].Partitions[0], rec)
}

func readRefusal(p *kmsg.ProduceResponseTopicPartition, rec *kgo.Record) error {
	if p.ErrorCode == 0 {
		rec.Offset = p.BaseOffset
		return nil
	}
	code := kerr.ErrorForCode(p.ErrorCode)
	for _, r := range p.ErrorRecords {
		if r.ErrorMessage != nil && *r.ErrorMessage != "" {
			return &Refusal{Code: code, Message: *r.ErrorMessage}
		}
	}
	if p.ErrorMessage != nil && *p.ErrorMessage != "" {
		return &Refusal{Code: code, Message: *p.ErrorMessage}
	}
	return code
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

// singleBatch encodes a record as an uncompressed batch of one, message format v2.
func singleBatch(rec *kgo.Record) []byte {
	r := kmsg.Record{Key: rec.Key, Value: rec.Value}
	for _, h := range rec.Headers {
		r.Headers = append(r.Headers, kmsg.Header{Key: h.Key, Value: h.Value})
	}
	body := r.AppendTo(nil)[1:] // without the length, which is zero here: one byte
	records := append(binary.AppendVarint(nil, int64(len(body))), body...)
	millis := rec.Timestamp.UnixMilli()
	batch := kmsg.RecordBatch{
		Length:               int32(49 + len(records)),
		PartitionLeaderEpoch: -1,
		Magic:                2,
		FirstTimestamp:       millis,
		MaxTimestamp:         millis,
		ProducerID:           -1,
		ProducerEpoch:        -1,
		FirstSequence:        -1,
		NumRecords:           1,
		Records:              records,
	}
	out := batch.AppendTo(nil)
	// The checksum stands at bytes 17 to 20 and covers what follows it.
	binary.BigEndian.PutUint32(out[17:], crc32.Checksum(out[21:], castagnoli))
	return out
}
