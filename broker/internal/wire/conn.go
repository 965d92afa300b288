package wire

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// conn is one connection: a reading goroutine, which takes requests in in order of arrival, and a writing one, which
// waits for each answer and writes them in the same order.
type conn struct {
	s      *Server
	tc     net.Conn
	in     *bufio.Reader
	caller Caller
	cancel context.CancelFunc

	// slots bounds the requests between the two goroutines; queue has room for all of them.
	slots chan struct{}
	queue chan *pending

	closing atomic.Bool  // the server is shutting down
	reading atomic.Int64 // since when a frame's body is being read, in ns since the epoch; 0 while none is
	slow    atomic.Bool  // cut off by cutSlowest
	out     []byte       // of the writing goroutine
}

// pending is a request whose answer is not written yet.
type pending struct {
	finish   Finish
	key      int16
	corr     int32
	header   int8 // version of the response header
	frame    lease
	memory   lease
	bulk     []byte // the buffer to recycle
	panicked bool
}

const (
	inBuffer  = 4 << 10
	joinBelow = 16 << 10 // parts up to this size are copied into one write
	// patienceShare: a frame waits for this part of the frame timeout before the slowest sender is looked for.
	patienceShare = 6
	// slowest is the pace, in bytes a second, that a peer has to keep up while a frame or an answer is under way.
	slowest = 16 << 10
)

var (
	errSlow      = errors.New("cut off: others wait for the memory that its unfinished request holds (" + FramesSetting + " is what there is)")
	errClosing   = errors.New("shutting down")
	errIdle      = errors.New("idle for too long")
	errUnknown   = errors.New("unknown request")
	errPanic     = errors.New("handler panicked")
	errTooBig    = errors.New("answer does not fit a frame")
	errShortPart = errors.New("a part wrote less than its length")
)

func newConn(s *Server, tc net.Conn, caller Caller, cancel context.CancelFunc) *conn {
	return &conn{
		s: s, tc: tc, in: bufio.NewReaderSize(tc, inBuffer), caller: caller, cancel: cancel,
		slots: make(chan struct{}, s.maxInFlight), queue: make(chan *pending, s.maxInFlight),
	}
}

// serve runs the connection to its end and returns why it ended.
func (c *conn) serve(ctx context.Context) error {
	written := make(chan error, 1)
	go func() { written <- c.write() }()
	err := c.read(ctx)
	c.cancel()
	close(c.queue)
	werr := <-written
	c.tc.Close()
	if c.slow.Load() {
		return errSlow
	}
	if werr != nil && (err == nil || errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF)) {
		return werr
	}
	return err
}

// read takes requests in until the connection ends.
func (c *conn) read(ctx context.Context) error {
	for {
		select {
		case c.slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		p, err := c.next(ctx)
		if err != nil {
			return err
		}
		c.queue <- p
	}
}

// next reads a frame and starts its request.
func (c *conn) next(ctx context.Context) (*pending, error) {
	size, key, version, err := c.begin()
	if err != nil {
		return nil, err
	}
	a, ok := c.s.handler.Admit(key, version)
	if !ok {
		return nil, fmt.Errorf("%w: key %d version %d", errUnknown, key, version)
	}
	if err := checkSize(size, key, version, a); err != nil {
		return nil, err
	}
	cost := int64(0)
	if !a.Bulk {
		if cost = int64(size) * int64(or(a.Cost, decodeCost)); cost > c.s.memory.size {
			return nil, fmt.Errorf("%w: decoding a request of key %d with %d bytes takes up to %d bytes of memory, more "+
				"than the whole budget of %d; the broker setting %s raises it",
				errFrameSize, key, size, cost, c.s.memory.size, MemorySetting)
		}
	}
	p := &pending{key: key, header: a.ResponseHeader, frame: c.s.frames.lease(), memory: c.s.memory.lease()}
	if err := c.body(ctx, p, int(size)-keyBytes, version, cost, a); err != nil {
		p.release(c.s)
		return nil, err
	}
	return p, nil
}

// begin reads a frame's size, key and version.
func (c *conn) begin() (size int32, key, version int16, err error) {
	for {
		if err := c.deadline(c.s.idle); err != nil {
			return 0, 0, 0, err
		}
		// The size is looked at before it is taken, so that a timeout between frames loses nothing.
		if _, err = c.in.Peek(1); err == nil {
			break
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && !c.closing.Load() {
			if len(c.slots) > 1 { // an answer is still to come: not idle
				continue
			}
			return 0, 0, 0, errIdle
		}
		return 0, 0, 0, err
	}
	if c.whole() {
		if c.closing.Load() {
			return 0, 0, 0, errClosing
		}
	} else if err := c.deadline(c.s.frameTimeout); err != nil {
		return 0, 0, 0, err
	}
	var b [sizeBytes + keyBytes]byte
	if _, err := io.ReadFull(c.in, b[:]); err != nil {
		return 0, 0, 0, err
	}
	size = int32(binary.BigEndian.Uint32(b[:]))
	key = int16(binary.BigEndian.Uint16(b[4:]))
	version = int16(binary.BigEndian.Uint16(b[6:]))
	if size < minFrame {
		return 0, 0, 0, fmt.Errorf("%w: %d bytes are too few for a request", errFrameSize, size)
	}
	if size > firstStep {
		err = c.deadline(c.s.frameTimeout + time.Duration(size)*time.Second/slowest)
	}
	return size, key, version, err
}

// whole reports whether all of a frame has arrived, so that there is nothing to wait for.
func (c *conn) whole() bool {
	n := c.in.Buffered()
	if n < sizeBytes+minFrame {
		return false
	}
	b, err := c.in.Peek(sizeBytes)
	size := binary.BigEndian.Uint32(b)
	return err == nil && size >= minFrame && int64(size) <= int64(n-sizeBytes)
}

// deadline bounds the reads that follow, unless the server is shutting down.
func (c *conn) deadline(d time.Duration) error {
	if err := c.tc.SetReadDeadline(time.Now().Add(d)); err != nil {
		return err
	}
	if c.closing.Load() {
		return errClosing
	}
	return nil
}

// body reads the rest of a frame of n bytes and starts the request.
func (c *conn) body(ctx context.Context, p *pending, n int, version int16, cost int64, a Admission) error {
	var pool *buffers
	if a.Bulk {
		pool = &c.s.buffers
	}
	var peek func([]byte) error
	if a.Peek != nil {
		peek = func(prefix []byte) error {
			if _, _, used, err := parseHeader(prefix, a.RequestHeader); err == nil {
				return a.Peek(prefix[used:])
			}
			return nil // a header that is longer, or wrong; it shows when the rest is there
		}
	}
	c.reading.Store(time.Now().UnixNano())
	buf, err := readBody(c.in, n, func(n int64) error { return c.more(ctx, &p.frame, n) }, pool, peek)
	c.reading.Store(0)
	if err != nil {
		return err
	}
	if a.Bulk {
		p.bulk = buf
	}
	corr, client, used, err := parseHeader(buf, a.RequestHeader)
	if err != nil {
		return fmt.Errorf("%w: key %d version %d", err, p.key, version)
	}
	p.corr = corr
	if string(client) != c.caller.ClientID {
		c.caller.ClientID = string(client)
	}
	if cost > 0 {
		// From here on the larger share stands for the frame too.
		if err := p.memory.grow(ctx, cost); err != nil {
			return err
		}
		p.frame.release()
	}
	c.s.metrics.request(p.key)
	if c.s.active != nil {
		c.s.active()
	}
	p.start(ctx, c, &Request{Key: p.key, Version: version, CorrelationID: corr, Caller: c.caller, Body: buf[used:]})
	if a.Waits {
		p.memory.shrink(int64(n) * waitingCost)
	}
	return nil
}

// more takes n bytes more for a frame. If that takes long, somebody who sends slowly may hold what is missing: the slowest
// is cut off then, so that a few half-sent frames cannot stop all others.
func (c *conn) more(ctx context.Context, l *lease, n int64) error {
	if l.tryGrow(n) {
		return nil
	}
	for {
		patience, cancel := context.WithTimeout(ctx, c.s.frameTimeout/patienceShare)
		err := l.grow(patience, n)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
		c.s.cutSlowest(c)
	}
}

// start calls the handler. A handler that panics costs its connection, not the broker.
func (p *pending) start(ctx context.Context, c *conn, r *Request) {
	defer func() {
		if v := recover(); v != nil {
			err := p.panic(c, v)
			p.finish = func() Answer { return Answer{Err: err} }
		}
	}()
	p.finish = c.s.handler.Start(ctx, r)
}

// answer calls the second step.
func (p *pending) answer(c *conn) (a Answer) {
	defer func() {
		if v := recover(); v != nil {
			a = Answer{Err: p.panic(c, v)}
		}
	}()
	return p.finish()
}

func (p *pending) panic(c *conn, v any) error {
	p.panicked = true
	c.s.log.Error("a handler panicked; its connection is closed", "key", p.key, "client", c.caller.ClientID,
		"panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	return errPanic
}

// release gives back what the request held.
func (p *pending) release(s *Server) {
	if p.bulk != nil && !p.panicked { // after a panic, somebody may still use it
		s.buffers.put(p.bulk)
	}
	p.bulk = nil
	p.frame.release()
	p.memory.release()
}

// write writes the answers of the queue in order, until it is closed. After a failure it goes on calling finishes, so
// that everything is released.
func (c *conn) write() (err error) {
	for p := range c.queue {
		a := p.answer(c)
		p.memory.shrink(size(a)) // the decoded request is gone; a client that reads slowly holds its answer only
		if err == nil {
			if err = a.Err; err == nil && !a.None {
				err = c.writeAnswer(p, a)
			}
			if err != nil {
				c.cancel()
				c.tc.Close() // wakes the reading goroutine
			}
		}
		for _, part := range a.Parts {
			if part.Chunk != nil {
				part.Chunk.Release()
			}
		}
		p.release(c.s)
		<-c.slots
	}
	return err
}

// size is the memory that an answer takes.
func size(a Answer) (n int64) {
	for _, part := range a.Parts {
		n += int64(len(part.Bytes))
	}
	return n
}

// writeAnswer writes one answer: small parts together, large ones each by itself.
func (c *conn) writeAnswer(p *pending, a Answer) error {
	size := int64(4 + p.header)
	for _, part := range a.Parts {
		size += part.Len()
	}
	if size > math.MaxInt32 {
		return fmt.Errorf("%w: %d bytes for key %d", errTooBig, size, p.key)
	}
	limit := c.s.frameTimeout + time.Duration(size/slowest)*time.Second
	if err := c.tc.SetWriteDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	c.out = binary.BigEndian.AppendUint32(c.out[:0], uint32(size))
	c.out = binary.BigEndian.AppendUint32(c.out, uint32(p.corr))
	if p.header > 0 {
		c.out = append(c.out, 0) // no tagged fields
	}
	for _, part := range a.Parts {
		if err := c.writePart(part); err != nil {
			return err
		}
	}
	return c.flush()
}

func (c *conn) writePart(part Part) error {
	n := part.Len()
	if n <= joinBelow {
		if part.Chunk == nil {
			c.out = append(c.out, part.Bytes...)
		} else if m, err := part.Chunk.WriteTo((*joiner)(c)); err != nil {
			return err
		} else if m != n {
			return errShortPart
		}
		if len(c.out) < 2*joinBelow {
			return nil
		}
		return c.flush()
	}
	if err := c.flush(); err != nil {
		return err
	}
	if part.Chunk == nil {
		_, err := c.tc.Write(part.Bytes)
		return err
	}
	m, err := part.Chunk.WriteTo(c.tc)
	if err == nil && m != n {
		err = errShortPart
	}
	return err
}

func (c *conn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.tc.Write(c.out)
	c.out = c.out[:0]
	return err
}

// joiner appends to a connection's next write.
type joiner conn

func (j *joiner) Write(b []byte) (int, error) {
	j.out = append(j.out, b...)
	return len(b), nil
}

// stop makes the connection end once the requests that it has taken in are answered.
func (c *conn) stop() {
	c.closing.Store(true)
	c.cancel()
	c.tc.SetReadDeadline(time.Unix(1, 0))
}

// logEnd logs why a connection ended, if somebody should know.
func (c *conn) logEnd(err error) {
	var level slog.Level
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, errIdle), errors.Is(err, net.ErrClosed), errors.Is(err, errClosing),
		errors.Is(err, context.Canceled):
		level = slog.LevelDebug
	case errors.As(err, new(net.Error)), errors.Is(err, io.ErrUnexpectedEOF):
		level = slog.LevelDebug // the peer or the network went away
	default:
		level = slog.LevelWarn
	}
	if level == slog.LevelWarn {
		held, ok := c.s.ends.Allow(time.Now())
		if !ok {
			return
		}
		c.s.log.Warn("closed a connection", "reason", err, "from", c.caller.Addr, "client", c.caller.ClientID,
			"listener", c.caller.Listener, "similar", held)
		return
	}
	c.s.log.Debug("connection ended", "reason", err, "from", c.caller.Addr, "client", c.caller.ClientID)
}

func addrOf(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}
