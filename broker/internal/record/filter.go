package record

import (
	"encoding/binary"
	"fmt"
)

// Horizon is the time in milliseconds since the epoch after which the batch's tombstones, or its marker, may go (KIP-534);
// -1 if none was set.
func (h *Header) Horizon() int64 {
	if !h.Attributes.DeleteHorizon() {
		return -1
	}
	return h.BaseTimestamp
}

// Filter returns the batch with those of its records for which keep is true, at their offsets, and how many these are.
// Base offset, last offset, producer, sequences and compression stay: a batch stands for all offsets that it was given, and
// its last sequence follows from its last offset. The max timestamp becomes that of the records that are left, unless it is
// the time of append.
//
// With horizon >= 0, and if the batch has none yet, that becomes its delete horizon. A batch that does not change is
// returned as it is; one without records is nil (see Emptied). keep sees records as Walk shows them. Errors are those of
// Open and Walk.
func (c *Codecs) Filter(b Batch, horizon int64, keep func(rec *Record) bool) (Batch, int, error) {
	r, err := c.Open(b)
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	h := r.header
	set := horizon >= 0 && !h.Attributes.DeleteHorizon()
	if set {
		h.Attributes |= deleteHorizonBit
		h.BaseTimestamp = horizon
	}
	data := make([]byte, 0, len(r.data))
	var one []byte
	largest, kept := int64(-1), int32(0)
	err = r.Walk(func(rec *Record) bool {
		if !keep(rec) {
			return true
		}
		kept++
		largest = max(largest, rec.Timestamp)
		delta := int64(0) // nobody looks at it where the time is that of append
		if !h.Attributes.AppendTime() {
			delta = rec.Timestamp - h.BaseTimestamp
		}
		one = appendRecord(one[:0], rec.OffsetDelta, delta, rec)
		data = binary.AppendVarint(data, int64(len(one)))
		data = append(data, one...)
		return true
	})
	switch {
	case err != nil:
		return nil, 0, err
	case kept == 0:
		return nil, 0, nil
	case kept == h.Count && !set:
		return b, int(kept), nil
	}
	h.Count = kept
	if !h.Attributes.AppendTime() {
		h.MaxTimestamp = largest
	}
	out := make(Batch, HeaderSize, HeaderSize+len(data)/2+64)
	if out, err = c.compress(out, data, h.Attributes.Compression(), DefaultLevel); err != nil {
		return nil, 0, fmt.Errorf("compress with %s: %w", h.Attributes.Compression(), err)
	}
	out.putHeader(&h)
	out.seal()
	return out, int(kept), nil
}

// Emptied returns the batch without records: a header that stands for its offsets. It has no timestamp, so that look-ups by
// time do not stop at it.
func Emptied(b Batch) Batch {
	h := b.Header()
	h.Count, h.BaseTimestamp, h.MaxTimestamp = 0, -1, -1
	h.Attributes &^= compressionMask | deleteHorizonBit
	out := make(Batch, HeaderSize)
	out.putHeader(&h)
	out.seal()
	return out
}
