package broker

import (
	"encoding/binary"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"reflect"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/api"
)

// memory is what the process holds of the machine's memory, in bytes.
func memory() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() - s[1].Value.Uint64())
}

// grows runs f and returns by how much memory grew meanwhile at most.
func grows(f func()) int64 {
	runtime.GC()
	debug.FreeOSMemory()
	before := memory()
	var peak atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			peak.Store(max(peak.Load(), memory()))
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	f()
	close(stop)
	<-stopped
	return peak.Load() - before
}

const allowed = 64 << 20

// attack sends bytes on several connections at once and reads whatever comes back until the broker closes, or has
// nothing more to say.
func (r *running) attack(connections int, b func(i int) []byte) {
	var all sync.WaitGroup
	for i := range connections {
		all.Go(func() {
			conn, err := net.Dial("tcp", r.addr)
			if err != nil {
				r.t.Error(err)
				return
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(20 * time.Second))
			conn.Write(b(i)) // the broker may close before it has read everything
			conn.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, conn)
		})
	}
	all.Wait()
}

// works checks that the broker still serves honest clients.
func (r *running) works() {
	r.t.Helper()
	ctx := within(r.t, 20*time.Second)
	cl := r.client(kgo.AllowAutoTopicCreation())
	if err := cl.ProduceSync(ctx, numbered("honest", 0, 1)...).FirstErr(); err != nil {
		r.t.Fatalf("an honest client after that: %v", err)
	}
}

// header is a request header of any size, key and version.
func header(size uint32, key, version int16) []byte {
	b := binary.BigEndian.AppendUint32(nil, size)
	b = binary.BigEndian.AppendUint16(b, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	return append(b, 0, 0, 0, 1, 0, 1, 'x', 0)
}

// everyVersion calls f for each key and version that the broker takes.
func everyVersion(f func(req kmsg.Request, limit int)) {
	server := api.New(api.Options{Settings: api.Settings{RequestMaxBytes: 100 << 20}})
	for key := int16(0); key < 100; key++ {
		for version := int16(0); version < 20; version++ {
			a, ok := server.Admit(key, version)
			if req := kmsg.RequestForKey(key); ok && req != nil && version <= req.MaxVersion() && a.RequestHeader > 0 {
				req.SetVersion(version)
				f(req, a.MaxBytes)
			}
		}
	}
}

func TestHostileBytes(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	t.Run("random", func(t *testing.T) {
		r := start(t, Config{Logger: quiet})
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		grown := grows(func() {
			r.attack(100, func(i int) []byte {
				rnd := rand.New(rand.NewPCG(seed, uint64(i)))
				b := header(uint32(rnd.IntN(70000)), int16(rnd.IntN(50)), int16(rnd.IntN(14)))
				for range rnd.IntN(60000) {
					b = append(b, byte(rnd.Uint32()&rnd.Uint32())) // rather low bits, so that lengths are small enough to matter
				}
				return b
			})
		})
		r.works()
		if grown > allowed {
			t.Errorf("memory grew by %d MiB", grown>>20)
		}
	})
	t.Run("lengths that never come", func(t *testing.T) {
		r := start(t, Config{Logger: quiet})
		grown := grows(func() {
			everyVersion(func(req kmsg.Request, limit int) {
				for _, size := range []uint32{1<<31 - 1, 1 << 31, uint32(limit)} {
					r.attack(1, func(int) []byte { return header(size, req.Key(), req.GetVersion()) })
				}
			})
		})
		r.works()
		if grown > allowed/2 {
			t.Errorf("memory grew by %d MiB", grown>>20)
		}
	})
	t.Run("truncated", func(t *testing.T) {
		r := start(t, Config{Logger: quiet})
		everyVersion(func(req kmsg.Request, _ int) {
			dense(req, 3)
			b := kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)
			b = b[:4+(len(b)-4)/2]
			binary.BigEndian.PutUint32(b, uint32(len(b)-4)) // a frame that is whole, and a request that is not
			r.attack(1, func(int) []byte { return b })
		})
		r.works()
	})
}

// TestDenseArrays sends requests that are one array of as many empty elements as the key's size limit takes, several at a
// time. An element is a byte or a few on the wire and a struct in memory.
func TestDenseArrays(t *testing.T) {
	r := start(t, Config{Logger: slog.New(slog.DiscardHandler), Settings: map[string]string{"auto.create.topics.enable": "false"}})
	r.answers()
	last, flexible := int16(-1), false
	everyVersion(func(req kmsg.Request, limit int) {
		if last == req.Key() && req.IsFlexible() == flexible {
			return // the first version of each form is enough
		}
		last, flexible = req.Key(), req.IsFlexible()
		limit = min(limit, 1<<20) // Produce's is no array's: it is refused by its first bytes
		b := densest(req, limit)
		grown := int64(allowed + 1)
		for try := 0; try < 3 && grown > allowed; try++ { // what the collector has not got round to counts too: the least is true
			grown = grows(func() { r.attack(3, func(int) []byte { return b }) })
		}
		if grown > allowed {
			t.Errorf("%s v%d: memory grew by %d MiB for frames of %d KiB", kmsg.NameForKey(req.Key()), req.GetVersion(),
				grown>>20, len(b)>>10)
		}
	})
	r.answers()
}

// answers checks that the broker answers at all.
func (r *running) answers() {
	r.t.Helper()
	if err := r.client().Ping(within(r.t, 20*time.Second)); err != nil {
		r.t.Fatal(err)
	}
}

// densest encodes req with so many elements that it just fits limit.
func densest(req kmsg.Request, limit int) []byte {
	size := func(n int) int {
		dense(req, n)
		return len(kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)) - 4
	}
	few, many := size(100), size(1100)
	n := 1000
	if per := (many - few) / 1000; per > 0 {
		n = (limit - few) / (per + 1)
	}
	dense(req, max(n, 1))
	return kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)
}

// dense fills every array of structs of the request itself with n empty elements.
func dense(req kmsg.Request, n int) {
	v := reflect.ValueOf(req).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice {
			f.Set(reflect.MakeSlice(f.Type(), n, n))
		}
	}
}

// TestSlowReaders: clients that ask for much and read nothing do not hold up others, nor fill memory.
func TestSlowReaders(t *testing.T) {
	r := start(t, Config{Logger: slog.New(slog.DiscardHandler)})
	ctx := within(t, 60*time.Second)
	cl := r.client(kgo.AllowAutoTopicCreation(), kgo.ProducerBatchCompression(kgo.NoCompression()))
	for range 20 {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: make([]byte, 900_000)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	fetch := kmsg.NewPtrFetchRequest()
	fetch.Version, fetch.MaxBytes = 11, 50<<20
	ft := kmsg.NewFetchRequestTopic()
	ft.Topic = "t"
	fp := kmsg.NewFetchRequestTopicPartition()
	fp.PartitionMaxBytes, fp.CurrentLeaderEpoch = 50<<20, -1
	ft.Partitions = append(ft.Partitions, fp)
	fetch.Topics = append(fetch.Topics, ft)
	ask := kmsg.NewRequestFormatter().AppendRequest(nil, fetch, 1)
	grown := grows(func() {
		for range 20 {
			conn := r.dial()
			for range 10 {
				conn.Write(ask)
			}
		}
		c := r.client(kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxPartitionBytes(1<<20))
		consume(t, ctx, c, 20)
	})
	if grown > 2*allowed { // the honest client, which is in this process too, holds what it consumes
		t.Errorf("memory grew by %d MiB", grown>>20)
	}
}
