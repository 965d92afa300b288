package api

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/contract"
	"github.com/typelog/typelog/broker/internal/log/memlog"
	"github.com/typelog/typelog/broker/internal/record"
)

// wordContract refuses records whose value contains bad, cannot decide about those with unknown, and takes its time with
// those with slow.
type wordContract struct{ slow time.Duration }

func (w wordContract) Check(ctx context.Context, _ contract.Topic, rs contract.Records) (contract.Verdict, error) {
	var v contract.Verdict
	var undecided error
	err := rs.Each(func(i int, r contract.Record) bool {
		switch {
		case bytes.Contains(r.Value, []byte("bad")):
			v.Bad++
			v.Faults = append(v.Faults, contract.Fault{Index: i, SchemaID: 7, Pointer: "targets[2].id", Reason: "not a string"})
		case bytes.Contains(r.Value, []byte("unknown")):
			undecided = errors.New("the registry does not answer")
		case bytes.Contains(r.Value, []byte("slow")):
			select {
			case <-time.After(w.slow):
			case <-ctx.Done():
				undecided = ctx.Err()
			}
		}
		return true
	})
	return v, errors.Join(err, undecided)
}

var contracted = map[string]string{"typelog.value.contract": "reject"}

// TestOrder: five batches of an idempotent producer on one connection, the second of which needs a slow look-up, enter the
// log in the order in which they were sent, and share one flush.
func TestOrder(t *testing.T) {
	s := serve(t, memlog.Options{Delay: 200 * time.Millisecond}, func(o *Options) {
		o.Contract = wordContract{slow: 50 * time.Millisecond}
	})
	topic := s.topic(t, "t", 1, contracted)
	p := s.dial(t)
	var reqs []kmsg.Request
	for i, value := range []string{"one", "slow two", "three", "four", "five"} {
		reqs = append(reqs, produceRequest(9, -1, topic, map[int32][]byte{0: sequenced(1, int32(2*i), value, value)}))
	}
	p.send(reqs...)
	for i := range reqs {
		got := p.receive(i).(*kmsg.ProduceResponse).Topics[0].Partitions[0]
		if got.ErrorCode != 0 || got.BaseOffset != int64(2*i) {
			t.Errorf("batch %d: %v at offset %d", i, kerr.ErrorForCode(got.ErrorCode), got.BaseOffset)
		}
	}
	if n := s.engine.Commits(); n != 1 {
		t.Errorf("%d flushes, want one", n)
	}
}

// TestProduceEveryVersion: batches enter the log in every version that carries this format, by name or by id, and older versions
// are told that they are not taken.
func TestProduceEveryVersion(t *testing.T) {
	s := serve(t, memlog.Options{}, nil)
	topic := s.topic(t, "t", 2, nil)
	p := s.dial(t)
	for version := int16(0); version <= 13; version++ {
		p.send(produceRequest(version, -1, topic, map[int32][]byte{
			0: record.Of(record.KV(1, nil, []byte("a"))), 1: record.Of(record.KV(1, nil, []byte("b")))}))
		got := p.receive(int(version)).(*kmsg.ProduceResponse)
		if len(got.Topics) != 1 || len(got.Topics[0].Partitions) != 2 {
			t.Fatalf("version %d: %+v", version, got)
		}
		if version < 13 && got.Topics[0].Topic != "t" || version >= 13 && got.Topics[0].TopicID != topic.id {
			t.Errorf("version %d: topic %q %x", version, got.Topics[0].Topic, got.Topics[0].TopicID)
		}
		for _, part := range got.Topics[0].Partitions {
			switch {
			case version < 3 && part.ErrorCode != kerr.UnsupportedVersion.Code:
				t.Errorf("version %d: %v", version, kerr.ErrorForCode(part.ErrorCode))
			case version >= 3 && (part.ErrorCode != 0 || part.BaseOffset != int64(version-3) || version >= 5 && part.LogStartOffset != 0):
				t.Errorf("version %d: %+v", version, part)
			}
		}
	}
}

// TestUnknownProducerIsToldTheLogStart: from it a Java producer concludes that it has to begin anew.
func TestUnknownProducerIsToldTheLogStart(t *testing.T) {
	s := serve(t, memlog.Options{}, nil)
	topic := s.topic(t, "t", 1, nil)
	s.put(t, topic, "a", "b", "c")
	if _, err := s.engine.Trim(t.Context(), topic.partition(0), 2); err != nil {
		t.Fatal(err)
	}
	p := s.dial(t)
	for i, c := range []struct {
		sequence int32
		want     *kerr.Error
		start    int64
	}{{5, kerr.UnknownProducerID, 2}, {0, nil, 2}, {9, kerr.OutOfOrderSequenceNumber, -1}} {
		p.send(produceRequest(9, -1, topic, map[int32][]byte{0: sequenced(1, c.sequence, "v")}))
		got := p.receive(i).(*kmsg.ProduceResponse).Topics[0].Partitions[0]
		if code(kerrOrNil(c.want)) != got.ErrorCode || got.LogStartOffset != c.start {
			t.Errorf("sequence %d: %v, the log starts at %d; want %v, %d", c.sequence, kerr.ErrorForCode(got.ErrorCode), got.LogStartOffset, c.want, c.start)
		}
	}
}

func kerrOrNil(e *kerr.Error) error {
	if e == nil {
		return nil
	}
	return e
}

func TestRefusedByContract(t *testing.T) {
	s := serve(t, memlog.Options{}, func(o *Options) { o.Contract = wordContract{} })
	topic := s.topic(t, "t", 2, contracted)
	p := s.dial(t)
	for version := int16(3); version <= 13; version++ {
		p.send(produceRequest(version, -1, topic, map[int32][]byte{
			0: sequenced(1, int32(version-3), "good"),
			1: sequenced(1, 0, "good", "bad", "good", "bad"),
		}))
		got := p.receive(int(version - 3)).(*kmsg.ProduceResponse).Topics[0].Partitions
		if got[0].ErrorCode != 0 || got[0].BaseOffset != int64(version-3) {
			t.Fatalf("version %d: the good batch: %+v", version, got[0])
		}
		if got[1].ErrorCode != kerr.InvalidRecord.Code || got[1].BaseOffset != -1 {
			t.Fatalf("version %d: the bad batch: %+v", version, got[1])
		}
		if version < 8 {
			continue
		}
		if len(got[1].ErrorRecords) != 2 || got[1].ErrorRecords[1].RelativeOffset != 3 ||
			*got[1].ErrorRecords[0].ErrorMessage != "value, schema id 7, targets[2].id: not a string" {
			t.Errorf("version %d: error records %+v", version, got[1].ErrorRecords)
		}
		if want := "2 of 4 records do not fit the contract of topic t; record 1: value, schema id 7, targets[2].id: not a string"; *got[1].ErrorMessage != want {
			t.Errorf("version %d: message %q", version, *got[1].ErrorMessage)
		}
	}
	if b, _ := s.Engine.Bounds(topic.partition(1)); b.HighWatermark != 0 {
		t.Errorf("%d records of refused batches are in the log", b.HighWatermark)
	}
	if n := s.count(t, "typelog_refused_batches_total", "t", "contract"); n != 11 {
		t.Errorf("%v refusals counted, want 11", n)
	}
}

// TestUndecided: a contract that cannot decide is not a refusal; the client is to try again.
func TestUndecided(t *testing.T) {
	s := serve(t, memlog.Options{}, func(o *Options) {
		o.Contract = wordContract{slow: time.Minute}
		o.Settings.ContractTimeout = 10 * time.Millisecond
	})
	topic := s.topic(t, "t", 1, contracted)
	p := s.dial(t)
	p.send(produceRequest(9, -1, topic, map[int32][]byte{0: sequenced(1, 0, "unknown")}),
		produceRequest(9, -1, topic, map[int32][]byte{0: sequenced(1, 0, "slow")}),
		produceRequest(9, -1, topic, map[int32][]byte{0: sequenced(1, 0, "good")}))
	for i := range 2 {
		got := p.receive(i).(*kmsg.ProduceResponse).Topics[0].Partitions[0]
		if err := kerr.ErrorForCode(got.ErrorCode); !kerr.IsRetriable(err) {
			t.Errorf("answer %d: %v, want an error that clients retry", i, err)
		}
	}
	if got := p.receive(2).(*kmsg.ProduceResponse).Topics[0].Partitions[0]; got.ErrorCode != 0 || got.BaseOffset != 0 {
		t.Errorf("the batch after them: %+v", got)
	}
}

// TestRefusals: what is wrong with a batch or a request, and what the client is told.
func TestRefusals(t *testing.T) {
	s := serve(t, memlog.Options{}, nil)
	plain := s.topic(t, "plain", 1, nil)
	small := s.topic(t, "small", 1, map[string]string{"max.message.bytes": "100"})
	compacted := s.topic(t, "compacted", 1, map[string]string{"cleanup.policy": "compact"})
	internal := s.topic(t, OffsetsTopic, 1, nil)
	absent := &topic{name: "absent", id: newTopicID()}
	good := record.Of(record.KV(1, []byte("k"), []byte("v")))
	flipped := bytes.Clone(good)
	flipped[len(flipped)-1] ^= 1
	transactional := record.Builder{Transactional: true, Producer: &record.Producer{ID: 1}}
	transactional.Add(record.KV(1, nil, []byte("v")))
	p := s.dial(t)
	for i, c := range []struct {
		name    string
		topic   *topic
		version int16
		acks    int16
		part    int32
		batch   []byte
		want    *kerr.Error
	}{
		{"a flipped bit", plain, 9, -1, 0, flipped, kerr.CorruptMessage},
		{"half a batch", plain, 9, -1, 0, good[:len(good)-3], kerr.CorruptMessage},
		{"no batch", plain, 9, -1, 0, nil, kerr.CorruptMessage},
		{"two batches", plain, 9, -1, 0, append(bytes.Clone(good), good...), kerr.InvalidRecord},
		{"a large batch", small, 9, -1, 0, record.Of(record.KV(1, nil, make([]byte, 200))), kerr.MessageTooLarge},
		{"no key", compacted, 9, -1, 0, record.Of(record.KV(1, nil, []byte("v"))), kerr.InvalidRecord},
		{"a topic of the broker", internal, 9, -1, 0, good, kerr.InvalidTopicException},
		{"an unknown topic", absent, 9, -1, 0, good, kerr.UnknownTopicOrPartition},
		{"an unknown topic id", absent, 13, -1, 0, good, kerr.UnknownTopicID},
		{"an unknown partition", plain, 9, -1, 1, good, kerr.UnknownTopicOrPartition},
		{"a negative partition", plain, 13, -1, -1, good, kerr.UnknownTopicOrPartition},
		{"acks 2", plain, 9, 2, 0, good, kerr.InvalidRequiredAcks},
		{"an old version", plain, 2, -1, 0, good, kerr.UnsupportedVersion},
		{"the oldest version", plain, 0, -1, 0, good, kerr.UnsupportedVersion},
		{"a transaction of nobody", plain, 9, -1, 0, transactional.Build(), kerr.TransactionalIDAuthorizationFailed},
	} {
		p.send(produceRequest(c.version, c.acks, c.topic, map[int32][]byte{c.part: c.batch}))
		got := p.receive(i).(*kmsg.ProduceResponse).Topics[0].Partitions[0]
		if got.ErrorCode != c.want.Code {
			t.Errorf("%s: %v, want %v", c.name, kerr.ErrorForCode(got.ErrorCode), c.want)
		}
		if c.version >= 8 && c.topic != absent && got.Partition == 0 && got.ErrorMessage == nil {
			t.Errorf("%s: no message", c.name)
		}
	}
	if b, _ := s.Engine.Bounds(plain.partition(0)); b.HighWatermark != 0 {
		t.Errorf("%d records got in", b.HighWatermark)
	}
}

func TestAcks0(t *testing.T) {
	s := serve(t, memlog.Options{}, func(o *Options) { o.Contract = wordContract{} })
	plain := s.topic(t, "plain", 1, nil)
	strict := s.topic(t, "strict", 1, contracted)
	lenient := s.topic(t, "lenient", 1, map[string]string{"typelog.value.contract": "reject", "typelog.acks0": "accept"})
	versions := kmsg.NewPtrApiVersionsRequest()

	t.Run("is not answered", func(t *testing.T) {
		p := s.dial(t)
		p.send(produceRequest(9, 0, plain, map[int32][]byte{0: sequenced(1, 0, "v")}),
			produceRequest(9, 0, lenient, map[int32][]byte{0: sequenced(1, 0, "v")}), versions)
		p.receive(2)
		for _, topic := range []*topic{plain, lenient} {
			if b, _ := s.Engine.Bounds(topic.partition(0)); b.HighWatermark != 1 {
				t.Errorf("%s: %d records, want 1", topic.name, b.HighWatermark)
			}
		}
	})
	for name, req := range map[string]*kmsg.ProduceRequest{
		"a contracted topic refuses it":       produceRequest(9, 0, strict, map[int32][]byte{0: sequenced(1, 0, "v")}),
		"a refused batch ends the connection": produceRequest(9, 0, lenient, map[int32][]byte{0: sequenced(2, 0, "bad")}),
	} {
		t.Run(name, func(t *testing.T) {
			p := s.dial(t)
			p.send(versions, req, versions)
			p.receive(0)
			if _, err := readFrame(p.conn); err == nil {
				t.Error("the connection goes on")
			}
		})
	}
	if n := s.count(t, "typelog_refused_batches_total", "strict", "acks0"); n != 1 {
		t.Errorf("%v refusals for acks=0 counted, want 1", n)
	}
	if n := s.count(t, "typelog_refused_batches_total", "lenient", "contract"); n != 1 {
		t.Errorf("%v refusals by the contract counted, want 1", n)
	}
}

// count reads a counter with these label values.
func (s *served) count(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := s.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			has := strings.Join(values, ",")
			ok := true
			for _, want := range labels {
				ok = ok && strings.Contains(has, want)
			}
			if ok {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}
