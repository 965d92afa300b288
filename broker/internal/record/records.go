package record

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/typelog/typelog/broker/contract"
)

// Records are the records of one batch, decompressed. They implement contract.Records and can be walked any number of
// times, by one goroutine at a time. What they hand out is valid until Close at most.
type Records struct {
	header  Header
	data    []byte // all records, one after another
	buf     *[]byte
	codecs  *Codecs
	headers []contract.Header // used again for each record
}

var _ contract.Records = (*Records)(nil)

// Record is one record of a batch. A nil Key or Value is a null.
type Record struct {
	OffsetDelta int32 // to the batch's base offset
	Timestamp   int64 // milliseconds since the epoch, -1 is none; the append time if the batch has one
	Key, Value  []byte
	Headers     []contract.Header
}

// Header is the batch's header as it was when the records were opened.
func (r *Records) Header() Header { return r.header }

// Len is the number of records that the header claims.
func (r *Records) Len() int { return int(r.header.Count) }

// Size is the length of the records in bytes, not compressed.
func (r *Records) Size() int { return len(r.data) }

// Close gives the buffer back. The records must not be used any more. It may be called more than once.
func (r *Records) Close() {
	if r.codecs != nil {
		r.codecs.recycle(r.buf)
	}
	r.data, r.buf, r.codecs, r.header.Count = nil, nil, nil, 0
}

// Each calls f for each record in order until it returns false. The slices alias the batch, or the buffer it was
// decompressed into, and are valid only during the call. The error is ErrCorrupt.
func (r *Records) Each(f func(index int, rec contract.Record) bool) error {
	i := 0
	return r.Walk(func(rec *Record) bool {
		i++
		return f(i-1, contract.Record{Key: rec.Key, Value: rec.Value, Headers: rec.Headers})
	})
}

// Walk calls f for each record in order until it returns false. The record and its slices are valid only during the
// call. If f saw all records, the whole batch was well-formed: a record is parsed before f sees it, and bytes after the
// last one are an error. The error is ErrCorrupt.
func (r *Records) Walk(f func(rec *Record) bool) error {
	var rec Record
	return r.walk(&rec, true, f)
}

// walk parses records into rec; without headers it checks them but does not collect them, and allocates nothing.
func (r *Records) walk(rec *Record, headers bool, f func(rec *Record) bool) error {
	p := parser{b: r.data}
	last := int32(-1)
	for i := range r.header.Count {
		if err := r.next(&p, rec, headers); err != nil {
			return fmt.Errorf("%w: record %d: %v", ErrCorrupt, i, err)
		}
		// Strictly rising and within the last offset: as a client's batch has as many records as its offsets span
		// (Verify), its deltas are then 0, 1, 2, and so on. Compaction leaves gaps.
		if rec.OffsetDelta <= last || rec.OffsetDelta > r.header.LastOffsetDelta {
			return fmt.Errorf("%w: record %d: offset delta %d after %d, the last is %d",
				ErrCorrupt, i, rec.OffsetDelta, last, r.header.LastOffsetDelta)
		}
		last = rec.OffsetDelta
		if !f(rec) {
			return nil
		}
	}
	if len(p.b) != 0 {
		return fmt.Errorf("%w: %d bytes follow the last of %d records", ErrCorrupt, len(p.b), r.header.Count)
	}
	return nil
}

// next parses one record from p.
func (r *Records) next(p *parser, rec *Record, headers bool) error {
	size, err := p.varint("length")
	if err != nil {
		return err
	}
	if size < minRecordSize-1 || int64(size) > int64(len(p.b)) {
		return fmt.Errorf("length %d, %d bytes are left", size, len(p.b))
	}
	body := parser{b: p.b[:size:size]}
	p.b = p.b[size:]
	body.b = body.b[1:] // attributes: unused, and not looked at by anyone
	delta, err := body.varlong("timestamp delta")
	if err != nil {
		return err
	}
	if rec.Timestamp, err = r.timestamp(delta); err != nil {
		return err
	}
	if rec.OffsetDelta, err = body.varint("offset delta"); err != nil {
		return err
	}
	if rec.Key, err = body.bytes("key"); err != nil {
		return err
	}
	if rec.Value, err = body.bytes("value"); err != nil {
		return err
	}
	if err := r.parseHeaders(&body, headers); err != nil {
		return err
	}
	rec.Headers = r.headers
	if len(body.b) != 0 {
		return fmt.Errorf("%d bytes follow its headers", len(body.b))
	}
	return nil
}

func (r *Records) timestamp(delta int64) (int64, error) {
	if r.header.Attributes.AppendTime() {
		return r.header.MaxTimestamp, nil
	}
	base := r.header.BaseTimestamp
	sum := base + delta
	if (delta > 0) != (sum > base) && delta != 0 {
		return 0, fmt.Errorf("timestamp delta %d overflows the base %d", delta, base)
	}
	return sum, nil
}

func (r *Records) parseHeaders(body *parser, keep bool) error {
	const minHeader = 2 // two lengths
	r.headers = r.headers[:0]
	n, err := body.varint("header count")
	if err != nil {
		return err
	}
	if n < 0 || int64(n)*minHeader > int64(len(body.b)) {
		return fmt.Errorf("%d headers in %d bytes", n, len(body.b))
	}
	for range n {
		key, err := body.bytes("header key")
		if err != nil {
			return err
		}
		if key == nil {
			return fmt.Errorf("a header has no key")
		}
		value, err := body.bytes("header value")
		if err != nil {
			return err
		}
		if keep {
			r.headers = append(r.headers, contract.Header{Key: string(key), Value: value})
		}
	}
	return nil
}

// parser takes fields off the front of b.
type parser struct{ b []byte }

func (p *parser) varlong(what string) (int64, error) {
	if len(p.b) > 0 && p.b[0] < 0x80 {
		v := p.b[0]
		p.b = p.b[1:]
		return int64(v>>1) ^ -int64(v&1), nil
	}
	v, n := binary.Varint(p.b)
	if n <= 0 {
		return 0, fmt.Errorf("%s: no varint in %d bytes", what, len(p.b))
	}
	p.b = p.b[n:]
	return v, nil
}

func (p *parser) varint(what string) (int32, error) {
	const maxVarint32 = 5
	before := len(p.b)
	v, err := p.varlong(what)
	if err != nil {
		return 0, err
	}
	if v < math.MinInt32 || v > math.MaxInt32 || before-len(p.b) > maxVarint32 {
		return 0, fmt.Errorf("%s: not a 32-bit varint", what)
	}
	return int32(v), nil
}

// bytes takes a length and that many bytes; -1 is nil.
func (p *parser) bytes(what string) ([]byte, error) {
	n, err := p.varint(what)
	if err != nil {
		return nil, err
	}
	if n == -1 {
		return nil, nil
	}
	if n < 0 || int64(n) > int64(len(p.b)) {
		return nil, fmt.Errorf("%s: length %d, %d bytes are left", what, n, len(p.b))
	}
	v := p.b[:n:n]
	p.b = p.b[n:]
	return v, nil
}
