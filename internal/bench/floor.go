package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Floor is a server that does the least that a log could do, to show what machine and client allow. It has two sides:
//
//   - bytes: what comes in is read, checked with CRC-32C, written to a file through the page cache and, in what has
//     gathered during the last flush, to a journal that is preallocated, written past the page cache and flushed; what goes
//     out is a file by sendfile. No protocol.
//   - stub: Produce requests of the Kafka protocol are answered at once, and nothing is kept (see stub).
//
// It must run in a process of its own, so that its processor time can be told from the client's.
type Floor struct {
	dir         string
	bytes, stub net.Listener
	partitions  atomic.Int32 // of the stub's topics
	segments    atomic.Int32 // that were written; each stays until the end, as a server's do
}

// ListenFloor opens a floor on two free loopback ports. Its files are made below dir and deleted again.
func ListenFloor(dir string) (*Floor, error) {
	dir, err := os.MkdirTemp(dir, "floor")
	if err != nil {
		return nil, err
	}
	f := &Floor{dir: dir}
	if f.bytes, err = net.Listen("tcp", "127.0.0.1:0"); err == nil {
		f.stub, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return f, nil
}

// BytesAddr and StubAddr are the addresses of the two sides.
func (f *Floor) BytesAddr() string { return f.bytes.Addr().String() }

// StubAddr is the address that speaks the Kafka protocol.
func (f *Floor) StubAddr() string { return f.stub.Addr().String() }

// Serve serves until ctx ends or ended is closed.
func (f *Floor) Serve(ctx context.Context, ended <-chan struct{}) error {
	defer os.RemoveAll(f.dir)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-ended:
		case <-ctx.Done():
		}
		cancel()
	}()
	stop := context.AfterFunc(ctx, func() {
		f.bytes.Close()
		f.stub.Close()
	})
	defer stop()
	errs := make(chan error, 2)
	go func() { errs <- accept(ctx, f.bytes, f.serveBytes) }()
	go func() { errs <- accept(ctx, f.stub, f.serveStub) }()
	err := errors.Join(<-errs, <-errs)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func accept(ctx context.Context, l net.Listener, serve func(net.Conn) error) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		wg.Go(func() {
			defer c.Close()
			stop := context.AfterFunc(ctx, func() { c.Close() })
			defer stop()
			_ = serve(c) // the other end sees that it ended
		})
	}
}

// The bytes side's requests: a letter and a number of bytes.
const (
	wantIn  = 'i' // that many bytes follow; the answer is one byte once they are flushed
	wantOut = 'o' // the answer is that many bytes of what came in last
)

const (
	floorChunk   = 256 << 10
	floorJournal = 256 << 20
	floorBuffers = 64
)

// segment is the name of the last segment.
func (f *Floor) segment() string {
	return filepath.Join(f.dir, fmt.Sprintf("segment%d", f.segments.Load()))
}

func (f *Floor) serveBytes(c net.Conn) error {
	var head [9]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return err
	}
	n := int64(binary.BigEndian.Uint64(head[1:]))
	switch head[0] {
	case wantIn:
		if err := f.takeIn(c, n); err != nil {
			return err
		}
		_, err := c.Write([]byte{0})
		return err
	case wantOut:
		file, err := os.Open(f.segment())
		if err != nil {
			return err
		}
		defer file.Close()
		for n > 0 { // by sendfile where the system has it
			m, err := io.CopyN(c, file, min(n, 1<<20))
			if n -= m; err != nil {
				return err
			}
		}
	}
	return nil
}

// takeIn reads n bytes into the segment and the journal.
func (f *Floor) takeIn(c net.Conn, n int64) error {
	f.segments.Add(1)
	seg, err := os.Create(f.segment())
	if err != nil {
		return err
	}
	defer seg.Close()
	j, err := openJournal(filepath.Join(f.dir, "journal"))
	if err != nil {
		return err
	}
	defer j.f.Close()
	free, full := make(chan []byte, floorBuffers), make(chan []byte, floorBuffers)
	for range floorBuffers {
		free <- aligned(floorChunk)
	}
	flushed := make(chan error, 1)
	go func() { flushed <- j.run(full, free) }()
	table := crc32.MakeTable(crc32.Castagnoli)
	for sum := uint32(0); n > 0 && err == nil; {
		b := <-free
		m := min(n, floorChunk)
		if _, err = io.ReadFull(c, b[:m]); err == nil {
			sum ^= crc32.Checksum(b[:m], table)
			_, err = seg.Write(b[:m])
		}
		n -= m
		full <- b
	}
	close(full)
	return errors.Join(err, <-flushed)
}

// floorFile is the floor's journal.
type floorFile struct {
	f   *os.File
	off int64
}

// openJournal opens the journal; the first time all of it is written once, because blocks that were written before are
// cheaper to write.
func openJournal(name string) (*floorFile, error) {
	f, err := openDirect(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	zeros := aligned(1 << 20)
	for off := info.Size(); off < floorJournal; off += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros, off); err != nil {
			return nil, err
		}
	}
	return &floorFile{f: f}, f.Sync()
}

// run writes what gathers and flushes it.
func (j *floorFile) run(full <-chan []byte, free chan<- []byte) (err error) {
	for b := range full {
		for n := 1; ; n++ {
			if err == nil {
				_, err = j.f.WriteAt(b, j.off)
				j.off = (j.off + floorChunk) % floorJournal
			}
			free <- b
			if n == 16 || len(full) == 0 {
				break
			}
			b = <-full
		}
		if err == nil {
			err = syncData(j.f)
		}
	}
	return err
}

func aligned(n int) []byte {
	const block = 4096
	b := make([]byte, n+block)
	skip := (block - int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))%block)) % block
	return b[skip : skip+n : skip+n]
}

// bytesIn sends n bytes to a floor.
func bytesIn(ctx context.Context, t Target, n int64) (Result, error) {
	return withBytes(ctx, t, wantIn, n, func(c net.Conn) error {
		b := make([]byte, 1<<20)
		for left := n; left > 0; left -= min(left, int64(len(b))) {
			if _, err := c.Write(b[:min(left, int64(len(b)))]); err != nil {
				return err
			}
		}
		_, err := io.ReadFull(c, b[:1])
		return err
	})
}

// bytesOut reads n bytes from a floor.
func bytesOut(ctx context.Context, t Target, n int64) (Result, error) {
	return withBytes(ctx, t, wantOut, n, func(c net.Conn) error {
		m, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{bufio.NewReaderSize(c, 1<<20)}, make([]byte, 1<<20))
		if err == nil && m != n {
			err = fmt.Errorf("%d of %d bytes came", m, n)
		}
		return err
	})
}

func withBytes(ctx context.Context, t Target, letter byte, n int64, do func(net.Conn) error) (Result, error) {
	c, err := net.Dial("tcp", t.Bytes)
	if err != nil {
		return Result{}, err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	before, began := use(t.PID), time.Now()
	if _, err := c.Write(binary.BigEndian.AppendUint64([]byte{letter}, uint64(n))); err != nil {
		return Result{}, err
	}
	if err := do(c); err != nil {
		return Result{}, err
	}
	res := throughput(n, float64(n), before, use(t.PID), time.Since(began))
	res.RecordsPerSecond, res.CPUPerMillion = 0, 0
	return res, nil
}
