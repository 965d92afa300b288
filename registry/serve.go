package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// The HTTP server's limits. A request that sends nothing for this long is cut off.
const (
	headerTimeout   = 10 * time.Second
	readTimeout     = 60 * time.Second
	writeTimeout    = 90 * time.Second
	idleTimeout     = 3 * time.Minute
	shutdownTimeout = 10 * time.Second
	maxHeader       = 64 << 10
)

// Run serves until ctx ends, then lets running requests finish, closes the registry, and returns. It is called once.
func (r *Registry) Run(ctx context.Context) error {
	server := &http.Server{
		Handler:           r.handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		TLSConfig:         r.tls,
		ErrorLog:          slog.NewLogLogger(r.log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, len(r.listeners))
	for _, l := range r.listeners {
		go func() {
			if r.tls != nil {
				ended <- server.ServeTLS(l, "", "")
				return
			}
			ended <- server.Serve(l)
		}()
	}
	var failed error
	running := len(r.listeners)
	select {
	case <-ctx.Done():
	case failed = <-ended:
		running--
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		server.Close()
	}
	for ; running > 0; running-- {
		<-ended
	}
	err := r.Close()
	if failed != nil && !errors.Is(failed, http.ErrServerClosed) {
		err = errors.Join(fmt.Errorf("registry: %w", failed), err)
	}
	return err
}

// listen binds all addresses or none.
func listen(addresses []string) ([]net.Listener, error) {
	var out []net.Listener
	for _, address := range addresses {
		bound, err := listenOn(address)
		if err != nil {
			for _, l := range out {
				l.Close()
			}
			if taken(err) {
				return nil, fmt.Errorf("address %s is in use by another process: stop it, or choose another address (%w)", address, err)
			}
			return nil, fmt.Errorf("listen on %s: %w", address, err)
		}
		out = append(out, bound...)
	}
	return out, nil
}

// taken reports whether an address could not be bound because somebody else has it. Windows has an error of its own.
func taken(err error) bool {
	const wsaeaddrinuse = syscall.Errno(10048)
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaeaddrinuse)
}

// listenOn binds one address; "localhost" is both loopbacks on one port, the second only where the machine has it.
func listenOn(address string) ([]net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if host != "localhost" {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, err
		}
		return []net.Listener{l}, nil
	}
	four, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return nil, err
	}
	_, port, _ = net.SplitHostPort(four.Addr().String()) // port 0 has become a real one
	six, err := net.Listen("tcp6", net.JoinHostPort("::1", port))
	switch {
	case err == nil:
		return []net.Listener{four, six}, nil
	case hasLoopback6():
		four.Close()
		return nil, err
	}
	return []net.Listener{four}, nil
}

// hasLoopback6 reports whether ::1 is an address of this machine.
func hasLoopback6() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	l.Close()
	return true
}
