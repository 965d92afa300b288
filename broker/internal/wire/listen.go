package wire

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"syscall"
)

// Socket is a bound address of a listener.
type Socket struct {
	net.Listener
	// Name is the listener's name, which callers carry.
	Name string
}

// BindError is an address that could not be bound.
type BindError struct {
	Listener, Address string
	// InUse: another process has the address.
	InUse bool
	Err   error
}

func (e *BindError) Error() string { return fmt.Sprintf("listen on %s: %v", e.Address, e.Err) }
func (e *BindError) Unwrap() error { return e.Err }

// Bind binds addresses of a listener, all or none. An IPv6 loopback address that this machine does not have is left out if
// the listener has another address: one of these, or others already.
func Bind(name string, addrs []string, others bool) ([]Socket, error) {
	var socks []Socket
	for _, addr := range addrs {
		l, err := net.Listen("tcp", addr)
		if err == nil {
			socks = append(socks, Socket{l, name})
			continue
		}
		if ap, perr := netip.ParseAddrPort(addr); perr == nil && ap.Addr() == netip.IPv6Loopback() &&
			(others || len(socks) > 0) && absent(err) {
			continue
		}
		for _, s := range socks {
			s.Close()
		}
		return nil, &BindError{Listener: name, Address: addr, InUse: inUse(err), Err: err}
	}
	return socks, nil
}

// Windows's own numbers: package syscall's names stand for others there.
const (
	wsaAddrInUse    syscall.Errno = 10048
	wsaAddrNotAvail syscall.Errno = 10049
	wsaNoFamily     syscall.Errno = 10047
)

func inUse(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || runtime.GOOS == "windows" && errors.Is(err, wsaAddrInUse)
}

func absent(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) ||
		runtime.GOOS == "windows" && (errors.Is(err, wsaAddrNotAvail) || errors.Is(err, wsaNoFamily))
}
