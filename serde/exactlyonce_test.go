package serde_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/serde"
	"github.com/typelog/typelog/serde/internal/shop"
)

// copier copies topic in to topic out, exactly once, in transactions.
type copier struct {
	tr  *serde.Transactor
	in  *serde.Consumer[shop.Order]
	out *serde.Producer[shop.Order]
}

func (s *server) copier(t *testing.T, id string, opts ...kgo.Opt) *copier {
	tr := s.transactor(t, serde.TransactorConfig{ID: id, Group: "copy", Topics: []string{"in"}, Client: opts})
	return &copier{tr, s.following(t, tr, nil), s.within(t, tr, "out")}
}

// copy copies up to limit messages in one transaction. Before its end it calls then.
func (c *copier) copy(ctx context.Context, limit int, then func(copied int) error) error {
	return c.tr.Run(ctx, func(ctx context.Context) error {
		messages, err := c.in.Poll(ctx, limit)
		if err != nil {
			return err
		}
		for _, m := range messages {
			if err := c.out.Produce(ctx, m, nil); err != nil {
				return err
			}
		}
		return then(len(messages))
	})
}

// once checks that out holds every number up to n once.
func (s *server) once(t *testing.T, n int) {
	t.Helper()
	seen := map[int64]int{}
	for _, m := range s.read(t, "out", n) {
		seen[m.Value.Number]++
	}
	if len(seen) != n {
		t.Errorf("of %d orders %d are there", n, len(seen))
	}
	for number, times := range seen {
		if times > 1 {
			t.Errorf("order %d is there %d times", number, times)
		}
	}
}

// TestExactlyOnce: workers that fail, leave and come back while others go on copy every message once.
func TestExactlyOnce(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "in", 4)
	s.createTopic(t, "out", 2)
	const n, workers = 600, 3
	p, err := s.orders(t, "in", serde.SchemaConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(n) {
		if err := p.Produce(t.Context(), &orderMessage{Key: fmt.Append(nil, i), Value: anOrder(i)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var copied atomic.Int64
	ctx, done := context.WithTimeout(t.Context(), 2*time.Minute)
	defer done()
	mine := errors.New("mine")
	var working sync.WaitGroup
	for w := range workers {
		working.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(w)))
			for copied.Load() < n && ctx.Err() == nil {
				c := s.copier(t, fmt.Sprint("copy-", w))
				for range 1 + r.IntN(8) {
					took := 0
					err := c.copy(ctx, 1+r.IntN(40), func(copied int) error {
						if took = copied; r.IntN(4) == 0 {
							return mine
						}
						return nil
					})
					switch {
					case err == nil:
						if copied.Add(int64(took)) >= n {
							done()
						}
					case errors.Is(err, mine) && errors.Is(err, serde.ErrAborted), ctx.Err() != nil:
					default:
						t.Errorf("worker %d: %v", w, err)
						return
					}
				}
				c.tr.Close()
			}
		})
	}
	working.Wait()
	if copied.Load() != n {
		t.Errorf("%d messages were copied, want %d", copied.Load(), n)
	}
	s.once(t, n)
}

// TestRebalanceRepeats: a transaction during which the group's partitions are dealt out anew is not committed; f is called
// again, and all is copied once.
func TestRebalanceRepeats(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "in", 2)
	s.createTopic(t, "out", 1)
	s.stored(t, "in", 0, 1, 2, 3, 4, 5, 6, 7)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	revoked := make(chan struct{})
	var once sync.Once
	first := s.copier(t, "first", kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, of map[string][]int32) {
		if len(of) > 0 {
			once.Do(func() { close(revoked) })
		}
	}))
	// An empty transaction, or more, until the first member has both partitions.
	for copied := 0; copied == 0; {
		if err := first.copy(ctx, 1, func(n int) error { copied = n; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	second := s.copier(t, "second")
	ending, stop := context.WithCancel(ctx)
	defer stop()
	var other sync.WaitGroup
	calls := 0
	err := first.copy(ctx, 3, func(int) error {
		if calls++; calls > 1 {
			return nil
		}
		other.Go(func() { // joins, and copies what it is given
			for ending.Err() == nil {
				if err := second.copy(ending, 10, func(int) error { return nil }); err != nil && ending.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
		select {
		case <-revoked:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if err != nil || calls < 2 {
		t.Errorf("Run called f %d times and returned %v; want it to begin again", calls, err)
	}
	other.Go(func() {
		for ending.Err() == nil {
			if err := first.copy(ending, 10, func(int) error { return nil }); err != nil && ending.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
	s.once(t, 8)
	stop()
	other.Wait()
}

// line is a way to the broker that can be cut.
type line struct {
	cut atomic.Bool
	// swallow makes the line be cut behind the next request of this API key, before its answer; 0 does not.
	swallow atomic.Int32
}

type linedConn struct {
	net.Conn
	line *line
}

var errCut = errors.New("the line is cut")

func (l *line) dial(ctx context.Context, network, host string) (net.Conn, error) {
	if l.cut.Load() {
		return nil, errCut
	}
	c, err := new(net.Dialer).DialContext(ctx, network, host)
	return &linedConn{c, l}, err
}

func (c *linedConn) Write(b []byte) (int, error) {
	if c.line.cut.Load() {
		return 0, errCut
	}
	n, err := c.Conn.Write(b) // kgo writes a request at once: its length in four bytes, its key in two
	if key := int32(binary.BigEndian.Uint16(b[4:])); key > 0 && key == c.line.swallow.Load() {
		c.line.cut.Store(true)
	}
	return n, err
}

func (c *linedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.line.cut.Load() {
		return 0, errCut
	}
	return n, err
}

// TestAnswerToCommitIsLost: the broker commits, and the answer never comes. Run says that the outcome is not known; the next
// one finds out and copies nothing twice.
func TestAnswerToCommitIsLost(t *testing.T) {
	s := startServer(t)
	s.createTopic(t, "in", 1)
	s.createTopic(t, "out", 1)
	s.stored(t, "in", 0, 1, 2)
	var l line
	c := s.copier(t, "copy-1", kgo.Dialer(l.dial), kgo.RetryTimeout(200*time.Millisecond), kgo.RequestRetries(1))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const endTxn = 26
	err := c.copy(ctx, 2, func(copied int) error {
		if copied != 2 {
			t.Errorf("polled %d messages", copied)
		}
		l.swallow.Store(endTxn)
		return nil
	})
	if !errors.Is(err, serde.ErrNetwork) || errors.Is(err, serde.ErrAborted) {
		t.Errorf("Run: %v, want ErrNetwork and not ErrAborted", err)
	}
	l.swallow.Store(0)
	l.cut.Store(false)
	var copied int
	for copied == 0 {
		if err := c.copy(ctx, 10, func(n int) error { copied = n; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.numbers(t, "out", 2, false); !reflect.DeepEqual(got, []int64{0, 1, 2}) {
		t.Errorf("out has %v, want each order once", got)
	}
}
