package partlog

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
)

func benchConfig() log.Config {
	return log.Config{SegmentBytes: 256 << 20, SegmentMs: -1, RetentionMs: -1, RetentionBytes: 512 << 20, IndexInterval: 4096, Delete: true}
}

func benchEngine(b *testing.B, parts int) (*Engine, []log.Partition) {
	b.Helper()
	e, _, err := Open(Options{Dir: filepath.Join(b.TempDir(), "log")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := e.Close(); err != nil {
			b.Error(err)
		}
	})
	ids := make([]log.Partition, parts)
	for i := range ids {
		ids[i] = log.Partition{Topic: log.TopicID{1}, Index: int32(i)}
	}
	if err := e.Create(context.Background(), ids, benchConfig()); err != nil {
		b.Fatal(err)
	}
	return e, ids
}

func benchBatch(records, size int) record.Batch {
	var bld record.Builder
	value := []byte(strings.Repeat("v", size))
	for range records {
		bld.Add(record.KV(1_700_000_000_000, nil, value))
	}
	return bld.Build()
}

// BenchmarkAppend appends flushed batches of 1 KiB records, several appenders each with some in flight.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct{ parts, records, appenders, inFlight int }{
		{6, 1000, 6, 5},
		{6, 16, 6, 5},
		{6, 1, 64, 1},
		{6, 1, 1, 1},
		{1000, 1, 64, 1},
	} {
		b.Run(fmt.Sprintf("partitions=%d/batch=%dKiB/appenders=%d", c.parts, c.records, c.appenders), func(b *testing.B) {
			e, ids := benchEngine(b, c.parts)
			batch := benchBatch(c.records, 1000)
			b.SetBytes(int64(len(batch)))
			b.ReportAllocs()
			work := make(chan log.Partition)
			var wg sync.WaitGroup
			for range c.appenders {
				wg.Go(func() {
					free := make(chan []byte, c.inFlight)
					for range c.inFlight {
						free <- append([]byte(nil), batch...)
					}
					for id := range work {
						buf := <-free
						e.Append([]log.Batch{{Partition: id, Bytes: buf}}, func(out []log.Appended) {
							if out[0].Err != nil {
								b.Error(out[0].Err)
							}
							free <- buf
						})
					}
					for range c.inFlight {
						<-free
					}
				})
			}
			b.ResetTimer()
			for i := range b.N {
				work <- ids[i%len(ids)]
			}
			close(work)
			wg.Wait()
			b.ReportMetric(float64(b.N*c.records)/b.Elapsed().Seconds(), "records/s")
			b.StopTimer()
			if err := e.checkpoint(false); err != nil {
				b.Error(err)
			}
			if err := e.Retain(); err != nil {
				b.Error(err)
			}
		})
	}
}

// BenchmarkRead reads chunks of 1 MiB and sends them over a loopback connection.
func BenchmarkRead(b *testing.B) {
	e, ids := benchEngine(b, 1)
	const batches = 256
	batch := benchBatch(64, 1000)
	done := make(chan []log.Appended, batches)
	for range batches {
		e.Append([]log.Batch{{Partition: ids[0], Bytes: append([]byte(nil), batch...)}}, func(out []log.Appended) { done <- out })
	}
	for range batches {
		if out := <-done; out[0].Err != nil {
			b.Fatal(out[0].Err)
		}
	}
	conn := drained(b)
	var n int64
	offset := int64(0)
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		r := e.Read([]log.ReadRequest{{Partition: ids[0], Offset: offset, MaxBytes: 1 << 20}}, log.ReadLimits{MaxBytes: 1 << 20})[0]
		if r.Err != nil || len(r.Chunks) == 0 {
			b.Fatal(r.Err, offset)
		}
		for _, c := range r.Chunks {
			m, err := c.WriteTo(conn)
			if err != nil {
				b.Fatal(err)
			}
			n += m
			c.Release()
		}
		offset += 64 * 15
		if offset >= 64*(batches-16) {
			offset = 0
		}
	}
	b.ReportMetric(float64(n)/float64(b.N), "bytes/read")
}

// drained is a connection to a peer that reads and forgets.
func drained(b *testing.B) net.Conn {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, 1<<20))
		_ = c.Close()
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close(); _ = l.Close() })
	return conn
}

// BenchmarkIdlePartitions measures what partitions cost that nobody uses, and how long they take to open.
func BenchmarkIdlePartitions(b *testing.B) {
	const n = 2000
	dir := filepath.Join(b.TempDir(), "log")
	e, _, err := Open(Options{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	ids := make([]log.Partition, n)
	for i := range ids {
		ids[i] = log.Partition{Topic: log.TopicID{1}, Index: int32(i)}
	}
	if err := e.Create(context.Background(), ids, benchConfig()); err != nil {
		b.Fatal(err)
	}
	if err := e.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		e, _, err := Open(Options{Dir: dir, Topics: []Topic{{ID: log.TopicID{1}, Partitions: n, Config: benchConfig()}}})
		if err != nil {
			b.Fatal(err)
		}
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N)/n, "µs/partition")
}
