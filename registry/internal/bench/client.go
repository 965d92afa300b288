package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// request is a request as it goes over the wire. A client of this kind costs a tenth of net/http's, so that the server is
// what is measured.
func request(method, path string, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path)
	if body != nil {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// connection is one keep-alive connection.
type connection struct {
	net.Conn
	in *bufio.Reader
}

func connect(addr string) (*connection, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &connection{c, bufio.NewReaderSize(c, 16<<10)}, nil
}

// ask sends a request and reads the answer, which must be 200.
func (c *connection) ask(request []byte) (size int, err error) {
	if _, err := c.Write(request); err != nil {
		return 0, err
	}
	status, size := "", -1
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if status == "" {
			status = string(line)
			continue
		}
		if len(line) == 0 {
			break
		}
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && bytes.EqualFold(name, []byte("Content-Length")) {
			if size, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, err
			}
		}
	}
	if size < 0 {
		return 0, errors.New("an answer without a length")
	}
	if status != "HTTP/1.1 200 OK" {
		text := make([]byte, size)
		io.ReadFull(c.in, text)
		return 0, fmt.Errorf("%s: %.200s", status, text)
	}
	_, err = c.in.Discard(size)
	return size, err
}

// load has clients send requests for a while, each the next one that next gives, and returns how many were answered in a
// second.
func load(addr string, clients int, length time.Duration, next func(client, n int) []byte) (float64, error) {
	var done atomic.Int64
	var group sync.WaitGroup
	failed := make(chan error, clients)
	started := time.Now()
	for client := range clients {
		c, err := connect(addr)
		if err != nil {
			return 0, err
		}
		group.Go(func() {
			defer c.Close()
			for n := 0; time.Since(started) < length; n++ {
				if _, err := c.ask(next(client, n)); err != nil {
					failed <- err
					return
				}
				done.Add(1)
			}
		})
	}
	group.Wait()
	took := time.Since(started)
	select {
	case err := <-failed:
		return 0, err
	default:
		return float64(done.Load()) / took.Seconds(), nil
	}
}
