package logtest

import (
	"encoding/binary"

	"github.com/typelog/typelog/broker/internal/record"
)

// stretched returns the batch with another last offset delta and a right CRC: what is left of a batch after
// compaction took its other records. The positions are drawn in package record.
func stretched(b record.Batch, lastOffsetDelta int32) record.Batch {
	binary.BigEndian.PutUint32(b[23:], uint32(lastOffsetDelta))
	binary.BigEndian.PutUint32(b[17:], record.Checksum(b[record.CRCStart:], 0))
	return b
}
