// Package wire is the broker's edge to the network: it accepts connections, cuts their bytes into frames, reads request
// headers, hands requests to a Handler and writes the answers back in the order of the requests. It bounds what a peer can
// make the broker spend: connections, time without progress, the size of a frame by its key, bytes of frames in memory and
// memory for decoding, each before it is spent.
//
// It must not know what a request means: kmsg's structs, topics and groups are package api's.
//
// Flow: socket -> frame -> header -> Handler.Start -> (queue) -> Finish -> socket.
package wire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/typelog/typelog/broker/internal/lograte"
)

// Names of settings that messages of this package refer to.
const (
	MemorySetting = "typelog.request.memory.bytes"
	FramesSetting = "typelog.request.inflight.bytes"
)

const (
	// decodeCost is the memory that decoding a frame may take, in multiples of its size, where the handler knows no better:
	// an empty element of a few bytes becomes a struct of up to a few hundred, and one in the answer.
	decodeCost = 80
	// waitingCost is the same for a request that has started and waits for others.
	waitingCost = 4
)

// Options bound a Server. A zero field stands for its default.
type Options struct {
	// MaxConnections and MaxConnectionsPerIP bound the connections that are open at a time (max.connections,
	// max.connections.per.ip); without limit by default, but never more than half of what the operating system lets the
	// process open: files need the other half.
	MaxConnections, MaxConnectionsPerIP int
	// MaxInFlight bounds the requests of one connection that are taken in and not answered; 64 by default.
	MaxInFlight int
	// IdleTimeout ends connections on which nothing happens (connections.max.idle.ms); 10 minutes by default.
	IdleTimeout time.Duration
	// FrameTimeout bounds the time for a frame that has begun, and for writing an answer, each plus a second for every
	// 16 KiB; 30 seconds by default.
	FrameTimeout time.Duration
	// MemoryBudget is shared by all requests but Produce, each of which takes 80 times the size of its frame while it is
	// decoded and answered; 48 MiB by default.
	MemoryBudget int64
	// FrameBudget is shared by the bytes of all frames that have arrived, in practice those of Produce; 64 MiB by
	// default. One frame at a time may go beyond it.
	FrameBudget int64
	// SendBuffer is what the system may hold of answers that a client has not taken, in bytes for each connection
	// (socket.send.buffer.bytes); left to the system if it is not positive. A system that lets it grow to megabytes sends
	// large answers faster than a client near by reads them, and what piles up costs both sides processor time.
	SendBuffer int

	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Active, if set, is called for each request.
	Active func()
}

// Server serves connections.
type Server struct {
	handler      Handler
	log          *slog.Logger
	ends         *lograte.Limiter
	metrics      *metrics
	maxConns     int
	maxPerIP     int
	maxInFlight  int
	idle         time.Duration
	frameTimeout time.Duration
	sendBuffer   int
	active       func()
	memory       *budget
	frames       *budget
	buffers      buffers

	// mu guards the fields below.
	mu     sync.Mutex
	conns  map[*conn]struct{}
	perIP  map[netip.Addr]int
	closed bool
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// New makes a Server.
func New(h Handler, o Options) *Server {
	const unlimited = 1<<31 - 1
	return &Server{
		handler:      h,
		log:          or(o.Logger, slog.New(slog.DiscardHandler)),
		ends:         lograte.New(time.Second, 5),
		metrics:      newMetrics(o.Registerer),
		maxConns:     min(or(o.MaxConnections, unlimited), maxSockets()),
		maxPerIP:     or(o.MaxConnectionsPerIP, unlimited),
		maxInFlight:  or(o.MaxInFlight, 64),
		idle:         or(o.IdleTimeout, 10*time.Minute),
		frameTimeout: or(o.FrameTimeout, 30*time.Second),
		sendBuffer:   o.SendBuffer,
		active:       o.Active,
		memory:       newBudget(or(o.MemoryBudget, 48<<20), false),
		frames:       newBudget(or(o.FrameBudget, 64<<20), true),
		conns:        map[*conn]struct{}{},
		perIP:        map[netip.Addr]int{},
	}
}

// Serve accepts connections from the sockets until ctx ends, then stops accepting, answers the requests that were taken
// in, and returns when every connection has ended; connections that take longer than grace are cut. It closes the sockets.
func (s *Server) Serve(ctx context.Context, sockets []Socket, grace time.Duration) error {
	var accepting, serving sync.WaitGroup
	failed := make(chan error, len(sockets))
	for _, sock := range sockets {
		accepting.Go(func() { failed <- s.accept(sock, &serving) })
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		c.stop()
	}
	s.mu.Unlock()
	for _, sock := range sockets {
		sock.Close()
	}
	accepting.Wait()
	cut := time.AfterFunc(grace, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.conns {
			c.tc.Close()
		}
	})
	defer cut.Stop()
	serving.Wait()
	return err
}

// accept takes connections from one socket until it is closed.
func (s *Server) accept(sock Socket, serving *sync.WaitGroup) error {
	pause := 5 * time.Millisecond
	for {
		tc, err := sock.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			// Out of descriptors, most likely: it passes when connections end.
			if _, ok := s.ends.Allow(time.Now()); ok {
				s.log.Warn("cannot accept connections", "address", sock.Addr(), "error", err)
			}
			time.Sleep(pause)
			pause = min(2*pause, time.Second)
			continue
		}
		pause = 5 * time.Millisecond
		if t, ok := tc.(*net.TCPConn); ok && s.sendBuffer > 0 {
			_ = t.SetWriteBuffer(s.sendBuffer) // a connection that ended already says so soon
		}
		c, ctx, err := s.open(tc, sock.Name)
		if err != nil {
			if _, ok := s.ends.Allow(time.Now()); ok {
				s.log.Warn("refused a connection", "from", tc.RemoteAddr(), "reason", err)
			}
			tc.Close()
			continue
		}
		serving.Go(func() {
			err := c.serve(ctx)
			c.logEnd(err)
			s.forget(c)
		})
	}
}

// open makes a connection of an accepted socket, if the limits allow one more.
func (s *Server) open(tc net.Conn, listener string) (*conn, context.Context, error) {
	addr := addrOf(tc.RemoteAddr())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, errClosing
	}
	if len(s.conns) >= s.maxConns {
		return nil, nil, fmt.Errorf("%d connections are open, no more are allowed (max.connections)", len(s.conns))
	}
	if s.perIP[addr.Addr()] >= s.maxPerIP {
		return nil, nil, fmt.Errorf("%d connections from %s are open, no more are allowed (max.connections.per.ip)",
			s.perIP[addr.Addr()], addr.Addr())
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := newConn(s, tc, Caller{Principal: Anonymous, Listener: listener, Addr: addr}, cancel)
	s.conns[c] = struct{}{}
	s.perIP[addr.Addr()]++
	s.metrics.connections.Inc()
	return c, ctx, nil
}

// cutSlowest ends the connection that has been sending one frame for longest, if it has had a frame timeout for that.
func (s *Server) cutSlowest(but *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var slowest *conn
	since := time.Now().Add(-s.frameTimeout).UnixNano()
	for c := range s.conns {
		if at := c.reading.Load(); c != but && at != 0 && at < since {
			slowest, since = c, at
		}
	}
	if slowest != nil {
		slowest.slow.Store(true)
		slowest.cancel()
		slowest.tc.Close()
	}
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if ip := c.caller.Addr.Addr(); s.perIP[ip] > 1 {
		s.perIP[ip]--
	} else {
		delete(s.perIP, ip)
	}
	s.metrics.connections.Dec()
}
