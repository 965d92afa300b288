package api

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/config"
	"github.com/typelog/typelog/broker/internal/log/memlog"
	"github.com/typelog/typelog/broker/internal/meta"
	"github.com/typelog/typelog/broker/internal/record"
	"github.com/typelog/typelog/broker/internal/wire"
)

// served is a server on a real socket over the in-memory engine.
type served struct {
	*Server
	engine *memlog.Engine
	addr   string
	reg    *prometheus.Registry
}

func serve(t *testing.T, engine memlog.Options, change func(o *Options)) *served {
	t.Helper()
	e := memlog.New(engine)
	cfg, _, err := config.New(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	store, err := meta.Open(t.Context(), filepath.Join(t.TempDir(), "broker.db"))
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := LoadCatalog(t.Context(), store, e, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	socks, err := wire.Bind("PLAINTEXT", []string{"127.0.0.1:0"}, false)
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	settings := SettingsOf(cfg)
	settings.NodeID, settings.ClusterID = 1, "c"
	settings.Advertised = map[string]Endpoint{"PLAINTEXT": {"127.0.0.1", int32(socks[0].Addr().(*net.TCPAddr).Port)}}
	o := Options{
		Settings: settings,
		Engine:   e, Catalog: catalog, Config: cfg, Codecs: record.NewCodecs(0),
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Registerer: reg,
	}
	if change != nil {
		change(&o)
	}
	s := &served{Server: New(o), engine: e, addr: socks[0].Addr().String(), reg: reg}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- wire.New(s.Server, wire.Options{Logger: o.Logger}).Serve(ctx, socks, 5*time.Second)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		e.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// topic creates a topic.
func (s *served) topic(t *testing.T, name string, partitions int32, configs map[string]string) *topic {
	t.Helper()
	made, err := s.Catalog.create(t.Context(), name, partitions, configs, false)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (s *served) client(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(s.addr)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// peer is a connection that speaks frames, without a client's own ideas.
type peer struct {
	t    *testing.T
	conn net.Conn
	fmt  *kmsg.RequestFormatter
	sent []kmsg.Request
}

func (s *served) dial(t *testing.T) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return &peer{t: t, conn: conn, fmt: kmsg.NewRequestFormatter(kmsg.FormatterClientID("peer"))}
}

// send sends requests in one write.
func (p *peer) send(reqs ...kmsg.Request) {
	p.t.Helper()
	var b []byte
	for _, r := range reqs {
		b = append(b, p.fmt.AppendRequest(nil, r, int32(len(p.sent)))...)
		p.sent = append(p.sent, r)
	}
	if _, err := p.conn.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

// receive reads the answer to the nth request that was sent.
func (p *peer) receive(n int) kmsg.Response {
	p.t.Helper()
	frame, err := readFrame(p.conn)
	if err != nil {
		p.t.Fatal(err)
	}
	if corr := int32(frame[0])<<24 | int32(frame[1])<<16 | int32(frame[2])<<8 | int32(frame[3]); corr != int32(n) {
		p.t.Fatalf("answer %d came, want %d", corr, n)
	}
	resp := p.sent[n].ResponseKind()
	body := frame[4:]
	if resp.IsFlexible() && resp.Key() != apiVersionsKey {
		body = body[1:]
	}
	if err := resp.ReadFrom(body); err != nil {
		p.t.Fatal(err)
	}
	return resp
}

func readFrame(c net.Conn) ([]byte, error) {
	var size [4]byte
	if _, err := readFull(c, size[:]); err != nil {
		return nil, err
	}
	b := make([]byte, int(size[0])<<24|int(size[1])<<16|int(size[2])<<8|int(size[3]))
	_, err := readFull(c, b)
	return b, err
}

func readFull(c net.Conn, b []byte) (int, error) {
	n := 0
	for n < len(b) {
		m, err := c.Read(b[n:])
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

// produceRequest is a Produce request with one batch for each partition that is given.
func produceRequest(version, acks int16, t *topic, batches map[int32][]byte) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks = version, acks
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic, rt.TopicID = t.name, t.id
	for _, i := range slices.Sorted(maps.Keys(batches)) {
		rt.Partitions = append(rt.Partitions, kmsg.ProduceRequestTopicPartition{Partition: i, Records: batches[i]})
	}
	req.Topics = append(req.Topics, rt)
	return req
}

// sequenced is a batch of an idempotent producer.
func sequenced(producer int64, sequence int32, values ...string) []byte {
	b := record.Builder{Producer: &record.Producer{ID: producer, Sequence: sequence}}
	for _, v := range values {
		b.Add(record.Record{Timestamp: 1, Value: []byte(v)})
	}
	return b.Build()
}
