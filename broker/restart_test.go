package broker

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/record"
)

// TestRestart: topics with ids and configs, records, offsets of groups and the state of producers are there again.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	ctx := within(t, 60*time.Second)
	first := start(t, Config{Dir: dir})
	cl := first.client(kgo.AllowAutoTopicCreation())
	adm := kadm.NewClient(cl)
	limit := "5000"
	made, err := adm.CreateTopic(ctx, 2, 1, map[string]*string{"max.message.bytes": &limit}, "made")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := adm.CreateTopic(ctx, 1, 1, nil, "gone"); err != nil {
		t.Fatal(err)
	}
	if _, err := adm.DeleteTopics(ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(ctx, numbered("auto", 0, 100)...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if _, err := adm.CommitOffsets(ctx, "g", kadm.Offsets{"auto": {0: {Topic: "auto", At: 40, LeaderEpoch: -1}}}); err != nil {
		t.Fatal(err)
	}
	batch := idempotent(77, 0, "once")
	if got := produceRaw(t, first, "made", batch); got.ErrorCode != 0 || got.BaseOffset != 0 {
		t.Fatalf("%+v", got)
	}
	first.stop()

	second := start(t, Config{Dir: dir})
	cl = second.client()
	adm = kadm.NewClient(cl)
	topics, err := adm.ListTopics(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(topics) != 2 || topics["made"].ID != made.ID || len(topics["made"].Partitions) != 2 {
		t.Errorf("topics %v, want auto and made with id %v", topics.Names(), made.ID)
	}
	if rs, err := adm.DescribeTopicConfigs(ctx, "made"); err != nil {
		t.Error(err)
	} else {
		for _, c := range rs[0].Configs {
			if c.Key == "max.message.bytes" && c.MaybeValue() != limit {
				t.Errorf("max.message.bytes is %s", c.MaybeValue())
			}
		}
	}
	if got := produceRaw(t, second, "made", batch); got.ErrorCode != 0 || got.BaseOffset != 0 {
		t.Errorf("a batch that is sent again after a restart: %+v, want its first offset", got)
	}
	c := second.client(kgo.ConsumerGroup("g"), kgo.ConsumeTopics("auto"))
	for i, rec := range consume(t, ctx, c, 60) {
		if want := fmt.Sprintf("v%d", 40+i); string(rec.Value) != want {
			t.Fatalf("after the committed offset comes %q, want %q", rec.Value, want)
		}
	}
}

// TestLostPartition: a topic whose files are gone answers with an error; it does not come back empty.
func TestLostPartition(t *testing.T) {
	dir := t.TempDir()
	ctx := within(t, 60*time.Second)
	first := start(t, Config{Dir: dir})
	cl := first.client(kgo.AllowAutoTopicCreation())
	for _, topic := range []string{"lost", "kept"} {
		if err := cl.ProduceSync(ctx, numbered(topic, 0, 10)...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	topics, err := kadm.NewClient(cl).ListTopics(ctx)
	if err != nil {
		t.Fatal(err)
	}
	first.stop()
	id := topics["lost"].ID
	if err := os.RemoveAll(filepath.Join(dir, "partitions", "topics", fmt.Sprintf("%x", id[:]))); err != nil {
		t.Fatal(err)
	}
	second := start(t, Config{Dir: dir})
	if got := produceRaw(t, second, "lost", record.Of(record.KV(1, nil, []byte("v")))); got.ErrorCode == 0 {
		t.Errorf("a topic that lost its files takes records at offset %d", got.BaseOffset)
	}
	c := second.client(kgo.ConsumeTopics("kept"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	consume(t, ctx, c, 10)
}

func idempotent(producer int64, sequence int32, value string) []byte {
	b := record.Builder{Producer: &record.Producer{ID: producer, Sequence: sequence}}
	b.Add(record.KV(1, nil, []byte(value)))
	return b.Build()
}

// produceRaw sends one batch to partition 0 as it is.
func produceRaw(t *testing.T, r *running, topic string, batch []byte) kmsg.ProduceResponseTopicPartition {
	t.Helper()
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks = 9, -1
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic = topic
	rt.Partitions = []kmsg.ProduceRequestTopicPartition{{Records: batch}}
	req.Topics = append(req.Topics, rt)
	conn := r.dial()
	conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, 1))
	b, err := readFrame(conn)
	if err != nil {
		t.Fatal(err)
	}
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	if err := resp.ReadFrom(b[5:]); err != nil {
		t.Fatal(err)
	}
	return resp.Topics[0].Partitions[0]
}

func TestListeners(t *testing.T) {
	r := start(t, Config{Listeners: []Listener{
		{Name: "INSIDE", Bind: []string{"localhost:0"}},
		{Name: "OUTSIDE", Bind: []string{"127.0.0.1:0"}, Advertise: "kafka.example:19092"},
	}})
	told := func(addr string) (string, int32) {
		t.Helper()
		req := kmsg.NewPtrMetadataRequest()
		req.Version = 9
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, 1))
		b, err := readFrame(conn)
		if err != nil {
			t.Fatal(err)
		}
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		if err := resp.ReadFrom(b[5:]); err != nil {
			t.Fatal(err)
		}
		return resp.Brokers[0].Host, resp.Brokers[0].Port
	}
	addrs := r.Addrs()
	for _, addr := range addrs[:len(addrs)-1] { // both loopbacks, where there are two
		if host, port := told(addr.String()); host != "localhost" || port != int32(addr.(*net.TCPAddr).Port) {
			t.Errorf("a client inside is told %s:%d", host, port)
		}
	}
	if host, port := told(addrs[len(addrs)-1].String()); host != "kafka.example" || port != 19092 {
		t.Errorf("a client outside is told %s:%d", host, port)
	}
	// Clients ask the broker's configs for it, too.
	rs, err := kadm.NewClient(r.client()).DescribeBrokerConfigs(within(t, 10*time.Second), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("INSIDE://localhost:%d,OUTSIDE://kafka.example:19092", addrs[0].(*net.TCPAddr).Port)
	for _, c := range rs[0].Configs {
		if c.Key == "advertised.listeners" && c.MaybeValue() != want {
			t.Errorf("advertised.listeners is %s, want %s", c.MaybeValue(), want)
		}
	}
}

// TestNewSaysWhatIsWrong: every error is one line and names what to do.
func TestNewSaysWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.Addr().String()
	for name, c := range map[string]struct {
		cfg  Config
		want []string
	}{
		"a port that is taken": {Config{Listeners: []Listener{{Bind: []string{addr}}}}, []string{addr, "--kafka-addr"}},
		"a wildcard":           {Config{Listeners: []Listener{{Bind: []string{"0.0.0.0:0"}}}}, []string{"--advertise"}},
		"every interface":      {Config{Listeners: []Listener{{Bind: []string{":0"}}}}, []string{"--advertise"}},
		"no port":              {Config{Listeners: []Listener{{Bind: []string{"localhost"}}}}, []string{"HOST:PORT"}},
		"advertised nonsense":  {Config{Listeners: []Listener{{Bind: []string{"127.0.0.1:0"}, Advertise: "0.0.0.0:1"}}}, []string{"0.0.0.0:1"}},
		"an unknown setting":   {Config{Settings: map[string]string{"num.partition": "1"}}, []string{"num.partition", "num.partitions"}},
		"an invalid setting":   {Config{Settings: map[string]string{"num.partitions": "many"}}, []string{"num.partitions", "many"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.cfg.Dir = t.TempDir()
			if c.cfg.Listeners == nil {
				c.cfg.Listeners = []Listener{{Bind: []string{"127.0.0.1:0"}}}
			}
			b, err := New(c.cfg)
			if err == nil {
				b.Close()
				t.Fatal("it starts")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not name %s", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q has more than one line", err)
			}
		})
	}
}

// TestStartIsQuick: a fresh broker answers well within a second.
func TestStartIsQuick(t *testing.T) {
	began := time.Now()
	r := start(t, Config{})
	if err := r.client().Ping(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("ready after %v", took)
	}
}

var errShort = errors.New("cut off")

func readFrame(conn net.Conn) ([]byte, error) {
	var b bytes.Buffer
	var size int
	for chunk := make([]byte, 32<<10); ; {
		n, err := conn.Read(chunk)
		b.Write(chunk[:n])
		if size == 0 && b.Len() >= 4 {
			p := b.Bytes()
			size = 4 + int(p[0])<<24 + int(p[1])<<16 + int(p[2])<<8 + int(p[3])
		}
		if size > 0 && b.Len() >= size {
			return b.Bytes()[4:size], nil
		}
		if err != nil {
			return nil, errors.Join(errShort, err)
		}
	}
}

func (r *running) dial() net.Conn {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn
}
