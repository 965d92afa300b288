package avro

import "sync"

// Resolution is a plan, compiled once for a pair of schemas, that projects data written with the one onto the other.
// It is immutable and safe for concurrent use. Resolve makes it.
type Resolution struct {
	same bool      // the writer's bytes are the reader's bytes
	pool sync.Pool // *[]byte, where readers project to
}

// Append projects src, exactly one datum of the writer's schema, and appends the same datum in the reader's schema to
// dst. On an error (a *Error) it returns dst as it was. It keeps neither slice.
func (r *Resolution) Append(dst, src []byte) ([]byte, error) {
	return r.append(dst, src, Limits{})
}

func (r *Resolution) append(dst, _ []byte, _ Limits) ([]byte, error) {
	return dst, &Error{Reason: "no plan: use Resolve", Offset: -1, Kind: ErrSchema}
}
