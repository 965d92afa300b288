package wire

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"
)

// handler answers key 1 with its body, and treats the other keys as their names say.
type handler struct {
	mu      sync.Mutex
	started []string
	arrived chan struct{} // one for each request that was started
	hold    chan struct{} // key slow waits for it
}

// wait returns once n more requests were started.
func (h *handler) wait(n int) {
	for range n {
		<-h.arrived
	}
}

const (
	keyEcho = 1 + iota
	keySlow
	keyQuiet
	keyPanic
	keyFail
	keyWait // until the connection ends
	keyBulk
	keySmall
	keyLarge // a large answer
)

func (h *handler) Admit(key, version int16) (Admission, bool) {
	a := Admission{MaxBytes: 1 << 20, RequestHeader: 1}
	if version >= 2 {
		a.RequestHeader, a.ResponseHeader = 2, 1
	}
	a.Bulk = key == keyBulk
	if key == keySmall {
		a.MaxBytes, a.Setting = 100, "some.setting"
	}
	return a, key >= keyEcho && key <= keyLarge
}

func (h *handler) Start(ctx context.Context, r *Request) Finish {
	h.mu.Lock()
	h.started = append(h.started, string(r.Body))
	h.mu.Unlock()
	h.arrived <- struct{}{}
	echo := Answer{Parts: []Part{{Bytes: []byte(r.Caller.ClientID + ":")}, {Chunk: body(r.Body)}}}
	return func() Answer {
		switch r.Key {
		case keySlow:
			<-h.hold
		case keyQuiet:
			return Answer{None: true}
		case keyPanic:
			panic("as asked")
		case keyFail:
			return Answer{Err: errors.New("as asked")}
		case keyWait:
			<-ctx.Done()
		case keyLarge:
			return Answer{Parts: []Part{{Chunk: body(make([]byte, 32<<20))}}}
		}
		return echo
	}
}

type body []byte

func (b body) Len() int64 { return int64(len(b)) }
func (b body) Release()   {}
func (b body) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(b)
	return int64(n), err
}

// run serves until the test ends.
func run(t *testing.T, o Options) (addr string, h *handler, stop func()) {
	t.Helper()
	h = &handler{arrived: make(chan struct{}, 100), hold: make(chan struct{})}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	socks, err := Bind("L", []string{"127.0.0.1:0"}, false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- New(h, o).Serve(ctx, socks, 5*time.Second) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return socks[0].Addr().String(), h, stop
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// frame is a request: with a client id, and with tagged fields from version 2.
func frame(key, version int16, corr int32, body string) []byte {
	b := make([]byte, 4, 64)
	b = binary.BigEndian.AppendUint16(b, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = binary.BigEndian.AppendUint32(b, uint32(corr))
	b = append(b, 0, 2, 'm', 'e')
	if version >= 2 {
		b = append(b, 1, 9, 3, 'x', 'y', 'z')
	}
	b = append(b, body...)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

// answer reads one answer.
func answer(c net.Conn) (corr int32, rest []byte, err error) {
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return 0, nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		return 0, nil, err
	}
	return int32(binary.BigEndian.Uint32(b)), b[4:], nil
}

func wantAnswer(t *testing.T, c net.Conn, corr int32, rest string) {
	t.Helper()
	gotCorr, got, err := answer(c)
	if err != nil || gotCorr != corr || string(got) != rest {
		t.Fatalf("answer %d %q (%v), want %d %q", gotCorr, got, err, corr, rest)
	}
}

func wantClosed(t *testing.T, c net.Conn) {
	t.Helper()
	if _, b, err := answer(c); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %q (%v), want the connection closed", b, err)
	}
}

// TestAnswersComeInOrder: requests are started while the first still waits, and answered after it.
func TestAnswersComeInOrder(t *testing.T) {
	addr, h, _ := run(t, Options{})
	c := dial(t, addr)
	var sent []byte
	sent = append(sent, frame(keySlow, 1, 1, "one")...)
	sent = append(sent, frame(keyEcho, 2, 2, "two")...)
	sent = append(sent, frame(keyQuiet, 1, 3, "three")...)
	sent = append(sent, frame(keyEcho, 1, 4, "four")...)
	c.Write(sent)
	h.wait(4)
	close(h.hold)
	wantAnswer(t, c, 1, "me:one")
	wantAnswer(t, c, 2, "\x00me:two")
	wantAnswer(t, c, 4, "me:four")
	if got := fmt.Sprint(h.started); got != "[one two three four]" {
		t.Errorf("started %s", got)
	}
}

// TestLargeFrames: frames of every size around the steps of growth come through whole, on both ways of buffering.
func TestLargeFrames(t *testing.T) {
	addr, _, _ := run(t, Options{MemoryBudget: 1 << 30})
	c := dial(t, addr)
	for _, key := range []int16{keyEcho, keyBulk} {
		for i, size := range []int{0, 1, 4000, 4096, 5000, 16384, 70_000, 300_000, 1 << 19, 1<<20 - 100} {
			body := bytes.Repeat([]byte{byte(i)}, size)
			go c.Write(frame(key, 1, int32(i), string(body)))
			corr, got, err := answer(c)
			if err != nil || corr != int32(i) || !bytes.Equal(got, append([]byte("me:"), body...)) {
				t.Fatalf("key %d, %d bytes: answer %d with %d bytes (%v)", key, size, corr, len(got), err)
			}
		}
	}
}

// TestClosed lists what ends a connection, each after the answers that came before it.
func TestClosed(t *testing.T) {
	addr, _, _ := run(t, Options{MemoryBudget: 80 * 1000})
	size := func(n uint32, key, version int16) []byte {
		b := frame(key, version, 2, "")
		binary.BigEndian.PutUint32(b, n)
		return b
	}
	badHeader := frame(keyEcho, 1, 2, "")
	binary.BigEndian.PutUint16(badHeader[12:], 500) // client id longer than the frame
	badTags := append(frame(keyEcho, 2, 2, "")[:15], 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)
	binary.BigEndian.PutUint32(badTags, uint32(len(badTags)-4))
	for name, b := range map[string][]byte{
		"2 GiB":                       size(1<<31-1, keyEcho, 1),
		"a negative size":             size(1<<31, keyEcho, 1),
		"a size below a header's":     size(7, keyEcho, 1),
		"an unknown key":              frame(99, 1, 2, ""),
		"a key's own limit":           frame(keySmall, 1, 2, string(make([]byte, 100))),
		"more than the memory budget": frame(keyEcho, 1, 2, string(make([]byte, 1000))),
		"a client id beyond the end":  badHeader,
		"tags beyond the end":         badTags,
		"a handler that panics":       frame(keyPanic, 1, 2, ""),
		"a handler that fails":        frame(keyFail, 1, 2, ""),
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, addr)
			c.Write(append(frame(keyEcho, 1, 1, "first"), b...))
			wantAnswer(t, c, 1, "me:first")
			wantClosed(t, c)
		})
	}
}

// TestSizeIsRefusedByName: the log line tells the operator which setting raises a limit.
func TestSizeIsRefusedByName(t *testing.T) {
	var log lockedBuffer
	addr, _, stop := run(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), MemoryBudget: 80 * 1000})
	c := dial(t, addr)
	c.Write(frame(keySmall, 1, 1, string(make([]byte, 200))))
	wantClosed(t, c)
	c = dial(t, addr)
	c.Write(frame(keyEcho, 1, 1, string(make([]byte, 2000))))
	wantClosed(t, c)
	stop()
	for _, want := range []string{"some.setting", MemorySetting} {
		if !bytes.Contains(log.b.Bytes(), []byte(want)) {
			t.Errorf("the log does not name %s:\n%s", want, log.b.Bytes())
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// TestMemoryIsWaitedFor: a request that does not fit the budget now waits for one that is under way, and is answered.
func TestMemoryIsWaitedFor(t *testing.T) {
	addr, h, _ := run(t, Options{MemoryBudget: 80 * 1000})
	a, b := dial(t, addr), dial(t, addr)
	a.Write(frame(keySlow, 1, 1, string(make([]byte, 700))))
	h.wait(1)
	b.Write(frame(keyEcho, 1, 2, string(make([]byte, 700))))
	b.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, _, err := answer(b); err == nil {
		t.Fatal("two requests of 700 bytes were decoded at a time, with memory for one")
	}
	close(h.hold)
	b.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, _, err := answer(b); err != nil {
		t.Fatal(err)
	}
}

func TestIdleAndSlowConnectionsEnd(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		addr, _, _ := run(t, Options{IdleTimeout: 30 * time.Millisecond})
		wantClosed(t, dial(t, addr))
	})
	t.Run("waiting for an answer is not idle", func(t *testing.T) {
		addr, h, _ := run(t, Options{IdleTimeout: 20 * time.Millisecond})
		c := dial(t, addr)
		c.Write(frame(keySlow, 1, 1, "x"))
		time.AfterFunc(150*time.Millisecond, func() { close(h.hold) })
		wantAnswer(t, c, 1, "me:x")
	})
	t.Run("half a frame", func(t *testing.T) {
		addr, _, _ := run(t, Options{FrameTimeout: 30 * time.Millisecond})
		c := dial(t, addr)
		c.Write(frame(keyEcho, 1, 1, "a body")[:20])
		wantClosed(t, c)
	})
}

func TestConnectionLimits(t *testing.T) {
	for name, o := range map[string]Options{"max.connections": {MaxConnections: 2}, "max.connections.per.ip": {MaxConnectionsPerIP: 2}} {
		t.Run(name, func(t *testing.T) {
			addr, _, _ := run(t, o)
			a, b := dial(t, addr), dial(t, addr)
			for _, c := range []net.Conn{a, b} {
				c.Write(frame(keyEcho, 1, 1, "x"))
				wantAnswer(t, c, 1, "me:x")
			}
			wantClosed(t, dial(t, addr))
			a.Close()
			for { // the place becomes free once the broker has noticed
				c := dial(t, addr)
				c.Write(frame(keyEcho, 1, 1, "x"))
				if _, _, err := answer(c); err == nil {
					return
				}
			}
		})
	}
}

// TestShutdownAnswers: what was taken in is answered, waits end, and Serve returns.
func TestShutdownAnswers(t *testing.T) {
	addr, h, stop := run(t, Options{})
	c := dial(t, addr)
	c.Write(append(frame(keyWait, 1, 1, "long poll"), frame(keyEcho, 1, 2, "x")...))
	h.wait(2)
	stop()
	wantAnswer(t, c, 1, "me:long poll")
	wantAnswer(t, c, 2, "me:x")
	wantClosed(t, c)
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("it still listens")
	}
}

// TestDisconnectEndsWaits: a long poll of a client that went away ends.
func TestDisconnectEndsWaits(t *testing.T) {
	addr, _, stop := run(t, Options{})
	c := dial(t, addr)
	c.Write(frame(keyWait, 1, 1, "x"))
	c.(*net.TCPConn).CloseWrite()
	wantAnswer(t, c, 1, "me:x")
	stop()
}

func TestBindErrorSaysWhatIsTaken(t *testing.T) {
	socks, err := Bind("L", []string{"127.0.0.1:0"}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer socks[0].Close()
	_, err = Bind("L", []string{socks[0].Addr().String()}, false)
	var b *BindError
	if !errors.As(err, &b) || !b.InUse || b.Address != socks[0].Addr().String() {
		t.Errorf("%v (%+v)", err, b)
	}
}

// TestSlowSendersAreCutOff: frames that are half sent and hold the whole budget do not stop others for good.
func TestSlowSendersAreCutOff(t *testing.T) {
	addr, _, _ := run(t, Options{FrameBudget: 1 << 20, FrameTimeout: 60 * time.Millisecond})
	for range 3 { // their deadline is far off, for they may send a byte now and then
		c := dial(t, addr)
		c.Write(frame(keyBulk, 1, 1, string(make([]byte, 1<<20-100)))[:700_000])
	}
	for i := range 4 {
		c := dial(t, addr)
		go c.Write(frame(keyBulk, 1, int32(i), string(make([]byte, 600_000))))
		if _, _, err := answer(c); err != nil {
			t.Fatalf("an honest client behind slow ones: %v", err)
		}
	}
}

// TestSlowReadersHoldTheirAnswerOnly: a client that does not read does not keep the memory for decoding its request.
func TestSlowReadersHoldTheirAnswerOnly(t *testing.T) {
	addr, h, _ := run(t, Options{MemoryBudget: 80 << 20})
	content := string(make([]byte, 1<<20-100))
	go dial(t, addr).Write(frame(keyLarge, 1, 1, content))
	h.wait(1)
	c := dial(t, addr)
	go c.Write(frame(keyEcho, 1, 1, content))
	if _, _, err := answer(c); err != nil {
		t.Fatal(err)
	}
}
