// Package child runs `typelog up` as a process of its own, so that demo and tests can kill it as a power switch would
// and start it again. It knows the command line and the banner, and nothing of what is inside.
package child

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// startTimeout bounds the time from start to ready.
const startTimeout = 30 * time.Second

// Server is a typelog process, or the place of one that was killed. TYPELOG_ variables of this process's environment, which
// may be meant for another typelog, do not reach it.
type Server struct {
	Binary string   // path of typelog
	Data   string   // data directory
	Args   []string // further arguments of `typelog up`
	Wrap   []string // a command that runs the command that is appended to it, by exec
	// Kafka and Registry are host:port. Start sets them if they are empty, to free ports that a restart keeps.
	Kafka, Registry string
	// Log gets standard error, if it is set.
	Log io.Writer

	cmd    *exec.Cmd
	exited chan struct{}
	exit   error // valid once exited is closed

	mu     sync.Mutex // guards banner
	banner strings.Builder
}

// URL is the registry's.
func (s *Server) URL() string { return "http://" + s.Registry }

// PID is the process's id.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Banner returns what the process has printed on standard output.
func (s *Server) Banner() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.banner.String()
}

// Start starts the process and returns once both of its ports answer. It returns how long that took.
func (s *Server) Start(ctx context.Context) (time.Duration, error) {
	for _, addr := range []*string{&s.Kafka, &s.Registry} {
		if *addr == "" {
			free, err := freePort()
			if err != nil {
				return 0, err
			}
			*addr = free
		}
	}
	args := append([]string{"up", "--data", s.Data, "--kafka-addr", s.Kafka, "--registry-addr", s.Registry}, s.Args...)
	command := append(append(append([]string(nil), s.Wrap...), s.Binary), args...)
	s.cmd = exec.Command(command[0], command[1:]...)
	s.cmd.Stderr = s.Log
	s.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TYPELOG_") })
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return 0, fmt.Errorf("start %s: %w", s.Binary, err)
	}
	s.exited = make(chan struct{})
	go s.watch(out)
	if err := s.ready(ctx); err != nil {
		_ = s.Kill()
		return 0, err
	}
	return time.Since(began), nil
}

func (s *Server) watch(out io.Reader) {
	defer close(s.exited)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		s.mu.Lock()
		s.banner.WriteString(lines.Text() + "\n")
		s.mu.Unlock()
	}
	s.exit = s.cmd.Wait()
}

func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := s.answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("typelog ended before it was ready: %w", s.exitErr())
		case <-ctx.Done():
			return fmt.Errorf("typelog was not ready in time: %w", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (s *Server) answers(ctx context.Context) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Kafka)
	if err != nil {
		return err
	}
	_ = conn.Close()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+"/subjects", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("registry: %s", resp.Status)
	}
	return nil
}

// Kill ends the process without warning, as kill -9 does.
func (s *Server) Kill() error {
	err := s.cmd.Process.Kill()
	<-s.exited
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Stop asks the process to end, as SIGTERM does, and waits. It returns an error unless it ended by itself with status 0.
func (s *Server) Stop(ctx context.Context) error {
	if err := terminate(s.cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.exited:
		return s.exit
	case <-ctx.Done():
		_ = s.Kill()
		return fmt.Errorf("typelog did not end when asked to: %w", ctx.Err())
	}
}

func (s *Server) exitErr() error {
	if s.exit != nil {
		return s.exit
	}
	return errors.New("exit status 0")
}

// freePort returns a loopback address that nobody listens on at the moment.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
