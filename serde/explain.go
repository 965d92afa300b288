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

// explain asks the broker once more to take a record that it has just refused alone, in a request of its own whose
// answer it can read: kgo drops the messages of per-record errors (KIP-467). It returns the broker's reason, or
// stored = true (with the offset set) if the broker took the record this time, because a schema was registered
// meanwhile, for one.
func (s *sender) explain(rec *kgo.Record) (reason error, stored bool) {
	ctx, cancel := context.WithTimeout(context.Background(), explainTimeout)
	defer cancel()
	info, err := s.topic.load(ctx, s.client)
	if err != nil || int(rec.Partition) >= len(info.leaders) {
		return kerr.InvalidRecord, false
	}
	part := kmsg.NewProduceRequestTopicPartition()
	part.Partition = rec.Partition
	part.Records = singleBatch(rec)
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.TopicID = s.topic.name, info.id
	topic.Partitions = append(topic.Partitions, part)
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, int32(explainTimeout.Milliseconds())
	req.Topics = append(req.Topics, topic)
	raw, err := s.client.Broker(int(info.leaders[rec.Partition])).Request(ctx, req)
	if err != nil {
		return fmt.Errorf("%w (asking the broker why failed: %w)", kerr.InvalidRecord, err), false
	}
	resp, ok := raw.(*kmsg.ProduceResponse)
	if !ok || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return kerr.InvalidRecord, false
	}
	return readRefusal(&resp.Topics[0].Partitions[0], rec)
}

func readRefusal(p *kmsg.ProduceResponseTopicPartition, rec *kgo.Record) (reason error, stored bool) {
	if p.ErrorCode == 0 {
		rec.Offset = p.BaseOffset
		return nil, true
	}
	reason = kerr.ErrorForCode(p.ErrorCode)
	for _, r := range p.ErrorRecords {
		if r.ErrorMessage != nil && *r.ErrorMessage != "" {
			return &Refusal{Code: reason, Message: *r.ErrorMessage}, false
		}
	}
	if p.ErrorMessage != nil && *p.ErrorMessage != "" {
		return &Refusal{Code: reason, Message: *p.ErrorMessage}, false
	}
	return reason, false
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

// IsRefusal returns the broker's own word if err holds one.
func IsRefusal(err error) (*Refusal, bool) {
	var r *Refusal
	ok := errors.As(err, &r)
	return r, ok
}
