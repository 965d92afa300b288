package wire

import (
	"context"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// keeper shows the connections that its listener accepts.
type keeper struct {
	net.Listener
	accepted chan net.Conn
}

func (k keeper) Accept() (net.Conn, error) {
	c, err := k.Listener.Accept()
	if err == nil {
		k.accepted <- c
	}
	return c, err
}

// TestSendBuffer: a connection's buffer for answers has the size that was asked for, or the system's.
func TestSendBuffer(t *testing.T) {
	sizes := map[int]int{}
	for _, asked := range []int{-1, 0, 50 << 10} {
		socks, err := Bind("L", []string{"127.0.0.1:0"}, false)
		if err != nil {
			t.Fatal(err)
		}
		k := keeper{socks[0].Listener, make(chan net.Conn, 1)}
		socks[0].Listener = k
		h := &handler{arrived: make(chan struct{}, 1)}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- New(h, Options{SendBuffer: asked}).Serve(ctx, socks, time.Second) }()
		c := dial(t, socks[0].Addr().String())
		if _, err := c.Write(frame(keyEcho, 1, 1, "")); err != nil {
			t.Fatal(err)
		}
		wantAnswer(t, c, 1, "me:")
		raw, err := (<-k.accepted).(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		if cerr := raw.Control(func(fd uintptr) { sizes[asked], err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF) }); cerr != nil || err != nil {
			t.Fatal(cerr, err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	// Linux counts its own overhead in: twice what was asked for.
	if sizes[50<<10] != 2*50<<10 || sizes[0] != sizes[-1] || sizes[0] == sizes[50<<10] {
		t.Errorf("buffers by what was asked for: %v", sizes)
	}
}
