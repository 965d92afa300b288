package api

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/log"
)

// bytesChunk is a chunk of bytes in memory.
type bytesChunk []byte

func (c bytesChunk) Len() int64 { return int64(len(c)) }
func (c bytesChunk) Release()   {}
func (c bytesChunk) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(c)
	return int64(n), err
}

// TestSpliceFetchIsKmsgs encodes responses of all shapes twice, by kmsg with the records in place and by splicing.
func TestSpliceFetchIsKmsgs(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for version := int16(4); version <= 18; version++ {
		for range 60 {
			whole, hollow, chunks := randomFetch(rnd, version)
			want := whole.AppendTo(nil)
			parts, err := spliceFetch(hollow, chunks)
			if err != nil {
				t.Fatalf("version %d: %v", version, err)
			}
			var got bytes.Buffer
			for _, p := range parts {
				if p.Chunk != nil {
					p.Chunk.WriteTo(&got)
				} else {
					got.Write(p.Bytes)
				}
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Fatalf("version %d: spliced %d bytes\n%x\nkmsg %d bytes\n%x", version, got.Len(), got.Bytes(), len(want), want)
			}
		}
	}
}

// randomFetch makes a response with its records, the same without, and the records as chunks.
func randomFetch(rnd *rand.Rand, version int16) (whole, hollow *kmsg.FetchResponse, chunks [][]log.Chunk) {
	whole, hollow = kmsg.NewPtrFetchResponse(), kmsg.NewPtrFetchResponse()
	for _, resp := range []*kmsg.FetchResponse{whole, hollow} {
		resp.Version = version
		resp.ThrottleMillis = 7
		resp.SessionID = 99
	}
	for range rnd.IntN(4) {
		wt, ht := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopic()
		wt.Topic = string(bytes.Repeat([]byte("n"), rnd.IntN(200)))
		wt.TopicID = [16]byte{1, 2, 3}
		ht.Topic, ht.TopicID = wt.Topic, wt.TopicID
		for i := range rnd.IntN(4) {
			p := kmsg.NewFetchResponseTopicPartition()
			p.Partition = int32(i)
			p.HighWatermark = rnd.Int64()
			p.PreferredReadReplica = -1
			if rnd.IntN(3) == 0 {
				p.CurrentLeader.LeaderID = 3
			}
			if rnd.IntN(3) == 0 {
				p.AbortedTransactions = make([]kmsg.FetchResponseTopicPartitionAbortedTransaction, rnd.IntN(3))
			}
			p.RecordBatches = []byte{}
			ht.Partitions = append(ht.Partitions, p)
			var run []log.Chunk
			for range rnd.IntN(3) {
				c := make(bytesChunk, 1+rnd.IntN(20000))
				for j := range c {
					c[j] = byte(rnd.Uint32())
				}
				run = append(run, c)
				p.RecordBatches = append(p.RecordBatches, c...)
			}
			wt.Partitions = append(wt.Partitions, p)
			chunks = append(chunks, run)
		}
		whole.Topics = append(whole.Topics, wt)
		hollow.Topics = append(hollow.Topics, ht)
	}
	return whole, hollow, chunks
}
