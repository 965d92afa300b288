package broker

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/typelog/typelog/broker/internal/api"
	"github.com/typelog/typelog/broker/internal/wire"
)

// bind opens the sockets of all listeners and works out what their clients are told.
func bind(listeners []Listener) ([]wire.Socket, map[string]api.Endpoint, error) {
	var socks []wire.Socket
	advertised := map[string]api.Endpoint{}
	for _, l := range listeners {
		bound, err := bindListener(l)
		if err != nil {
			for _, s := range socks {
				s.Close()
			}
			return nil, nil, err
		}
		host, port, err := splitAddr(l.Advertise)
		if l.Advertise == "" {
			host, _, err = splitAddr(l.Bind[0])
			port = uint16(bound[0].Addr().(*net.TCPAddr).Port)
		}
		socks = append(socks, bound...)
		if err != nil {
			for _, s := range socks {
				s.Close()
			}
			return nil, nil, err
		}
		advertised[l.Name] = api.Endpoint{Host: host, Port: int32(port)}
	}
	return socks, advertised, nil
}

// bindListener opens one listener's sockets. If localhost is to have a free port, the second loopback gets the one that the
// first one got.
func bindListener(l Listener) ([]wire.Socket, error) {
	var socks []wire.Socket
	open := func(addr string) error {
		more, err := wire.Bind(l.Name, []string{addr}, len(socks) > 0)
		if err != nil {
			for _, s := range socks {
				s.Close()
			}
			return explain(err)
		}
		socks = append(socks, more...)
		return nil
	}
	for _, addr := range l.Bind {
		host, port, err := splitAddr(addr)
		if err != nil {
			return nil, fmt.Errorf("address %q: %w", addr, err)
		}
		if host != "localhost" {
			if err := open(addr); err != nil {
				return nil, err
			}
			continue
		}
		if err := open(net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port)))); err != nil {
			return nil, err
		}
		if port == 0 {
			port = uint16(socks[len(socks)-1].Addr().(*net.TCPAddr).Port)
		}
		if err := open(net.JoinHostPort("::1", strconv.Itoa(int(port)))); err != nil {
			return nil, err
		}
	}
	return socks, nil
}

// explain says in one line what to do about an address that could not be bound.
func explain(err error) error {
	var b *wire.BindError
	if errors.As(err, &b) && b.InUse {
		return fmt.Errorf("cannot listen on %s: another process uses this address. Stop that process, or choose another "+
			"address with --kafka-addr HOST:PORT (listeners: in the configuration file)", b.Address)
	}
	return fmt.Errorf("cannot %w", err)
}
