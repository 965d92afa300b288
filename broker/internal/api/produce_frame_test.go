package api

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// randomProduce makes a request with all shapes: null and empty records, no topics, no partitions, tagged fields.
func randomProduce(rnd *rand.Rand, version int16) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Version = version
	req.Acks = int16(rnd.IntN(3)) - 1
	req.TimeoutMillis = rnd.Int32()
	if version >= 3 && rnd.IntN(3) == 0 {
		req.TransactionID = kmsg.StringPtr("txn")
	}
	tag := func(t *kmsg.Tags) {
		if version >= 9 && rnd.IntN(4) == 0 {
			t.Set(uint32(100+rnd.IntN(100)), make([]byte, rnd.IntN(200)))
		}
	}
	for range rnd.IntN(4) {
		t := kmsg.NewProduceRequestTopic()
		t.Topic = string(bytes.Repeat([]byte("t"), rnd.IntN(200)))
		for i := range t.TopicID {
			t.TopicID[i] = byte(rnd.Uint32())
		}
		for range rnd.IntN(5) {
			p := kmsg.NewProduceRequestTopicPartition()
			p.Partition = rnd.Int32()
			if n := rnd.IntN(400); n > 0 {
				p.Records = make([]byte, n-1)
				for i := range p.Records {
					p.Records[i] = byte(rnd.Uint32())
				}
			}
			tag(&p.UnknownTags)
			t.Partitions = append(t.Partitions, p)
		}
		tag(&t.UnknownTags)
		req.Topics = append(req.Topics, t)
	}
	tag(&req.UnknownTags)
	return req
}

// sameProduce holds our decoding against kmsg's.
func sameProduce(t *testing.T, want *kmsg.ProduceRequest, got *produceFrame) {
	t.Helper()
	if (got.transactionalID != nil) != (want.TransactionID != nil) ||
		want.TransactionID != nil && string(got.transactionalID) != *want.TransactionID || got.acks != want.Acks || len(got.topics) != len(want.Topics) {
		t.Fatalf("got transactional %v, acks %d, %d topics; want %v, %d, %d", got.transactionalID != nil, got.acks, len(got.topics),
			want.TransactionID != nil, want.Acks, len(want.Topics))
	}
	for i, w := range want.Topics {
		g := got.topics[i]
		parts := got.parts[g.first:g.last]
		if string(g.name) != w.Topic || g.id != w.TopicID || len(parts) != len(w.Partitions) {
			t.Fatalf("topic %d: got %q %x with %d partitions; want %q %x with %d", i, g.name, g.id, len(parts), w.Topic,
				w.TopicID, len(w.Partitions))
		}
		for j, wp := range w.Partitions {
			if parts[j].index != wp.Partition || !bytes.Equal(parts[j].records, wp.Records) ||
				(parts[j].records == nil) != (wp.Records == nil) {
				t.Fatalf("topic %d partition %d differs", i, j)
			}
		}
	}
}

func TestDecodeProduceIsKmsgs(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	var f produceFrame
	for version := int16(0); version <= 13; version++ {
		for range 80 {
			body := randomProduce(rnd, version).AppendTo(nil)
			want := kmsg.NewPtrProduceRequest()
			want.Version = version
			if err := want.ReadFrom(body); err != nil {
				t.Fatal(err)
			}
			if err := decodeProduce(version, body, &f); err != nil {
				t.Fatalf("version %d: %v", version, err)
			}
			sameProduce(t, want, &f)
			if peek := body[:rnd.IntN(len(body)+1)]; len(want.Topics) > 0 && peekProduce(version, peek) != nil {
				t.Fatalf("version %d: a good request is refused by its first %d bytes", version, len(peek))
			}
			if len(body) > 0 {
				cut := body[:rnd.IntN(len(body))]
				if err := decodeProduce(version, cut, &f); err == nil {
					t.Fatalf("version %d: %d of %d bytes decode", version, len(cut), len(body))
				}
			}
		}
	}
}

func TestDecodeProduceTakesNoDenseArrays(t *testing.T) {
	for _, version := range []int16{3, 9, 13} {
		req := kmsg.NewPtrProduceRequest()
		req.Version = version
		req.Topics = []kmsg.ProduceRequestTopic{{Topic: "t", Partitions: make([]kmsg.ProduceRequestTopicPartition, 1<<18)}}
		body := req.AppendTo(nil)
		var f produceFrame
		allocs := testing.AllocsPerRun(1, func() {
			f = produceFrame{}
			if err := decodeProduce(version, body, &f); err != errFrameDense {
				t.Errorf("version %d: %v", version, err)
			}
		})
		if err := peekProduce(version, body[:4096]); err != errFrameDense {
			t.Errorf("version %d: its beginning shows nothing: %v", version, err)
		}
		if allocs > 2 {
			t.Errorf("version %d: %v allocations before it is refused", version, allocs)
		}
	}
}

// FuzzProduceFrame holds the decoder against kmsg's on any bytes that are too few to hurt kmsg.
func FuzzProduceFrame(f *testing.F) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for version := int16(0); version <= 13; version++ {
		f.Add(version, randomProduce(rnd, version).AppendTo(nil))
	}
	f.Add(int16(9), []byte{0, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add(int16(5), []byte("\xff0000000\x00\x00\x00\x02\xe40\x85000\x00\x00\xfc000")) // a name of negative length
	f.Fuzz(func(t *testing.T, version int16, body []byte) {
		if version < 0 || version > 13 {
			return
		}
		var got produceFrame
		if err := decodeProduce(version, body, &got); err != nil {
			return
		}
		want := kmsg.NewPtrProduceRequest()
		want.Version = version
		if err := want.ReadFrom(body); err != nil {
			t.Fatalf("we decode what kmsg does not: %v", err)
		}
		if len(want.Topics) == len(got.topics) {
			sameProduce(t, want, &got)
		}
	})
}
