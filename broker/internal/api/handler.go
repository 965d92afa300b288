package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/wire"
)

// A handler has two steps. The function in the table is the first: it is called in the order in which requests arrive
// on a connection, and whatever depends on that order (entering the log, joining a group) has happened when it returns. It
// returns the second step, a finish, which may wait for the answer. Answers are written in order of arrival too, so a
// finish that waits holds up the answers behind it, but not the first step of those requests.
//
// ctx ends when the connection does; a finish that waits for other clients must watch it. Neither step may keep req's
// byte slices of a Produce request beyond the finish; those of other requests may be kept, they are never written to
// again.
type finish func() answer

// answer is what a finish returns: one of the fields.
type answer struct {
	// resp is encoded at the version of the request.
	resp kmsg.Response
	// parts are a body that is encoded already.
	parts []wire.Part
	// none: the request has no answer (acks=0).
	none bool
	// close ends the connection, after the answers before this one; it is logged.
	close error
}

// now is the finish of a handler that knows its answer already.
func now(resp kmsg.Response) finish {
	return func() answer { return answer{resp: resp} }
}

// later is the finish of a handler whose answer takes work or waiting that does not depend on the order of requests.
func later(f func() kmsg.Response) finish {
	return func() answer { return answer{resp: f()} }
}

// caller is who asks, and what of the request was not allowed.
type caller struct {
	wire.Caller
	// denied holds the needs of this request that the authorizer refused, if only some were: the handler answers those
	// resources with their authorization error. If all were refused, the handler is not called.
	denied map[need]struct{}
}

// may reports whether the authorizer let this need of the request pass.
func (c *caller) may(op Operation, kind ResourceKind, name string) bool {
	_, no := c.denied[need{op, kind, name}]
	return !no
}

// entry is a row of the table.
type entry struct {
	key      int16
	name     string
	min, max int16
	// limit bounds a frame of this key, in bytes.
	limit int
	// cost is the memory that a frame may take to decode and answer, in multiples of its size; 0 is wire's default.
	cost int
	// setting is the broker setting that limit comes from, if there is one.
	setting string
	// flexibleFrom is the first flexible version (KIP-482), which decides the header's form.
	flexibleFrom int16
	// shape is that of flexible versions.
	shape shape
	// waits: the finish may wait for other clients; the handler keeps nothing of the decoded request while it does.
	waits bool
	// bulk: the body is decoded by hand, and bytes that alias it are used only until the finish has returned.
	bulk bool

	// begin decodes the body, asks for authorization and calls the handler. An error closes the connection.
	begin func(s *Server, ctx context.Context, c caller, version int16, body []byte) (finish, error)
}

// requestOf is a pointer to a kmsg request.
type requestOf[T any] interface {
	*T
	kmsg.Request
}

// defaultLimit bounds the frames of a key that needs no more, in bytes.
const defaultLimit = 256 << 10

// row makes an entry. Its arguments are positional so that none can be left out: layout is the shape of flexible versions, authz
// lists what the request needs to be allowed (noNeed is a choice that has to be written down), refuse builds the answer to
// a caller who may do none of it, and start is the handler.
func row[T any, R requestOf[T]](
	min, max int16,
	layout string,
	authz func(s *Server, req R) []need,
	refuse func(req R) kmsg.Response,
	start func(s *Server, ctx context.Context, c caller, req R) finish,
	opts ...rowOption,
) entry {
	sample := R(new(T))
	e := entry{
		key:          sample.Key(),
		name:         kmsg.NameForKey(sample.Key()),
		min:          min,
		max:          max,
		limit:        defaultLimit,
		flexibleFrom: firstFlexible(sample, max),
		shape:        newShape(layout),
	}
	e.begin = func(s *Server, ctx context.Context, c caller, version int16, body []byte) (finish, error) {
		if version >= e.flexibleFrom {
			if err := e.shape.check(version, body); err != nil {
				return nil, err
			}
		}
		req := R(new(T))
		req.SetVersion(version)
		if err := req.ReadFrom(body); err != nil {
			return nil, err
		}
		if s.deny(ctx, &c, authz(s, req)) {
			return now(refuse(req)), nil
		}
		return start(s, ctx, c, req), nil
	}
	for _, o := range opts {
		o(&e)
	}
	return e
}

// firstFlexible finds the first version whose encoding is flexible; max+1 if none is.
func firstFlexible(req kmsg.Request, max int16) int16 {
	for v := int16(0); v <= max; v++ {
		req.SetVersion(v)
		if req.IsFlexible() {
			return v
		}
	}
	return max + 1
}

// rowOption changes what most rows have in common.
type rowOption func(*entry)

// limit sets a size limit other than defaultLimit.
func limit(bytes int) rowOption { return func(e *entry) { e.limit = bytes } }

// cost sets the memory that a frame may take to decode and answer, in multiples of its size: for requests whose elements
// are of a byte or two on the wire and have large answers.
func cost(times int) rowOption { return func(e *entry) { e.cost = times } }

// waits marks a handler whose finish waits for other clients, and which keeps nothing of the decoded request meanwhile.
func waits(e *entry) { e.waits = true }
