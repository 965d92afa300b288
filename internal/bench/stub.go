package bench

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// stub answers the requests of a producer at once and keeps nothing: any topic that is asked for exists. It is the least
// that a server of the Kafka protocol can do, so the records that it takes are the most that the client can send.
type stub struct {
	host string
	port int32
	// partitions are those of the last topic that was made.
	partitions *atomic.Int32
}

// stubVersions are the highest versions that the stub speaks. Topics have names there, not ids.
func stubVersions() map[int16]int16 {
	return map[int16]int16{
		int16(kmsg.Produce):        9,
		int16(kmsg.Metadata):       9,
		int16(kmsg.ApiVersions):    3,
		int16(kmsg.CreateTopics):   5,
		int16(kmsg.DeleteTopics):   4,
		int16(kmsg.InitProducerID): 3,
	}
}

const stubFrame = 64 << 20

func (f *Floor) serveStub(c net.Conn) error {
	host, port, err := net.SplitHostPort(c.LocalAddr().String())
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	s := &stub{host: host, port: int32(n), partitions: &f.partitions}
	in := bufio.NewReaderSize(c, 64<<10)
	var buf, out []byte
	for {
		var size [4]byte
		if _, err := io.ReadFull(in, size[:]); err != nil {
			return err
		}
		n := binary.BigEndian.Uint32(size[:])
		if n < 10 || n > stubFrame {
			return fmt.Errorf("a frame of %d bytes", n)
		}
		if int(n) > cap(buf) {
			buf = make([]byte, n)
		}
		if _, err := io.ReadFull(in, buf[:n]); err != nil {
			return err
		}
		if out, err = s.answer(buf[:n], out[:0]); err != nil {
			return err
		}
		if _, err := c.Write(out); err != nil {
			return err
		}
	}
}

var errStub = errors.New("the stub does not know this request")

// answer appends the answer to a frame.
func (s *stub) answer(frame, out []byte) ([]byte, error) {
	be := binary.BigEndian
	key, version, corr := int16(be.Uint16(frame)), int16(be.Uint16(frame[2:])), frame[4:8]
	highest, ok := stubVersions()[key]
	if !ok {
		return nil, errStub
	}
	req := kmsg.RequestForKey(key)
	body := frame[8:]
	if name := int(int16(be.Uint16(body))); name > 0 {
		body = body[min(2+name, len(body)):]
	} else {
		body = body[2:]
	}
	asked := version
	if version > highest {
		if key != int16(kmsg.ApiVersions) {
			return nil, errStub
		}
		version = 0
	}
	req.SetVersion(version)
	if req.IsFlexible() && len(body) > 0 {
		body = body[1:] // no tags
	}
	if asked == version {
		if err := req.ReadFrom(body); err != nil {
			return nil, err
		}
	}
	out = append(out, 0, 0, 0, 0)
	out = append(out, corr...)
	resp := s.respond(req)
	if v, ok := resp.(*kmsg.ApiVersionsResponse); ok && asked != version {
		v.ErrorCode = 35
	}
	if resp.IsFlexible() && key != int16(kmsg.ApiVersions) {
		out = append(out, 0)
	}
	out = resp.AppendTo(out)
	be.PutUint32(out, uint32(len(out)-4))
	return out, nil
}

func (s *stub) respond(req kmsg.Request) kmsg.Response {
	resp := req.ResponseKind()
	switch req := req.(type) {
	case *kmsg.ApiVersionsRequest:
		for key, highest := range stubVersions() {
			k := kmsg.NewApiVersionsResponseApiKey()
			k.ApiKey, k.MaxVersion = key, highest
			resp := resp.(*kmsg.ApiVersionsResponse)
			resp.ApiKeys = append(resp.ApiKeys, k)
		}
	case *kmsg.MetadataRequest:
		s.metadata(req, resp.(*kmsg.MetadataResponse))
	case *kmsg.CreateTopicsRequest:
		for i := range req.Topics {
			t := kmsg.NewCreateTopicsResponseTopic()
			t.Topic = req.Topics[i].Topic
			s.partitions.Store(max(req.Topics[i].NumPartitions, 1))
			resp := resp.(*kmsg.CreateTopicsResponse)
			resp.Topics = append(resp.Topics, t)
		}
	case *kmsg.DeleteTopicsRequest:
		for i := range req.TopicNames {
			t := kmsg.NewDeleteTopicsResponseTopic()
			t.Topic = &req.TopicNames[i]
			resp := resp.(*kmsg.DeleteTopicsResponse)
			resp.Topics = append(resp.Topics, t)
		}
	case *kmsg.InitProducerIDRequest:
		resp.(*kmsg.InitProducerIDResponse).ProducerID = 1
	case *kmsg.ProduceRequest:
		produced(req, resp.(*kmsg.ProduceResponse))
	}
	return resp
}

func (s *stub) metadata(req *kmsg.MetadataRequest, resp *kmsg.MetadataResponse) {
	b := kmsg.NewMetadataResponseBroker()
	b.NodeID, b.Host, b.Port = 1, s.host, s.port
	resp.Brokers, resp.ControllerID = append(resp.Brokers, b), 1
	for i := range req.Topics {
		t := kmsg.NewMetadataResponseTopic()
		t.Topic = req.Topics[i].Topic
		for n := range s.partitions.Load() {
			p := kmsg.NewMetadataResponseTopicPartition()
			p.Partition, p.Leader, p.LeaderEpoch = n, 1, 0
			p.Replicas, p.ISR = []int32{1}, []int32{1}
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
}

func produced(req *kmsg.ProduceRequest, resp *kmsg.ProduceResponse) {
	for i := range req.Topics {
		t := kmsg.NewProduceResponseTopic()
		t.Topic = req.Topics[i].Topic
		for j := range req.Topics[i].Partitions {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition = req.Topics[i].Partitions[j].Partition
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
}
