package broker

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// BenchmarkIdleFetch is what one poll of a consumer of 1,000 partitions costs while there is nothing new: with whole requests
// and in a fetch session (KIP-227), with max_wait 0 and with a wait of a millisecond. It counts the client's side, too, which
// is next to nothing: the frame is encoded before.
func BenchmarkIdleFetch(b *testing.B) {
	const partitions = 1000
	r := start(b, Config{})
	made, err := kadm.NewClient(r.client()).CreateTopic(context.Background(), partitions, 1, nil, "wide")
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		session bool
		wait    int32
	}{{"whole", false, 0}, {"session", true, 0}, {"whole-waiting", false, 1}, {"session-waiting", true, 1}} {
		b.Run(c.name, func(b *testing.B) {
			conn, err := net.Dial("tcp", r.addr)
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			req := kmsg.NewPtrFetchRequest()
			req.Version, req.MaxBytes, req.MinBytes, req.MaxWaitMillis = 13, 1<<20, 1, c.wait
			topic := kmsg.NewFetchRequestTopic()
			topic.TopicID = made.ID
			for i := range int32(partitions) {
				p := kmsg.NewFetchRequestTopicPartition()
				p.Partition, p.PartitionMaxBytes = i, 1<<20
				topic.Partitions = append(topic.Partitions, p)
			}
			req.Topics = append(req.Topics, topic)
			if c.session {
				req.SessionEpoch = 0
				var whole kmsg.FetchResponse
				whole.Version = 13
				if err := whole.ReadFrom(exchange(b, conn, frame(req))[5:]); err != nil || whole.SessionID == 0 {
					b.Fatal(err, whole.SessionID)
				}
				req.SessionID, req.SessionEpoch, req.Topics = whole.SessionID, 1, nil
			}
			ask := frame(req)
			answer := 0
			b.ReportAllocs()
			for b.Loop() {
				if c.session {
					ask = frame(req)
					req.SessionEpoch++
				}
				answer = len(exchange(b, conn, ask))
			}
			b.ReportMetric(float64(len(ask)), "B/request")
			b.ReportMetric(float64(answer), "B/answer")
		})
	}
}

func frame(req kmsg.Request) []byte {
	return kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)
}

// exchange sends a frame and returns the answer's.
func exchange(tb testing.TB, conn net.Conn, frame []byte) []byte {
	tb.Helper()
	var size [4]byte
	if _, err := conn.Write(frame); err != nil {
		tb.Fatal(err)
	}
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		tb.Fatal(err)
	}
	b := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(conn, b); err != nil {
		tb.Fatal(err)
	}
	return b
}
