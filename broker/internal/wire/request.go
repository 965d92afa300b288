package wire

import (
	"context"
	"io"
	"net/netip"
)

// Caller is who sent a request and how it came in.
type Caller struct {
	// Principal is who the connection speaks for; User:ANONYMOUS until it has authenticated.
	Principal string
	// ClientID is the name that the client gives itself. It may be empty and proves nothing.
	ClientID string
	// Listener is the name of the listener that the connection came in by.
	Listener string
	// Addr is the address of the other end.
	Addr netip.AddrPort
}

// Anonymous is the principal of a connection that has not authenticated.
const Anonymous = "User:ANONYMOUS"

// Request is one frame whose header has been read.
type Request struct {
	Key           int16
	Version       int16
	CorrelationID int32
	Caller        Caller
	// Body is what follows the header. For a Bulk admission it is used again for another frame once Finish has returned
	// and its answer is written; otherwise nothing ever writes to it again, and it may be kept.
	Body []byte
}

// Admission says how a frame may come in. It is decided by key and version, before the rest of the frame is read.
type Admission struct {
	// MaxBytes bounds the frame, its header included.
	MaxBytes int
	// Setting is the broker setting that an operator raises when MaxBytes is too small; empty if none does.
	Setting string
	// Cost is the memory that decoding and answering the frame may take, in multiples of its size; 80 if zero.
	Cost int
	// RequestHeader is the header's version: 1, 2 (flexible), or 0 for a header that ends after the correlation id (all
	// that can be relied on in an ApiVersions request of an unknown version).
	RequestHeader int8
	// ResponseHeader is 0, or 1 for a header with tagged fields.
	ResponseHeader int8
	// Bulk marks Produce: its body is mostly records, which are not copied when it is decoded. Its bytes count against
	// the budget for frames only, and its buffer is recycled.
	Bulk bool
	// Waits marks a request whose Finish may wait for other clients (a long poll, a rebalance). Its handler lets go of the
	// decoded request when Start returns, so that a waiting request holds only a small share of the memory budget.
	Waits bool
	// Peek, if set, looks at the beginning of a body of which more is to come, and can refuse it before it has arrived.
	Peek func(prefix []byte) error
}

// Handler answers requests. Its methods are called by many connections at once; for one connection Start is called in
// the order of arrival, and Finish too, each by one goroutine.
type Handler interface {
	// Admit is asked about each frame once its first four bytes, key and version, have arrived. If it returns false the
	// connection is closed.
	Admit(key, version int16) (Admission, bool)
	// Start takes the request in: whatever depends on the order of requests has happened when it returns. It may wait, but
	// holds up the later requests of its connection. ctx ends with the connection.
	Start(ctx context.Context, r *Request) Finish
}

// Finish returns the answer; it may wait for it. It must return soon after the ctx of Start has ended, unless
// something else still uses the request's body. It is called exactly once for each Start.
type Finish func() Answer

// Answer is what goes back for a request.
type Answer struct {
	// Parts are written one after the other behind the response header. All are released, written or not.
	Parts []Part
	// None sends nothing (Produce with acks=0). The connection stays.
	None bool
	// Err closes the connection, after the answers before this one; nothing is sent for this request. It is logged.
	Err error
}

// Part is a piece of an answer: encoded bytes, or a chunk that writes itself.
type Part struct {
	Bytes []byte
	Chunk Chunk
}

// Chunk is a run of bytes that writes itself to a connection. WriteTo is given a *net.TCPConn where there is one, so
// that a range of a file can go out by sendfile. A log.Chunk is a Chunk.
type Chunk interface {
	Len() int64
	io.WriterTo
	Release()
}

// Len is the number of bytes that the part will write.
func (p Part) Len() int64 {
	if p.Chunk != nil {
		return p.Chunk.Len()
	}
	return int64(len(p.Bytes))
}
